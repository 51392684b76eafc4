"""Windows, limits and pages of what is read from a history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bingx_async.converter import converter
from bingx_async.emulator.call import invalid
from bingx_async.wire import Moment

__all__ = ["Page", "choose", "moment", "page", "sized", "window"]

T = TypeVar("T")


class Page(list[Any]):
    """Some rows of many; ``total`` says of how many."""

    def __init__(self, rows: Sequence[Any], total: int) -> None:
        super().__init__(rows)
        self.total = total


def moment(given: Moment | None) -> datetime | None:
    """Make a datetime of a parameter that names a time."""
    return converter.structure(given, datetime) if isinstance(given, int) else given


def window(
    start: Moment | None,
    end: Moment | None,
    now: datetime,
    *,
    usual: timedelta | None = None,
    kept: timedelta | None = None,
) -> tuple[datetime, datetime]:
    """
    Tell from when until when is read, both included.

    Args:
        start: The first moment, if it was given.
        end: The last moment, if it was given.
        now: What time it is.
        usual: How much is read where no start was given; everything without it.
        kept: How long the exchange keeps it; forever without it.

    Raises:
        InvalidRequest: The window is to end before it starts.
    """
    first, last = moment(start), moment(end)
    if first is not None and last is not None and first > last:
        raise invalid("the start time is later than the end time")
    last = last or now
    beginning = datetime.min.replace(tzinfo=now.tzinfo)
    if first is None:
        first = last - usual if usual is not None else beginning
    return max(first, now - kept if kept is not None else beginning), last


def sized(name: str, size: int | None, *, usual: int, most: int) -> int:
    """
    Tell how many rows are read.

    Raises:
        InvalidRequest: It is none from 1 to the most.
    """
    if size is None:
        return usual
    if not 1 <= size <= most:
        raise invalid(f"{name} must lie between 1 and {most}, not {size}")
    return size


def choose(rows: Sequence[T], limit: int, *, from_start: bool) -> Sequence[T]:
    """Take the first rows, where the caller said where to start, or else the latest."""
    return rows[:limit] if from_start else rows[max(0, len(rows) - limit) :]


def page(rows: Sequence[Any], index: int, size: int | None, *, usual: int, most: int) -> Page:
    """
    Cut out one page; the first one has the number 1.

    Raises:
        InvalidRequest: There is no such page, or pages cannot be that large.
    """
    size = sized("pageSize", size, usual=usual, most=most)
    if index < 1:
        raise invalid(f"pageIndex must be 1 or more, not {index}")
    return Page(rows[(index - 1) * size : index * size], len(rows))
