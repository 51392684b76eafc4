"""What several test files need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from bingx_async.emulator import Emulator
from tests.redis_server import MISSING, RedisServer, is_required


@pytest.fixture
async def exchange() -> AsyncIterator[Emulator]:
    """An exchange on loopback without faults."""
    async with Emulator() as running:
        yield running


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A redis-server that all tests share; each uses a namespace of its own."""
    if not RedisServer.is_installed():
        (pytest.fail if is_required() else pytest.skip)(MISSING)
    with RedisServer() as server:
        yield server.url


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A redis-server of one's own, to stop and to stall."""
    if not RedisServer.is_installed():
        (pytest.fail if is_required() else pytest.skip)(MISSING)
    with RedisServer() as server:
        yield server


@pytest.fixture
def namespace() -> str:
    """Keys that nobody else uses."""
    return f"test-{uuid4().hex[:8]}"
