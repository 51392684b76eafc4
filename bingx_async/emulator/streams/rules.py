"""What the exchange demands of those who read its streams."""

from __future__ import annotations

from attrs import field, frozen

__all__ = ["StreamRules"]


def _positive(_: object, attribute: object, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{getattr(attribute, 'name', 'it')} must be above 0, not {value}")


@frozen
class StreamRules:
    """
    Limits and times of the websockets; by default those of the exchange.

    Args:
        topics_per_socket: How many topics one websocket may subscribe to.
        sockets_per_ip: How many websockets an IP address may hold.
        subscriptions_per_second: How many requests an IP address may send in any half-open window
            of a second; refused ones count too.
        heartbeat: Seconds from one heartbeat to the next. A websocket that leaves three of them
            unanswered is closed.
        json_pings: Whether heartbeats are JSON, instead of the text ``Ping``.
        tick: Seconds from one look at the market to the next; what there is to push is pushed then.
            Events of accounts do not wait for it.
        account_snapshot_every: Seconds from one full account of balances, positions and settings
            to the next.
        most_waiting: Bytes that may wait for a client that does not read; beyond, its connection is
            aborted.

    Raises:
        ValueError: A number is not positive.
    """

    topics_per_socket: int = field(default=200, validator=_positive)
    sockets_per_ip: int = field(default=60, validator=_positive)
    subscriptions_per_second: int = field(default=10, validator=_positive)
    heartbeat: float = field(default=5.0, validator=_positive)
    json_pings: bool = False
    tick: float = field(default=0.2, validator=_positive)
    account_snapshot_every: float = field(default=5.0, validator=_positive)
    most_waiting: int = field(default=64 * 1024 * 1024, validator=_positive)
