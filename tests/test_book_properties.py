"""The local book equals the exchange's, whatever happens to the messages between them."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal

import attrs
from hypothesis import event, given, settings
from hypothesis import strategies as st

from bingx_async.stream import Inbox, Stream
from bingx_async.swap.book import LocalOrderBook
from bingx_async.swap.book_keeper import BookKeeper, Outcome
from bingx_async.swap.models.events import DepthAction, DepthUpdateEvent
from bingx_async.swap.models.market import Level
from tests.virtual import loop, run

TOPIC = "BTC-USDT@incrDepth"

# Few prices, so that levels come and go and a missed message makes the book cross.
prices = st.integers(1, 12).map(Decimal)
quantities = st.integers(0, 3).map(Decimal)


@attrs.frozen
class Change:
    """What traders do, and what becomes of the messages that tell of it."""

    orders: list[tuple[bool, Decimal, Decimal]]  # whether it bids, its price, what rests there
    lost: bool
    copies: list[int]  # each comes after so many later messages


@attrs.frozen
class Reconnect:
    """The connection is lost; perhaps the exchange numbers anew."""

    renumbered: bool


class Quiet:
    """Everything that is on its way comes."""


orders = st.lists(st.tuples(st.booleans(), prices, quantities), min_size=1, max_size=5)
prompt = st.just([0])
changes = st.builds(
    Change,
    orders=orders,
    lost=st.sampled_from([False] * 9 + [True]),
    copies=prompt | st.lists(st.integers(0, 5), min_size=1, max_size=2),
)
steps = st.lists(
    changes | st.builds(Reconnect, renumbered=st.booleans()) | st.builds(Quiet), max_size=40
)


class Exchange:
    """A book that is always right, and an unreliable channel from it."""

    def __init__(self, snapshots: list[int | None]) -> None:
        self.number = 100
        self.bids: dict[Decimal, Decimal] = {Decimal(3): Decimal(1)}
        self.asks: dict[Decimal, Decimal] = {Decimal(9): Decimal(1)}
        self.inbox = Inbox(TOPIC, name="swap.depth_updates_stream", overflow="raise")
        self.stream: Stream[DepthUpdateEvent] = Stream(self, self.inbox)
        self.seen: Counter[str] = Counter()
        self._snapshots = snapshots  # how late each snapshot comes once more; None loses it
        self._on_the_way: list[tuple[int, DepthUpdateEvent]] = []
        self._were: dict[int, tuple[list[Level], list[Level]]] = {}
        self._shown = 0
        self._remember()

    def levels(self):
        """Return the book as a local one shows it."""
        bids = sorted((Level(*item) for item in self.bids.items()), reverse=True)
        return bids, sorted(Level(*item) for item in self.asks.items())

    def change(self, change: Change) -> None:
        """Let traders do something, and tell of it."""
        bids: dict[Decimal, Decimal] = {}
        asks: dict[Decimal, Decimal] = {}
        for is_bid, price, quantity in change.orders:
            own, other = (self.bids, self.asks) if is_bid else (self.asks, self.bids)
            told, told_other = (bids, asks) if is_bid else (asks, bids)
            own[price] = told[price] = quantity
            for met in list(other) if quantity else []:
                if met <= price if is_bid else met >= price:
                    other[met] = told_other[met] = Decimal(0)
            for side in (self.bids, self.asks):
                for empty in [price for price, quantity in side.items() if not quantity]:
                    del side[empty]
        self.number += 1
        self._remember()
        update = self._message(DepthAction.UPDATE, bids, asks)
        for late in () if change.lost else change.copies:
            self._send(update, late)
        self._pass_on()

    def reconnect(self, *, renumbered: bool) -> None:
        """Lose the connection with all that is on its way, and begin anew."""
        self._on_the_way.clear()
        if renumbered:
            self.number -= 3
            self._shown = 0
            self._were.clear()
            self._remember()
        self.inbox.gap(1.0)
        self._send_all()

    def deliver(self) -> None:
        """Let everything come that is on its way."""
        while self._on_the_way:
            self._pass_on()

    def check(self, book: LocalOrderBook) -> None:
        """A live book is the exchange's own as it was at that number, and never goes back."""
        number = book.last_update_id
        assert book.is_live is (number is not None)
        if number is not None:
            assert number >= self._shown
            self._shown = number
            assert (book.bids, book.asks) == self._were[number]
            assert book.best == (next(iter(book.bids), None), next(iter(book.asks), None))
        else:
            assert (book.bids, book.asks, book.best) == ([], [], (None, None))

    async def join(self, inbox):
        self._send_all()

    def leave(self, inbox):
        self.seen["left"] += 1

    async def resubscribe(self, inbox):
        self.seen["resubscribed"] += 1
        await asyncio.sleep(0.025)
        self.inbox.gap(0.1)
        self._send_all()

    def _remember(self) -> None:
        self._were[self.number] = self.levels()

    def _message(self, action, bids, asks):
        levels = [[Level(*item) for item in side.items()] for side in (bids, asks)]
        return DepthUpdateEvent(TOPIC, action, self.number, *levels)

    def _send_all(self) -> None:
        again = self._snapshots.pop() if self._snapshots else 0
        if again is None:
            self.seen["snapshot lost"] += 1
            return
        update = self._message(DepthAction.ALL, self.bids, self.asks)
        self.inbox.put(update)
        if again:
            self._send(update, again)

    def _send(self, update, late: int) -> None:
        self._on_the_way.append((late, update))

    def _pass_on(self) -> None:
        on_the_way, self._on_the_way = self._on_the_way, []
        for late, update in on_the_way:
            if late:
                self._send(update, late - 1)
            else:
                self.inbox.put(update)


@settings(max_examples=150, deadline=None)
@given(steps=steps, snapshots=st.lists(st.sampled_from([0, 0, 1, 4, None]), max_size=4))
def test_a_live_book_is_the_exchanges_own(steps, snapshots):
    """And it becomes live again, whatever was lost, repeated or out of order."""

    async def watch(exchange, book):
        while True:
            await book.changed()
            exchange.check(book)

    async def settle(exchange, book):
        """A last message comes, so that whatever is missing is noticed."""
        exchange.deliver()
        await asyncio.sleep(0.001)
        exchange.check(book)
        exchange.change(Change([(True, Decimal(1), Decimal(1))], lost=False, copies=[0]))
        await asyncio.sleep(0.001)
        if book.is_live:
            assert (book.bids, book.asks) == exchange.levels()
        await book.live()
        assert (book.bids, book.asks) == exchange.levels()

    async def main():
        before = asyncio.all_tasks()
        exchange = Exchange(snapshots)
        async with LocalOrderBook(exchange.stream) as book:
            watcher = asyncio.create_task(watch(exchange, book))
            for step in [*steps, Quiet()]:
                if isinstance(step, Change):
                    exchange.change(step)
                elif isinstance(step, Reconnect):
                    exchange.reconnect(renumbered=step.renumbered)
                else:
                    await settle(exchange, book)
                await asyncio.sleep(0.001)
                exchange.check(book)
                await asyncio.sleep(0.009)
            assert not watcher.done()
            began = loop().time()
            await settle(exchange, book)
            assert loop().time() - began < 1.0
            watcher.cancel()
            event(f"resyncs: {min(book.resyncs, 4)}")
        for what in exchange.seen:
            event(what)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before

    run(main(), timeout=600)


@given(
    data=st.data(),
    first=st.lists(st.tuples(prices, quantities), unique_by=lambda level: level[0]),
    then=st.lists(st.tuples(prices, quantities), unique_by=lambda level: level[0]),
)
def test_the_order_of_levels_does_not_matter(data, first, then):
    """Any permutation of the levels in a message gives the same book, on either side."""

    def book(first, then):
        keeper = BookKeeper()
        for number, levels in enumerate([first, then]):
            action = DepthAction.UPDATE if number else DepthAction.ALL
            bids = [Level(price, quantity) for price, quantity in levels]
            asks = [Level(price + 100, quantity) for price, quantity in levels]
            update = DepthUpdateEvent(TOPIC, action, number, bids, asks)
            assert keeper.apply(update) is Outcome.APPLIED
        return keeper.bids(), keeper.asks(), keeper.best

    shuffled = [data.draw(st.permutations(levels)) for levels in (first, then)]
    bids, asks, best = book(*shuffled)
    assert (bids, asks, best) == book(first, then)
    expected = {price: quantity for price, quantity in first + then if quantity}
    for price, quantity in then:
        if not quantity:
            expected.pop(price, None)
    assert asks == [(price + 100, expected[price]) for price in sorted(expected)]
    assert bids == [(price, expected[price]) for price in sorted(expected, reverse=True)]


@settings(max_examples=50)
@given(late=st.permutations(range(4)), number=st.integers(0, 2**53))
def test_any_order_of_four_increments_gives_the_same_book(late, number):
    """Three wait at most, so that nothing is lost."""
    keeper = BookKeeper()
    keeper.apply(DepthUpdateEvent(TOPIC, DepthAction.ALL, number))
    for each in late:
        bids = [Level(Decimal(1), Decimal(each + 1)), Level(Decimal(each + 2), Decimal(1))]
        update = DepthUpdateEvent(TOPIC, DepthAction.UPDATE, number + each + 1, bids)
        assert keeper.apply(update) is not Outcome.GAP
    assert (keeper.last_update_id, keeper.is_in_step) == (number + 4, True)
    assert keeper.bids() == [(5, 1), (4, 1), (3, 1), (2, 1), (1, 4)]
