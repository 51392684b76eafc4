"""What can go wrong on the way to the emulator, inside it and on the way back."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeVar

from attrs import field, frozen

__all__ = [
    "Delay",
    "Fate",
    "Faults",
    "PushFate",
    "StreamFaults",
    "constant",
    "lognormal",
    "spikes",
    "uniform",
]

Word = TypeVar("Word", bound=str)

Delay = Callable[[random.Random], float]
"""Draws one delay in seconds."""

Fate = Literal["fine", "dropped before", "dropped after", "failed", "truncated", "garbled"]
"""What becomes of a request."""

PushFate = Literal["fine", "dropped", "garbage", "lost", "duplicated", "reordered"]
"""What becomes of a message of a stream on its way to one websocket."""


def constant(seconds: float) -> Delay:
    """Always the same delay, in seconds."""
    return lambda _: seconds


def uniform(least: float, most: float) -> Delay:
    """Any delay from ``least`` to ``most`` seconds, all as likely."""
    return lambda draw: draw.uniform(least, most)


def lognormal(median: float, sigma: float = 0.5) -> Delay:
    """Delays around ``median`` seconds with a long tail; ``sigma`` is the spread of their log."""
    return lambda draw: draw.lognormvariate(math.log(median), sigma)


def spikes(base: Delay, *, size: float, share: float) -> Delay:
    """Delays of ``base``, of which a ``share`` (0 to 1) takes ``size`` seconds longer."""
    return lambda draw: base(draw) + (size if draw.random() < share else 0.0)


def _check_share(_: object, attribute: object, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{getattr(attribute, 'name', 'it')} is a share from 0 to 1, not {value}")


def _check_sum(shares: Mapping[Word, float]) -> None:
    if sum(shares.values()) > 1:
        raise ValueError("the shares of all faults together are more than 1")


def _drawn(shares: Mapping[Word, float], fine: Word, draw: random.Random) -> Word:
    place = draw.random()
    for fate, share in shares.items():
        if place < share:
            return fate
        place -= share
    return fine


_NONE: Final = constant(0.0)


@frozen
class Faults:
    """
    How often what goes wrong; the shares are drawn independently of the request.

    Args:
        way_in: Delay between sending and arrival.
        way_out: Delay between execution and the answer.
        dropped_before: Share of requests whose connection breaks before they are executed.
        dropped_after: Share whose connection breaks after they were executed.
        failed: Share answered with HTTP 502, 503 or 504, half of them after they were executed.
        truncated: Share whose answer ends in the middle.
        garbled: Share whose answer is a page of HTML.

    Raises:
        ValueError: A share is not between 0 and 1, or all together are more than 1.
    """

    way_in: Delay = _NONE
    way_out: Delay = _NONE
    dropped_before: float = field(default=0.0, validator=_check_share)
    dropped_after: float = field(default=0.0, validator=_check_share)
    failed: float = field(default=0.0, validator=_check_share)
    truncated: float = field(default=0.0, validator=_check_share)
    garbled: float = field(default=0.0, validator=_check_share)

    def __attrs_post_init__(self) -> None:
        _check_sum(self._shares())

    def _shares(self) -> dict[Fate, float]:
        return {
            "dropped before": self.dropped_before,
            "dropped after": self.dropped_after,
            "failed": self.failed,
            "truncated": self.truncated,
            "garbled": self.garbled,
        }

    def fate(self, draw: random.Random) -> Fate:
        """Draw what becomes of one request."""
        return _drawn(self._shares(), "fine", draw)


@frozen
class StreamFaults:
    """
    How often what goes wrong with websockets; the shares are drawn for each message and socket.

    Requests, acknowledgements, heartbeats and the end of a listen key are only delayed.

    Args:
        delay: Time on the way to the client; nothing overtakes what was sent before it.
        refused: Share of connections that are refused with HTTP 503.
        dropped: Share of messages in whose place the connection breaks.
        garbage: Share in whose place something comes that is no gzip, or no JSON inside of it.
        lost: Share that never arrives, though its number in a sequence has passed.
        duplicated: Share that arrives twice.
        reordered: Share that arrives after the next message of its topic; the events of an account
            count as one topic.

    Raises:
        ValueError: A share is not between 0 and 1, or those of messages are more than 1 together.
    """

    delay: Delay = _NONE
    refused: float = field(default=0.0, validator=_check_share)
    dropped: float = field(default=0.0, validator=_check_share)
    garbage: float = field(default=0.0, validator=_check_share)
    lost: float = field(default=0.0, validator=_check_share)
    duplicated: float = field(default=0.0, validator=_check_share)
    reordered: float = field(default=0.0, validator=_check_share)
    _some: bool = field(init=False, eq=False, repr=False, default=False)

    def __attrs_post_init__(self) -> None:
        shares = self._shares()
        _check_sum(shares)
        object.__setattr__(self, "_some", any(shares.values()))

    def _shares(self) -> dict[PushFate, float]:
        return {
            "dropped": self.dropped,
            "garbage": self.garbage,
            "lost": self.lost,
            "duplicated": self.duplicated,
            "reordered": self.reordered,
        }

    def fate(self, draw: random.Random) -> PushFate:
        """Draw what becomes of one message."""
        return _drawn(self._shares(), "fine", draw) if self._some else "fine"
