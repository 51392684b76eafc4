"""What the observers of this package measure, whatever they tell it to."""

from __future__ import annotations

import time
from typing import Final

from bingx_async.endpoint import Endpoint
from bingx_async.limits import BucketKey

__all__ = [
    "BOUNDS",
    "CLOSED_UNTIL",
    "PERMITS",
    "REFUSALS",
    "WAITS",
    "WAIT_SECONDS",
    "Closings",
    "labels",
]

WAITS: Final = "Calls that found no token free and began to wait."
PERMITS: Final = "Permits granted, with a wait or without."
WAIT_SECONDS: Final = "Seconds until a permit was granted, 0 if at once."
REFUSALS: Final = (
    "Scopes closed because the exchange refused a request; a refusal can close several."
)
CLOSED_UNTIL: Final = (
    "Unix time until which a scope is closed because the exchange refused a request."
)

# A token of a quota per second is away for a second and a round trip: hence 1.25, and not 1. The
# last is the exchange's penalty.
BOUNDS: Final = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.25, 2.5, 5, 10, 30, 60, 120, 300)
"""Upper bounds of a histogram's buckets, in seconds; the first holds those that did not wait."""


def labels(endpoint: Endpoint, uid: str | None, ip: str) -> dict[str, str]:
    """
    Say in labels whose call it is.

    Args:
        endpoint: What is called.
        uid: Label of the account; a public endpoint has none, and an empty text stands for it.
        ip: Label of the IP address.
    """
    return {"endpoint": endpoint.name, "uid": uid or "", "ip": ip}


class Closings:
    """Remembers until when each scope is closed, since a later refusal can name an earlier end."""

    def __init__(self) -> None:
        self._until: dict[BucketKey, float] = {}

    def until(self, closed: BucketKey, seconds: float) -> float:
        """
        Note that a scope is closed for so long; return the Unix time at which it opens.

        Args:
            closed: What is closed.
            seconds: For how long, from now.
        """
        now = time.monotonic()  # the time of day may be set back meanwhile
        until = self._until[closed] = max(self._until.get(closed, now), now + seconds)
        return time.time() + until - now
