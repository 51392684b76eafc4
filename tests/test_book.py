"""The local order book: its rules one by one, and how it is kept from a stream."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bingx_async.errors import TransportError
from bingx_async.stream import Inbox, Stream
from bingx_async.swap import book as book_module
from bingx_async.swap.book import LocalOrderBook
from bingx_async.swap.book_keeper import Best, BookKeeper, Outcome, Top
from bingx_async.swap.models.events import DepthAction, DepthUpdateEvent
from bingx_async.swap.models.market import Level
from tests import virtual

APPLIED, HELD, IGNORED, GAP = Outcome.APPLIED, Outcome.HELD, Outcome.IGNORED, Outcome.GAP
TOPIC = "BTC-USDT@incrDepth"


def level(price, quantity=1):
    return Level(Decimal(str(price)), Decimal(str(quantity)))


def when(number):
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)


def message(action, number, bids=(), asks=()):
    return DepthUpdateEvent(
        TOPIC,
        action,
        number,
        [level(*each) for each in bids],
        [level(*each) for each in asks],
        when(number),
    )


def whole(number, bids=((99, 1), (98, 2)), asks=((101, 1), (102, 2))):
    return message(DepthAction.ALL, number, bids, asks)


def change(number, bids=(), asks=()):
    return message(DepthAction.UPDATE, number, bids, asks)


def kept(*updates):
    """Return a keeper that was given these updates."""
    keeper = BookKeeper()
    for update in updates:
        keeper.apply(update)
    return keeper


def prices(levels):
    return [int(each.price) for each in levels]


# --- the rules ------------------------------------------------------------------------------------


def test_a_snapshot_is_the_book():
    """It is sorted, best levels first, and has the number and time of the snapshot."""
    keeper = BookKeeper()
    assert keeper.apply(whole(10, bids=[(98, 2), (99, 1)], asks=[(102, 2), (101, 1)])) is APPLIED
    assert keeper.bids() == [level(99, 1), level(98, 2)]
    assert keeper.asks() == [level(101, 1), level(102, 2)]
    assert keeper.best == Best(level(99, 1), level(101, 1))
    assert (keeper.last_update_id, keeper.time) == (10, when(10))
    assert keeper.is_in_step


def test_a_new_keeper_is_empty_and_not_in_step():
    """Until the first snapshot."""
    keeper = BookKeeper()
    assert (keeper.bids(), keeper.asks(), keeper.best) == ([], [], Best(None, None))
    assert not keeper.is_in_step


def test_an_increment_sets_adds_and_removes_levels():
    """A quantity of 0 removes, any other is the new quantity."""
    keeper = kept(whole(10))
    update = change(11, bids=[(99, 0), (98, "2.5"), (97, 3)], asks=[(100, 4), (102, "0.0000")])
    assert keeper.apply(update) is APPLIED
    assert keeper.bids() == [level(98, "2.5"), level(97, 3)]
    assert keeper.asks() == [level(100, 4), level(101, 1)]
    assert (keeper.last_update_id, keeper.time) == (11, when(11))


def test_one_price_may_be_written_in_two_ways():
    """A level is found by the value of its price."""
    keeper = kept(whole(10, asks=[("101.0", 1)]))
    keeper.apply(change(11, asks=[("101.00", 0)]))
    assert keeper.asks() == []


def test_removing_what_is_not_there_changes_nothing():
    """The exchange may forget levels that it never told of."""
    keeper = kept(whole(10))
    assert keeper.apply(change(11, bids=[(50, 0)])) is APPLIED
    assert prices(keeper.bids()) == [99, 98]


def test_a_snapshot_has_no_empty_levels():
    """Levels without a quantity are left out."""
    assert prices(kept(whole(10, bids=[(99, 0), (98, 2)])).bids()) == [98]


def test_a_snapshot_replaces_the_book_at_any_time():
    """Nothing of the book before is left."""
    keeper = kept(whole(10), whole(20, bids=[(90, 1)], asks=[(91, 1)]))
    assert (prices(keeper.bids()), prices(keeper.asks())) == ([90], [91])
    assert keeper.last_update_id == 20
    assert keeper.apply(change(21)) is APPLIED


def test_as_many_levels_as_are_asked_for():
    """The best ones, or all there are."""
    keeper = kept(whole(10))
    assert prices(keeper.bids(1)) == [99]
    assert prices(keeper.asks(1)) == [101]
    assert prices(keeper.bids(5)) == [99, 98]
    assert prices(keeper.asks(5)) == [101, 102]


@pytest.mark.parametrize("number", [9, 10])
def test_an_old_increment_is_ignored(number):
    """The book has it already."""
    keeper = kept(whole(10))
    assert keeper.apply(change(number, bids=[(99, 7)])) is IGNORED
    assert keeper.best.bid == level(99, 1)
    assert keeper.is_in_step


def test_an_early_increment_is_held_until_its_turn():
    """Meanwhile the book is not in step."""
    keeper = kept(whole(10))
    assert keeper.apply(change(12, bids=[(99, 7)])) is HELD
    assert not keeper.is_in_step
    assert keeper.best.bid == level(99, 1)
    assert keeper.apply(change(11, bids=[(99, 5)])) is APPLIED
    assert keeper.best.bid == level(99, 7)
    assert (keeper.last_update_id, keeper.time) == (12, when(12))
    assert keeper.is_in_step


def test_three_increments_are_put_in_order():
    """In whichever order they come."""
    keeper = kept(whole(10))
    assert [keeper.apply(change(number)) for number in (14, 12, 13)] == [HELD] * 3
    assert keeper.apply(change(11)) is APPLIED
    assert keeper.last_update_id == 14


def test_what_is_held_waits_for_each_hole():
    """An increment that comes in time does not let others pass."""
    keeper = kept(whole(10), change(12), change(14))
    keeper.apply(change(11))
    assert (keeper.last_update_id, keeper.is_in_step) == (12, False)
    keeper.apply(change(13))
    assert (keeper.last_update_id, keeper.is_in_step) == (14, True)


def test_a_fourth_held_increment_is_a_gap():
    """The book is emptied, and waits for a snapshot."""
    keeper = kept(whole(10), change(12), change(13), change(14))
    assert keeper.apply(change(15)) is GAP
    assert keeper.gap == "11 did not come"
    assert (keeper.bids(), keeper.asks(), keeper.last_update_id) == ([], [], None)
    assert keeper.apply(change(16)) is HELD
    assert keeper.apply(whole(15)) is APPLIED
    assert keeper.last_update_id == 16


def test_what_is_held_is_not_counted_twice():
    """A repeated increment is no fourth one."""
    keeper = kept(whole(10), change(12), change(13), change(14))
    assert keeper.apply(change(13)) is IGNORED
    assert keeper.apply(change(11)) is APPLIED
    assert keeper.last_update_id == 14


def test_increments_before_the_snapshot_are_held_the_newest_three():
    """They are no gap, however many come."""
    keeper = BookKeeper()
    assert [keeper.apply(change(number)) for number in range(9, 14)] == [HELD] * 5
    assert keeper.apply(change(10)) is IGNORED
    assert not keeper.is_in_step
    assert keeper.apply(whole(10)) is APPLIED
    assert (keeper.last_update_id, keeper.is_in_step) == (13, True)


def test_a_snapshot_drops_what_is_held_and_older():
    """It is in the snapshot."""
    keeper = kept(change(8, bids=[(99, 7)]), change(10, bids=[(99, 8)]), whole(10))
    assert keeper.best.bid == level(99, 1)
    assert keeper.is_in_step


def test_a_snapshot_leaves_held_what_is_further_ahead():
    """The book is out of step until the hole is filled."""
    keeper = kept(change(12), whole(10))
    assert not keeper.is_in_step
    keeper.apply(change(11))
    assert (keeper.last_update_id, keeper.is_in_step) == (12, True)


@pytest.mark.parametrize("bid", [101, 102])
def test_a_crossed_book_is_a_gap(bid):
    """Something was missed, though no number tells of it."""
    keeper = kept(whole(10))
    assert keeper.apply(change(11, bids=[(bid, 1)])) is GAP
    assert keeper.gap == "best bid and ask cross at 11"
    assert keeper.last_update_id is None


def test_a_crossed_snapshot_is_a_gap():
    """A snapshot is believed no more than an increment."""
    assert BookKeeper().apply(whole(10, bids=[(5, 1)], asks=[(4, 1)])) is GAP


def test_a_book_may_cross_in_the_middle_of_a_message():
    """What counts is the book after it."""
    keeper = kept(whole(10))
    assert keeper.apply(change(11, bids=[(101, 1)], asks=[(101, 0)])) is APPLIED
    assert keeper.best == Best(level(101, 1), level(102, 2))


def test_a_side_may_be_empty():
    """A book without bids is not crossed."""
    keeper = kept(whole(10))
    assert keeper.apply(change(11, bids=[(99, 0), (98, 0)])) is APPLIED
    assert keeper.best == Best(None, level(101, 1))


def test_a_snapshot_older_than_the_book_is_a_gap():
    """It came late, or the numbers begin anew: a fresh one tells."""
    keeper = kept(whole(10))
    assert keeper.apply(whole(9)) is GAP
    assert keeper.gap == "a snapshot 9 came after 10"
    assert keeper.apply(whole(3)) is APPLIED


def test_an_unknown_action_is_a_gap():
    """Nobody knows what it does to the book."""
    keeper = kept(whole(10))
    assert keeper.apply(message(DepthAction("merge"), 11)) is GAP
    assert keeper.gap == "nobody knows what 'merge' means"


# --- kept from a stream ---------------------------------------------------------------------------


class Exchange:
    """One topic of an exchange, and the stream of it."""

    def __init__(self, *first, on_resubscribe=()) -> None:
        self.first = first
        self.on_resubscribe = on_resubscribe
        self.resubscribed: list[float] = []
        self.refusal: Exception | None = None
        self.tells_of_gaps = True
        self.left = False
        self.inbox = Inbox(TOPIC, name="swap.depth_updates_stream", overflow="raise")
        self.stream: Stream[DepthUpdateEvent] = Stream(self, self.inbox)

    async def join(self, inbox):
        self.tell(*self.first)

    def leave(self, inbox):
        self.left = True

    async def resubscribe(self, inbox):
        self.resubscribed.append(virtual.loop().time())
        if self.refusal is not None:
            raise self.refusal
        await asyncio.sleep(0.125)
        if self.tells_of_gaps:
            self.inbox.gap(0.5)
        self.tell(*self.on_resubscribe)

    def tell(self, *updates):
        for update in updates:
            self.inbox.put(update)

    async def told(self, *updates):
        """Tell of these updates, and let the book take them in."""
        self.tell(*updates)
        await asyncio.sleep(0.001)


@pytest.fixture
def run(monkeypatch):
    """Run a coroutine in virtual time, with pauses at their limit, and see that no task is left."""
    monkeypatch.setattr(book_module, "pause_before", lambda repetition: 0.25 * 2**repetition)

    async def alone(main):
        before = asyncio.all_tasks()
        result = await main
        assert asyncio.all_tasks() == before
        assert virtual.loop().timers == 1
        return result

    return lambda main: virtual.run(alone(main), timeout=600)


def test_a_book_is_opened_with_its_snapshot(run):
    """Entering waits for it."""

    async def main():
        exchange = Exchange()
        asyncio.get_running_loop().call_later(3.0, exchange.tell, whole(10))
        async with LocalOrderBook(exchange.stream) as book:
            assert virtual.loop().time() >= 1003.0
            assert book.is_live
            assert book.symbol == "BTC-USDT"
            assert book.bids == [level(99, 1), level(98, 2)]
            assert book.asks == [level(101, 1), level(102, 2)]
            assert book.best == Best(level(99, 1), level(101, 1))
            assert book.top(1) == Top([level(99, 1)], [level(101, 1)])
            assert (book.last_update_id, book.time) == (10, when(10))
            assert (book.resyncs, exchange.resubscribed) == (0, [])
            assert repr(book) == "<LocalOrderBook BTC-USDT live at 10>"
        assert exchange.left

    run(main())


def test_a_top_has_at_least_one_level(run):
    """Zero levels is a slip."""

    async def main():
        async with LocalOrderBook(Exchange(whole(10)).stream) as book:
            with pytest.raises(ValueError, match="at least 1, not 0"):
                book.top(0)

    run(main())


def test_what_is_read_is_the_callers_own(run):
    """Changing a list does not change the book."""

    async def main():
        async with LocalOrderBook(Exchange(whole(10)).stream) as book:
            book.bids.clear()
            book.top(2).asks.clear()
            assert (len(book.bids), len(book.asks)) == (2, 2)

    run(main())


def test_every_waiter_sees_a_change(run):
    """Several tasks can wait for the next change."""

    async def main():
        exchange = Exchange(whole(10))
        async with LocalOrderBook(exchange.stream) as book:
            waiters = [asyncio.create_task(book.changed()) for _ in range(3)]
            await asyncio.sleep(1)
            assert not any(waiter.done() for waiter in waiters)
            exchange.tell(change(11, bids=[(99, 5)]))
            await asyncio.gather(*waiters)
            assert book.best.bid == level(99, 5)

    run(main())


def test_a_waiter_that_gives_up_disturbs_nobody(run):
    """Others still see the change."""

    async def main():
        exchange = Exchange(whole(10))
        async with LocalOrderBook(exchange.stream) as book:
            other = asyncio.create_task(book.changed())
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(book.changed(), 1)
            exchange.tell(change(11))
            await other

    run(main())


def test_what_changes_nothing_wakes_nobody(run):
    """A repeated message is no change."""

    async def main():
        exchange = Exchange(whole(10))
        async with LocalOrderBook(exchange.stream) as book:
            waiter = asyncio.create_task(book.changed())
            await asyncio.sleep(1)
            await exchange.told(change(10), whole(10))
            assert not waiter.done()
            exchange.tell(change(11))
            await waiter

    run(main())


def test_nothing_is_shown_while_an_increment_is_missing(run):
    """Waiters see the book go, and come back."""

    async def main():
        exchange = Exchange(whole(10))
        async with LocalOrderBook(exchange.stream) as book:
            exchange.tell(change(12))
            await book.changed()
            assert not book.is_live
            assert (book.bids, book.asks, book.top(3)) == ([], [], Top([], []))
            assert book.best == Best(None, None)
            assert (book.last_update_id, book.time) == (None, None)
            assert repr(book) == "<LocalOrderBook BTC-USDT not live>"
            exchange.tell(change(11))
            await book.live()
            assert (book.last_update_id, book.resyncs) == (12, 0)
        assert exchange.resubscribed == []

    run(main())


def test_a_gap_is_mended_with_a_snapshot(run, caplog):
    """The exchange is asked for one, once, and one line says so."""

    async def main():
        exchange = Exchange(whole(10), on_resubscribe=[change(16), whole(16), change(17)])
        async with LocalOrderBook(exchange.stream) as book:
            exchange.tell(*(change(number) for number in (12, 13, 14, 15)))
            await book.changed()
            assert not book.is_live
            await book.live()
            await asyncio.sleep(60)
            assert (book.last_update_id, book.resyncs) == (17, 1)
        assert exchange.resubscribed == [1000.0]

    with caplog.at_level(logging.WARNING, "bingx_async"):
        run(main())
    assert caplog.messages == ["BTC-USDT: the book begins anew: 11 did not come"]


def test_a_missing_increment_is_waited_for_two_seconds(run):
    """A market that falls quiet does not leave the book out of step."""

    async def main():
        exchange = Exchange(whole(10), on_resubscribe=[whole(12)])
        async with LocalOrderBook(exchange.stream) as book:
            await exchange.told(change(12))
            await asyncio.sleep(1.5)
            await exchange.told(change(13))  # which does not begin the wait anew
            assert exchange.resubscribed == []
            await book.live()
            assert exchange.resubscribed == [pytest.approx(1002.0)]
            assert (book.last_update_id, book.resyncs) == (12, 1)

    run(main())


def test_a_hole_behind_a_snapshot_is_waited_for_as_well(run):
    """The book is not in step before it is filled."""

    async def main():
        exchange = Exchange(whole(10), on_resubscribe=[change(22), whole(20)])
        async with LocalOrderBook(exchange.stream) as book:
            await exchange.told(change(11, bids=[(200, 1)]))
            await asyncio.sleep(1)
            assert not book.is_live
            exchange.on_resubscribe = [whole(30)]
            await book.live()
            assert (book.last_update_id, book.resyncs) == (30, 1)
            assert exchange.resubscribed == [1000.0, 1002.375]  # 0.125 s + 2 s + a pause

    run(main())


def test_a_snapshot_is_waited_for_ten_seconds(run):
    """Then it is asked for again, and each time a pause goes before as well."""

    async def main():
        exchange = Exchange(on_resubscribe=[])
        asyncio.get_running_loop().call_later(35.0, exchange.tell, whole(10))
        async with LocalOrderBook(exchange.stream) as book:
            assert virtual.loop().time() == pytest.approx(1035.0)
            assert book.resyncs == 0
        assert exchange.resubscribed == [1010.0, 1020.375, 1031.0]

    run(main())


def test_a_silent_exchange_is_asked_every_ten_seconds(run):
    """Even if it does not say that it has subscribed anew."""

    async def main():
        exchange = Exchange(whole(10))
        exchange.tells_of_gaps = False
        async with LocalOrderBook(exchange.stream) as book:
            exchange.inbox.gap(1.0)
            await asyncio.sleep(25)
            assert not book.is_live
            assert exchange.resubscribed == [1010.0, 1020.375]

    run(main())


def test_a_lost_connection_empties_the_book_until_the_next_snapshot(run, caplog):
    """The stream subscribes again by itself, so nothing is asked for."""

    async def main():
        exchange = Exchange(whole(10))
        async with LocalOrderBook(exchange.stream) as book:
            exchange.inbox.gap(7.25)
            await book.changed()
            assert (book.is_live, book.bids) == (False, [])
            exchange.inbox.gap(1.0)  # lost once more, before it was mended
            await exchange.told(change(5))
            assert not book.is_live
            exchange.tell(whole(5))  # the numbers may begin anew
            await book.live()
            assert (book.last_update_id, book.resyncs) == (5, 1)
        assert exchange.resubscribed == []

    with caplog.at_level(logging.WARNING, "bingx_async"):
        run(main())
    assert caplog.messages == [
        "BTC-USDT: the book begins anew: the stream was interrupted for 7.2 s"
    ]


def test_what_was_held_before_a_lost_connection_is_forgotten(run):
    """The numbers of the new connection need not go on from the old ones."""

    async def main():
        exchange = Exchange(whole(10))
        async with LocalOrderBook(exchange.stream) as book:
            await exchange.told(change(12, bids=[(99, 7)]))
            exchange.inbox.gap(1.0)
            await exchange.told(whole(11))
            assert (book.last_update_id, book.best.bid) == (11, level(99, 1))

    run(main())


def test_what_was_held_for_a_snapshot_is_forgotten_with_the_connection(run):
    """It belongs to the numbers of the old one."""

    async def main():
        exchange = Exchange(whole(10))
        async with LocalOrderBook(exchange.stream) as book:
            exchange.inbox.gap(1.0)
            await exchange.told(change(12, bids=[(99, 7)]))
            exchange.inbox.gap(1.0)
            await exchange.told(whole(11))
            assert (book.last_update_id, book.best.bid) == (11, level(99, 1))

    run(main())


def test_an_older_subscription_is_asked_for_a_snapshot_at_once(run):
    """A topic that others read has sent its snapshot before; it is not waited for."""

    async def main():
        exchange = Exchange(change(11), on_resubscribe=[whole(12)])
        async with LocalOrderBook(exchange.stream) as book:
            assert (book.last_update_id, book.resyncs) == (12, 0)
        assert exchange.resubscribed == [1000.0]

    run(main())


def test_increments_of_the_old_subscription_do_not_ask_again(run):
    """However many come before the snapshot."""

    async def main():
        exchange = Exchange(whole(10), on_resubscribe=[change(number) for number in range(16, 30)])
        async with LocalOrderBook(exchange.stream) as book:
            await exchange.told(*(change(number) for number in (12, 13, 14, 15)))
            await asyncio.sleep(1)
            assert not book.is_live
            await exchange.told(whole(29))
            assert book.last_update_id == 29
        assert exchange.resubscribed == [1000.0]

    run(main())


def test_resyncs_in_a_row_become_slower(run):
    """Whatever is wrong does not become a storm of requests."""

    async def main():
        exchange = Exchange(whole(10), on_resubscribe=[whole(20, bids=[(5, 1)], asks=[(4, 1)])])
        async with LocalOrderBook(exchange.stream) as book:
            exchange.tell(change(11, bids=[(200, 1)]))
            await asyncio.sleep(3)
            assert exchange.resubscribed == [1000.0, 1000.375, 1001.0, 1002.125]
            assert (book.is_live, book.resyncs) == (False, 1)
            exchange.on_resubscribe = [whole(20)]
            await book.live()

    run(main())


def test_a_steady_book_begins_with_short_pauses_again(run):
    """After ten seconds in step; a shorter time does not count."""

    async def main():
        exchange = Exchange(whole(10), on_resubscribe=[whole(10)])
        async with LocalOrderBook(exchange.stream) as book:
            began = []
            for steady in (9.0, 11.0, 9.0):
                began.append(virtual.loop().time())
                exchange.tell(change(11, bids=[(200, 1)]))
                await book.changed()
                await book.live()
                await asyncio.sleep(steady)
            waited = [at - since for at, since in zip(exchange.resubscribed, began, strict=True)]
            assert waited == [0.0, 0.25, 0.0]
            assert book.resyncs == 3

    run(main())


def test_the_failure_of_a_stream_is_raised_by_all_that_wait(run):
    """And later by whoever waits then; nothing is shown any more."""

    async def main():
        exchange = Exchange(whole(10))
        async with LocalOrderBook(exchange.stream) as book:
            waiters = [asyncio.create_task(book.changed()) for _ in range(2)]
            await asyncio.sleep(0)
            failure = TransportError("gone")
            exchange.inbox.end(failure)
            assert await asyncio.gather(*waiters, return_exceptions=True) == [failure, failure]
            assert (book.is_live, book.bids) == (False, [])
            for wait in (book.changed, book.live):
                with pytest.raises(TransportError, match="gone"):
                    await wait()

    run(main())


def test_a_refused_resubscription_is_a_failure(run):
    """There will be no snapshot."""

    async def main():
        exchange = Exchange(whole(10))
        exchange.refusal = TransportError("no")
        async with LocalOrderBook(exchange.stream) as book:
            exchange.tell(change(11, bids=[(200, 1)]))
            with pytest.raises(TransportError, match="no"):
                while True:
                    await book.changed()

    run(main())


def test_a_stream_that_ends_is_a_failure(run):
    """Such as when the client is closed."""

    async def main():
        exchange = Exchange(whole(10))
        async with LocalOrderBook(exchange.stream) as book:
            exchange.inbox.end()
            with pytest.raises(RuntimeError, match=r"the stream BTC-USDT@incrDepth is closed"):
                await book.changed()

    run(main())


def test_a_failure_before_the_snapshot_is_raised_on_entering(run):
    """Nothing is left behind."""

    async def main():
        exchange = Exchange()
        asyncio.get_running_loop().call_later(1.0, exchange.inbox.end, TransportError("gone"))
        with pytest.raises(TransportError, match="gone"):
            async with LocalOrderBook(exchange.stream):
                pytest.fail("there is no book")
        assert exchange.left

    run(main())


def test_a_book_that_is_cancelled_on_entering_leaves_nothing_behind(run):
    """Neither a task nor a subscription."""

    async def main():
        exchange = Exchange()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1), LocalOrderBook(exchange.stream):
                pytest.fail("there is no book")
        assert exchange.left

    run(main())


def test_closing_in_the_middle_of_a_pause_leaves_nothing_behind(run):
    """The fixture looks for tasks and timers."""

    async def main():
        exchange = Exchange(whole(10), on_resubscribe=[whole(20, bids=[(5, 1)], asks=[(4, 1)])])
        async with LocalOrderBook(exchange.stream):
            await exchange.told(change(11, bids=[(200, 1)]))

    run(main())


def test_waiting_on_a_closed_book_is_an_error(run):
    """Whether one waits already or begins to; closing twice is none."""

    async def main():
        book = LocalOrderBook(Exchange(whole(10)).stream)
        async with book:
            waiter = asyncio.create_task(book.changed())
            await asyncio.sleep(0)
        await book.close()
        with pytest.raises(RuntimeError, match="the book of BTC-USDT is closed"):
            await waiter
        for wait in (book.changed, book.live):
            with pytest.raises(RuntimeError, match="the book of BTC-USDT is closed"):
                await wait()
        assert (book.is_live, book.best) == (False, Best(None, None))

    run(main())


def test_a_book_is_to_be_opened_once(run):
    """Before it is read, and never again."""

    async def main():
        book = LocalOrderBook(Exchange(whole(10)).stream)
        assert (book.is_live, book.best) == (False, Best(None, None))
        with pytest.raises(RuntimeError, match="is not open: use 'async with book:'"):
            await book.changed()
        async with book:
            with pytest.raises(RuntimeError, match="was opened before"):
                await book.__aenter__()
            assert book.is_live
        with pytest.raises(RuntimeError, match="was opened before"):
            await book.__aenter__()

    run(main())
