"""Never run: mypy and pyright, both strict, read it, so that users' editors are right."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import datetime
from decimal import Decimal
from typing import Any, assert_type

from bingx_async import (
    AnyGovernor,
    BingX,
    BingXError,
    BucketState,
    Contract,
    Endpoint,
    Governor,
    Leverage,
    LeverageBySide,
    NewOrder,
    Order,
    OrderSide,
    OrderType,
    Permit,
    Plan,
    Position,
    PositionMode,
    PositionSide,
    Quota,
    RateLimited,
    Resumed,
    ServerTime,
    Stream,
)
from bingx_async.emulator import Account, Arrival, Emulator, Faults, uniform
from bingx_async.swap import Fill, Interval, KlineEvent, OrderEvent, PlacedOrders, TradeEvent


async def streams(bingx: BingX) -> None:
    """Every stream gives its event."""
    async for trade in bingx.swap.trades_stream("BTC-USDT"):
        assert_type(trade, TradeEvent)
    async with bingx.swap.klines_stream("BTC-USDT", Interval.MINUTE_1).buffered(10) as klines:
        assert_type(klines, Stream[KlineEvent])
    async for event in bingx.swap.orders_stream().with_gaps():
        assert_type(event, OrderEvent | Resumed)
    bingx.swap.depth_stream("BTC-USDT", 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def calls(bingx: BingX) -> None:
    """Every call gives its model."""
    pending: Coroutine[Any, Any, Leverage] = bingx.swap.leverage("X")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    await pending
    assert_type(await bingx.swap.set_leverage("BTC-USDT", PositionSide.LONG, 10), Leverage)
    assert_type(await bingx.swap.leverage(symbol="BTC-USDT"), LeverageBySide)
    assert_type(await bingx.swap.position_mode(), PositionMode)
    assert_type(await bingx.swap.set_position_mode(dual_side_position=True), PositionMode)
    assert_type(await bingx.swap.contracts(), list[Contract])
    assert_type(await bingx.swap.server_time(), ServerTime)
    await bingx.swap.set_leverage("BTC-USDT", PositionSide.LONG)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await bingx.swap.set_leverage("BTC-USDT", "LONG", 10)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await bingx.swap.leverages("BTC-USDT")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


async def trading(bingx: BingX) -> None:
    """Orders, histories and rules too."""
    order = NewOrder(symbol="BTC-USDT", side=OrderSide.BUY, type=OrderType.MARKET)
    assert_type(await bingx.swap.place_order_once(order), Order)
    assert_type(await bingx.swap.place_orders_once([order]), list[Order | BingXError])
    assert_type(await bingx.swap.place_orders([order]), PlacedOrders)
    async for past in bingx.swap.orders_between("BTC-USDT", 0):
        assert_type(past, Order)
    async for fill in bingx.swap.fills_between("BTC-USDT", 0):
        assert_type(fill, Fill)
    assert_type((await bingx.swap.rules("BTC-USDT")).round_price(Decimal(1)), Decimal)
    assert_type((await bingx.account.uid()).uid, int)
    assert_type(await bingx.user_stream.extend_listen_key("key"), None)
    assert_type(await bingx.swap.income_export(), bytes)
    assert_type(await bingx.swap.positions(), list[Position])
    await bingx.swap.place_order("BTC-USDT", "BUY", OrderType.MARKET)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await bingx.swap.place_order("BTC-USDT", OrderSide.BUY, OrderType.MARKET, quantity=0.1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def models(bingx: BingX) -> None:
    """Every field has its type."""
    contract = (await bingx.swap.contracts())[0]
    assert_type(contract.trade_min_usdt, Decimal)
    assert_type(contract.launch_time, datetime | None)
    assert_type((await bingx.swap.leverage("BTC-USDT")).long_leverage, int)
    assert_type((await bingx.swap.leverage("BTC-USDT")).available_long_vol, Decimal | None)


async def clients() -> None:
    """Clients, views and endpoints."""
    async with BingX("key", "secret", environment="vst", max_wait=1.5) as bingx:
        assert_type(bingx, BingX)
        assert_type(bingx.with_options(max_wait=None, priority=3), BingX)
        assert_type(BingX.endpoints(), dict[str, Endpoint])
        assert_type(bingx.governor, AnyGovernor)
        bingx.with_options(uid="2")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    BingX(environment="test")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def governors(endpoint: Endpoint, error: RateLimited, bingx: BingX) -> None:
    """Permits and snapshots."""
    governor = Governor(limits={"swap.set_leverage": Quota(1, 1.0)})
    async with governor.permit(endpoint, uid="1", max_wait=3) as permit:
        assert_type(permit, Permit)
    states: list[BucketState] = governor.snapshot()
    assert_type((await bingx.governor.snapshot())[0], BucketState)
    assert_type(await governor.plan([(endpoint, 3)]), Plan)
    del states
    assert_type(error.retry_at, datetime | None)
    assert_type(endpoint.quotas, tuple[Quota, ...])


async def emulators() -> None:
    """The exchange in the box."""
    async with Emulator(faults=Faults(way_in=uniform(0, 0.1))) as exchange:
        assert_type(exchange, Emulator)
        assert_type(exchange.account("alice"), Account)
        assert_type(exchange.client("alice"), BingX)
        assert_type(exchange.ledger, list[Arrival])
        assert_type(exchange.worst(Quota(5, 1.0)), int)
