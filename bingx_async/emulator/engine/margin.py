"""
What an account can still afford.

Margins are set aside within the balance: what is available is the balance, with the unrealised
profit of cross positions, less the initial margins of cross positions, the margins of isolated
ones, and what resting orders that would open something will need. In one-way mode each of these is
held against the whole position, as if it were the only one. Orders that wait for a trigger
set nothing aside; they are looked at when they trigger.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from attrs import frozen

from bingx_async.emulator.engine.accounts import Account
from bingx_async.emulator.engine.orders import OrderRecord
from bingx_async.emulator.engine.positions import money
from bingx_async.emulator.engine.state import State, refuse

__all__ = ["Funds", "afford", "funds", "opening"]

ZERO: Final = Decimal(0)


@frozen
class Funds:
    """
    An account's money in one currency.

    Attributes:
        currency: Which.
        balance: Deposits, realised profit and funding, less fees.
        unrealised: Profit that closing everything at the mark price would realise.
        equity: The balance with the unrealised profit.
        used: Margin of the open positions.
        frozen: Margin set aside for resting orders.
        available: What new orders and transfers can use; may be negative after losses.
    """

    currency: str
    balance: Decimal
    unrealised: Decimal
    equity: Decimal
    used: Decimal
    frozen: Decimal
    available: Decimal


def opening(account: Account, order: OrderRecord) -> Decimal:
    """Tell how much of what is left of an order would open something."""
    if order.reducing:
        return ZERO
    if account.hedge:
        return order.remaining
    held = account.reducible(order.symbol, order.position_side, order.side)
    return max(ZERO, order.remaining - held)


def _needed(account: Account, order: OrderRecord, price: Decimal) -> Decimal:
    leverage = account.leverage(order.symbol, order.position_side)
    return money(opening(account, order) * price / leverage)


def funds(state: State, account: Account, currency: str = "USDT") -> Funds:
    """Work out an account's money in one currency, at the mark prices of this tick."""
    balance = account.balance(currency)
    unrealised = used = lost_or_won = ZERO
    for position in account.positions.values():
        if position.currency != currency:
            continue
        gain = position.unrealised(state.mark_price(position.symbol))
        unrealised += gain
        if position.isolated:
            used += position.margin
        else:
            used += position.initial_margin
            lost_or_won += gain
    frozen_ = sum(
        (
            _needed(account, order, order.price)
            for order in account.open_orders.values()
            if order.rank and order.price and state.book(order.symbol).contract.currency == currency
        ),
        ZERO,
    )
    available = balance + lost_or_won - used - frozen_
    return Funds(currency, balance, unrealised, balance + unrealised, used, frozen_, available)


def afford(state: State, account: Account, order: OrderRecord, price: Decimal) -> None:
    """
    Check that an account can pay for what an order would open at a price.

    Raises:
        Rejected: It cannot.
    """
    needed = _needed(account, order, price)
    if not needed:
        return
    contract = state.book(order.symbol).contract
    fee = money(opening(account, order) * price * (contract.taker_fee_rate or ZERO))
    if needed + fee > funds(state, account, contract.currency).available:
        raise refuse(101204, "Insufficient margin")
