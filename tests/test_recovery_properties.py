"""Every trade is told once, whatever becomes of the messages, the connections and the histories."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any

import attrs
from hypothesis import event, given, settings
from hypothesis import strategies as st

from bingx_async import BingXError
from bingx_async.swap import OrderStatus, TimeInForce
from tests.test_recovery import BUY, ETH, SELL, START, D, World, orders_of
from tests.virtual import run

SHIFT = 10**12
QUIET = 5.0  # after so many seconds, all that is on its way has come


@attrs.frozen
class Act:
    """Somebody trades."""

    what: str
    quantity: D
    place: int


@attrs.frozen
class Wait:
    """Time passes."""

    seconds: float


@attrs.frozen
class Gap:
    """The connection is lost; things happen before there is a new one, and while it is asked."""

    acts: list[Act | Wait]
    meanwhile: dict[str, Act]
    fails: str | None  # a request that fails at first
    cut_after: int | None  # the new connection is lost as well, so many steps later
    lag: float  # how far the history of trades is behind
    order_lag: float  # and the list of orders


quantities = st.integers(1, 20).map(lambda n: D(n) / 100)
acts = st.builds(
    Act,
    what=st.sampled_from(["rest", "hit", "hit", "hit", "take", "cancel", "amend", "ioc", "far"]),
    quantity=quantities,
    place=st.integers(0, 20),
)
waits = st.builds(Wait, seconds=st.sampled_from([0.001, 0.5, 7.0, 30.0, 130.0]))
moments = st.sampled_from(
    [
        f"{when} {method}"
        for when in ("before", "after")
        for method in ("open_orders", "full_orders", "positions", "order", "fill_history")
    ]
)
methods = ["server_time", "open_orders", "full_orders", "balances", "order", "fill_history"]
gaps = st.builds(
    Gap,
    acts=st.lists(acts | waits, max_size=6),
    meanwhile=st.dictionaries(moments, acts, max_size=3),
    fails=st.none() | st.sampled_from(methods),
    cut_after=st.none() | st.integers(1, 12),
    lag=st.sampled_from([0.0, 0.0, 0.0, 0.4, 3.0, 40.0]),
    order_lag=st.sampled_from([0.0, 0.0, 0.0, 0.4, 3.0, 40.0]),
)
steps = st.lists(acts | acts | waits | gaps, max_size=30)
fates = st.lists(
    st.sampled_from(["now"] * 6 + ["lost", "late", "later", "twice", "twice and late"]), max_size=60
)


class Rough(World):
    """A world whose messages are lost, late and doubled."""

    def __init__(self, fates: list[str]) -> None:
        super().__init__()
        self.begun = START
        self.fates = fates
        self.late: list[list[Any]] = []
        self.known: set[int] = set()  # orders of which something has come

    def send(self, message: dict[str, Any]) -> None:
        if self.on_the_way is None:
            return
        fate = self.fates.pop() if self.fates else "now"
        number = message["o"]["i"] if "o" in message else 0
        if number not in self.known and fate == "lost":
            fate = "now"  # of an order of which nothing was ever told, nobody can know
        self.known.add(number)
        ready = [each for each in self.late if not each[0]]
        self.late = [[left - 1, it] for left, it in self.late if left]
        if fate in {"late", "later"}:
            self.late.append([1 if fate == "late" else 4, message])
        elif fate != "lost":
            self.hear(message)
        if fate.startswith("twice"):
            if fate == "twice":
                self.hear(message)
            else:
                self.late.append([2, message])
        for _, it in ready:
            self.hear(it)

    def flush(self) -> None:
        late, self.late = self.late, []
        for _, message in late:
            self.hear(message)

    def lose(self) -> None:
        super().lose()
        self.late.clear()

    def do(self, step: Act | Wait) -> None:
        if isinstance(step, Wait):
            self.wait(step.seconds)
            if step.seconds > QUIET:
                self.flush()
            return
        with suppress(BingXError):
            self.act(step)

    def act(self, act: Act) -> None:
        open_ = list(self.engine.account(self.uid).open_orders)
        order = open_[act.place % len(open_)] if open_ else None
        now = self.exchange.now()
        match act.what:
            case "rest":
                self.rest(act.quantity * 3)
            case "hit":
                self.hit(act.quantity)
            case "take":
                self.place(self.uid, BUY, act.quantity * 4)
            case "ioc":
                self.place(self.uid, BUY, act.quantity * 20, 100_001, time_in_force=TimeInForce.IOC)
            case "far":
                self.place(self.uid, SELL, act.quantity, 4_000, symbol=ETH)
            case "cancel" if order is not None:
                self.cancel(order)
            case "amend" if order is not None:
                self.engine.amend(self.uid, act.quantity * 3, now, order_id=order)

    async def bridge(self, gap: Gap) -> None:
        """Lose the connection, and come back as an account feed does."""
        self.lose()
        for step in gap.acts:
            self.do(step)
        desk = self.desk
        desk.lag, desk.order_lag = timedelta(seconds=gap.lag), timedelta(seconds=gap.order_lag)
        desk.meanwhile = {at: lambda act=act: self.do(act) for at, act in gap.meanwhile.items()}
        if gap.fails:
            desk.failures = {gap.fails: BingXError("it cannot be asked")}
            with suppress(BingXError):
                await self.again()
            desk.failures = {}
        if gap.cut_after is not None:
            task = asyncio.create_task(self.again())
            for _ in range(gap.cut_after):
                await asyncio.sleep(0)
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                self.lose()
        if self.on_the_way is None:
            await self.again()
        desk.meanwhile = {}

    async def again(self) -> None:
        try:
            await self.open(self.recovery.catch_up)
        except BingXError:
            self.lose()
            raise


@settings(max_examples=150, deadline=None)
@given(steps=steps, fates=fates, shifted=st.booleans())
def test_every_trade_is_told_once_and_every_order_ends_as_it_ended(steps, fates, shifted):
    """Also if the history numbers trades in its own way."""

    async def main() -> None:
        world = Rough(list(fates))
        world.desk.shift = SHIFT if shifted else 0
        world.act(Act("rest", D("0.1"), 0))
        world.act(Act("hit", D("0.05"), 0))
        world.wait(1)
        before = len(world.fills)
        world.begun = world.exchange.now()
        await world.begin()
        for step in steps:
            if isinstance(step, Gap):
                await world.bridge(step)
            else:
                world.do(step)
        world.lose()
        world.desk.lag = world.desk.order_lag = timedelta()
        await world.again()
        check(world, world.fills[before:])
        await world.back()
        check(world, world.fills[before:])

    run(main())


def check(world: Rough, fills: list[Any]) -> None:
    by_number = {fill.trade_id + shift: fill for fill in fills for shift in (SHIFT, 0)}
    told = orders_of(world.told)
    trades = [(it, by_number[it.trade_id]) for it in told if it.is_fill]
    event(f"something recovered: {any(it.recovered for it, _ in trades)}")
    assert Counter(fill.trade_id for _, fill in trades) == Counter(fill.trade_id for fill in fills)
    for it, fill in trades:
        assert it.order_id == fill.order_id
        if it.recovered:
            assert (it.last_qty, it.last_price, it.time) == (fill.quantity, fill.price, fill.time)
        assert it.last_qty in {None, fill.quantity}
        if it.last_price is not None:
            assert abs(it.last_price - fill.price) <= fill.price * D("1e-4")
    last = {it.order_id: it for it in told}
    for record in world.engine.account(world.uid).orders:
        if record.time >= world.begun or record.order_id in last:
            status = record.status
            shown = OrderStatus.NEW if status == OrderStatus.PENDING else status
            assert last[record.order_id].status == shown
