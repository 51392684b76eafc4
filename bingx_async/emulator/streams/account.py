"""
What the exchange tells an account of its orders, money, positions and settings.

Orders and what they do to the account are told of as they happen, fill by fill, first the order and
then the account. What an endpoint changes without a trade, such as a leverage, is told of after
the call. Where the documentation is silent, this is assumed:

- A full account of how things stand has the reason ``SNAPSHOT``.
- A stop that triggers and then rests is told of as ``NEW`` once more, and so is an order whose
  quantity was changed.
- An order that fails when it triggers has expired.
- As in the answers of the endpoints, a position is ``LONG`` or ``SHORT`` in one-way mode too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from bingx_async.emulator import engine
from bingx_async.emulator.engine.accounts import ISOLATED
from bingx_async.signing import milliseconds
from bingx_async.swap.models.common import OrderStatus, PositionSide

__all__ = ["AccountTeller", "Told", "key_expired"]

Event = dict[str, Any]
Told = Callable[[str, Event, int | None], None]
"""Is given the uid, an event, and what it is known by."""

_ZERO: Final = Decimal(0)

_STATUS: Final = {
    OrderStatus.PENDING: "NEW",
    OrderStatus.CANCELLED: "CANCELED",
    OrderStatus.FAILED: "EXPIRED",
}


class AccountTeller:
    """
    Turns what the engine says into events of accounts.

    Args:
        engine_: Who trades.
        is_heard: Tells whether anybody listens to an account.
        told: What is to be done with an event.
    """

    def __init__(
        self, engine_: engine.Engine, *, is_heard: Callable[[str], bool], told: Told
    ) -> None:
        self._engine = engine_
        self._is_heard = is_heard
        self._told = told
        self._known: dict[int, tuple[object, ...]] = {}  # what was told last of orders
        self._settings: dict[str, dict[str, Event]] = {}
        self._changed: dict[str, engine.Position] = {}  # of the fill that is under way
        self._funding: Decimal | None = None

    def forget(self, uid: str) -> None:
        """Nobody listens to an account any more."""
        self._settings.pop(uid, None)
        for number in self._engine.account(uid).open_orders:
            self._known.pop(number, None)

    # --- what the engine says -----------------------------------------------------------------

    def hear(self, event: engine.Event) -> None:
        """Be told of a change; see ``engine.Listener``."""
        if not self._is_heard(event.uid):
            return
        if isinstance(event, engine.OrderChanged):
            self._order_changed(event)
        elif isinstance(event, engine.Filled):
            self._filled(event)
        elif isinstance(event, engine.PositionChanged):
            self._position_changed(event)
        else:
            self._balance_changed(event)

    def _order_changed(self, event: engine.OrderChanged) -> None:
        order = event.order
        if order.status == OrderStatus.FILLED:  # its last fill has said so
            self._known.pop(order.order_id, None)
            return
        if order.is_open:
            if self._known.get(order.order_id) == (stands := _stands(order)):
                return
            self._known[order.order_id] = stands
        else:
            self._known.pop(order.order_id, None)
        execution = "NEW" if order.is_open else _status(order)
        self._told(event.uid, _order_event(order, execution, event.time), order.order_id)

    def _filled(self, event: engine.Filled) -> None:
        order, fill = event.order, event.fill
        self._known[order.order_id] = _stands(order)
        self._told(event.uid, _order_event(order, "TRADE", event.time, fill), order.order_id)
        changed, self._changed = list(self._changed.values()), {}
        self._tell_account(
            event.uid, "ORDER", event.time, {fill.currency: _ZERO}, positions=changed
        )

    def _position_changed(self, event: engine.PositionChanged) -> None:
        position = event.position
        if self._funding is None:
            self._changed[f"{position.position_id}"] = position
            return
        change, self._funding = self._funding, None
        self._tell_account(
            event.uid,
            "FUNDING_FEE",
            event.time,
            {position.currency: change},
            positions=[position] if position.isolated else [],
        )

    def _balance_changed(self, event: engine.BalanceChanged) -> None:
        if event.reason == engine.IncomeType.FUNDING_FEE:
            self._funding = event.change  # its position comes next
        elif event.reason == engine.IncomeType.TRANSFER:
            reason = "DEPOSIT" if event.change > 0 else "WITHDRAW"
            self._tell_account(event.uid, reason, event.time, {event.currency: event.change})

    def _tell_account(
        self,
        uid: str,
        reason: str,
        time: datetime,
        changes: dict[str, Decimal],
        *,
        positions: list[engine.Position] | None = None,
    ) -> None:
        account = self._engine.accounts[uid]
        data = {
            "m": reason,
            "B": [_balance(account, currency, change) for currency, change in changes.items()],
            "P": [self._position(account, position) for position in positions or ()],
        }
        self._told(uid, {"e": "ACCOUNT_UPDATE", "E": milliseconds(time), "a": data}, None)

    # --- how things stand -------------------------------------------------------------------

    def snapshot(self, uid: str, now: datetime) -> Iterator[Event]:
        """Tell how an account stands: its money and positions, and what it has set."""
        account = self._engine.account(uid)
        time = milliseconds(now)
        data = {
            "m": "SNAPSHOT",
            "B": [
                _balance(account, currency, _ZERO)
                for currency in dict.fromkeys(("USDT", *account.balances))
            ],
            "P": [self._position(account, it) for it in account.positions.values()],
        }
        yield {"e": "ACCOUNT_UPDATE", "E": time, "a": data}
        for setting in _settings(account).values():
            yield {"e": "ACCOUNT_CONFIG_UPDATE", "E": time, "ac": setting}

    def look(self, uid: str, now: datetime) -> None:
        """Tell of the settings that have changed since it was last looked."""
        before, after = self._settings.get(uid), _settings(self._engine.account(uid))
        self._settings[uid] = after
        for symbol, setting in after.items():
            if before is not None and before.get(symbol) != setting:
                event = {"e": "ACCOUNT_CONFIG_UPDATE", "E": milliseconds(now), "ac": setting}
                self._told(uid, event, None)

    def _position(self, account: engine.Account, held: engine.Position) -> Event:
        is_long = held.is_long
        if not held.quantity:  # it has just ended
            is_long = account.closed[-1].is_long
        mark = self._engine.state.mark_price(held.symbol)
        return {
            "s": held.symbol,
            "pa": _money(abs(held.quantity)),
            "ep": _money(held.average),
            "up": _money(held.unrealised(mark)),
            "mt": "isolated" if held.isolated else "cross",
            "iw": _money(held.margin),
            "ps": str(PositionSide.LONG if is_long else PositionSide.SHORT),
            "cr": _money(held.profit - held.fee + held.funding),
        }


def key_expired(key: str, now: datetime) -> Event:
    """Tell that a listen key opens nothing any more."""
    return {"e": "listenKeyExpired", "E": milliseconds(now), "listenKey": key}


def _money(amount: Decimal) -> str:
    return f"{amount:.8f}"


def _status(order: engine.OrderRecord) -> str:
    return _STATUS.get(order.status, str(order.status))


def _stands(order: engine.OrderRecord) -> tuple[object, ...]:
    """Tell all that is worth telling of an order that is open."""
    return _status(order), order.quantity, order.executed, order.waiting


def _order_event(
    order: engine.OrderRecord,
    execution: str,
    time: datetime,
    fill: engine.Fill | None = None,
) -> Event:
    when = milliseconds(time)
    row = {
        "s": order.symbol,
        "c": order.client_order_id or "",
        "i": order.order_id,
        "S": str(order.side),
        "o": str(order.type),
        "q": _money(order.quantity),
        "p": _money(order.price or _ZERO),
        "sp": _money(order.stop_price or _ZERO),
        "ap": _money(order.average),
        "x": execution,
        "X": _status(order),
        "N": fill.currency if fill is not None else "",
        "n": _money(-fill.fee if fill is not None else _ZERO),
        "T": when,
        "wt": str(order.working_type) if order.stop_price is not None else "",
        "ps": str(order.position_side),
        "rp": _money(fill.profit if fill is not None else _ZERO),
        "z": _money(order.executed),
        "sg": str(order.stop_guaranteed or "false"),
        "ti": order.parent_id or 0,
        "ro": order.reduce_only,
        "td": fill.trade_id if fill is not None else 0,
        "tv": f"{fill.quote if fill is not None else _ZERO:f}",
    }
    return {"e": "ORDER_TRADE_UPDATE", "E": when, "T": when, "o": row}


def _balance(account: engine.Account, currency: str, change: Decimal) -> Event:
    wallet = account.balance(currency)
    isolated = sum(
        (it.margin for it in account.positions.values() if it.currency == currency), _ZERO
    )
    return {
        "a": currency,
        "wb": _money(wallet),
        "cw": _money(wallet - isolated),
        "bc": f"{change:f}",
    }


def _settings(account: engine.Account) -> dict[str, Event]:
    """Tell what is set for each contract for which anything was set."""
    sides = (
        (PositionSide.LONG, PositionSide.SHORT)
        if account.hedge
        else (PositionSide.BOTH, PositionSide.BOTH)
    )
    symbols = [key.partition("/")[0] for key in account.leverages]
    found: dict[str, Event] = {}
    for symbol in dict.fromkeys((*symbols, *account.margin_types)):
        long, short = (account.leverage(symbol, side) for side in sides)
        mode = "isolated" if account.margin_type(symbol) == ISOLATED else "cross"
        found[symbol] = {"s": symbol, "l": long, "S": short, "mt": mode}
    return found
