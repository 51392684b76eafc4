from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bingx_async.cli.candles import paint, visible
from bingx_async.swap.models.market import Kline

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def candles(*rows: tuple[object, ...], span: timedelta = HOUR, start: datetime = START):
    """Make klines of open, close, low and high."""
    return [
        Kline(
            open=Decimal(str(first)),
            close=Decimal(str(last)),
            low=Decimal(str(low)),
            high=Decimal(str(high)),
            volume=Decimal(1),
            time=start + number * span,
        )
        for number, (first, last, low, high) in enumerate(rows)
    ]


def drawn(klines: Iterable[Kline], width=60, height=10, **terminal) -> list[str]:
    """Draw klines as they would be printed without colours, line by line."""
    out = Console(file=io.StringIO(), width=width, **{"color_system": None, **terminal})
    return paint(visible(klines, width), out, height=height).plain.split("\n")


def test_a_chart_looks_like_this() -> None:
    """Rising candles are thin and falling ones thick; wicks, prices and times are there."""
    rows = [
        *((500, 580, 490, 610), (580, 760, 560, 800), (760, 700, 640, 800), (700, 870, 690, 880)),
        *((870, 800, 760, 900), (800, 940, 780, 1000), (940, 900, 860, 960)),
        *((900, 620, 600, 930), (620, 700, 540, 720)),
    ]
    assert drawn(candles(*rows)) == [
        "          ╽ ▄     ├ 1000",
        "      ╷ ╷ ┃ █ ▄   │",
        "      ┃ █ ┃ ╵ █   │",
        "  ╽ ▄ ┃ ▀ ╹   █   ├ 800",
        "  ┃ █ ┃       █ ╽ ├◂700",
        "  ┃ │         █ ┃ │",
        "╽ ┃           ╵ │ ├ 600",
        "┃               ╵ │",
        "┬───────────┬─────╯",
        "12:00       18:00",
    ]


def test_colours_leave_the_same_body_to_both_directions() -> None:
    """Where colours tell the direction, a wick joins each body."""
    rows = candles((2, 6, 0, 8), (6, 2, 0, 8))
    coloured = drawn(rows, height=6, color_system="standard", force_terminal=True, no_color=False)

    assert [line[:3] for line in coloured[:-2]] == ["│ │", "█ █", "█ █", "│ │"]


@pytest.mark.parametrize(
    ("low", "body", "high", "column"),
    [
        (0, (0, 8), 8, "┃┃"),
        (0, (0, 1), 8, "│╽"),
        (0, (0, 3), 8, "│┃"),
        (0, (5, 7), 8, "┃│"),
        (0, (7, 8), 8, "╿│"),
        (3, (3, 5), 5, "╻╹"),
        (2, (5, 5), 7, "╽╵"),
        (1, (2, 4), 7, "│╿"),
    ],
)
def test_a_candle_ends_on_half_a_cell(low, body, high, column) -> None:
    """Two cells hold four places for the end of a body or a wick."""
    lines = drawn(candles((0, 0, 0, 8), (*body, low, high)), height=4)

    assert lines[0][2] + lines[1][2] == column


@pytest.mark.parametrize(
    ("span", "count", "labels"),
    [
        (timedelta(minutes=1), 25, "12:00     12:05     12:10"),
        (timedelta(hours=4), 25, "02 Jun      03 Jun      04 Jun      05 Jun"),
        (timedelta(days=1), 40, "01 Jun        08 Jun        15 Jun"),
        (timedelta(days=7), 40, "Jul   "),
        (timedelta(days=30), 30, "2027"),
    ],
)
def test_times_are_written_where_they_begin(span, count, labels) -> None:
    """An hour, a day, a month or a year, whichever leaves room to be read."""
    rows = candles(*[(5, 6, 4, 7)] * count, span=span)

    assert labels in drawn(rows, width=90)[-1]


def test_the_price_axis_has_the_digits_of_the_prices() -> None:
    """Round prices and the latest one stand one below the other."""
    lines = drawn(candles(("0.0312", "0.0318", "0.0301", "0.0321")), height=14)

    prices = [line.split("├")[1].lstrip(" ◂") for line in lines if "├" in line]
    assert {len(price) for price in prices} == {6}
    assert "0.0318" in prices
    assert "0.0310" in prices


def test_a_price_that_stood_still_is_a_line_in_the_middle() -> None:
    """There is no range to divide by."""
    lines = drawn(candles(*[(100, 100, 100, 100)] * 4), height=7)

    assert [line.split("├")[0].rstrip(" │") for line in lines[:-2]] == [
        *("", "", "╹ ╹ ╹ ╹", "", "")
    ]
    assert lines[2].endswith("├◂100")


def test_more_candles_than_fit_leave_the_latest() -> None:
    """The gap between them goes first."""
    rows = candles(*[(n, n + 1, n, n + 1) for n in range(50)])

    assert len(visible(rows, 80)) == 50
    assert visible(rows, 30) == rows[-25:]
    assert visible(reversed(rows), 30, airy=True) == rows[-13:]
    assert "╻╻" in "".join(drawn(rows, width=40))


def test_a_terminal_without_such_characters_gets_others() -> None:
    """Half cells are lost, but no candle is."""
    out = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), width=40)
    rows = visible(candles((2, 6, 0, 8), (6, 2, 0, 8)), 40)
    chart = paint(rows, out, height=6).plain

    assert chart.isascii()
    assert "H #" in chart


prices = st.decimals("0.0001", "200000", places=4)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(prices, min_size=4, max_size=4).map(sorted), min_size=1, max_size=20),
    st.integers(1, 120),
    st.integers(1, 40),
)
def test_any_prices_fit_any_terminal(rows, width, height) -> None:
    """No line is longer than the terminal is wide, and nothing is left out of the rows."""
    made = candles(*[(one, two, low, high) for low, one, two, high in rows])
    lines = drawn(made, width=width, height=height)

    assert len(lines) == max(2, height - 2) + 2
    if width > 15:
        assert max(map(len, lines)) <= width
