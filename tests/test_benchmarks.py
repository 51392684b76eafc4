"""Facts about the benchmarks."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.redis_server import MISSING, RedisServer, is_required

ROOT = Path(__file__).parents[1]
BENCHMARKS = [
    "fleet",
    "governor",
    "overhead",
    "simulation",
    "startup",
    "stream",
    "strictness",
    "wire",
]
HELPERS = {"exchange", "fleet_worker", "stream_exchange", "stream_server"}


def run(name):
    """Run one of them as a smoke test."""
    command = [sys.executable, "-m", f"benchmarks.{name}", "--quick"]
    return subprocess.run(  # noqa: S603 - our own words
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_quick_run_finds_the_facts_to_hold(name):
    """Measures of a quick run are noise; what no noise can change is judged."""
    if name == "fleet" and not RedisServer.is_installed():
        (pytest.fail if is_required() else pytest.skip)(MISSING)
    finished = run(name)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "Targets (a quick run" in finished.stdout


def test_every_benchmark_is_run_here_and_described():
    """A new benchmark is not forgotten."""
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    files = (ROOT / "benchmarks").glob("*.py")
    commands = [file.stem for file in files if '__name__ == "__main__"' in file.read_text()]
    soak = "stream_soak"  # which tests/test_stream_soak.py runs
    assert sorted({*commands} - HELPERS) == sorted([*BENCHMARKS, soak])
    for name in (*BENCHMARKS, soak):
        assert f"python -m benchmarks.{name}" in page
