from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest

from bingx_async import PositionSide, Quota, demo


def _run(worst: int) -> demo.Run:
    return demo.Run(
        seconds=1.5,
        marks={"alice": [demo.Mark(0.01, True), demo.Mark(1.2, False)], "bob": []},
        windows=[demo.Window("UID and endpoint", Quota(5, 1.0), worst)],
        locked_until={"alice": datetime(2030, 1, 1, tzinfo=UTC)},
    )


def test_the_plan_sets_both_sides_of_every_contract_of_every_account() -> None:
    """Fifteen contracts, two sides and three accounts make ninety different settings."""
    changes = demo.plan(seed=1)

    assert len({(change.account, change.symbol, change.side) for change in changes}) == 90
    assert {change.side for change in changes} == {PositionSide.LONG, PositionSide.SHORT}


def test_a_plan_repeats_with_its_seed() -> None:
    """The same seed draws the same leverages, another one draws others."""
    assert demo.plan(seed=1) == demo.plan(seed=1) != demo.plan(seed=2)


@pytest.mark.parametrize(
    ("calls", "round_trip", "seconds"),
    [(1, 0.0, 0.0), (5, 0.0, 0.0), (6, 0.0, 1.0), (30, 0.0, 5.0), (30, 0.04, 5.24)],
)
def test_the_ideal_is_the_quotas_own_arithmetic(
    calls: int, round_trip: float, seconds: float
) -> None:
    """Five go at once, and five more after each second and the round trip that ended it."""
    assert demo.ideal(calls, round_trip) == pytest.approx(seconds)


def test_a_run_counts_what_the_exchange_accepted_and_refused() -> None:
    """The figures come from the arrivals of all accounts."""
    run = _run(worst=5)

    assert (run.accepted, run.refused) == (1, 1)
    assert run.summary()["arrivals"] == {"alice": [0.01, 1.2], "bob": []}
    assert run.summary()["locked_until"] == {"alice": "2030-01-01T00:00:00+00:00"}


def test_one_arrival_too_many_breaks_a_quota() -> None:
    """As many as the quota has tokens are allowed, one more is not."""
    assert _run(worst=5).keeps_quotas
    assert not _run(worst=6).keeps_quotas


def test_a_run_fulfils_its_plan_only_if_nothing_went_wrong() -> None:
    """One refusal, one quota exceeded or one setting that is not there is one too many."""
    changes = demo.plan(seed=1, contracts=1)
    found = frozenset(changes)
    clean = attrs.evolve(_run(worst=5), marks={"alice": [demo.Mark(0.01, True)]}, found=found)

    assert clean.fulfils(changes)
    assert not attrs.evolve(clean, found=found - {changes[-1]}).fulfils(changes)
    assert not attrs.evolve(clean, marks=_run(worst=5).marks).fulfils(changes)
    assert not attrs.evolve(clean, windows=_run(worst=6).windows).fulfils(changes)


def test_a_row_counts_arrivals_by_column() -> None:
    """A digit tells how many arrived, a dot none, a plus more than nine."""
    times = [0.0, 0.09, 0.35, 9.0, *[0.21] * 10]

    assert demo.row(times, step=0.1, columns=5) == "2.+1."


@pytest.mark.parametrize(
    ("seconds", "width", "step"), [(5.4, 65, 0.1), (7.0, 65, 0.2), (60.0, 65, 1.0), (9.0, 0, 10.0)]
)
def test_the_picture_fits_its_width(seconds: float, width: int, step: float) -> None:
    """The finest step is chosen that leaves no arrival out."""
    assert demo.step_for(seconds, width) == step


def test_the_axis_writes_each_second_below_its_column() -> None:
    """A second stands where its column is; coarse steps write fewer of them."""
    assert demo.axis(step=0.1, columns=21) == "0 s       1 s       2 s"
    assert demo.axis(step=1.0, columns=11) == "0 s  5 s  10 s"
