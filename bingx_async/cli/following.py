"""What the commands that follow streams have in common."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import attrs
import click

from bingx_async import Resumed, Stream
from bingx_async.cli.options import Target
from bingx_async.cli.output import number, print_json
from bingx_async.signing import milliseconds

__all__ = [
    "clock_time",
    "follow",
    "print_event",
    "print_events",
    "print_gap",
    "row_of",
    "seconds_option",
    "side_by",
]

Command = TypeVar("Command", bound=Callable[..., Any])


def seconds_option(command: Command) -> Command:
    """Give a command the option ``--seconds``."""
    option = click.option(
        "--seconds",
        type=click.FloatRange(min=0, min_open=True),
        help="End after so long; until Ctrl-C without it.",
    )
    return option(command)


async def side_by(*work: Coroutine[Any, Any, None], seconds: float | None) -> None:
    """
    Do several things side by side, until time is over or one of them fails.

    Args:
        work: What is to be done.
        seconds: For how long; ``None`` as long as it takes.

    Raises:
        Exception: The first failure, as if nothing else had been done.
    """
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            for each in work:
                tasks.create_task(each)
    except TimeoutError:
        return  # that of somebody's work would come in a group
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def follow(
    stream: Stream[Any],
    told: Callable[[Any], object],
    *,
    gap: Callable[[Resumed], object] | None = None,
) -> None:
    """Read a stream to its end, and tell of gaps where somebody wants to know of them."""
    events = stream if gap is None else stream.with_gaps()
    async with stream:
        async for event in events:
            if gap is not None and isinstance(event, Resumed):
                gap(event)
            else:
                told(event)


def print_event(target: Target, kind: str, **fields: object) -> None:
    """Print a line of JSON."""
    print_json({"environment": target.environment, "event": kind, **fields})


def print_gap(target: Target, topic: str) -> Callable[[Resumed], None]:
    """Make what prints the gaps of a topic, as lines of JSON."""

    def told(gap: Resumed) -> None:
        print_event(target, "gap", topic=topic, time=_now(), lostFor=round(gap.lost_for, 3))

    return told


async def print_events(
    target: Target, kind: str, stream: Stream[Any], *, gaps: bool = True
) -> None:
    """Print the events of a stream, and its gaps if these mean something, as lines of JSON."""
    await follow(
        stream,
        lambda event: print_event(target, kind, **row_of(event)),
        gap=print_gap(target, stream.topic) if gaps else None,
    )


def _now() -> int:
    return milliseconds(datetime.now(UTC))


def row_of(event: attrs.AttrsInstance) -> dict[str, Any]:
    """
    Turn an event into what JSON knows.

    Its keys are those of the answers of the endpoints: the exchange's own are single letters, which
    mean something different in each event.
    """
    return {
        name: _plain(getattr(event, field), is_id=field.endswith("_id"))
        for name, field in _names(type(event)).items()
    }


@functools.cache
def _names(cls: type[attrs.AttrsInstance]) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in attrs.fields(cls):
        head, *rest = field.name.split("_")
        found[head + "".join(map(str.capitalize, rest))] = field.name
    return found


def _plain(value: Any, *, is_id: bool = False) -> Any:
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, datetime):
        return milliseconds(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    if attrs.has(value.__class__):
        return row_of(value)
    return str(value) if is_id and value is not None else value


def clock_time(moment: datetime | None = None) -> str:
    """Write the time of day, in UTC; by default what time it is."""
    return f"{moment or datetime.now(UTC):%H:%M:%S}"
