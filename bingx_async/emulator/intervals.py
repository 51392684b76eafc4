"""When the klines of an interval start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from bingx_async.swap.models.market import Interval

__all__ = ["number_of", "start_of"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONDAY: Final = datetime(1969, 12, 29, tzinfo=UTC)
_MONTHS: Final = 12


def number_of(interval: Interval, at: datetime) -> int:
    """Count the intervals up to the one that a moment lies in."""
    if (duration := interval.duration) is None:
        at = at.astimezone(UTC)
        return at.year * _MONTHS + at.month - 1
    return (at - _origin(duration)) // duration


def start_of(interval: Interval, number: int) -> datetime:
    """Tell when an interval of that number starts, in UTC; weeks start on Monday."""
    if (duration := interval.duration) is None:
        year, month = divmod(number, _MONTHS)
        return datetime(year, month + 1, 1, tzinfo=UTC)
    return _origin(duration) + number * duration


def _origin(duration: timedelta) -> datetime:
    return _MONDAY if duration == timedelta(weeks=1) else _EPOCH
