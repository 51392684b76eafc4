"""Limiters of other libraries, each used as its documentation says, as context managers."""

from __future__ import annotations

from types import TracebackType

from pyrate_limiter import BucketAsyncWrapper, Duration, InMemoryBucket, Limiter, Rate

__all__ = ["Pyrate"]


class Pyrate:
    """
    ``pyrate-limiter`` in its asyncio form, with its default buffer of 50 ms.

    Args:
        tokens: Requests a second.

    Source: https://github.com/vutran1710/PyrateLimiter (README, asyncio and event loops)
    """

    def __init__(self, tokens: int) -> None:
        self._limiter = Limiter(BucketAsyncWrapper(InMemoryBucket([Rate(tokens, Duration.SECOND)])))

    def close(self) -> None:
        """Stop what runs in the background."""
        self._limiter.close()

    async def __aenter__(self) -> None:
        await self._limiter.try_acquire_async("account")

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass
