"""A server in a process of its own, which ends with whoever started it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

__all__ = ["running", "serve"]


async def serve(make: Callable[[], asyncio.Protocol]) -> None:
    """Listen on loopback, print the port, and end with the standard input."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(make, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Whoever started this process ends it by closing its standard input.
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def running(module: str) -> Generator[str]:
    """Start a module that serves, give its address without a scheme, and end it."""
    with subprocess.Popen(  # noqa: S603 - one of our own
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.stdin.close()
