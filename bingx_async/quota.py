"""The published limits, as values."""

from __future__ import annotations

import math
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from attrs import field, frozen

__all__ = ["IP_GROUPS", "IpGroup", "Quota", "Scope"]


def _check_tokens(_: object, __: object, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"tokens must be a whole number, not {value!r}")
    if value < 1:
        raise ValueError(f"tokens must be 1 or more, not {value}")


def _check_period(_: object, __: object, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"period must be a number of seconds above 0, not {value!r}")


@frozen(order=True)
class Quota:
    """
    At most ``tokens`` requests in any half-open interval of ``period`` seconds, for any phase.

    Args:
        tokens: Requests, 1 or more.
        period: Seconds, more than 0.

    Raises:
        ValueError: ``tokens`` or ``period`` is out of range.
        TypeError: ``tokens`` is not a whole number.
    """

    tokens: int = field(validator=_check_tokens)
    period: float = field(validator=_check_period)

    def __str__(self) -> str:
        return f"{self.tokens}/s" if self.period == 1 else f"{self.tokens}/{self.period:g} s"


@frozen
class IpGroup:
    """
    What one IP address may ask of one of the exchange's groups of endpoints.

    Args:
        total: Quotas of all endpoints of the group together.
        each: Quotas of each endpoint of the group by itself.
    """

    total: tuple[Quota, ...] = field(converter=tuple[Quota, ...])
    each: tuple[Quota, ...] = field(default=(), converter=tuple[Quota, ...])


STREAMS: Final = 0
"""The group of what is sent on websockets; the exchange gives numbers to endpoints only."""

IP_GROUPS: Final = MappingProxyType(
    {
        STREAMS: IpGroup(total=(Quota(10, 1),)),
        1: IpGroup(total=(Quota(500, 10), Quota(1000, 60))),
        2: IpGroup(total=(Quota(2000, 10),), each=(Quota(300, 10),)),
        3: IpGroup(total=(Quota(2000, 10),), each=(Quota(300, 10),)),
    }
)
"""
The published quotas by the number of the group; each address has its own.

Source: https://bingx-api.github.io/docs-v3/ (rate limits), https://bingx.com/en/support/articles/31103871611289
"""


class Scope(StrEnum):
    """What the exchange may shut at once, the narrowest first."""

    ENDPOINT = "endpoint"
    """An endpoint for one account; a public endpoint for one IP address."""

    ADDRESS_ENDPOINT = "address endpoint"
    """An endpoint for one IP address, whichever account asks."""

    GROUP = "group"
    """A group of endpoints for one IP address."""

    ADDRESS = "address"
    """Everything for one IP address."""
