"""Facts about which calls are made again, and when."""

import asyncio
import json
import time

import pytest

from bingx_async import (
    AuthError,
    BingX,
    Governor,
    InvalidRequest,
    NotSent,
    OutcomeUnknown,
    PositionSide,
    QuotaTimeout,
    RateLimited,
    Unavailable,
)
from bingx_async.emulator import Emulator
from bingx_async.retry import Patience
from bingx_async.session import Session
from bingx_async.swap import Swap
from tests import virtual
from tests.server import RawServer, answer, drop

GOOD = b'{"code":0,"msg":"","data":{"leverage":7,"symbol":"BTC-USDT"}}'
BY_SIDE = b'{"code":0,"msg":"","data":{"longLeverage":7,"shortLeverage":8}}'
BUSY = b'{"code":109500,"msg":"SetTradingStrategy network failed"}'
OFF = b'{"code":100421,"msg":"Null timestamp or timestamp mismatch"}'
UID = b'{"code":0,"data":{"uid":"70000000000000000001"}}'
KEY, SECRET = "key-of-somebody-1234", "secret-of-somebody-5678"


def client(server, **options):
    return BingX(KEY, SECRET, base_url=server.url, **({"governor": Governor()} | options))


async def set_leverage(bingx):
    return await bingx.swap.set_leverage("BTC-USDT", PositionSide.LONG, 7)


def taken(bingx, subject="swap.leverage"):
    """Count the tokens that are out, of the UID's quota."""
    (state,) = (
        s for s in bingx.governor.snapshot() if s.key.scope == "uid" and s.key.subject == subject
    )
    return state.quota.tokens - state.free


@pytest.mark.parametrize("failure", [drop, answer(b"", status=502), answer(BUSY)])
async def test_a_read_is_repeated(failure):
    """Whatever became of the first one, with a permit for each attempt."""
    async with RawServer([failure, answer(BY_SIDE)]) as server, client(server) as bingx:
        assert (await bingx.swap.leverage("BTC-USDT")).long_leverage == 7
        assert len(server.requests) == 2
        assert taken(bingx) == 2


async def test_a_repeated_call_is_stamped_anew():
    """A pause must not make a timestamp old."""
    async with RawServer([drop, answer(BY_SIDE)]) as server, client(server) as bingx:
        await bingx.swap.leverage("BTC-USDT")
    first, second = (
        int(head.partition("timestamp=")[2].partition("&")[0]) for head, _ in server.requests
    )
    assert first <= second
    assert server.requests[0][0] != server.requests[1][0] or first == second


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (drop, OutcomeUnknown),
        (answer(b"", status=504), OutcomeUnknown),
        (answer(b"", status=502), Unavailable),
        (answer(BUSY), Unavailable),
    ],
)
async def test_a_write_that_may_have_been_executed_is_not_repeated(failure, error):
    """Its caller looks first."""
    async with RawServer([failure, answer(GOOD)]) as server, client(server) as bingx:
        with pytest.raises(error):
            await set_leverage(bingx)
        assert len(server.requests) == 1


async def test_what_the_exchange_refuses_is_not_repeated():
    """The answer would be the same."""
    refusal = answer(b'{"code":109425,"msg":"no such pair"}')
    async with RawServer([refusal]) as server, client(server) as bingx:
        with pytest.raises(InvalidRequest):
            await bingx.swap.leverage("BTC-USDT")
        assert len(server.requests) == 1


async def test_attempts_are_counted():
    """The last failure is raised as it came."""
    async with RawServer([drop]) as server, client(server, retries=2) as bingx:
        with pytest.raises(OutcomeUnknown):
            await bingx.swap.leverage("BTC-USDT")
        assert len(server.requests) == 3
        server.requests.clear()
        with pytest.raises(OutcomeUnknown):
            await bingx.with_options(retries=0).swap.leverage("BTC-USDT")
        assert len(server.requests) == 1


def test_pauses_are_random_up_to_a_limit_that_doubles():
    """Full jitter, and never more than five seconds."""

    async def pauses():
        patience = Patience(retries=12, max_wait=None)
        found = []
        for _ in range(12):
            before = asyncio.get_running_loop().time()
            await patience.after(NotSent("x"), idempotent=False, closed=False)
            found.append(asyncio.get_running_loop().time() - before)
        with pytest.raises(NotSent):
            await patience.after(NotSent("x"), idempotent=False, closed=False)
        return found

    found = [virtual.run(pauses()) for _ in range(30)]
    for number, at_once in enumerate(zip(*found, strict=True)):
        limit = min(5.0, 0.25 * 2**number)
        assert max(at_once) <= limit + 1e-6
        assert max(at_once) > limit / 2  # 30 draws below half: once in a billion
        assert min(at_once) < limit / 2


def test_pauses_stay_within_max_wait():
    """A call that has no patience left fails at once."""

    async def wait():
        patience = Patience(retries=5, max_wait=0.0)
        with pytest.raises(NotSent):
            await patience.after(NotSent("x"), idempotent=False, closed=False)

    virtual.run(wait())


def test_a_timeout_of_the_quota_tells_what_came_before():
    """Who waited because of a failure is told of the failure."""

    async def wait():
        patience = Patience(retries=5, max_wait=9.0)
        timeout = QuotaTimeout(endpoint="e", wait=9, max_wait=1, bucket="b")
        with pytest.raises(QuotaTimeout):
            await patience.after(timeout, idempotent=True, closed=False)
        await patience.after(RateLimited("too many"), idempotent=False, closed=False)
        with pytest.raises(RateLimited, match="too many"):
            await patience.after(timeout, idempotent=True, closed=False)

    virtual.run(wait())


def test_after_the_client_was_closed_nothing_is_repeated():
    """It could not be sent any more."""

    async def wait():
        with pytest.raises(NotSent):
            await Patience(retries=5, max_wait=None).after(
                NotSent("closed"), idempotent=True, closed=True
            )

    virtual.run(wait())


# --- the fallback host -------------------------------------------------------------------------


async def nobody():
    """Return an address at which nobody listens."""
    async with RawServer([drop]) as server:
        return server.url


def session(first, fallback, **options):
    bingx = BingX(KEY, SECRET, base_url=first)
    return Session(
        first,
        fallback_url=fallback,
        credentials=bingx._credentials,
        uid="1",
        governor=Governor(),
        **options,
    )


async def test_a_write_that_could_not_leave_goes_to_the_fallback_host():
    """With the same permit's quota: both hosts are one exchange."""
    first = await nobody()
    async with RawServer([answer(GOOD)]) as server:
        road = session(first, server.url)
        await Swap(road).set_leverage("BTC-USDT", PositionSide.LONG, 7)
        await Swap(road).set_leverage("BTC-USDT", PositionSide.LONG, 7)
        assert len(server.requests) == 2
        (state,) = (s for s in road.governor.snapshot() if s.key.scope == "uid")
        assert state.free == 3
        await road.close()


async def test_what_may_have_left_never_goes_to_the_fallback_host():
    """Not even a read: it is repeated where it was."""
    async with (
        RawServer([drop, answer(BY_SIDE)]) as first,
        RawServer([answer(BY_SIDE)]) as fallback,
    ):
        road = session(first.url, fallback.url)
        await Swap(road).leverage("BTC-USDT")
        with pytest.raises(OutcomeUnknown):
            first.requests.clear()
            await Swap(road).set_leverage("BTC-USDT", PositionSide.LONG, 7)
        assert not fallback.requests
        await road.close()


async def test_without_a_fallback_the_same_host_is_tried_again():
    """And the error says what certainly did not happen."""
    url = await nobody()
    async with BingX(KEY, SECRET, base_url=url, governor=Governor(), retries=1) as bingx:
        with pytest.raises(NotSent, match="nothing was sent"):
            await set_leverage(bingx)
        assert taken(bingx, "swap.set_leverage") == 0


# --- the clock ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [-40.0, 3600.0])
async def test_a_refused_timestamp_is_measured_and_sent_anew(ahead):
    """Many calls at once measure once, and a write is repeated too: it was not executed."""
    async with Emulator(clock_offset=ahead) as exchange:
        bingx = exchange.client("alice", governor=Governor())
        async with bingx:
            changed = await asyncio.gather(
                *(
                    bingx.swap.set_leverage("BTC-USDT", side, 20)
                    for side in (PositionSide.LONG, PositionSide.SHORT)
                )
            )
            assert [leverage.leverage for leverage in changed] == [20, 20]
            assert abs(bingx.clock.offset - ahead * 1000) < 1000
            assert bingx.clock.times_set == 1
        asked = [arrival.endpoint for arrival in exchange.ledger]
        assert asked.count("swap.server_time") == 4
        assert asked.count("swap.set_leverage") == 4


async def test_a_timestamp_that_stays_refused_is_an_error():
    """One repetition, then somebody has to look."""
    time_now = b'{"code":0,"data":{"serverTime":%d}}' % (time.time() * 1000)
    acts = [answer(OFF), *[answer(time_now)] * 4, answer(OFF)]
    async with RawServer(acts) as server, client(server) as bingx:
        with pytest.raises(AuthError, match="timestamp"):
            await set_leverage(bingx)
        assert len(server.requests) == 6


async def test_a_clock_that_cannot_be_read_leaves_the_refusal():
    """It says what is wrong; the failure to measure does not."""
    async with RawServer([answer(OFF)]) as server, client(server) as bingx:
        with pytest.raises(AuthError, match=r"swap\.set_leverage.*timestamp"):
            await set_leverage(bingx)
        assert len(server.requests) == 2


# --- whose key it is ---------------------------------------------------------------------------


async def test_the_uid_is_asked_for_once():
    """Before the first private call, however many wait for it; views know it too."""
    async with RawServer([answer(UID), answer(BY_SIDE)]) as server:
        async with client(server, uid="auto") as bingx:
            assert bingx.uid == "auto"
            view = bingx.with_options(max_wait=5)
            await asyncio.gather(bingx.swap.leverage("A"), view.swap.leverage("B"))
            assert bingx.uid == view.uid == "70000000000000000001"
            assert taken(bingx) == 2
        assert [head.split("?")[0] for head, _ in server.requests] == [
            "GET /openApi/account/v1/uid",
            *["GET /openApi/swap/v2/trade/leverage"] * 2,
        ]


async def test_two_keys_of_one_account_share_its_quota():
    """That is what the label is for."""
    async with RawServer([answer(UID), answer(UID), answer(BY_SIDE)]) as server:
        governor = Governor()
        one = client(server, uid="auto", governor=governor)
        two = BingX("another-key", SECRET, base_url=server.url, uid="auto", governor=governor)
        async with one, two:
            await one.account.uid()
            await two.account.uid()
            assert taken(one, "account.uid") == 2


async def test_a_public_call_asks_for_no_uid():
    """It has no quota of an account."""
    body = json.dumps({"code": 0, "data": {"serverTime": 1767225600000}}).encode()
    async with RawServer([answer(body)]) as server, client(server, uid="auto") as bingx:
        await bingx.swap.server_time()
        assert len(server.requests) == 1


async def test_a_key_that_nobody_knows_stops_the_call():
    """Nothing of it is sent without its label."""
    refusal = answer(b'{"code":100413,"msg":"Incorrect apiKey"}')
    async with RawServer([refusal]) as server, client(server, uid="auto") as bingx:
        with pytest.raises(AuthError, match=r"account\.uid"):
            await bingx.swap.leverage("BTC-USDT")
        assert len(server.requests) == 1
