"""
Which quotas a request falls under, and whose they are.

Values only: what counts them is a bucket, and who hands out the tokens is a governor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from attrs import frozen

from bingx_async.endpoint import Endpoint
from bingx_async.quota import IP_GROUPS, IpGroup, Quota, Scope

__all__ = ["BucketKey", "BucketState", "LaneKey", "Limits", "Need"]


class BucketKey(NamedTuple):
    """
    Whose quota a bucket holds, and for what.

    Attributes:
        scope: ``"uid"`` or ``"ip"``.
        owner: The UID's or the IP address's label.
        subject: An endpoint's dotted name, ``"group 2"``, or ``"everything"``.
    """

    scope: str
    owner: str
    subject: str

    def __str__(self) -> str:
        return f"{self.scope} {self.owner}, {self.subject}"


@frozen
class BucketState:
    """
    What a bucket looked like at one moment.

    Attributes:
        key: Whose quota it is, and for what.
        quota: The quota; ``None`` for a bucket that exists only because the exchange closed it.
        free: Tokens that can be taken now; 0 while the exchange keeps the bucket closed.
        waiting: Callers that wait and need a token of this bucket.
        next_return: Seconds until a token comes back or the bucket opens; ``None`` if nothing is
            out, or if the responses that will decide it have not been read yet.
        closed_for: Seconds for which the exchange keeps it closed; 0 if it is open.
        returns: Seconds until each token that is out comes back, ascending. Those whose response
            has not been read yet are not among them.
        elsewhere: Tokens that were held back so far because the exchange had counted more requests
            than were sent through this governor: something else spends the quota.
        refused: How often the exchange refused a request because of this scope, although the
            quota was kept here: something else spends it, or it is lower than declared.
    """

    key: BucketKey
    quota: Quota | None
    free: int
    waiting: int
    next_return: float | None
    closed_for: float
    returns: tuple[float, ...] = ()
    elsewhere: int = 0
    refused: int = 0


class LaneKey(NamedTuple):
    """What decides which buckets a request needs."""

    endpoint: Endpoint
    uid: str | None
    ip: str

    def gate(self, scope: Scope) -> BucketKey:
        """Tell which bucket the exchange shuts when it shuts a scope."""
        if scope is Scope.ADDRESS:
            return BucketKey("ip", self.ip, "everything")
        if scope is Scope.GROUP and self.endpoint.group is not None:
            return BucketKey("ip", self.ip, f"group {self.endpoint.group}")
        if scope is Scope.ENDPOINT and self.endpoint.needs is not None and self.uid is not None:
            return BucketKey("uid", self.uid, self.endpoint.name)
        return BucketKey("ip", self.ip, self.endpoint.name)

    @property
    def gates(self) -> tuple[BucketKey, ...]:
        """All buckets that the exchange may shut for this request."""
        return tuple(dict.fromkeys(map(self.gate, Scope)))


class Need(NamedTuple):
    """One quota that a request counts against; ``paced`` if it is smoothed on top."""

    key: BucketKey
    quota: Quota
    paced: bool


class Limits:
    """
    The quotas in force: the declared ones, and those that differ.

    Args:
        limits: Quotas per UID that differ from the declared ones, by the endpoint's dotted name;
            ``None`` lifts that quota.
        groups: Quotas per IP address that differ from the published ones, by the number of the
            group; ``None`` lifts them.

    Attributes:
        by_name: The quotas per UID that differ.
        groups: The quotas of every group of addresses, the published ones among them.

    Raises:
        TypeError: A limit is not a ``Quota`` or a group not an ``IpGroup``.
    """

    def __init__(
        self,
        limits: Mapping[str, Quota | None] | None = None,
        groups: Mapping[int, IpGroup | None] | None = None,
    ) -> None:
        self.by_name = dict(limits or {})
        self.groups: dict[int, IpGroup | None] = {**IP_GROUPS, **(groups or {})}
        _check(self.by_name.values(), Quota)
        _check(self.groups.values(), IpGroup)

    def quota(self, endpoint: Endpoint) -> Quota | None:
        """Tell what one UID may ask of an endpoint."""
        return self.by_name.get(endpoint.name, endpoint.quota)

    def needs(self, key: LaneKey) -> Iterator[Need]:
        """
        List what a request counts against, the UID's quota first.

        Raises:
            ValueError: The endpoint has a quota per UID, and the UID is missing.
        """
        endpoint, uid, ip = key
        if (quota := self.quota(endpoint)) is not None:
            if uid is None:
                raise ValueError(f"{endpoint.name} has a quota per UID: pass uid=")
            yield Need(BucketKey("uid", uid, endpoint.name), quota, paced=False)
        group = self.groups.get(endpoint.group) if endpoint.group is not None else None
        if group is not None:
            for quota in group.each:
                yield Need(BucketKey("ip", ip, endpoint.name), quota, paced=False)
            for quota in group.total:
                yield Need(BucketKey("ip", ip, f"group {endpoint.group}"), quota, paced=True)


def _check(values: Iterable[object], kind: type) -> None:
    for value in values:
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"expected a {kind.__name__} or None, got {value!r}")
