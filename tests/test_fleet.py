"""Facts about processes that share their quotas: real ones, a real Redis, the emulator as judge."""

import asyncio
from statistics import median

import pytest

from benchmarks.fleet_crowd import crowd, keys
from benchmarks.fleet_exchange import judge, side_by_side, through_a_storm
from benchmarks.fleet_queue import PERIOD, stand_in_line

# Safety is judged strictly; what depends on how busy the machine is, with room to spare.
CALLERS = 10_000


@pytest.fixture(autouse=True)
async def bounded():
    """No test waits for ever."""
    async with asyncio.timeout(120):
        yield


def kept_by(run):
    """Tell whether no window of any quota holds more than its tokens."""
    kinds = judge(run.ledger)
    assert {kind.whose for kind in kinds} == {
        "UID x endpoint",
        "IP x endpoint",
        *(f"IP x group {number}" for number in (1, 2, 3)),
    }
    return all(kind.worst <= kind.quota.tokens for kind in kinds) and not run.refused


async def test_a_fleet_keeps_every_quota_and_uses_it(redis_url):
    """As one process does that does the same work alone, and every process gets its share."""
    fleet, alone = await side_by_side(redis_url, processes=3, callers=2, seconds=3.0, seed=1)
    assert kept_by(fleet)
    assert kept_by(alone)
    assert len(fleet.ledger) > 0.6 * len(alone.ledger) > 60
    assert fleet.least_share > 0.3


async def test_a_fleet_keeps_every_quota_in_a_storm(redis_server):
    """Processes are killed and stopped, Redis is restarted with and without its data."""
    run, storm = await through_a_storm(
        redis_server,
        processes=3,
        callers=2,
        kills=1.0,
        stops=1.5,
        restarts=[(1.0, False), (4.5, True)],
        rest=4.5,
        seed=1,
    )
    assert kept_by(run)
    assert storm.killed
    assert storm.stopped
    first, second = (moment for moment, _ in storm.restarts)
    times = [arrival.time for arrival in run.ledger]
    assert any(first + 1 < time < second for time in times), "nothing went on"
    assert any(second + 1 < time for time in times), "nothing went on"


async def test_who_asks_first_goes_first_in_whatever_process(redis_url):
    """To within a trip to Redis; a higher priority goes before."""
    queue = await stand_in_line(redis_url, processes=3, asks=100, seed=1)
    assert queue.least_distance >= PERIOD
    assert max(queue.overtakings, default=0.0) < 0.25
    high, low = ([ask.granted for ask in queue.asks if ask.priority == n] for n in (1, 0))
    assert max(high) < median(low)


async def test_ten_thousand_callers_of_whom_half_give_up_are_accounted_for():
    """Nobody is granted and cancelled, nobody is forgotten, and no token is lost."""
    result = await crowd(None, callers=CALLERS, seed=1)
    assert result.is_accounted_for
    assert result.is_gone


async def test_ten_thousand_callers_leave_nothing_in_redis(redis_url):
    """The same of a governor that is shared."""
    result = await crowd(redis_url, callers=CALLERS, seed=1)
    assert result.is_accounted_for
    assert result.is_gone
    left = await keys(redis_url)
    assert not {"queue", "lane", "lanes", "parked", "due", "watcher", "claims"} & set(left)
