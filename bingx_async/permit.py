"""What every governor offers, whether it keeps the quotas of one event loop or of a whole fleet."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Iterable
from types import TracebackType
from typing import Any, Protocol, Self

from bingx_async.endpoint import Endpoint
from bingx_async.limits import BucketState
from bingx_async.plan import Plan
from bingx_async.quota import IpGroup, Quota, Scope

__all__ = ["AnyGovernor", "Permit", "Snapshot"]


class Permit(Protocol):
    """
    The leave to send one request; made by ``governor.permit()``, entered with ``async with``.

    Whatever happens inside, its tokens come back one period after the block is left: leave it
    when the response has been read.
    """

    __slots__ = ()

    def not_sent(self) -> None:
        """Say that the request certainly never left, so that its tokens come back at once."""
        ...

    def refused(self, retry_in: float | None = None, *, scope: Scope = Scope.ENDPOINT) -> float:
        """
        Say that the exchange refused the request because of a limit.

        Args:
            retry_in: Seconds for which the exchange refuses; nothing that falls under the same
                scope is let through meanwhile. ``None`` if it named no time: five minutes then,
                and twice as long each time that it happens again.
            scope: What the exchange shut, as far as its answer tells. If the accounts behind an
                address are refused at one endpoint, or at several endpoints of a group, more is
                closed than that.

        Returns:
            The seconds for which the scope is closed at the least.
        """
        ...

    def told(self, remaining: int, expires_in: float | None = None) -> None:
        """
        Say how many requests the exchange leaves to this UID at this endpoint, by its answer.

        It can only tighten: if the exchange has counted more requests than were sent through this
        governor, something else spends the quota, and as many tokens are held back for one period.
        If it leaves none, nothing goes before its window ends.

        Args:
            remaining: What the answer's ``X-RateLimit-Requests-Remain`` says.
            expires_in: Seconds until the exchange's window ends, if it says so; what is longer
                than two periods of the quota is not believed.
        """
        ...

    async def __aenter__(self) -> Self:
        """Wait for a token of every bucket."""
        ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the tokens come back, a period from now."""
        ...


class AnyGovernor(Protocol):
    """
    Hands out permits so that no quota is ever exceeded.

    Attributes:
        limits: The quotas per UID that differ from the declared ones, by dotted name.
        groups: The quotas of every group of addresses.
    """

    limits: dict[str, Quota | None]
    groups: dict[int, IpGroup | None]

    def permit(
        self,
        endpoint: Endpoint,
        *,
        uid: str | None = None,
        ip: str = "default",
        priority: int = 0,
        max_wait: float | None = None,
        timeout: float = 10.0,
    ) -> Permit:
        """
        Ask for leave to send one request.

        .. code-block:: python

            async with governor.permit(endpoint, uid="1001", ip="default") as permit:
                ...  # send, and read the response

        Args:
            endpoint: What will be called.
            uid: Label of the account; required where the endpoint has a quota per UID.
            ip: Label of the IP address from which the request leaves.
            priority: Who goes first when several wait: the higher number.
            max_wait: Seconds to wait at most; ``None`` waits as long as it takes.
            timeout: Seconds after which the request is given up if no answer has come. A shared
                governor needs to know when the request of a process that died is over; to keep
                the time is the caller's business.

        Returns:
            An asynchronous context manager. Entering it waits for a token of every bucket.

        Raises:
            QuotaTimeout: On entering, as soon as the wait is seen to be longer than ``max_wait``.
            GovernorUnavailable: On entering, from a shared governor that is to raise it.
            ValueError: The endpoint has a quota per UID, and ``uid`` is missing.
            RuntimeError: The governor belongs to another event loop.
        """
        ...

    def snapshot(self) -> Awaitable[list[BucketState]]:
        """Describe every bucket that is known at this moment."""
        ...

    def plan(
        self,
        calls: Iterable[tuple[Endpoint, int]],
        *,
        uid: str | None = None,
        ip: str = "default",
        round_trip: float = 0.0,
    ) -> Awaitable[Plan]:
        """
        Tell how long calls will take, without sending anything.

        Args:
            calls: Endpoints, and how often each is to be called. All are asked for at once, in
                this order, behind those that wait already.
            uid: Label of the account.
            ip: Label of the IP address.
            round_trip: Seconds from sending until the answer is read.

        Raises:
            ValueError: A number is negative, or the UID is missing.
        """
        ...


class Snapshot(list[BucketState]):
    """
    The states of a governor's buckets.

    A local governor has them at once; it can be awaited as well, so that what is written for
    any governor works with it.
    """

    def __await__(self) -> Generator[Any, None, Snapshot]:
        return self
        yield  # what makes this a generator
