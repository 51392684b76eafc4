"""
Two connections to Redis: on one a script is run, on the other comes what other processes caused.

Redis is asked through redis-py's single connections, since it matters here which server answered:
after a restart nothing that it remembers can be trusted.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Final, cast

import msgspec

try:
    from redis.asyncio import Connection, ConnectionPool
    from redis.exceptions import (
        AuthenticationError,
        NoPermissionError,
        NoScriptError,
        RedisError,
        ResponseError,
    )
except ImportError as exc:  # pragma: no cover - depends on what is installed
    raise ImportError('a shared governor needs redis-py: pip install "bingx-async[redis]"') from exc

__all__ = ["OUTAGES", "Closures", "Link", "News", "Reply", "Unusable"]

_log: Final = logging.getLogger("bingx_async")

OUTAGES: Final = (OSError, TimeoutError, RedisError)
"""What is raised as long as Redis is away; it is worth trying again."""

# Redis answers within a millisecond, so one that has not for so long is away.
_TIMEOUT: Final = 3.0
# A connection on which nothing came for so long is asked for a sign of life.
_SILENCE: Final = 1.0
_SCRIPT: Final = files("bingx_async.shared").joinpath("governor.lua").read_text()

# A server that runs another script, cannot write for now, or has lost its replicas. Before Redis 7
# the code of what a script met stands inside a message about the script.
_PASSING: Final = re.compile(r"\b(BUSY|MISCONF|NOREPLICAS|OOM|READONLY)\b")


class Unusable(Exception):  # noqa: N818 - it says what Redis is
    """Redis answers, and what it says will not change by itself."""


class News(msgspec.Struct, array_like=True):
    """
    What others caused.

    Attributes:
        now: Redis' time, in microseconds.
        grants: Ids of waiters that have a permit now, and how many tokens of their first bucket
            had come back.
        watches: Buckets, and when this process is to look at them.
    """

    now: int
    grants: list[tuple[str, int]]
    watches: list[tuple[str, int]]


class Closures(msgspec.Struct, array_like=True):
    """
    What the exchange has shut.

    Attributes:
        now: Redis' time, in microseconds.
        closed: Gates, until when they are shut, and how often they were.
    """

    now: int
    closed: list[tuple[str, int, int]]


class Reply(msgspec.Struct, array_like=True):
    """
    What the script returns.

    Attributes:
        now: Redis' time, in microseconds.
        generation: Names what Redis remembers; another one means that the waiters are forgotten.
        is_new: Whether this process was not known, or thought dead.
        results: One for each operation.
        news: Grants and watches, as in :class:`News`.
    """

    now: int
    generation: str
    is_new: bool
    results: list[Any]
    news: tuple[list[tuple[str, int]], list[tuple[str, int]]]


class Link:
    """
    The connections of one process.

    Args:
        url: Where Redis is, such as ``redis://localhost:6379/0``.
        namespace: Begins every key.
        hear: Is told of news and closures.
        lost: Is told that the connections broke.

    Attributes:
        process: Names this process, among all that share the namespace.
        commands: Scripts that were run so far.
        bytes: What they and their replies took, without the protocol's frame.
    """

    def __init__(
        self,
        url: str,
        *,
        namespace: str,
        hear: Callable[[News | Closures], None],
        lost: Callable[[], None],
    ) -> None:
        pool = cast("Any", ConnectionPool)  # redis-py is typed in part only
        try:
            self._pool: Any = pool.from_url(
                url, protocol=2, socket_timeout=None, socket_connect_timeout=_TIMEOUT
            )
            self._pool.make_connection()
        except (ValueError, TypeError):  # whose words may hold a part of a password
            raise ValueError(
                "url must look like redis://host:6379/0, rediss://... or unix:///path, with a"
                " password percent-encoded, and with options that redis-py knows"
            ) from None
        arguments = self._pool.connection_kwargs
        self.address = arguments.get("path") or (
            f"{arguments.get('host', 'localhost')}:{arguments.get('port', 6379)}"
        )
        self._tag = f"{{{namespace}}}"
        self._to_all = f"{self._tag}:all"
        self.process = ""
        self._hear = hear
        self._lost = lost
        self._asking: Connection | None = None
        self._hearing: Connection | None = None
        self._listener: asyncio.Task[None] | None = None
        self._heard_at = 0.0  # the event loop's time of what came last on the second connection
        self._pinged_at: float | None = None  # since when it owes a sign of life
        self._sha = ""
        self.run_id = ""
        self.commands = 0
        self.bytes = 0

    @property
    def is_open(self) -> bool:
        """Whether both connections are there, as far as is known."""
        return self._listener is not None

    async def open(self) -> None:
        """
        Connect.

        Raises:
            OSError, TimeoutError, RedisError: Redis is away.
            Unusable: Redis does not let us in, or cannot be used.
        """
        await self.close()
        try:
            async with asyncio.timeout(_TIMEOUT):
                self._asking = await self._connect()
                info = _parse(await _ask(self._asking, "INFO"))
                self._check(info)
                self.run_id = info["run_id"]
                self._sha = (await _ask(self._asking, "SCRIPT", "LOAD", _SCRIPT)).decode()
                self._hearing = await self._connect()
                to_me = f"{self._tag}:to:{self.process}"
                await _ask(self._hearing, "SUBSCRIBE", to_me, self._to_all)
                await _read(self._hearing)  # each channel is confirmed by itself
        except BaseException as exc:
            await self.close()
            if (reason := _unusable(exc)) is not None:
                raise Unusable(f"Redis at {self.address} cannot be used: {reason}") from None
            raise
        self._heard_at, self._pinged_at = asyncio.get_running_loop().time(), None
        self._listener = asyncio.create_task(self._listen(self._hearing))

    async def run(self, payload: bytes) -> Reply:
        """Run the script; errors as for :meth:`open`, after which the link is closed."""
        assert self._asking is not None
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._check_hearing()
                try:
                    answer = await _ask(self._asking, "EVALSHA", self._sha, 1, self._tag, payload)
                except NoScriptError:  # somebody has flushed the scripts
                    answer = await _ask(self._asking, "EVAL", _SCRIPT, 1, self._tag, payload)
            self.commands += 1
            self.bytes += len(payload) + len(answer)
            return msgspec.msgpack.decode(answer, type=Reply)
        except BaseException as exc:
            await self.close()
            if (reason := _unusable(exc)) is not None:
                raise Unusable(f"Redis at {self.address} cannot be used: {reason}") from None
            raise

    async def close(self) -> None:
        """Disconnect."""
        listener, self._listener = self._listener, None
        if listener is not None and listener is not asyncio.current_task():
            listener.cancel()
        for connection in (self._asking, self._hearing):
            if connection is not None:
                await connection.disconnect(nowait=True)
        self._asking = self._hearing = None

    async def _connect(self) -> Connection:
        connection: Any = self._pool.make_connection()
        await connection.connect()
        return cast("Connection", connection)

    async def _check_hearing(self) -> None:
        """
        See that news still come: a connection may have died without a sign.

        Raises:
            TimeoutError: It has.
        """
        assert self._hearing is not None
        now = asyncio.get_running_loop().time()
        if self._pinged_at is not None:
            if now - self._pinged_at > _TIMEOUT:
                raise TimeoutError
        elif now - self._heard_at > _SILENCE:
            self._pinged_at = now
            await self._hearing.send_command("PING")

    async def _listen(self, connection: Connection) -> None:
        try:
            while True:
                kind, *rest = await _read(connection)
                self._heard_at, self._pinged_at = asyncio.get_running_loop().time(), None
                if kind != b"message":
                    continue
                channel, data = rest
                if channel == self._to_all.encode():
                    self._hear(msgspec.msgpack.decode(data, type=Closures))
                else:
                    self._hear(msgspec.msgpack.decode(data, type=News))
        except OUTAGES:
            if self._listener is asyncio.current_task():
                await self.close()
                self._lost()

    def _check(self, info: dict[str, str]) -> None:
        if info.get("cluster_enabled") == "1":
            raise Unusable(
                f"Redis at {self.address} is a node of a cluster: the keys of a namespace belong"
                " together, so give a server of its own"
            )
        policy = info.get("maxmemory_policy", "noeviction")
        if info.get("maxmemory", "0") != "0" and policy != "noeviction":
            _log.warning(
                "Redis at %s forgets keys when its memory is full (maxmemory-policy %s), and"
                " quotas with them: use noeviction",
                self.address,
                policy,
            )


async def _ask(connection: Connection, *command: str | int | bytes) -> Any:
    await connection.send_command(*command)
    return await _read(connection)


async def _read(connection: Any) -> Any:
    return await connection.read_response()


def _parse(info: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in info.decode().splitlines())
    return {name: value for name, _, value in lines}


def _unusable(exc: BaseException) -> str | None:
    """Tell why trying again would not help; ``None`` if it might."""
    if isinstance(exc, (AuthenticationError, NoPermissionError)):
        return str(exc)
    # What passes has a class of its own in redis-py, but for these.
    if type(exc) is ResponseError and not _PASSING.search(str(exc)):
        return str(exc)
    return None
