"""Facts about walking through a history whose exchange does not say how it answers."""

import asyncio
import gc
import itertools
from contextlib import aclosing
from datetime import UTC, datetime, timedelta, timezone

import pytest
from attrs import define, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from bingx_async.errors import BingXError, InvalidRequest
from bingx_async.paging import History
from tests import virtual

LONGEST = 50
MOST = 4
# Where the first pieces of a walk from 1000 meet, as long as no answer is full.
EDGES = [1000, 1049, 1098]
# Are the rows of the first and of the last millisecond in an answer? Does it list the newest first?
# If there are more than it can hold, are the newest in it?
HABITS = list(itertools.product([True, False], repeat=4))


@frozen
class Row:
    """A row of a history: its number, and its millisecond."""

    number: int
    at: int | None


@define
class Exchange:
    """An exchange that answers as it likes, and notes what it is asked."""

    rows: list[Row]
    includes_start: bool = True
    includes_end: bool = True
    newest_first: bool = False
    keeps_newest: bool = False
    is_closed: bool = False
    clock: int = 5000
    asked: list[tuple[int, int]] = field(factory=list)
    filed: dict[int, int] = field(factory=dict)

    async def ask(self, first, last):
        assert last - first <= LONGEST, "more than one answer can cover"
        self.asked.append((first, last))
        if self.is_closed:
            raise InvalidRequest("no such pair")
        found = [
            row
            for row in sorted(self.rows, key=lambda row: (self.filed_at(row), row.number))
            if first < self.filed_at(row) < last
            or (self.includes_start and self.filed_at(row) == first)
            or (self.includes_end and self.filed_at(row) == last)
        ]
        kept = found[-MOST:] if self.keeps_newest else found[:MOST]
        return kept[::-1] if self.newest_first else kept

    async def now(self):
        return moment(self.clock)

    def filed_at(self, row):
        """Tell which moment the exchange goes by, which need not be the one that it shows."""
        return self.filed.get(row.number, row.at)

    def between(self, start, end):
        history = History(
            ask=self.ask,
            longest=timedelta(milliseconds=LONGEST),
            most=MOST,
            moment=lambda row: None if row.at is None else moment(row.at),
            key=lambda row: row.number,
            now=self.now,
        )
        return history.between(start, end)

    def all_between(self, start, end):
        return virtual.run(collect(self.between(start, end)))


def moment(ms):
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


async def collect(rows):
    return [row async for row in rows]


def rows_at(*times):
    return [Row(number, at) for number, at in enumerate(times)]


def in_order(rows):
    """Put the rows of one millisecond into the order of their numbers, and leave all others."""
    together = itertools.groupby(rows, key=lambda row: row.at)
    return [row for _, group in together for row in sorted(group, key=lambda row: row.number)]


def wanted(rows, start, end):
    found = [row for row in rows if start <= row.at < end]
    return sorted(found, key=lambda row: (row.at, row.number))


def thickest(rows):
    """Count the most rows in a millisecond and its neighbours."""
    times = [row.at for row in rows]
    return max((sum(abs(at - other) <= 1 for other in times) for at in range(990, 1140)), default=0)


@pytest.mark.parametrize("habits", HABITS)
@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("offset", [-2, -1, 0, 1, 2])
def test_no_row_at_an_edge_is_lost_or_comes_twice(edge, offset, habits):
    """Three rows on one millisecond beside, before, on and after where two pieces meet."""
    rows = rows_at(990, edge + offset, edge + offset, edge + offset, 1120)
    exchange = Exchange(rows, *habits)
    assert in_order(exchange.all_between(1000, 1110)) == wanted(rows, 1000, 1110)


@pytest.mark.parametrize("habits", HABITS)
def test_no_row_of_a_full_answer_is_lost_or_comes_twice(habits):
    """Whichever rows a full answer holds, and in whichever order."""
    rows = rows_at(*range(1000, 1100, 7), *range(1001, 1100, 7), 1030, 1085)
    exchange = Exchange(rows, *habits)
    assert in_order(exchange.all_between(1000, 1100)) == wanted(rows, 1000, 1100)


@given(
    times=st.lists(st.integers(990, 1140), max_size=40),
    span=st.tuples(st.integers(1000, 1130), st.integers(1000, 1130)).map(sorted),
    habits=st.tuples(*[st.booleans()] * 4),
)
def test_every_row_comes_once_and_in_order(times, span, habits):
    """Whenever the rows are, unless a millisecond and its neighbours hold too many."""
    start, end = span
    rows = rows_at(*times)
    exchange = Exchange(rows, *habits)
    try:
        found = exchange.all_between(start, end)
    except BingXError:
        assert thickest(rows) >= MOST
    else:
        assert in_order(found) == wanted(rows, start, end)


@given(
    times=st.lists(st.integers(990, 1140), max_size=40, unique=True),
    cuts=st.lists(st.integers(1000, 1130), min_size=2, max_size=5).map(sorted),
    habits=st.tuples(*[st.booleans()] * 4),
)
def test_spans_that_meet_have_no_gap_and_no_row_in_common(times, cuts, habits):
    """The end of one is the start of the next."""
    rows = rows_at(*times)
    parts = [
        Exchange(rows, *habits).all_between(start, end) for start, end in itertools.pairwise(cuts)
    ]
    assert [row for part in parts for row in part] == wanted(rows, cuts[0], cuts[-1])


@pytest.mark.parametrize("habits", HABITS)
def test_what_cannot_be_divided_is_an_error_and_no_loss(habits):
    """What came before it is complete."""
    rows = rows_at(1003, 1010, *[1060] * MOST, 1090)
    exchange = Exchange(rows, *habits)
    found = []

    async def main():
        async for row in exchange.between(1000, 1100):
            found.append(row)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(BingXError, match=r"4 rows or more around 1970-01-01T00:00:01\.0\d\d"):
        virtual.run(main())
    assert found == rows[:2]


@pytest.mark.parametrize("newest_first", [True, False])
def test_rows_of_one_millisecond_keep_their_order(newest_first):
    """Also where the exchange lists the newest first, if other rows show that it does."""
    rows = rows_at(1020, 1020, 1030)
    assert Exchange(rows, newest_first=newest_first).all_between(1000, 1040) == rows


def test_a_quiet_span_takes_few_requests_and_a_busy_one_as_many_as_it_needs():
    """Pieces become smaller where there is much, and larger again where there is little."""
    quiet = Exchange([])
    assert quiet.all_between(1000, 1490) == []
    assert len(quiet.asked) == 10
    busy = Exchange(rows_at(*range(1000, 1100, 5), 1400))
    assert len(busy.all_between(1000, 1490)) == 21
    assert min(last - first for first, last in busy.asked) < LONGEST / 2
    assert [last - first for first, last in busy.asked[-6:-1]] == [LONGEST] * 5
    assert len(busy.asked) <= 21


def test_a_row_that_the_exchange_files_under_another_moment_is_not_lost():
    """An order may be found by when it changed; its own time says whether it is wanted."""
    exchange = Exchange(rows_at(1010, 1100, 990), filed={0: 1099, 2: 1050})
    assert [row.number for row in exchange.all_between(1000, 1200)] == [0, 1]


def test_a_row_without_a_moment_comes_where_it_is_found():
    """It is taken for what was asked for."""
    exchange = Exchange([Row(0, None), *rows_at(7, 1003, 1080)[1:]], filed={0: 1055})
    assert [row.number for row in exchange.all_between(1000, 1100)] == [1, 0, 2]


def test_an_empty_span_is_asked_for_by_nobody():
    """It has no rows, whatever the exchange has."""
    exchange = Exchange(rows_at(1000))
    assert exchange.all_between(1000, 1000) == []
    assert exchange.asked == []


def test_moments_are_datetimes_of_any_timezone_or_milliseconds():
    """Below the millisecond they are cut off."""
    east = timezone(timedelta(hours=8))
    start = moment(1000).astimezone(east)
    exchange = Exchange(rows_at(999, 1000, 1009, 1010))
    assert [row.at for row in exchange.all_between(start, 1010)] == [1000, 1009]


def test_a_span_that_is_none_is_refused_at_the_call():
    """Before anything is asked for or awaited."""
    exchange = Exchange([])
    with pytest.raises(InvalidRequest, match="start=1001 is later than end=1000"):
        exchange.between(1001, 1000)
    naive = datetime(2024, 1, 1)  # noqa: DTZ001 - that is the point
    for start, end in [(naive, 1000), (1000, naive), (naive, None)]:
        with pytest.raises(InvalidRequest, match="no timezone"):
            exchange.between(start, end)


def test_without_an_end_it_ends_now_by_the_clock_of_the_exchange():
    """The end is fixed when the first row is wanted, so that the walk comes to one."""
    exchange = Exchange(rows_at(1000, 1060, 1061), clock=1060)

    async def main():
        found = []
        async for row in exchange.between(1000, None):
            found.append(row.at)
            exchange.clock += 1000
        return found

    assert virtual.run(main()) == [1000, 1060]
    assert exchange.asked[-1][1] == 1061
    assert exchange.all_between(9_000_000, None) == []


def test_nothing_is_asked_for_before_it_is_wanted():
    """Whoever stops early has not asked for the rest."""
    exchange = Exchange(rows_at(1001, 1002, 1070))

    async def main():
        walk = exchange.between(1000, 1100)
        assert exchange.asked == []
        first, second = await anext(walk), await anext(walk)
        assert [first.at, second.at] == [1001, 1002]
        assert len(exchange.asked) == 1
        assert (await anext(walk)).at == 1070
        await walk.aclose()

    virtual.run(main())


def test_breaking_out_leaves_nothing_behind():
    """No task and no generator that waits to be closed, with ``aclosing`` or without."""
    exchange = Exchange(rows_at(1001, 1002, 1070))

    async def main():
        async with aclosing(exchange.between(1000, 1100)) as walk:
            async for _ in walk:
                break
        async for _ in exchange.between(1000, 1100):
            break
        del walk
        gc.collect()
        return len(asyncio.all_tasks())

    assert virtual.run(main()) == 1
    assert len(exchange.asked) == 2


def test_an_error_of_the_exchange_comes_through():
    """As it is, and the walk is over."""
    exchange = Exchange(rows_at(1001), is_closed=True)
    with pytest.raises(InvalidRequest, match="no such pair"):
        exchange.all_between(1000, 1100)
