"""Facts about what follows from refusals; governors close what is found here."""

import attrs
import pytest

from bingx_async import BingX, BucketKey, Scope
from bingx_async.limits import LaneKey
from bingx_async.refusals import MEMORY, PENALTY, Refusals

ENDPOINTS = BingX.endpoints()
SET, GET = ENDPOINTS["swap.set_leverage"], ENDPOINTS["swap.leverage"]
CONTRACTS, TICKERS = ENDPOINTS["swap.contracts"], ENDPOINTS["swap.tickers"]
OWN = BucketKey("uid", "1", SET.name)
OTHERS = BucketKey("uid", "2", SET.name)
ENDPOINT = BucketKey("ip", "x", SET.name)
GROUP = BucketKey("ip", "x", "group 2")


def lane(endpoint=SET, uid="1"):
    """Make the key of a request from one address."""
    return LaneKey(endpoint, uid, "x")


def test_one_refusal_closes_the_endpoint_for_the_account():
    """For as long as the exchange said."""
    assert Refusals().judge(lane(), Scope.ENDPOINT, 7.0, 100.0) == {OWN: 107.0}


def test_the_same_account_refused_twice_says_nothing_about_others():
    """However often it is."""
    refusals = Refusals()
    for now in (100.0, 101.0, 102.0):
        assert refusals.judge(lane(), Scope.ENDPOINT, 7.0, now) == {OWN: now + 7}


def test_two_accounts_refused_at_one_endpoint_close_it_for_the_address():
    """Until the later of both times."""
    refusals = Refusals()
    refusals.judge(lane(), Scope.ENDPOINT, 50.0, 100.0)
    found = refusals.judge(lane(uid="2"), Scope.ENDPOINT, 7.0, 100.0)
    assert found == {OTHERS: 107.0, ENDPOINT: 150.0}


def test_a_refusal_that_is_over_does_not_count():
    """The second account is refused after the first was open again."""
    refusals = Refusals()
    refusals.judge(lane(), Scope.ENDPOINT, 5.0, 100.0)
    assert refusals.judge(lane(uid="2"), Scope.ENDPOINT, 7.0, 105.0) == {OTHERS: 112.0}


def test_two_endpoints_of_a_group_close_the_group():
    """Whichever way it is seen that the address is meant."""
    refusals = Refusals()
    refusals.judge(lane(GET), Scope.ADDRESS_ENDPOINT, 9.0, 100.0)
    refusals.judge(lane(), Scope.ENDPOINT, 8.0, 100.0)
    found = refusals.judge(lane(uid="2"), Scope.ENDPOINT, 8.0, 100.0)
    assert found == {OTHERS: 108.0, ENDPOINT: 108.0, GROUP: 109.0}


def test_a_public_endpoint_is_closed_for_the_address():
    """Nobody's account is involved, so that two of them close their group."""
    refusals = Refusals()
    first = refusals.judge(lane(CONTRACTS, None), Scope.ENDPOINT, 5.0, 0.0)
    second = refusals.judge(lane(TICKERS, None), Scope.ENDPOINT, 5.0, 0.0)
    assert first == {BucketKey("ip", "x", CONTRACTS.name): 5.0}
    assert CONTRACTS.group == TICKERS.group == 1
    assert second == {
        BucketKey("ip", "x", TICKERS.name): 5.0,
        BucketKey("ip", "x", "group 1"): 5.0,
    }


@pytest.mark.parametrize("scope", [Scope.GROUP, Scope.ADDRESS])
def test_what_the_exchange_says_it_shut_is_closed_and_nothing_else(scope):
    """There is nothing to find out."""
    refusals = Refusals()
    for endpoint in (SET, GET):
        gate = lane(endpoint).gate(scope)
        assert refusals.judge(lane(endpoint), scope, 5.0, 0.0) == {gate: 5.0}


def test_an_endpoint_of_no_group_has_no_scope_above_the_addresss():
    """It closes what it can."""
    alone = attrs.evolve(SET, name="swap.alone", group=None)
    refusals = Refusals()
    refusals.judge(lane(alone), Scope.ENDPOINT, 5.0, 0.0)
    found = refusals.judge(lane(alone, "2"), Scope.ENDPOINT, 5.0, 0.0)
    assert set(found) == {
        BucketKey("uid", "2", "swap.alone"),
        BucketKey("ip", "x", "swap.alone"),
    }


def test_a_penalty_without_a_time_doubles_until_it_is_forgotten():
    """Ten minutes after the last one has ended, it begins anew."""
    refusals, now, found = Refusals(), 0.0, []
    for _ in range(5):
        (until,) = refusals.judge(lane(), Scope.ENDPOINT, None, now).values()
        found.append(until - now)
        now = until
    assert found == [PENALTY, 2 * PENALTY, 4 * PENALTY, 8 * PENALTY, 3600]
    (until,) = refusals.judge(lane(), Scope.ENDPOINT, None, now + MEMORY).values()
    assert until == now + MEMORY + PENALTY


def test_a_time_is_believed_within_bounds():
    """Not before now, and not after an hour."""
    refusals = Refusals()
    assert refusals.judge(lane(), Scope.ENDPOINT, -5.0, 10.0) == {OWN: 10.0}
    assert refusals.judge(lane(), Scope.ENDPOINT, 1e9, 10.0) == {OWN: 3610.0}


def test_nothing_is_remembered_for_ever():
    """A governor that was refused by many accounts does not grow."""
    refusals = Refusals()
    for number in range(100):
        refusals.judge(lane(uid=str(number)), Scope.ENDPOINT, None, 0.0)
    refusals.judge(lane(uid="last"), Scope.ENDPOINT, 1.0, 10_000.0)
    assert not refusals._repeated
    assert len(refusals._below) == 1
