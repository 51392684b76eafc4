"""
What README and docs say about code is true.

A block of Python runs, with ``await`` at its top level as in ``python -m asyncio``; the blocks of
one document share their names. A block that holds tests is run by pytest as well. A block of text
right after a block of Python is what it prints. A document that asks for ``BINGX_REDIS_URL`` gets a
real Redis there.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(
    r"^```(?P<kind>python|text)\n(?P<code>.*?)^```\n(\s*^```text\n(?P<prints>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
REDIS = "BINGX_REDIS_URL"
HOLDS_TESTS = re.compile(r"^(async )?def test_", re.MULTILINE)


class Block(NamedTuple):
    """A block of Python, padded so that its lines have the numbers of the document."""

    code: str
    prints: str | None


def blocks(document: Path) -> Iterator[Block]:
    """Find the blocks of Python of a document."""
    text = document.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        if found["kind"] == "python":
            padding = "\n" * text[: found.start("code")].count("\n")
            yield Block(padding + found["code"], found["prints"])


def run(block: Block, document: Path, names: dict[str, Any], runner: asyncio.Runner) -> None:
    """Run a block, in the loop of the runner if there is an ``await`` at its top level."""
    code = compile(block.code, document, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    if inspect.iscoroutine(running := types.FunctionType(code, names)()):
        runner.run(running)


def run_tests(block: Block, folder: Path) -> None:
    """Run the tests of a block as a file of its own, with the settings of this project."""
    file = folder / "test_bot.py"
    file.write_text(block.code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    settings = ["-c", str(ROOT / "pyproject.toml"), f"--rootdir={folder}"]
    done = subprocess.run(  # noqa: S603 - our own words
        [*command, *settings], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_runs_and_prints_what_is_shown(
    document: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every block of Python runs, in order, and prints what stands below it."""
    if any(REDIS in block.code for block in blocks(document)):
        monkeypatch.setenv(REDIS, request.getfixturevalue("redis_url"))
    names: dict[str, Any] = {"__name__": "__main__"}
    with asyncio.Runner() as runner:
        for block in blocks(document):
            if HOLDS_TESTS.search(block.code):
                run_tests(block, tmp_path)
            run(block, document, names, runner)
            printed = capsys.readouterr().out
            if block.prints is not None:
                assert printed == block.prints


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_is_passed_over(document: Path) -> None:
    """Whatever a reader takes for Python is collected, however it is fenced or indented."""
    text = document.read_text(encoding="utf-8")
    assert len(list(blocks(document))) == len(re.findall(r"`{3,}[^\w\n]*(?:py|code)", text))
