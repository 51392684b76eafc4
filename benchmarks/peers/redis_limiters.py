"""
Limiters of other libraries that share quotas through Redis, each used as its documentation says.

Neither takes tokens of several quotas at once, so that a request enters one limiter after the
other: the address's first, since it is the account's that makes it wait.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, closing
from datetime import timedelta
from typing import Any, Final

from pyrate_limiter import Limiter, Rate, RedisBucket
from redis.asyncio import Redis
from throttled.asyncio import RateLimiterType, RedisStore, Throttled, rate_limiter

from bingx_async import Quota

__all__ = ["pyrate", "throttled"]

Enter = Callable[[list[str]], AbstractAsyncContextManager[object]]
"""Waits for a token of every quota named."""

_LONGEST: Final = 3600.0


@asynccontextmanager
async def pyrate(url: str, quotas: Mapping[str, Quota]) -> AsyncGenerator[Enter]:
    """
    Use ``pyrate-limiter`` with its Redis bucket and its default buffer of 50 ms.

    Args:
        url: Where Redis is.
        quotas: By name.

    Source: https://github.com/vutran1710/PyrateLimiter (README, RedisBucket)
    """
    client: Any = Redis
    redis = client.from_url(url)  # not closed, since the limiters look at it to the very end
    limiters: dict[str, Limiter] = {}
    with ExitStack() as stack:
        for name, quota in quotas.items():
            rate = Rate(quota.tokens, round(quota.period * 1000))
            bucket: Any = RedisBucket.init([rate], redis, name)
            limiters[name] = stack.enter_context(closing(Limiter(await bucket)))

        @asynccontextmanager
        async def enter(names: list[str]) -> AsyncGenerator[None]:
            for name in names:
                await limiters[name].try_acquire_async(name)
            yield

        yield enter


@asynccontextmanager
async def throttled(url: str, quotas: Mapping[str, Quota]) -> AsyncGenerator[Enter]:
    """
    Use ``throttled-py`` with its Redis store, in the way in which it waits: GCRA and a timeout.

    Args:
        url: Where Redis is.
        quotas: By name.

    Source: https://github.com/ZhuoZhuoCrayon/throttled-py (README, wait and retry)
    """
    store = RedisStore(server=url)
    limiters: dict[str, Throttled] = {}
    for name, quota in quotas.items():
        period = timedelta(seconds=quota.period)
        limiters[name] = Throttled(
            key=name,
            using=RateLimiterType.GCRA.value,
            quota=rate_limiter.per_duration(period, quota.tokens, burst=quota.tokens),
            store=store,
            timeout=_LONGEST,
        )

    @asynccontextmanager
    async def enter(names: list[str]) -> AsyncGenerator[None]:
        for name in names:
            await limiters[name].limit()
        yield

    yield enter
