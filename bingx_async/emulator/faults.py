"""What can go wrong on the way to the emulator, inside it and on the way back."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Final, Literal

from attrs import field, frozen

__all__ = ["Delay", "Fate", "Faults", "constant", "lognormal", "spikes", "uniform"]

Delay = Callable[[random.Random], float]
"""Draws one delay in seconds."""

Fate = Literal["fine", "dropped before", "dropped after", "failed", "truncated", "garbled"]
"""What becomes of a request."""


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
        if sum(self._shares().values()) > 1:
            raise ValueError("the shares of all faults together are more than 1")

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
        place = draw.random()
        for fate, share in self._shares().items():
            if place < share:
                return fate
            place -= share
        return "fine"
