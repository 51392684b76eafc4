"""Facts about the road of one call, against real servers on loopback."""

import asyncio
import json
import logging
import re
import socket
import time
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest

from bingx_async import (
    AuthError,
    BingX,
    DecodeError,
    Governor,
    InvalidRequest,
    Leverage,
    NotSent,
    OutcomeUnknown,
    PositionSide,
    Quota,
    QuotaTimeout,
    RateLimited,
    Rejected,
    TransportError,
    Unavailable,
)
from bingx_async.signing import SigningKey, sign
from tests.server import RawServer, answer, drop, silence

GOOD = b'{"code":0,"msg":"","data":{"leverage":7,"symbol":"BTC-USDT"}}'
BY_SIDE = b'{"code":0,"msg":"","data":{"longLeverage":7,"shortLeverage":8}}'
KEY, SECRET = "key-of-somebody-1234", "secret-of-somebody-5678"


def client(server, **options):
    """One attempt a call, unless something else is asked for; repeating is in test_retry.py."""
    options.setdefault("retries", 0)
    return BingX(KEY, SECRET, base_url=server.url, governor=Governor(), uid="1", **options)


def free(bingx, subject="swap.set_leverage"):
    (found,) = (
        b for b in bingx.governor.snapshot() if b.key.subject == subject and b.key.scope == "uid"
    )
    return found.free


async def set_leverage(bingx):
    return await bingx.swap.set_leverage("BTC-USDT", PositionSide.LONG, 7)


async def test_a_json_body_carries_the_signed_text():
    """Sorted, with numbers as numbers, the signature last and nothing in the URL."""
    async with RawServer([answer(GOOD)]) as server, client(server) as bingx:
        before = time.time_ns() // 1_000_000
        assert await set_leverage(bingx) == Leverage(7, "BTC-USDT")

    ((head, body),) = server.requests
    assert head.startswith("POST /openApi/swap/v2/trade/leverage HTTP/1.1\r\n")
    assert f"X-BX-APIKEY: {KEY}\r\n" in head
    assert "Content-Type: application/json\r\n" in head
    sent = json.loads(body)
    assert list(sent) == ["leverage", "recvWindow", "side", "symbol", "timestamp", "signature"]
    assert before <= sent["timestamp"] <= time.time_ns() // 1_000_000
    text = f"leverage=7&recvWindow=5000&side=LONG&symbol=BTC-USDT&timestamp={sent['timestamp']}"
    assert sent["signature"] == sign(text, SigningKey(SECRET))


async def test_a_query_carries_the_signed_text():
    """For a GET, and for everything with ``placement="query"``."""
    acts = [answer(BY_SIDE), answer(GOOD)]
    async with RawServer(acts) as server, client(server, placement="query") as bingx:
        await bingx.swap.leverage("BTC-USDT")
        await set_leverage(bingx)

    for (head, body), start in zip(server.requests, ("GET", "POST"), strict=True):
        line = re.match(r"(\w+) (\S+)\?(\S+)&signature=(\w+) HTTP", head)
        assert line is not None
        assert line[1] == start
        assert line[2] == "/openApi/swap/v2/trade/leverage"
        assert line[4] == sign(line[3], SigningKey(SECRET))
        assert body == b""


async def test_a_public_call_carries_neither_key_nor_signature():
    """Only the time, which harms nobody."""
    body = b'{"code":0,"msg":"","data":{"serverTime":1727193814249}}'
    async with RawServer([answer(body)]) as server, client(server) as bingx:
        await bingx.swap.server_time()

    ((head, _),) = server.requests
    assert re.match(r"GET /openApi/swap/v2/server/time\?timestamp=\d{13} HTTP", head)
    assert "APIKEY" not in head


async def test_the_time_is_taken_after_the_wait():
    """A call that waited in a lane does not carry an old timestamp."""
    governor = Governor(limits={"swap.set_leverage": Quota(1, 0.4)})
    async with (
        RawServer([answer(GOOD)]) as server,
        BingX(KEY, SECRET, base_url=server.url, governor=governor) as bingx,
    ):
        await asyncio.gather(set_leverage(bingx), set_leverage(bingx))

    first, second = (json.loads(body)["timestamp"] for _, body in server.requests)
    assert second - first >= 400


async def test_without_keys_a_private_call_is_refused_before_anything_is_sent():
    """And a public one is served."""
    body = b'{"code":0,"msg":"","data":[]}'
    async with RawServer([answer(body)]) as server, BingX(base_url=server.url) as bingx:
        assert await bingx.swap.contracts() == []
        with pytest.raises(AuthError, match=r"swap\.set_leverage: .*permission 'trade'.*api_key="):
            await set_leverage(bingx)
    assert len(server.requests) == 1


async def test_a_bad_argument_is_refused_before_anything_waits_or_is_sent():
    """No token is spent on it, and the error names endpoint and parameter."""
    async with RawServer([answer(GOOD)]) as server, client(server) as bingx:
        with pytest.raises(InvalidRequest, match=r"swap\.set_leverage: symbol holds '&'"):
            await bingx.swap.set_leverage("BTC&USDT", PositionSide.LONG, 7)
        with pytest.raises(TypeError):
            await bingx.swap.set_leverage("BTC-USDT", PositionSide.LONG)
        assert bingx.governor.snapshot() == []
    assert server.requests == []


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (answer(b'{"code":101204,"msg":"Insufficient margin"}'), Rejected),
        (answer(b"<html>"), DecodeError),
        (answer(b"", status=503), Unavailable),
        (answer(b"", status=504), OutcomeUnknown),
        (answer(b"", status=302, headers="Location: http://127.0.0.1:1/\r\n"), DecodeError),
        (drop, OutcomeUnknown),
        (answer(GOOD[:20], length=len(GOOD)), OutcomeUnknown),
        (answer(b"", headers="Content-Encoding: gzip\r\n", length=5), OutcomeUnknown),
    ],
)
async def test_whatever_comes_back_is_a_typed_error(act, kind):
    """Sent once, never again, and its token is kept."""
    async with RawServer([act]) as server, client(server) as bingx:
        with pytest.raises(kind) as caught:
            await set_leverage(bingx)
        assert free(bingx) == 4

    assert caught.value.endpoint == "swap.set_leverage"
    assert len(server.requests) == 1


async def test_a_get_is_never_sent_twice_behind_the_governors_back():
    """aiohttp would repeat it on a connection that turned out to be closed."""
    async with (
        RawServer([answer(BY_SIDE), drop, answer(BY_SIDE)]) as server,
        client(server) as bingx,
        aiohttp.ClientSession() as foreign,
    ):
        for each in (bingx, client(server, session=foreign)):
            server.requests.clear()
            await each.swap.leverage("BTC-USDT")
            with pytest.raises(OutcomeUnknown):
                await each.swap.leverage("BTC-USDT")
            assert len(server.requests) == 2


@pytest.mark.parametrize("owned", [True, False])
async def test_a_refused_connection_was_not_sent_and_costs_no_token(owned):
    """Repeating is safe."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    async with aiohttp.ClientSession() as foreign:
        session = None if owned else foreign
        async with BingX(KEY, SECRET, base_url=url, governor=Governor(), session=session) as bingx:
            with pytest.raises(NotSent, match="nothing was sent"):
                await set_leverage(bingx)
            assert free(bingx) == 5


async def test_a_call_whose_client_is_closed_while_it_waits_was_not_sent():
    """It finds out when its turn comes, and gives its token back."""
    governor = Governor(limits={"swap.set_leverage": Quota(1, 0.1)})
    async with RawServer([answer(GOOD)]) as server:
        bingx = BingX(KEY, SECRET, base_url=server.url, governor=governor)
        await set_leverage(bingx)
        waiting = asyncio.create_task(set_leverage(bingx))
        await asyncio.sleep(0)
        await bingx.close()
        with pytest.raises(NotSent, match="closed while the call waited"):
            await waiting
        assert free(bingx) == 1


async def test_an_unknown_host_was_not_sent():
    """A name that cannot be resolved is no exchange."""
    async with BingX(KEY, SECRET, base_url="http://nowhere.invalid", governor=Governor()) as bingx:
        with pytest.raises(NotSent, match=r"http://nowhere\.invalid"):
            await set_leverage(bingx)


async def test_silence_ends_at_the_timeout_and_leaves_the_outcome_open():
    """The error says after how long."""
    async with RawServer([silence]) as server, client(server, timeout=0.1) as bingx:
        with pytest.raises(OutcomeUnknown, match=r"no answer within 0\.1 s"):
            await set_leverage(bingx)
        assert free(bingx) == 4


async def test_a_connection_that_never_comes_about_was_not_sent():
    """The listener's queue is full, so that the timeout strikes while connecting."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    address = listener.getsockname()
    fillers = [socket.socket() for _ in range(8)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(address)
    url = f"http://127.0.0.1:{address[1]}"
    try:
        async with BingX(KEY, SECRET, base_url=url, governor=Governor(), timeout=0.2) as bingx:
            with pytest.raises(NotSent):
                await set_leverage(bingx)
            assert free(bingx) == 5
            call = asyncio.create_task(set_leverage(bingx))
            await asyncio.sleep(0.02)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert free(bingx) == 5
    finally:
        for each in (*fillers, listener):
            each.close()


async def test_a_call_cancelled_under_way_keeps_its_token():
    """It may have arrived."""
    async with RawServer([silence]) as server, client(server) as bingx:
        call = asyncio.create_task(set_leverage(bingx))
        await server.arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert free(bingx) == 4


def refused(message, **headers):
    """Answer that a limit was exceeded."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    body = json.dumps({"code": 100410, "msg": message, "data": {}}).encode()
    return answer(body, headers=lines)


async def test_a_refused_call_is_repeated_once_its_bucket_opens():
    """It was not executed; its caller notices nothing but the time."""
    opens = int(time.time() * 1000) + 300
    act = refused(f"will be unblocked after {opens}")
    async with RawServer([act, answer(GOOD)]) as server, client(server) as bingx:
        assert await set_leverage(bingx) == Leverage(7, "BTC-USDT")
    first, second = (json.loads(body)["timestamp"] for _, body in server.requests)
    assert first < opens <= second


async def test_the_time_of_a_refusal_is_read_by_the_exchanges_own_clock():
    """An hour's difference between the clocks must not become an hour's wait."""
    theirs = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    message = f"will be unblocked after {int(theirs.timestamp() * 1000) + 200}"
    act = refused(message, Date=format_datetime(theirs, usegmt=True))
    async with RawServer([act, answer(GOOD)]) as server, client(server, max_wait=5) as bingx:
        await set_leverage(bingx)
    assert len(server.requests) == 2


async def test_a_date_without_a_place_is_read_as_utc():
    """The standard's own way of writing it has no offset that Python would keep."""
    theirs = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    message = f"will be unblocked after {int(theirs.timestamp() * 1000) + 200}"
    act = refused(message, Date=theirs.strftime("%a, %d %b %Y %H:%M:%S -0000"))
    async with RawServer([act, answer(GOOD)]) as server, client(server, max_wait=5) as bingx:
        await set_leverage(bingx)
    assert len(server.requests) == 2


async def test_a_refusal_longer_than_max_wait_is_raised_at_once(caplog):
    """With the time that the exchange named; others learn of it before they send."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    act = refused(f"can retry after time: {int(at.timestamp() * 1000)}", Date="not a date")
    async with RawServer([act]) as server, client(server, max_wait=1.0) as bingx:
        with pytest.raises(RateLimited) as caught:
            await set_leverage(bingx)
        assert caught.value.retry_at == at
        assert caught.value.code == 100410
        with pytest.raises(QuotaTimeout) as second:
            await set_leverage(bingx)
        assert 290 < second.value.wait <= 300
    assert len(server.requests) == 1
    assert "refused because of a limit (100410)" in caplog.text


async def test_a_refusal_without_a_time_closes_for_five_minutes():
    """That is how long the exchange's own restriction lasts."""
    async with RawServer([refused("rate limited")]) as server, client(server, max_wait=9) as bingx:
        with pytest.raises(RateLimited):
            await set_leverage(bingx)
        (state,) = (b for b in bingx.governor.snapshot() if b.closed_for)
        assert 299 < state.closed_for <= 300
        assert state.key.subject == "swap.set_leverage"


async def test_a_second_refusal_without_a_time_closes_for_twice_as_long():
    """Something is wrong then, and going on would make it worse."""
    async with RawServer([refused("rate limited")]) as server, client(server, max_wait=9) as bingx:
        for seconds in (300, 600):
            with pytest.raises(RateLimited):
                await set_leverage(bingx)
            (state,) = (b for b in bingx.governor.snapshot() if b.closed_for)
            assert state.closed_for == pytest.approx(seconds, abs=1)
            for bucket in bingx.governor._buckets.values():
                bucket.closed_until = 0.0  # as if the time had passed


async def test_too_many_equal_errors_close_the_endpoint_and_say_which_error(caplog):
    """It is the error that has to be mended."""
    opens = int(time.time() * 1000) + 300_000
    burst = "over 20 error code:100202 requests within 480000 ms for this api, please verify and"
    act = refused(f"{burst} fix it ,can retry after time: {opens}")
    async with RawServer([act]) as server, client(server, max_wait=9) as bingx:
        with pytest.raises(RateLimited) as caught:
            await set_leverage(bingx)
        assert caught.value.repeated_code == 100202
        (state,) = (b for b in bingx.governor.snapshot() if b.closed_for)
        assert str(state.key) == "uid 1, swap.set_leverage"
    assert "look why error 100202 came so often" in caplog.text


async def test_what_the_exchange_says_is_left_is_believed_if_it_is_less():
    """None is left until its window ends, though only one request was sent from here."""
    ends = int(time.time() * 1000) + 1500
    left = f"X-RateLimit-Requests-Remain: 0\r\nX-RateLimit-Requests-Expire: {ends}\r\n"
    async with RawServer([answer(GOOD, headers=left)]) as server, client(server) as bingx:
        await set_leverage(bingx)
        (state,) = (b for b in bingx.governor.snapshot() if b.closed_for)
        assert state.closed_for == pytest.approx(1.5, abs=0.3)
        assert (state.free, state.elsewhere) == (0, 4)


async def test_a_banned_address_sends_nothing_more():
    """HTTP 418 is followed by longer bans for those who go on."""
    act = answer(b"", status=418)
    async with RawServer([act]) as server, client(server, max_wait=1) as bingx:
        with pytest.raises(RateLimited):
            await set_leverage(bingx)
        with pytest.raises(QuotaTimeout, match="everything"):
            await bingx.swap.server_time()
        with pytest.raises(QuotaTimeout):
            await bingx.swap.contracts()
    assert len(server.requests) == 1


async def test_refusals_without_end_are_raised_after_three():
    """Waiting on would not help."""
    message = f"will be unblocked after {int(time.time() * 1000) - 1000}"
    async with RawServer([refused(message)]) as server, client(server) as bingx:
        with pytest.raises(RateLimited):
            await set_leverage(bingx)
    assert len(server.requests) == 3


async def test_hundreds_of_calls_at_once_share_one_client():
    """As many connections as permits; nobody queues a second time."""
    governor = Governor(limits={"swap.set_leverage": None}, groups={2: None})
    async with (
        RawServer([answer(GOOD)]) as server,
        BingX(KEY, SECRET, base_url=server.url, governor=governor) as bingx,
    ):
        answers = await asyncio.gather(*(set_leverage(bingx) for _ in range(400)))
    assert answers == [Leverage(7, "BTC-USDT")] * 400


@pytest.mark.parametrize(
    "act", [drop, silence, answer(b"", status=500), refused("rate limited"), answer(b"{}")]
)
async def test_no_secret_and_no_signature_is_shown(act, caplog):
    """Not in the message, the traceback, the chain, the repr or the log."""
    caplog.set_level(logging.DEBUG)
    async with (
        RawServer([act]) as server,
        client(server, timeout=0.1, max_wait=0.1, placement="query") as bingx,
    ):
        try:
            await set_leverage(bingx)
        except Exception as exc:
            shown = "".join(traceback.format_exception(exc)) + repr(exc) + repr(vars(exc))
            assert isinstance(exc, TransportError) <= (exc.__context__ is None)
        else:
            pytest.fail("it should have failed")
        shown += repr(bingx) + repr(bingx.swap) + repr(bingx.governor) + caplog.text
        shown += repr(bingx._credentials) + repr(bingx._session)
        shown += repr(bingx.governor.snapshot())
    assert "1234" in repr(bingx)
    assert SECRET not in shown
    assert KEY not in shown
    assert "signature=" not in shown
    assert "secret-of" not in shown


async def test_a_call_leaves_one_line_in_the_log(caplog):
    """At DEBUG: what was called, what came, how long it took."""
    caplog.set_level(logging.DEBUG, logger="bingx_async")
    async with RawServer([answer(GOOD)]) as server, client(server) as bingx:
        await set_leverage(bingx)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "bingx_async"]
    assert re.fullmatch(r"swap\.set_leverage: HTTP 200, 61 bytes in \d+\.\d ms", line)
