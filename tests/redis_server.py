"""A real redis-server on loopback, which tests and benchmarks start, stop, stall and kill."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["MISSING", "RedisServer"]

MISSING = (
    "redis-server is not installed (Debian, Ubuntu: apt-get install redis-server;"
    " macOS: brew install redis)"
)


class RedisServer:
    """
    A server with a folder of its own; entered with ``with``.

    Args:
        options: More options of redis-server.

    Attributes:
        url: Where it listens, also after it was started again.
    """

    def __init__(self, *options: str) -> None:
        self._options = options
        self._port = _free_port()
        self.url = f"redis://127.0.0.1:{self._port}"
        self._folder = tempfile.TemporaryDirectory(
            prefix="bingx-redis-", ignore_cleanup_errors=True
        )
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def is_installed() -> bool:
        """Tell whether there is a server to start."""
        return shutil.which("redis-server") is not None

    def start(self) -> None:
        """Start it, with the data that it left if it left any, and wait until it answers."""
        self._process = subprocess.Popen(  # noqa: S603 - our own arguments
            [
                *("redis-server", "--port", str(self._port), "--bind", "127.0.0.1"),
                *("--dir", self._folder.name, "--save", "3600 1", "--appendonly", "no"),
                *("--loglevel", "warning", *self._options),
            ],
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + 10
        while not self._answers():
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError("redis-server does not start")
            time.sleep(0.01)

    def stop(self, *, keeps_data: bool) -> None:
        """End it in good order, and let it keep or lose what it has."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(signal.SIGTERM)  # saves what it has
        self._process.wait(10)
        if not keeps_data:
            for file in Path(self._folder.name).glob("*.rdb"):
                file.unlink()

    def stall(self) -> None:
        """Let it keep its connections and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End the stall."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(10)
        self._folder.cleanup()


def _free_port() -> int:
    while True:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        if port < 55_000:
            return port


def is_required() -> bool:
    """Tell whether its absence is a failure, as in CI, and not a reason to skip."""
    return bool(os.environ.get("CI"))
