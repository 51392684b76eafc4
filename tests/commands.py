"""The command line, run inside this process and outside of it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from typing import Any

import pytest
from attrs import frozen

from bingx_async.cli import run
from bingx_async.emulator import Emulator

# What a developer has set must neither reach an exchange nor change what is printed.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith("BINGX_")
    and name not in {"COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"}
}


@frozen
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str
    seconds: float = 0.0

    @property
    def json(self) -> Any:
        """What a command that went well printed for machines."""
        assert (self.code, self.err) == (0, "")
        return json.loads(self.out)

    def is_one_line(self) -> bool:
        """Whether there is an error, said in one line and nowhere else."""
        return not self.out and self.err.count("\n") == 1 and "Traceback" not in self.err


def bingx_async(*args: str, environment: Mapping[str, str] | None = None) -> Outcome:
    """Run a command inside this process, with nothing but these variables set."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
        for name in set(os.environ) - set(ENVIRONMENT):
            patched.delenv(name)
        for name, value in (environment or {}).items():
            patched.setenv(name, value)
        code = run(args)
    return Outcome(code, _text_of(out), _text_of(err))


def _text_of(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


async def at(exchange: Emulator, *args: str, **environment: str) -> Outcome:
    """Run a command inside this process, on an emulator that runs here too."""
    exchange.account("alice")
    return await asyncio.to_thread(
        bingx_async, *args, environment={"BINGX_EMULATOR_URL": exchange.url, **environment}
    )


def python(*args: str) -> Outcome:
    """Run Python to its end in another process."""
    start = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, *args],
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - start)


def _heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@asynccontextmanager
async def started(*args: str, **environment: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run a command in another process; it does not outlive the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bingx_async", *args),
        env=ENVIRONMENT | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # A suite that runs in a shell's background would pass on that Ctrl-C is ignored.
        preexec_fn=_heed_ctrl_c,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
