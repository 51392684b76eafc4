"""
What the exchange says about its limits, in the headers of its answers and in its refusals.

Source: https://bingx-api.github.io/docs-v3/ (rate limits)
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from bingx_async.errors import RateLimited

__all__ = ["expires_in", "retry_in"]

_log: Final = logging.getLogger("bingx_async")

_MILLISECONDS_FROM: Final = 10**11  # as seconds, the year 5138
_SECONDS_FROM: Final = 10**9  # as seconds, the year 2001; as milliseconds, 1970
# No window is longer than a minute, so more than two of them are no seconds.
_LONGEST: Final = 120


def expires_in(text: str | None, now: int) -> float | None:
    """
    Read ``X-RateLimit-Requests-Expire``: when the exchange's window ends.

    Its unit is not documented. Seconds and milliseconds, from now or since 1970, are told apart by
    their size.

    Args:
        text: The header; ``None`` if there is none.
        now: The exchange's time, in milliseconds since 1970 UTC.

    Returns:
        Seconds from now, from 0 to 120; ``None`` for what makes no sense.
    """
    if text is None or not text.isdecimal() or len(text) > 15:  # noqa: PLR2004
        return None
    number = int(text)
    if number >= _MILLISECONDS_FROM:
        seconds = (number - now) / 1000
    elif number >= _SECONDS_FROM:
        seconds = number - now / 1000
    elif number <= _LONGEST:
        seconds = float(number)
    else:
        seconds = number / 1000
    return seconds if 0 <= seconds <= _LONGEST else None


def retry_in(refusal: RateLimited, date: str | None) -> float | None:
    """
    Tell for how many seconds a refusal holds, by the exchange's clock where it shows it.

    Args:
        refusal: What the exchange said.
        date: The answer's ``Date`` header.

    Returns:
        Seconds, which may be negative; ``None`` if the exchange named no time that makes sense.
    """
    if refusal.retry_at is None:
        return None
    now = datetime.now(UTC)
    if date is not None:
        try:
            now = parsedate_to_datetime(date)
            if now.tzinfo is None:  # "-0000": UTC, and nothing said about where the server is
                now = now.replace(tzinfo=UTC)
        except ValueError:
            _log.debug("the exchange's Date header cannot be read")
    seconds = (refusal.retry_at - now).total_seconds()
    return seconds if seconds > -_LONGEST else None  # a moment long past is no time
