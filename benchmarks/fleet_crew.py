"""Processes that do one job together: started, killed, stopped, and asked what became of it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from benchmarks.fleet_worker import Job, Outcome

__all__ = ["Crew", "Hand"]

_ROOT: Final = Path(__file__).parents[1]


class Hand:
    """
    One process.

    Args:
        job: What it does.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The process."""
        assert self._process is not None
        return self._process

    async def start(self) -> None:
        """Start the process, and wait until it is ready to begin."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.fleet_worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            limit=2**24,
        )
        self._write(msgspec.json.encode(self._job))
        line = await self._read()
        assert line == b"ready\n", line

    def begin(self, at: float) -> None:
        """Let it begin at that second of the monotonic clock."""
        self._write(str(at).encode())

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def kill(self) -> None:
        """End it at once, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._wait()

    async def finish(self, *, early: bool) -> Outcome:
        """Hear what became of the job; ``early`` ends it now."""
        assert self.process.stdin is not None
        if early:
            self.process.stdin.close()
        line = await self._read()
        await self._wait()
        return msgspec.json.decode(line, type=Outcome)

    async def _wait(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        await self.process.wait()

    async def _read(self) -> bytes:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"a process of the fleet ended with {await self.process.wait()}")
        return line

    def _write(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")


class Crew:
    """
    Processes that begin together; entered with ``async with``, and gone when it is left.

    Args:
        jobs: One for each process.

    Attributes:
        hands: The processes, in the order of their jobs.
        began: When they began, in seconds of the monotonic clock.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.hands = [Hand(job) for job in jobs]
        self.began = 0.0

    async def __aenter__(self) -> Self:
        try:
            await asyncio.gather(*(hand.start() for hand in self.hands))
        except BaseException:
            await self.kill()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.kill()

    def begin(self, *, after: float = 0.0) -> None:
        """Let all begin, so many seconds from now."""
        self.began = time.monotonic() + after
        for hand in self.hands:
            hand.begin(self.began)

    async def finish(self, *, early: bool = True) -> list[Outcome]:
        """Hear what became of all."""
        return await asyncio.gather(*(hand.finish(early=early) for hand in self.hands))

    async def kill(self) -> None:
        """End all that still run."""
        for hand in self.hands:
            await hand.kill()
