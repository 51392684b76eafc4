"""Facts about the emulator: as strict as the exchange that it stands for."""

import asyncio
import json
import random
import time

import aiohttp
import pytest
from yarl import URL

from bingx_async import (
    AuthError,
    DecodeError,
    Governor,
    InvalidRequest,
    IpGroup,
    OutcomeUnknown,
    PositionSide,
    Quota,
    RateLimited,
    TransportError,
    Unavailable,
)
from bingx_async import swap as declared
from bingx_async.emulator import Emulator, Faults, constant, lognormal, spikes, uniform
from bingx_async.emulator.swap import Swap
from bingx_async.signing import SigningKey, canonical, json_body, pairs, query, sign

LEVERAGE = "/openApi/swap/v2/trade/leverage"
UNGOVERNED = {
    "limits": {"swap.leverage": None, "swap.set_leverage": None},
    "groups": {1: None, 2: None},
}


def ungoverned(exchange, name, **options):
    """Make a client that sends as fast as it can, and raises what comes back."""
    return exchange.client(name, governor=Governor(**UNGOVERNED), max_wait=0, **options)


async def raw(exchange, method="GET", path=LEVERAGE, *, key=None, text="", headers=None, **options):
    """Send what no client would send."""
    account = exchange.account("alice")
    headers = {"X-BX-APIKEY": key or account.api_key, **(headers or {})}
    url = f"{exchange.url}{path}" + (f"?{text}" if text else "")
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, URL(url, encoded=True), headers=headers, **options) as response,
    ):
        return (await response.json())["code"], response


def signed(exchange, **parameters):
    """Sign parameters as the account's owner would."""
    parts = pairs({"timestamp": int(exchange.now().timestamp() * 1000), **parameters})
    text = canonical(parts)
    return query(parts, text, sign(text, SigningKey(exchange.account("alice").secret_key)))


async def test_leverage_is_kept_by_account_symbol_and_side(exchange):
    """Nobody sees another's."""
    alice, bob = exchange.client("alice"), exchange.client("bob")
    await alice.swap.set_leverage("BTC-USDT", PositionSide.LONG, 33)
    await alice.swap.set_leverage("BTC-USDT", PositionSide.SHORT, 44)

    mine, his = await alice.swap.leverage("BTC-USDT"), await bob.swap.leverage("BTC-USDT")
    other = await alice.swap.leverage("ETH-USDT")
    assert (mine.long_leverage, mine.short_leverage) == (33, 44)
    assert (his.long_leverage, his.short_leverage) == (10, 10)
    assert (other.long_leverage, other.max_long_leverage) == (10, 125)


async def test_fifteen_contracts_have_steps_and_limits(exchange):
    """Each by itself as well."""
    bingx = exchange.client("alice")
    contracts = await bingx.swap.contracts()

    assert len({contract.symbol for contract in contracts}) == 15
    for contract in contracts:
        assert contract.trade_min_quantity.as_tuple().exponent == -contract.quantity_precision
        assert contract.max_long_leverage in range(50, 151)
    assert await bingx.swap.contracts("SOL-USDT") == [contracts[2]]
    with pytest.raises(InvalidRequest, match="NO-USDT,symbol not exist"):
        await bingx.swap.contracts("NO-USDT")


async def test_the_mode_decides_which_sides_there_are(exchange):
    """Hedge mode has two, one-way mode has one."""
    bingx = exchange.client("alice")
    assert (await bingx.swap.position_mode()).dual_side_position
    with pytest.raises(InvalidRequest, match="In the Hedge mode") as caught:
        await bingx.swap.set_leverage("BTC-USDT", PositionSide.BOTH, 5)
    assert caught.value.code == 109400

    assert not (await bingx.swap.set_position_mode(dual_side_position=False)).dual_side_position
    await asyncio.sleep(0)
    with pytest.raises(InvalidRequest, match="In the One-way mode"):
        await bingx.swap.set_leverage("BTC-USDT", PositionSide.LONG, 5)
    await bingx.swap.set_leverage("BTC-USDT", PositionSide.BOTH, 5)
    assert (await bingx.swap.leverage("BTC-USDT")).short_leverage == 5


@pytest.mark.parametrize(
    ("arguments", "code", "match"),
    [
        (("BTC-USDT", PositionSide.LONG, 151), 101414, "above the maximum of BTC-USDT"),
        (("BTC-USDT", PositionSide.LONG, 0), 109400, "1 or more"),
        (("NO-USDT", PositionSide.LONG, 5), 109400, "symbol not exist"),
        (("BTC-USDT", PositionSide("UP"), 5), 109400, "In the Hedge mode"),
        (("BTC-USDT", PositionSide.LONG, "10X"), 109400, "leverage: 10X"),
        (("BTC-USDT", PositionSide.LONG, "ten"), 109400, "leverage"),
        (("BTC-USDT", PositionSide.LONG, True), 109400, "leverage"),
    ],
)
async def test_bad_arguments_are_refused_with_the_exchanges_codes(exchange, arguments, code, match):
    """As the exchange documents them."""
    with pytest.raises(InvalidRequest, match=match) as caught:
        await exchange.client("alice").swap.set_leverage(*arguments)
    assert caught.value.code == code


async def test_whoever_is_not_who_they_say_is_refused(exchange):
    """Key, signature, timestamp and permission are all checked."""
    exchange.account("alice")
    reader = exchange.account("bob").add_key(["read"])
    good = exchange.account("alice")
    cases = [
        ({"api_key": "nobody", "secret_key": "x"}, 100413),
        ({"api_key": good.api_key, "secret_key": "wrong"}, 100001),
        ({"api_key": reader.api_key, "secret_key": reader.secret_key}, 100004),
    ]
    for keys, code in cases:
        for placement in ("declared", "query"):
            bingx = ungoverned(exchange, "alice", placement=placement, **keys)
            with pytest.raises(AuthError) as caught:
                await bingx.swap.set_leverage("BTC-USDT", PositionSide.LONG, 5)
            assert caught.value.code == code
    reading = ungoverned(exchange, "bob", api_key=reader.api_key, secret_key=reader.secret_key)
    assert (await reading.swap.leverage("BTC-USDT")).long_leverage == 10


@pytest.mark.parametrize("offset", [-6, 6])
async def test_a_clock_that_is_off_is_refused(offset):
    """In both directions, unless the window is wide enough; a client looks at it and goes on."""
    async with Emulator(clock_offset=offset) as exchange:
        late = {"symbol": "BTC-USDT", "timestamp": int(time.time() * 1000)}
        assert (await raw(exchange, text=signed(exchange, **late)))[0] == 100421
        assert (await raw(exchange, text=signed(exchange, recvWindow=10_000, **late)))[0] == 0
        bingx = exchange.client("alice")
        await bingx.swap.position_mode()
        shown = (await bingx.swap.server_time()).server_time.timestamp()
        assert shown - time.time() == pytest.approx(offset, abs=1)


async def test_what_no_client_sends_is_refused_too(exchange):
    """The gate reads strictly."""
    good = signed(exchange, symbol="BTC-USDT")
    now = int(time.time() * 1000)
    cases = [
        (good, 0),
        (good.replace("signature=", "sig="), 100412),
        (good[:-1] + ("0" if good[-1] != "0" else "1"), 100001),
        (good.replace("BTC", "ETH"), 100001),
        (signed(exchange, symbol="BTC-USDT", timestamp="soon"), 100421),
        (signed(exchange, symbol="BTC-USDT", timestamp=now - 6000), 100421),
        (signed(exchange), 109400),
        (f"{good}&symbol=ETH-USDT", 109400),
        ("symbol", 109400),
        ("symbol=%FF", 109400),
    ]
    for text, code in cases:
        exchange._judge._windows.clear()
        exchange._judge._locks.clear()
        assert (await raw(exchange, text=text))[0] == code, text


async def test_a_query_in_any_order_and_a_form_are_verified_as_sent(exchange):
    """The exchange asks for no order there."""
    account = exchange.account("alice")
    text = f"symbol=BTC-USDT&timestamp={int(time.time() * 1000)}&side=LONG&leverage=6"
    whole = f"{text}&signature={sign(text, SigningKey(account.secret_key))}"

    assert (await raw(exchange, "POST", text=whole))[0] == 0
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await raw(exchange, "POST", data=whole, headers=form))[0] == 0
    assert account.leverage["BTC-USDT", "LONG"] == 6


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"a":{}}', b"[" * 5000, b'{"leverage":1.5,"a":true}', b""]
)
async def test_a_json_body_that_is_none_is_refused(exchange, body):
    """With a code, not with a crash."""
    headers = {"Content-Type": "application/json"}
    code, response = await raw(exchange, "POST", data=body, headers=headers)
    assert response.status == 200
    assert code in {109400, 100412}


async def test_a_json_body_is_signed_in_the_order_of_its_keys(exchange):
    """Whatever the order in which they came."""
    account = exchange.account("alice")
    parts = pairs(
        {"symbol": "BTC-USDT", "side": "LONG", "leverage": 9, "timestamp": int(time.time() * 1000)}
    )
    signature = sign(canonical(parts), SigningKey(account.secret_key))
    shuffled = dict(reversed(json.loads(json_body(parts, signature)).items()))
    assert (await raw(exchange, "POST", json=shuffled))[0] == 0


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/openApi/nothing"), ("DELETE", LEVERAGE), ("GET", "/")]
)
async def test_a_wrong_path_or_method_is_told(exchange, method, path):
    """And stands in the ledger."""
    assert (await raw(exchange, method, path))[0] == 100400
    (arrival,) = exchange.ledger
    assert arrival.endpoint == f"{method} {path}"
    assert not arrival.accepted


async def test_an_endpoint_without_a_body_says_so():
    """Declared, but not played yet."""

    class Half(Swap):
        position_mode = declared.Swap.position_mode

    class HalfEmulator(Emulator):
        products = {"swap": Half}  # noqa: RUF012 - as in its base

    async with HalfEmulator() as exchange:
        with pytest.raises(InvalidRequest, match=r"swap\.position_mode is not emulated"):
            await exchange.client("alice").swap.position_mode()


async def test_one_request_too_many_locks_the_account_out_of_the_endpoint():
    """With the time until which it lasts; other endpoints and accounts go on."""
    async with Emulator(penalty=300, limits={"swap.leverage": Quota(5, 30)}) as exchange:
        alice, bob = ungoverned(exchange, "alice"), ungoverned(exchange, "bob")
        results = await asyncio.gather(
            *(alice.swap.leverage("BTC-USDT") for _ in range(6)), return_exceptions=True
        )
        (refusal,) = [result for result in results if isinstance(result, BaseException)]
        assert isinstance(refusal, RateLimited)
        assert refusal.code == 100410
        assert refusal.retry_at is not None
        assert refusal.retry_at.timestamp() - time.time() == pytest.approx(300, abs=1)
        await bob.swap.leverage("BTC-USDT")
        await alice.swap.set_leverage("BTC-USDT", PositionSide.LONG, 5)
        assert exchange.governor is exchange.client("carol").governor
        assert exchange.worst(Quota(5, 30)) == 6
        refused = [arrival for arrival in exchange.ledger if not arrival.accepted]
        assert [arrival.endpoint for arrival in refused] == ["swap.leverage"]
        assert "is shut" in refused[0].refusal


async def test_a_lock_ends_after_the_penalty():
    """And whoever went on meanwhile was refused, but not punished further."""
    limits = {"swap.leverage": Quota(1, 0.05)}
    async with Emulator(penalty=0.3, limits=limits) as exchange:
        alice = ungoverned(exchange, "alice")
        await alice.swap.leverage("BTC-USDT")
        refusals = 0
        start = time.monotonic()
        while True:
            try:
                await exchange.client(
                    "alice", governor=Governor(**UNGOVERNED), max_wait=0
                ).swap.leverage("BTC-USDT")
                break
            except RateLimited:
                refusals += 1
                await asyncio.sleep(0.06)
        assert time.monotonic() - start >= 0.3
        assert refusals > 2


async def test_addresses_have_quotas_of_their_own():
    """Counted over all accounts; another address is another matter."""
    groups = {2: IpGroup(total=[Quota(4, 10)], each=[Quota(3, 10)])}
    async with Emulator(groups=groups) as exchange:
        clients = [ungoverned(exchange, f"customer {n}") for n in range(6)]
        for each in clients[:3]:
            await each.swap.leverage("BTC-USDT")
        with pytest.raises(RateLimited):
            await clients[3].swap.leverage("BTC-USDT")
        with pytest.raises(RateLimited):
            await clients[4].swap.position_mode()
        elsewhere = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
        async with aiohttp.ClientSession(connector=elsewhere) as session:
            await ungoverned(exchange, "customer 5", session=session).swap.leverage("BTC-USDT")
        assert exchange.worst(Quota(3, 10), by=("ip", "endpoint")) == 4
        assert exchange.worst(Quota(4, 10), by=("ip", "group")) == 5


async def test_every_answer_tells_what_is_left(exchange):
    """And when the window ends, in milliseconds of the exchange's clock."""
    left = []
    for _ in range(3):
        _, response = await raw(exchange, text=signed(exchange, symbol="BTC-USDT"))
        left.append(int(response.headers["X-RateLimit-Requests-Remain"]))
        expire = int(response.headers["X-RateLimit-Requests-Expire"]) / 1000
        assert 0 < expire - time.time() <= 1.01
    assert left == [4, 3, 2]


@pytest.mark.parametrize(
    ("fault", "kinds", "executed"),
    [
        ("dropped_before", (OutcomeUnknown,), False),
        ("dropped_after", (OutcomeUnknown,), True),
        ("truncated", (OutcomeUnknown,), True),
        ("garbled", (DecodeError,), True),
        ("failed", (Unavailable, OutcomeUnknown), None),
    ],
)
async def test_faults_are_what_they_are_called(fault, kinds, executed):
    """Executed or not, and the client says what is certain."""
    async with Emulator(faults=Faults(**{fault: 1.0}), seed=3) as exchange:
        with pytest.raises(kinds):
            await exchange.client("alice").swap.set_leverage("BTC-USDT", PositionSide.LONG, 77)
        done = exchange.account("alice").leverage.get(("BTC-USDT", "LONG")) == 77
        assert executed is None or done is executed
        assert len(exchange.ledger) == 1


async def test_faults_repeat_with_their_seed():
    """A failing test fails again."""

    async def play(seed):
        faults = Faults(dropped_before=0.2, failed=0.2, garbled=0.2)
        async with Emulator(faults=faults, seed=seed, limits=UNGOVERNED["limits"]) as exchange:
            bingx = ungoverned(exchange, "alice")
            outcomes = []
            for _ in range(30):
                try:
                    await bingx.swap.leverage("BTC-USDT")
                    outcomes.append("fine")
                except (TransportError, Unavailable, DecodeError) as exc:
                    outcomes.append(type(exc).__name__)
            return outcomes

    assert await play(1) == await play(1) != await play(2)


async def test_requests_take_the_time_that_they_are_given():
    """On the way in before they are counted, on the way out after."""
    faults = Faults(way_in=constant(0.05), way_out=constant(0.05))
    async with Emulator(faults=faults) as exchange:
        start = time.monotonic()
        await exchange.client("alice").swap.server_time()
        (arrival,) = exchange.ledger
        assert arrival.time - start >= 0.05
        assert time.monotonic() - arrival.time >= 0.05


def test_delays_are_drawn_from_their_distributions():
    """In seconds."""
    draw = random.Random(7)
    assert all(0.1 <= uniform(0.1, 0.2)(draw) <= 0.2 for _ in range(100))
    delays = sorted(lognormal(0.05)(draw) for _ in range(1001))
    assert delays[500] == pytest.approx(0.05, rel=0.2)
    spiked = [spikes(constant(0.01), size=0.2, share=0.25)(draw) for _ in range(1000)]
    assert set(spiked) == {0.01, 0.21000000000000002}
    assert spiked.count(0.01) == pytest.approx(750, abs=60)


def test_impossible_faults_are_refused():
    """A share is a share."""
    with pytest.raises(ValueError, match="failed is a share from 0 to 1, not 2"):
        Faults(failed=2)
    with pytest.raises(ValueError, match="more than 1"):
        Faults(failed=0.6, garbled=0.6)


async def test_it_says_when_it_is_not_running():
    """Instead of a riddle."""
    exchange = Emulator()
    with pytest.raises(RuntimeError, match="not running"):
        exchange.client("alice")
    async with Emulator() as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(OSError, match="address already in use"):
            async with Emulator(port=port):
                pass


async def test_accounts_are_the_same_in_every_process(exchange):
    """Another program knows the keys as well, and no secret is in their repr."""
    async with Emulator() as other:
        assert exchange.account("alice") == other.account("alice")
        assert exchange.account("alice") is exchange.account("alice")
        assert exchange.account("alice").uid != exchange.account("bob").uid
        assert exchange.account("alice").secret_key not in repr(exchange.account("alice"))


async def test_under_jitter_the_governed_are_never_refused_and_the_ungoverned_are():
    """The reason for all of it, in small: quotas of a fifth of a second."""
    faults = Faults(way_in=uniform(0, 0.02), way_out=uniform(0, 0.02))
    limits = {"swap.leverage": Quota(5, 0.2)}
    async with Emulator(faults=faults, limits=limits, seed=11) as exchange:
        bingx = exchange.client("alice")
        await asyncio.gather(*(bingx.swap.leverage("BTC-USDT") for _ in range(30)))
        assert exchange.worst(Quota(5, 0.2)) == 5
        assert all(arrival.accepted for arrival in exchange.ledger)

        freely = ungoverned(exchange, "bob")
        results = await asyncio.gather(
            *(freely.swap.leverage("BTC-USDT") for _ in range(30)), return_exceptions=True
        )
        assert sum(isinstance(result, RateLimited) for result in results) > 0
