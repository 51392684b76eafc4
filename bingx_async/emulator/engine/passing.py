"""What happens as time passes."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Final

from bingx_async.emulator.engine.accounts import Account, IncomeType
from bingx_async.emulator.engine.events import PositionChanged
from bingx_async.emulator.engine.feed import whole
from bingx_async.emulator.engine.matching import cross
from bingx_async.emulator.engine.placing import accept, check
from bingx_async.emulator.engine.positions import money
from bingx_async.emulator.engine.state import State
from bingx_async.emulator.engine.triggers import watch
from bingx_async.emulator.engine.twaps import TwapRecord, TwapStatus
from bingx_async.errors import ApiError
from bingx_async.swap.models.common import OrderSide, OrderStatus, OrderType, TimeInForce
from bingx_async.swap.models.orders import NewOrder

__all__ = ["advance", "slice_now"]

_PER_CENT: Final = Decimal("0.01")


def advance(state: State, now: datetime) -> datetime:
    """
    Let time pass up to a moment; one that has passed already changes nothing.

    At one moment funding is charged first, then the kill switches act, resting orders are filled,
    triggers fire, and TWAP slices come last.

    Returns:
        The moment that it is now, in UTC, in whole milliseconds.
    """
    now = whole(now)
    if now <= state.now:
        return state.now
    funding = list(state.market.funding_times(state.now, now))[::-1]
    while (at := _next(state, funding)) is not None and at <= now:
        state.now = at
        if funding and funding[-1] == at:
            funding.pop()
            _charge_funding(state)
        for account in state.accounts.values():
            if account.cancel_at is not None and account.cancel_at <= at:
                _cancel_all(state, account)
        if state.tick == at:
            _pass_tick(state)
        for account in state.accounts.values():
            for main in list(account.open_twaps.values()):
                if main.next_slice is not None and main.next_slice <= at:
                    slice_now(state, account, main)
    state.now = now
    return now


def _next(state: State, funding: list[datetime]) -> datetime | None:
    """Tell the next moment at which something may happen."""
    moments = funding[-1:]
    if any(not book.is_idle for book in state.books.values()):
        moments.append(state.tick + state.market.tick)
    for account in state.accounts.values():
        if account.cancel_at is not None:
            moments.append(account.cancel_at)
        moments += [it.next_slice for it in account.open_twaps.values() if it.next_slice]
    return min(moments, default=None)


def _pass_tick(state: State) -> None:
    busy = [book for book in state.books.values() if not book.is_idle]
    for book in sorted(busy, key=lambda book: book.symbol):
        cross(state, book)
        if book.waiting:
            watch(state, book)


def _charge_funding(state: State) -> None:
    for account, position in list(state.positions()):
        rate = state.market.funding_rate(position.symbol, state.now)
        amount = money(-position.quantity * state.mark_price(position.symbol) * rate)
        if amount:
            position.funding += amount
            position.update_time = state.now
            state.post(
                account,
                IncomeType.FUNDING_FEE,
                amount,
                position.currency,
                symbol=position.symbol,
            )
            state.emit(PositionChanged(account.uid, position, state.now))


def _cancel_all(state: State, account: Account) -> None:
    account.cancel_at = None
    for order in list(account.open_orders.values()):
        state.finish(order, OrderStatus.CANCELLED, "the kill switch acted")


def slice_now(state: State, account: Account, main: TwapRecord) -> None:
    """Place the slice of a TWAP order that is due, and note when the next one is."""
    if (state.now - main.time).total_seconds() >= main.max_duration:
        main.end(TwapStatus.RESIDUE_FAILED if main.executed else TwapStatus.FAILED, state.now)
        del account.open_twaps[main.main_order_id]
        return
    main.next_slice = state.now + timedelta(seconds=main.interval)
    buying = main.side == OrderSide.BUY
    price = state.market.price(main.symbol, state.tick)
    if price > main.trigger_price if buying else price < main.trigger_price:
        return
    new = NewOrder(
        symbol=main.symbol,
        side=main.side,
        type=OrderType.LIMIT,
        position_side=main.position_side,
        quantity=min(main.amount_per_order, main.remaining),
        price=_slice_price(state, main),
        time_in_force=TimeInForce.IOC,
    )
    try:
        order = check(state, account, new, minimums=False)
    except ApiError:
        return  # such as too little margin: the next slice may fare better
    order.main_order_id = main.main_order_id
    main.slices.append(accept(state, account, order).order_id)


def _slice_price(state: State, main: TwapRecord) -> Decimal:
    """Tell the limit of a slice: the best price of the other side, and the variance beyond it."""
    buying = main.side == OrderSide.BUY
    bids, asks = state.market.levels(main.symbol, state.tick, 1)
    offered = asks if buying else bids
    best = offered[0].price if offered else state.market.price(main.symbol, state.tick)
    distance = main.price_variance
    if main.price_type == "percentage":
        distance = best * main.price_variance * _PER_CENT
    step = Decimal(1).scaleb(-state.book(main.symbol).contract.price_precision)
    limit = best + distance if buying else best - distance
    return max(step, limit.quantize(step, ROUND_DOWN if buying else ROUND_UP))
