"""One call, as the bodies of the declared endpoints see it."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from bingx_async.emulator import engine
from bingx_async.emulator.listen_keys import ListenKeys
from bingx_async.emulator.market import Market
from bingx_async.endpoint import Section
from bingx_async.errors import InvalidRequest

__all__ = ["Bodies", "Call", "invalid"]


@frozen
class Call:
    """
    One call.

    Attributes:
        now: When it is carried out; time has passed up to there.
        uid: Whose it is; ``""`` for public endpoints.
        market: The market.
        engine: Who trades.
        listen_keys: The keys of the account streams.
    """

    now: datetime
    uid: str
    market: Market
    engine: engine.Engine
    listen_keys: ListenKeys


class Bodies(Section):
    """
    Declared endpoints with bodies; what the methods do is in the docstrings of the declarations.

    Args:
        call: What is carried out.
    """

    def __init__(self, call: Call) -> None:
        self._now = call.now
        self._uid = call.uid
        self._market = call.market
        self._engine = call.engine
        self._listen_keys = call.listen_keys

    @property
    def _account(self) -> engine.Account:
        return self._engine.account(self._uid)


def invalid(message: str) -> InvalidRequest:
    """Make the refusal of a parameter."""
    return InvalidRequest(message, code=109400)
