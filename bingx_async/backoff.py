"""How long to wait before something that failed is tried again."""

from __future__ import annotations

import random
from typing import Final

__all__ = ["pause_before"]

# The first pause is at most so many seconds, and none is longer than the other.
_FIRST: Final = 0.25
_LONGEST: Final = 5.0


def pause_before(repetition: int) -> float:
    """
    Draw a pause, in seconds: any up to a limit that doubles (backoff with full jitter).

    Args:
        repetition: How many pauses went before.
    """
    # A greater exponent would change nothing but the size of the number.
    limit = min(_LONGEST, _FIRST * 2.0 ** min(repetition, 16))
    return random.uniform(0, limit)  # noqa: S311 - spreads attempts, guards nothing
