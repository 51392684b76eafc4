"""What a trade does to an order, a position and a balance."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from bingx_async.emulator.engine.accounts import ISOLATED, Account, IncomeType
from bingx_async.emulator.engine.events import Filled, OrderChanged, PositionChanged
from bingx_async.emulator.engine.orders import Fill, OrderRecord, Role, signed
from bingx_async.emulator.engine.positions import MarginChange, Position, money, position_key
from bingx_async.emulator.engine.state import State
from bingx_async.emulator.engine.twaps import TwapStatus
from bingx_async.swap.models.common import (
    OrderSide,
    OrderStatus,
    TimeInForce,
    WorkingType,
)
from bingx_async.swap.models.orders import AttachedOrder

__all__ = ["Trade", "change_margin", "settle"]

ZERO: Final = Decimal(0)


class Trade(NamedTuple):
    """A trade, seen from one of its sides."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    role: Role
    level: Decimal | None


class _Change(NamedTuple):
    """What a trade does to one position: the quantity has its sign."""

    price: Decimal
    quantity: Decimal
    fee: Decimal


def settle(state: State, order: OrderRecord, trade: Trade) -> None:
    """Carry out one side of a trade: fee, position, balance, records, and what follows from it."""
    account = state.accounts[order.uid]
    contract = state.book(order.symbol).contract
    rate = contract.maker_fee_rate if trade.role is Role.MAKER else contract.taker_fee_rate
    quote = trade.price * trade.quantity
    fee = fee_left = money(quote * (rate or ZERO))
    before = account.position(order.symbol, order.position_side)
    closing = min(trade.quantity, before.reducible(order.side)) if before else ZERO
    profit = ZERO
    if before is not None and closing:
        part = fee if closing == trade.quantity else money(fee * closing / trade.quantity)
        change = _Change(trade.price, signed(order.side, closing), part)
        profit = _close(state, account, before, change)
        order.position_id = before.position_id
        fee_left = fee - part
    if rest := trade.quantity - closing:
        change = _Change(trade.price, signed(order.side, rest), fee_left)
        position = _open(state, account, order, change)
        order.position_id = position.position_id

    order.executed += trade.quantity
    order.quote += quote
    order.fee += fee
    order.profit += profit
    order.update_time = state.now
    assert order.position_id is not None
    fill = Fill(
        trade_id=trade.trade_id,
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        position_side=order.position_side,
        type=order.type,
        price=trade.price,
        quantity=trade.quantity,
        quote=quote,
        fee=fee,
        profit=profit,
        role=trade.role,
        level=trade.level,
        time=state.now,
        client_order_id=order.client_order_id,
        position_id=order.position_id,
        currency=contract.currency,
    )
    account.fills.append(fill)
    for type_, amount in ((IncomeType.REALIZED_PNL, profit), (IncomeType.TRADING_FEE, -fee)):
        if amount:
            state.post(
                account,
                type_,
                amount,
                contract.currency,
                symbol=order.symbol,
                trade_id=trade.trade_id,
            )
    order.status = OrderStatus.PARTIALLY_FILLED if order.remaining else OrderStatus.FILLED
    state.emit(Filled(order.uid, order, fill, state.now))
    if not order.remaining:
        state.finish(order, OrderStatus.FILLED)
    _advance_twap(state, account, order, fill)
    if before is not None and not before.quantity:
        _release(state, account, before)
    _attach(state, account, order)


def change_margin(
    state: State, account: Account, position: Position, change: Decimal, why: str
) -> None:
    """Set aside more or less for an isolated position, and keep the record of it."""
    position.margin += change
    account.margin_changes.append(
        MarginChange(position.symbol, position.position_id, why, change, position.margin, state.now)
    )


def _close(state: State, account: Account, position: Position, change: _Change) -> Decimal:
    """Take away from a position, which ends if nothing is left; tell the profit."""
    was_long, held = position.is_long, abs(position.quantity)
    profit = position.shrink(change.quantity, change.price)
    position.fee += change.fee
    position.update_time = state.now
    if position.isolated:
        released = (
            money(position.margin * abs(change.quantity) / held)
            if position.quantity
            else position.margin
        )
        change_margin(state, account, position, -released, "ClosePosition")
    if not position.quantity:
        del account.positions[position_key(position.symbol, position.side)]
        account.closed.append(position.ended(was_long=was_long, at=state.now))
    state.emit(PositionChanged(account.uid, position, state.now))
    return profit


def _open(state: State, account: Account, order: OrderRecord, change: _Change) -> Position:
    """Add to a position, which begins if there is none."""
    position = account.position(order.symbol, order.position_side)
    if position is None:
        position = Position(
            position_id=state.next_id(),
            symbol=order.symbol,
            side=order.position_side,
            currency=state.book(order.symbol).contract.currency,
            leverage=account.leverage(order.symbol, order.position_side),
            isolated=account.margin_type(order.symbol) == ISOLATED,
            open_time=state.now,
            update_time=state.now,
        )
        account.positions[position_key(order.symbol, order.position_side)] = position
    position.grow(change.quantity, change.price)
    position.fee += change.fee
    position.update_time = state.now
    if position.isolated:
        margin = money(abs(change.quantity) * change.price / position.leverage)
        change_margin(state, account, position, margin, "OpenPosition")
    state.emit(PositionChanged(account.uid, position, state.now))
    return position


def _release(state: State, account: Account, position: Position) -> None:
    """Cancel the orders that could only make a position smaller which has ended."""
    for order in list(account.open_orders.values()):
        if (
            order.reducing
            and order.symbol == position.symbol
            and order.position_side == position.side
        ):
            state.finish(order, OrderStatus.CANCELLED, "the position has ended")


def _advance_twap(state: State, account: Account, order: OrderRecord, fill: Fill) -> None:
    if order.main_order_id is None:
        return
    main = account.open_twaps[order.main_order_id]
    main.executed += fill.quantity
    main.quote += fill.quote
    main.update_time = state.now
    if not main.remaining:
        main.end(TwapStatus.FILLED, state.now)
        del account.open_twaps[order.main_order_id]


def _attach(state: State, account: Account, order: OrderRecord) -> None:
    """Bring the attached take profit and stop loss to life, as far as their order is filled."""
    for attached in (order.stop_loss, order.take_profit):
        if attached is None:
            continue
        side = OrderSide.SELL if order.side == OrderSide.BUY else OrderSide.BUY
        if not account.reducible(order.symbol, order.position_side, side):
            continue
        covered = min(order.executed, attached.quantity or order.executed)
        children = (state.orders[number] for number in order.children)
        child = next((it for it in children if it.type == attached.type), None)
        if child is None:
            _give_birth(state, account, order, attached, covered)
        elif child.waiting and child.quantity != covered:
            child.quantity = covered
            state.changed(child)


def _give_birth(
    state: State,
    account: Account,
    order: OrderRecord,
    attached: AttachedOrder,
    quantity: Decimal,
) -> None:
    is_stop = attached is order.stop_loss
    child = OrderRecord(
        order_id=state.next_id(),
        uid=order.uid,
        symbol=order.symbol,
        side=OrderSide.SELL if order.side == OrderSide.BUY else OrderSide.BUY,
        position_side=order.position_side,
        type=attached.type,
        quantity=quantity,
        time=state.now,
        update_time=state.now,
        time_in_force=TimeInForce.GTC,
        working_type=attached.working_type or WorkingType.MARK_PRICE,
        leverage=order.leverage,
        hedge=order.hedge,
        price=attached.price,
        stop_price=attached.stop_price,
        stop_guaranteed=attached.stop_guaranteed,
        reduce_only=not order.hedge,
        reducing=True,
        position_id=order.position_id,
        parent_id=order.order_id,
        status=OrderStatus.PENDING,
        above=is_stop != (order.side == OrderSide.BUY),
        waiting=True,
    )
    order.children.append(child.order_id)
    account.add(child)
    state.orders[child.order_id] = child
    state.book(child.symbol).waiting[child.order_id] = child
    state.emit(OrderChanged(child.uid, child, state.now))
