"""
When a call is made again, and how long it waits before.

Every attempt takes a permit of its own and is stamped and signed anew.

- Whatever certainly was not executed is repeated, reads and writes alike: what never left
  (``NotSent``; then by way of the fallback host, if there is one), what was refused because of a
  limit, and once what was refused because of its timestamp, after a look at the exchange's clock.
- What may have been executed (``OutcomeUnknown``, ``Unavailable``) is repeated only if the endpoint
  is idempotent. A write raises, and its caller looks before repeating it.
- Nothing else is repeated.

Between attempts that failed lies a random time, up to a limit that doubles (backoff with full
jitter), and all waiting together stays within ``max_wait``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from bingx_async.backoff import pause_before
from bingx_async.errors import (
    AuthError,
    BingXError,
    NotSent,
    OutcomeUnknown,
    QuotaTimeout,
    RateLimited,
    Unavailable,
)

__all__ = ["Patience"]

_log: Final = logging.getLogger("bingx_async")

# After that many refusals in a row waiting on would not help.
_MOST_REFUSALS: Final = 3


class Patience:
    """
    What is left of the attempts and of the waiting time of one call.

    Args:
        retries: How often to repeat after a failure.
        max_wait: Seconds that may be spent waiting; ``None`` is any number.

    Attributes:
        failure: Why the last attempt failed; ``None`` before the second one.
    """

    failure: BingXError | None = None  # what begins as the class's is set when something fails
    _refusals = 0
    _pauses = 0
    _time_refused = False
    _started = 0.0

    def __init__(self, *, retries: int, max_wait: float | None) -> None:
        self._retries = retries
        self._max_wait = max_wait
        if max_wait is not None:
            self._started = time.monotonic()

    @property
    def left(self) -> float | None:
        """Seconds that may still be spent waiting; ``None`` is any number."""
        if (most := self._max_wait) is None or self.failure is None:
            return most
        return max(0.0, most - (time.monotonic() - self._started))

    async def after(self, failure: BingXError, *, idempotent: bool, closed: bool) -> None:
        """
        Return when the call may be made again, or raise what is final.

        Args:
            failure: Why the attempt failed.
            idempotent: Whether a second execution does no harm.
            closed: Whether the client was closed, so that nothing can be sent any more.
        """
        if isinstance(failure, RateLimited):
            self._refused(failure)
        elif isinstance(failure, QuotaTimeout) and self.failure is not None:
            raise self.failure from None  # it says more about why this took so long
        elif (isinstance(failure, NotSent) and not closed) or (
            isinstance(failure, (OutcomeUnknown, Unavailable)) and idempotent
        ):
            await self._pause(failure)
        else:
            raise failure

    def refused_the_time(self, refusal: AuthError) -> None:
        """Let one more attempt be made if it was the timestamp that was refused, else raise."""
        if not refusal.is_about_the_clock or self._time_refused:
            raise refusal
        self.failure, self._time_refused = refusal, True

    def _refused(self, refusal: RateLimited) -> None:
        """Note a refusal because of a limit; the bucket, which is closed now, does the waiting."""
        self.failure = refusal
        self._refusals += 1
        if self._refusals == _MOST_REFUSALS:
            raise refusal

    async def _pause(self, failure: BingXError) -> None:
        """Wait before another attempt, or raise the failure if there is to be none."""
        self.failure = failure
        seconds = pause_before(self._pauses)
        self._pauses += 1
        left = self.left
        if self._pauses > self._retries or (left is not None and seconds > left):
            raise failure
        _log.info("%s; trying again in %.2f s", failure, seconds)
        await asyncio.sleep(seconds)
