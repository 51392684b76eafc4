"""What several test files need."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bingx_async.emulator import Emulator


@pytest.fixture
async def exchange() -> AsyncIterator[Emulator]:
    """An exchange on loopback without faults."""
    async with Emulator() as running:
        yield running
