"""Facts about the exchange's clock as seen from here."""

import gc
import time
from datetime import UTC, datetime, timedelta

from bingx_async import Governor
from bingx_async.clock import Clock, Sighting
from bingx_async.emulator import Emulator

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MS = NOON.timestamp() * 1000


def test_a_sighting_is_right_to_half_the_round_trip():
    """The clock was read somewhere on the way."""
    sighting = Sighting.of(MS - 1000, MS - 900, NOON)
    assert sighting == Sighting(offset=950, error=50)


def test_the_shortest_round_trip_counts():
    """Of several looks the best is taken."""
    clock = Clock()
    clock.set([Sighting(100, 30), Sighting(-70.4, 5), Sighting(900, 200)])
    assert (clock.offset, clock.error, clock.times_set) == (-70, 5, 1)
    assert abs(clock.now() - (time.time() * 1000 - 70)) < 1000


def test_a_new_clock_is_this_computers():
    """Nobody has measured yet."""
    clock = Clock()
    assert (clock.offset, clock.error, clock.times_set) == (0, None, 0)


def test_clients_of_a_host_share_its_clock():
    """And it is forgotten with the last of them."""
    clock = Clock.of("https://a.example")
    assert Clock.of("https://a.example") is clock
    assert Clock.of("https://b.example") is not clock
    clock.set([Sighting(5, 1)])
    del clock
    gc.collect()
    assert Clock.of("https://a.example").offset == 0


async def test_a_client_measures_when_it_is_asked_to():
    """Against an exchange whose clock is behind."""
    async with Emulator(clock_offset=-3.5) as exchange:
        bingx = exchange.client("alice", governor=Governor())
        async with bingx:
            clock = await bingx.measure_clock()
            assert clock is bingx.clock
            # The round trip on loopback is short, but the machine may be busy.
            assert clock.error is not None
            assert abs(clock.offset + 3500) <= clock.error + 2
        # The public call is not counted against anybody.
        assert {arrival.endpoint for arrival in exchange.ledger} == {"swap.server_time"}


def test_the_time_shown_has_milliseconds():
    """What is below them is cut off."""
    shown = NOON + timedelta(milliseconds=7, microseconds=999)
    assert Sighting.of(MS, MS, shown).offset == 7
