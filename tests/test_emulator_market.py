"""Facts about the emulated market: the same in every run, and the same seen from everywhere."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bingx_async import InvalidRequest
from bingx_async.emulator.market import FUNDING, LAUNCH, LISTED, TICK, Market
from bingx_async.emulator.path import Path

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
BTC = "BTC-USDT"


def seconds(number):
    return timedelta(seconds=number)


@pytest.mark.parametrize("symbol", sorted(LISTED))
def test_prices_depend_on_the_seed_alone(symbol):
    """Asked in any order, by any market of that seed."""
    one, two, other = Market(1), Market(1), Market(2)
    moments = [NOON + timedelta(hours=n, seconds=7 * n) for n in range(50)]
    prices = [one.price(symbol, at) for at in moments]
    assert prices == [two.price(symbol, at) for at in reversed(moments)][::-1]
    assert prices != [other.price(symbol, at) for at in moments]
    assert len(set(prices)) > 25


@pytest.mark.parametrize("symbol", sorted(LISTED))
def test_prices_stay_about_where_they_were_listed(symbol):
    """And fit the contract's step, in any year."""
    market, found = Market(), LISTED[symbol]
    for days in range(0, 4000, 37):
        price = market.price(symbol, LAUNCH + timedelta(days=days, seconds=days))
        assert 2 * found.price / 3 < price < 3 * found.price / 2
        assert price.as_tuple().exponent == -found.contract.price_precision


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 5),
    start=st.integers(0, 2**31),
    length=st.integers(0, 4000),
    level=st.sampled_from([1, 7, 6000, 10**7]),
)
def test_a_span_is_what_its_seconds_are(seed, start, length, level):
    """Highest, lowest and volume, however few pieces it is made of."""
    path = Path(f"{seed}", level, 10**9)
    span = path.span(start, start + length)
    prices = [path.price(second) for second in range(start, start + length + 1)]
    assert (span.high, span.low) == (max(prices), min(prices))
    assert span.volume == sum(path.volume(second) for second in range(start, start + length))
    assert min(prices) > 0


@settings(deadline=None, max_examples=60)
@given(
    hours=st.integers(0, 50_000),
    parts=st.sampled_from([(60, 5), (60, 3), (300, 3), (900, 4), (3600, 24), (86_400, 7)]),
    is_mark=st.booleans(),
)
def test_a_long_candle_is_made_of_short_ones(hours, parts, is_mark):
    """To the last digit, over funding times and over a pinned price."""
    market, (size, count) = Market(), parts
    start = LAUNCH + timedelta(hours=hours)
    market.set_price(BTC, 100_000, LAUNCH + timedelta(hours=25_000, seconds=90))
    market.release_price(BTC, LAUNCH + timedelta(hours=25_007, seconds=11))
    ends = [start + n * seconds(size) for n in range(count + 1)]
    short = [market.candle(BTC, *ends[n : n + 2], is_mark=is_mark) for n in range(count)]
    long = market.candle(BTC, start, ends[-1], is_mark=is_mark)
    assert (long.open, long.close) == (short[0].open, short[-1].close)
    assert long.high == max(it.high for it in short)
    assert long.low == min(it.low for it in short)
    assert long.volume == sum(it.volume for it in short)
    for before, after in itertools.pairwise(short):
        assert before.close == after.open
        assert before.low <= min(before.open, before.close)
        assert before.high >= max(before.open, before.close)


def test_a_pinned_price_stands_still_and_goes_on_from_there():
    """What was before stays what it was."""
    market, untouched = Market(), Market()
    market.set_price(BTC, "100000.5", NOON + seconds(0.25))
    market.release_price(BTC, NOON + seconds(60))
    market.release_price("ETH-USDT", NOON)

    assert market.price(BTC, NOON) == untouched.price(BTC, NOON)
    for price in (market.price, market.mark_price, market.index_price):
        assert price(BTC, NOON + seconds(1)) == price(BTC, NOON + seconds(59.9))
        assert price(BTC, NOON + seconds(1)) == Decimal("100000.5")
    assert market.price(BTC, NOON + seconds(60)) == Decimal("100000.5")
    moved = [
        it.price(BTC, NOON + seconds(3600)) / it.price(BTC, NOON + seconds(60))
        for it in (market, untouched)
    ]
    assert moved[0] == pytest.approx(moved[1], rel=Decimal("1e-5"))
    assert moved[0] != 1
    assert market.price("ETH-USDT", NOON) == untouched.price("ETH-USDT", NOON)


def test_a_pinned_price_keeps_its_book():
    """So that a test knows what its orders will get; another price has another book."""
    market = Market()
    market.set_price(BTC, 90_000, NOON)
    books = [market.levels(BTC, NOON + seconds(n), 20) for n in range(0, 4000, 37)]
    assert all(book == books[0] for book in books)
    market.set_price(BTC, 90_001, NOON + seconds(5000))
    assert market.levels(BTC, NOON + seconds(5000), 20) != books[0]
    market.release_price(BTC, NOON + seconds(6000))
    moving = [market.levels(BTC, NOON + seconds(6000 + n), 20) for n in range(20)]
    assert len({str(book) for book in moving}) > 10


def test_a_price_that_cannot_be_is_refused():
    """So is one for a moment that has passed."""
    market = Market()
    for price in (0, -1, "0.05"):
        with pytest.raises(ValueError, match="at most 1 decimal places"):
            market.set_price(BTC, price, NOON)
    with pytest.raises(InvalidRequest, match="NO-USDT,symbol not exist"):
        market.set_price("NO-USDT", 1, NOON)
    market.set_price(BTC, 1, NOON)
    market.set_price(BTC, 2, NOON)
    assert market.price(BTC, NOON) == 2
    for change in (market.release_price, lambda symbol, at: market.set_price(symbol, 3, at)):
        with pytest.raises(ValueError, match="set for later already"):
            change(BTC, NOON - TICK)


def test_a_saved_market_goes_on_the_same():
    """Pinned prices included."""
    market = Market(7)
    market.set_price(BTC, 90_000, NOON)
    market.release_price(BTC, NOON + FUNDING)
    market.set_price("ETH-USDT", 3000, NOON)
    loaded = Market.load(json.loads(json.dumps(market.save())))
    for symbol in LISTED:
        for hours in (-1, 0, 7, 8, 30):
            at = NOON + timedelta(hours=hours)
            assert loaded.price(symbol, at) == market.price(symbol, at)


@pytest.mark.parametrize("symbol", sorted(LISTED))
def test_the_book_surrounds_the_price(symbol):
    """By one step on either side; a shallow look sees the top of a deep one."""
    market, contract = Market(), LISTED[symbol].contract
    price, step = market.price(symbol, NOON), Decimal(1).scaleb(-contract.price_precision)
    bids, asks = market.levels(symbol, NOON, 1000)
    assert (bids[0].price, asks[0].price) == (price - step, price + step)
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert len({level.price for level in [*bids, *asks]}) == 2000
    for level in [*bids, *asks]:
        assert level.quantity >= contract.trade_min_quantity
        assert level.quantity % contract.trade_min_quantity == 0
    assert market.levels(symbol, NOON + seconds(0.9), 5) == (bids[:5], asks[:5])


def test_nobody_bids_nothing():
    """A book has fewer levels where prices end."""
    market = Market()
    market.set_price(BTC, "0.3", NOON)
    bids, asks = market.levels(BTC, NOON, 50)
    assert bids[0].price == Decimal("0.2")
    assert all(bid.price > 0 for bid in bids)
    assert len(asks) == 50


def test_trades_add_up_to_the_volume():
    """There is one a second, at its price."""
    market = Market()
    last = market.last_trade(NOON)
    trades = market.trades(BTC, last - 59, 60, NOON)
    candle = market.candle(BTC, NOON - seconds(59), NOON + seconds(1))
    assert sum(trade.qty for trade in trades) == candle.volume
    assert [trade.price for trade in trades] == [market.price(BTC, it.time) for it in trades]
    assert {trade.is_buyer_maker for trade in trades} == {True, False}
    assert trades[-1].time == NOON
    assert market.trades(BTC, last, 10, NOON) == trades[-1:]
    assert market.trades(BTC, last + 1, 10, NOON) == []


def test_funding_comes_three_times_a_day():
    """And costs what was announced since the time before."""
    market = Market()
    start = datetime(2026, 3, 14, tzinfo=UTC)
    times = market.funding_times(start, start + timedelta(days=1))
    assert [time.hour for time in times] == [8, 16, 0]
    assert market.funding_times(times[0], times[0]) == []
    rates = [market.funding_rate(BTC, time) for time in times]
    assert len(set(rates)) == 3
    for time, rate in zip(times, rates, strict=True):
        assert market.funding_rate(BTC, time - FUNDING + TICK) == rate
        assert abs(rate) < Decimal("0.0005")


def test_the_index_lies_off_the_price_by_the_premium():
    """The mark price lies between the two."""
    market = Market()
    for hours in range(0, 200, 8):
        at = NOON + timedelta(hours=hours)
        last, mark, index = (
            it(BTC, at) for it in (market.price, market.mark_price, market.index_price)
        )
        assert min(last, index) <= mark <= max(last, index)
        assert abs(index - last) < last / 3000
    assert market.open_interest(BTC, NOON) > 1000
