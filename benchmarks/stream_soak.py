"""
Does a reader get all of it, whatever becomes of the connection, and does nothing grow?

An exchange in a process of its own breaks connections, lets them fall silent, says what cannot be
read, refuses, delays, repeats, reorders and loses messages, at seeded moments, and ends listen
keys. Accounts trade over a network that fails as well, while the events of their orders are read;
the books of two contracts are kept, and their trades are read. Every few seconds the exchange is
calm for a moment, and everything is compared:

1. Every fill of every account was told of, and none twice.
2. Both books are the exchange's own. They are compared at each of their changes as well: what a
   book is at a moment follows from the seed.
3. Tasks, sockets, objects and memory do not grow; after the end none are left.

The times after which something is given up are shortened, so that more of them end.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any, Final
from unittest.mock import patch

from attrs import define, field

from benchmarks.measure import resident
from benchmarks.report import Report, options
from benchmarks.stream_exchange import Exchange, seed_of_accounts, seed_of_market
from bingx_async import BingX, BingXError, OrderSide, OrderType, PositionSide, TimeInForce
from bingx_async.emulator import Market
from bingx_async.stream import Resumed
from bingx_async.swap import LocalOrderBook
from bingx_async.swap.models.events import ExecutionType

__all__ = ["Soak", "soak"]

SYMBOLS: Final = ("BTC-USDT", "SOL-USDT")
DEPTH: Final = 100
"""Levels a side of the exchange's books."""
TICK: Final = timedelta(seconds=1)
PATIENCE: Final = 20.0
"""Seconds after which, in calm, all must be well."""


_SOONER: Final[dict[str, float]] = {
    "bingx_async.websocket.SILENCE": 1.0,
    "bingx_async.websocket.WATCH": 0.1,
    "bingx_async.websocket.ACK": 2.0,
    "bingx_async.swap.book._MISSING": 0.5,
    "bingx_async.swap.book._SNAPSHOT": 2.0,
    "bingx_async.swap.book._STEADY": 2.0,
}
_PAUSING: Final = ("websocket", "account_feed", "swap.book")


@contextmanager
def impatient() -> Generator[None]:
    """Let connections be given up sooner, and made again sooner."""
    draw = random.Random(0)

    def pause(_: int) -> float:
        return draw.uniform(0.0, 0.1)

    with ExitStack() as stack:
        for name, seconds in _SOONER.items():
            stack.enter_context(patch(name, seconds))
        for name in _PAUSING:
            stack.enter_context(patch(f"bingx_async.{name}.pause_before", pause))
        yield


@define
class Soak:
    """
    What was seen.

    Attributes:
        seconds: How long it took.
        storm: What was done to connections, and how often.
        counts: What happened, and how often.
        wrongs: What must not have happened.
        calms: How long it took, in calm, until all was well.
        tasks: How many tasks there were, at each calm.
        sockets: How many files were open.
        objects: How many objects the garbage collector knew.
        resident: Memory of this process, in MB.
        left: Tasks and files that are left at the end.
    """

    seconds: float = 0.0
    storm: dict[str, int] = field(factory=dict[str, int])
    counts: Counter[str] = field(factory=Counter[str])
    wrongs: list[str] = field(factory=list[str])
    calms: list[float] = field(factory=list[float])
    tasks: list[int] = field(factory=list[int])
    sockets: list[int] = field(factory=list[int])
    objects: list[int] = field(factory=list[int])
    resident: list[float] = field(factory=list[float])
    left: tuple[int, int] = (0, 0)

    def sample(self) -> None:
        """Note how much there is of everything."""
        gc.collect()
        self.tasks.append(len(asyncio.all_tasks()))
        self.sockets.append(_files())
        self.objects.append(len(gc.get_objects()))
        self.resident.append(resident())


class Trader:
    """An account that trades, and reads what it is told of its orders."""

    def __init__(self, bingx: BingX, soak_: Soak, *, seed: int, draw: random.Random) -> None:
        self.told: list[int] = []
        self._bingx = bingx
        self._soak = soak_
        self._seed = seed
        self._draw = draw
        self._may_trade = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self.forget()

    def forget(self) -> None:
        """Forget what is known, since what a judge remembers would be taken for a leak."""
        self.told.clear()
        self._market = Market(self._seed)

    def go(self) -> None:
        """Trade from now on."""
        self._may_trade.set()

    async def rest(self) -> None:
        """Trade no more, and have no order open."""
        self._may_trade.clear()
        await self._is_idle.wait()
        for symbol in SYMBOLS:
            await self._try("cancel all", self._bingx.swap.cancel_all_orders(symbol))

    async def read(self, ready: asyncio.Event) -> None:
        """Read the events of all orders."""
        counts = self._soak.counts
        async with self._bingx.swap.orders_stream() as orders:
            ready.set()
            async for event in orders.with_gaps():
                if isinstance(event, Resumed):
                    counts["gaps in orders"] += 1
                    continue
                counts["events of orders"] += 1
                if event.execution_type is ExecutionType.TRADE:
                    self.told.append(event.trade_id or 0)
                    counts["fills that were fetched"] += event.recovered

    async def trade(self) -> None:
        """Place and cancel orders."""
        draw, swap = self._draw, self._bingx.swap
        while True:
            await self._may_trade.wait()
            self._is_idle.clear()
            symbol = draw.choice(SYMBOLS)
            action = draw.random()
            if action < 0.55:
                await self._try("market order", self._place(symbol, OrderType.MARKET))
            elif action < 0.95:
                await self._try("limit order", self._place(symbol, OrderType.LIMIT))
            else:
                await self._try("cancel all", swap.cancel_all_orders(symbol))
            self._is_idle.set()
            await asyncio.sleep(draw.uniform(0.0, 0.3))

    async def _place(self, symbol: str, kind: OrderType) -> None:
        draw = self._draw
        is_long = draw.random() < 1 / 2
        quantity = Decimal(draw.randint(10, 5000)) / 1000
        price = None
        if kind is OrderType.LIMIT:
            now = self._market.price(symbol, datetime.now(UTC))
            step = Decimal(1).scaleb(-self._market.contract(symbol).price_precision)
            price = now + step * draw.randint(-20, 20)
        await self._bingx.swap.place_order(
            symbol,
            OrderSide.BUY if is_long else OrderSide.SELL,
            kind,
            position_side=PositionSide.LONG if is_long else PositionSide.SHORT,
            quantity=quantity.quantize(Decimal("0.01")),
            price=price,
            time_in_force=TimeInForce.GTC if price is not None else None,
        )

    async def _try(self, what: str, call: Any) -> None:
        try:
            await call
            self._soak.counts[what] += 1
        except BingXError as exc:
            self._soak.counts[f"{what}: {type(exc).__name__}"] += 1


class Bookkeeper:
    """A book that is compared with the exchange's own at each change."""

    def __init__(self, book: LocalOrderBook, soak_: Soak, seed: int) -> None:
        self.book = book
        self._soak = soak_
        self._seed = seed
        self.forget()

    def forget(self) -> None:
        """Forget all prices, since what a judge remembers would be taken for a leak."""
        self._market = Market(self._seed)

    async def watch(self) -> None:
        """Compare for ever."""
        while True:
            await self.book.changed()
            if self.book.is_live:
                self._soak.counts["books compared"] += 1
                if not self.is_right():
                    at = self.book.last_update_id
                    self._soak.wrongs.append(f"the book of {self.book.symbol} is wrong at {at}")

    def is_right(self) -> bool:
        """Tell whether the book is what it was on the exchange when it was told of last."""
        book = self.book
        if book.time is None:
            return False
        # A snapshot is as of the last change, which may be a tick older than the message.
        moments = (book.time, book.time - TICK)
        mine = (book.bids, book.asks)
        return any(mine == self._market.levels(book.symbol, at, DEPTH) for at in moments)

    def is_fresh(self, since: float) -> bool:
        """Tell whether the book is right, and newer than a moment."""
        time_ = self.book.time
        return time_ is not None and time_.timestamp() > since and self.is_right()


async def _read_trades(bingx: BingX, symbol: str, counts: Counter[str]) -> None:
    events: AsyncIterator[Any] = bingx.swap.trades_stream(symbol).with_gaps()
    async for event in events:
        counts["gaps in trades" if isinstance(event, Resumed) else "trades"] += 1


async def soak(*, seed: int, seconds: float, calm_every: float, accounts: int) -> Soak:
    """
    Read for a long time.

    Args:
        seed: Of what goes wrong, and of what accounts do.
        seconds: For how long.
        calm_every: Seconds from one calm to the next.
        accounts: How many trade.
    """
    result = Soak()
    gc.collect()
    exchange = await Exchange.start(seed=seed, accounts=accounts)
    try:
        tasks, files = len(asyncio.all_tasks()), _files()
        with impatient():
            await _soak(result, exchange, seed=seed, seconds=seconds, calm_every=calm_every)
        await asyncio.sleep(0.2)  # sockets are closed one turn of the event loop later
        result.left = len(asyncio.all_tasks()) - tasks, _files() - files
    finally:
        await exchange.stop()
    return result


async def _soak(
    result: Soak, exchange: Exchange, *, seed: int, seconds: float, calm_every: float
) -> None:
    draw, began = random.Random(f"soak/{seed}"), time.monotonic()
    async with AsyncExitStack() as stack:
        public = await stack.enter_async_context(BingX(base_url=exchange.market))
        traders: list[Trader] = []
        for api_key, secret, uid in exchange.keys:
            bingx = BingX(api_key, secret, uid=uid, base_url=exchange.accounts)
            await stack.enter_async_context(bingx)
            own = random.Random(draw.random())
            traders.append(Trader(bingx, result, seed=seed_of_accounts(seed), draw=own))
        books = [
            Bookkeeper(
                await stack.enter_async_context(public.swap.book(symbol)),
                result,
                seed_of_market(seed),
            )
            for symbol in SYMBOLS
        ]
        ready = [asyncio.Event() for _ in traders]
        tasks = [
            *(asyncio.create_task(it.read(go)) for it, go in zip(traders, ready, strict=True)),
            *(asyncio.create_task(each.trade()) for each in traders),
            *(asyncio.create_task(each.watch()) for each in books),
            *(asyncio.create_task(_read_trades(public, it, result.counts)) for it in SYMBOLS),
        ]
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*(each.wait() for each in ready))
            while time.monotonic() - began < seconds and not any(task.done() for task in tasks):
                await exchange.storm()
                for each in traders:
                    each.go()
                await asyncio.wait(tasks, timeout=calm_every, return_when=asyncio.FIRST_COMPLETED)
                result.storm = await exchange.calm()
                await asyncio.gather(*(each.rest() for each in traders))
                await _compare(result, exchange, traders, books)
                for keeper in books:
                    keeper.forget()
                result.sample()
        finally:
            for task in tasks:
                if task.done() and not task.cancelled():
                    result.wrongs.append(f"a stream ended: {task.exception()!r}")
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            result.seconds = time.monotonic() - began


async def _compare(
    result: Soak, exchange: Exchange, traders: list[Trader], books: list[Bookkeeper]
) -> None:
    """Wait until everything is as on the exchange."""
    loop = asyncio.get_running_loop()
    began, since = loop.time(), await exchange.now()
    while True:
        fills = await exchange.fills()
        wrong = [f"the book of {it.book.symbol}" for it in books if not it.is_fresh(since)]
        wrong += [
            f"{len(set(done) - set(it.told))} fills of {len(done)} of an account"
            for it, done in zip(traders, fills, strict=True)
            if set(done) != set(it.told)
        ]
        if not wrong or loop.time() - began > PATIENCE:
            break
        await asyncio.sleep(0.05)
    result.calms.append(loop.time() - began)
    result.wrongs += [f"not as on the exchange: {each}" for each in wrong]
    if twice := sum(len(it.told) - len(set(it.told)) for it in traders):
        result.wrongs.append(f"{twice} fills were told twice")
    result.counts["fills"] += sum(map(len, fills))
    if not wrong:  # from here on, what is told again of those is one too many
        await exchange.agree()
        for it in traders:
            it.forget()


def _files() -> int:
    """Return how many files and sockets are open, or 0 where nobody tells."""
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return 0


def quarters(samples: Sequence[float]) -> list[float]:
    """Return the medians of the quarters."""
    size = max(1, len(samples) // 4)
    return [median(samples[place * size : (place + 1) * size] or samples) for place in range(4)]


def show(report: Report, result: Soak) -> None:
    """Print what was seen."""
    calms = sorted(result.calms) or [0.0]
    report.table(
        f"In {result.seconds:.0f} s",
        ["", "so many"],
        [
            *([f"connections {what}" if what != "keys ended" else what, f"{count:,}"]
              for what, count in result.storm.items()),
            *([what, f"{count:,}"] for what, count in sorted(result.counts.items())),
            ["moments of calm", str(len(result.calms))],
            ["until all was well, median, s", f"{median(calms):.2f}"],
            ["longest, s", f"{calms[-1]:.2f}"],
        ],
    )  # fmt: skip
    growth: dict[str, tuple[Sequence[float], float]] = {
        "tasks": (result.tasks, 2.0),
        "files and sockets": (result.sockets, 4.0),
        "objects of the garbage collector": (result.objects, 5_000.0),
        "memory, MB": (result.resident, 2.0),
    }
    report.table(
        "At the moments of calm; medians of the quarters",
        ["", "1st", "2nd", "3rd", "4th"],
        [
            [name, *(f"{value:,.1f}" for value in quarters(samples))]
            for name, (samples, _) in growth.items()
        ],
    )
    for wrong, count in Counter(result.wrongs).most_common(20):
        report.note(f"\n  {wrong} ({count} times)")
    report.fact("every fill is told once, and all books are right", not result.wrongs)
    report.fact("something was read", result.counts["fills"] > 0 < result.counts["books compared"])
    report.fact("no task and no socket is left at the end", max(result.left) <= 0)
    for name, (samples, limit) in growth.items():
        _, second, _, last = quarters(samples)
        report.at_most(
            f"growth of {name} from the second quarter to the last",
            last - second,
            limit,
            form=".1f",
        )


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long")
    arguments = parser.parse_args()
    quick: bool = arguments.quick
    seconds = 8.0 if quick else 60 * arguments.minutes
    report = Report(f"stream_soak: {seconds:.0f} s of storm and calm", quick=quick)
    calm_every = 3.0 if quick else 10.0
    result = asyncio.run(
        soak(seed=arguments.seed, seconds=seconds, calm_every=calm_every, accounts=3)
    )
    show(report, result)
    report.close()


if __name__ == "__main__":
    main()
