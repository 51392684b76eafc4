"""What a governor tells whoever watches it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Protocol, TypeVarTuple

from bingx_async.endpoint import Endpoint
from bingx_async.limits import BucketKey

__all__ = ["Guarded", "Observer"]

_log: Final = logging.getLogger("bingx_async")

Ts = TypeVarTuple("Ts")
_Of = tuple[Endpoint, str | None, str]


class Observer(Protocol):
    """
    Watches a governor, for metrics.

    The methods are called in the middle of the governor's work: they must be quick, and must not
    wait. What they raise is logged, and changes nothing.
    """

    def on_wait(self, endpoint: Endpoint, uid: str | None, ip: str) -> None:
        """
        Somebody begins to wait.

        Args:
            endpoint: What is to be called.
            uid: Label of the account; ``None`` for a public endpoint.
            ip: Label of the IP address.
        """
        ...

    def on_grant(self, endpoint: Endpoint, uid: str | None, ip: str, waited: float) -> None:
        """
        Somebody has a permit; ``waited`` is the seconds that it took, 0 if there was no wait.

        The other arguments are those of :meth:`on_wait`.
        """
        ...

    def on_refusal(
        self, endpoint: Endpoint, uid: str | None, ip: str, closed: BucketKey, seconds: float
    ) -> None:
        """
        The exchange refused a request because of a limit, and a scope is closed.

        Args:
            endpoint: What was called.
            uid: As for :meth:`on_wait`.
            ip: As for :meth:`on_wait`.
            closed: What is closed.
            seconds: For how long.
        """
        ...


class Guarded:
    """An observer whose failures are logged, since nothing may depend on it."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def on_wait(self, *of: *_Of) -> None:
        """See :meth:`Observer.on_wait`."""
        self._tell(self._observer.on_wait, *of)

    def on_grant(self, *of: *tuple[*_Of, float]) -> None:
        """See :meth:`Observer.on_grant`."""
        self._tell(self._observer.on_grant, *of)

    def on_refusal(self, *of: *tuple[*_Of, BucketKey, float]) -> None:
        """See :meth:`Observer.on_refusal`."""
        self._tell(self._observer.on_refusal, *of)

    @staticmethod
    def _tell(hear: Callable[[*Ts], None], *of: *Ts) -> None:
        try:
            hear(*of)
        except Exception:  # noqa: BLE001 - whatever it is, it is not the governor's
            _log.exception("the observer failed")
