"""Facts about the client."""

import asyncio
import warnings

import aiohttp
import pytest

from bingx_async import BingX, Governor, PositionSide, Quota, QuotaTimeout
from bingx_async.emulator import Emulator

KEY, SECRET = "key-of-somebody-1234", "secret-of-somebody-5678"


def test_environments_have_the_documented_hosts():
    """Live is the default; demo trading is another host."""
    assert repr(BingX()) == "<BingX https://open-api.bingx.com, no key>"
    assert repr(BingX(environment="vst")) == "<BingX https://open-api-vst.bingx.com, no key>"
    assert repr(BingX(KEY, SECRET, base_url="http://127.0.0.1:8080/")) == (
        "<BingX http://127.0.0.1:8080, key ...1234>"
    )


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"environment": "test"}, "environment must be one of live, vst, not 'test'"),
        ({"api_key": KEY}, "secret_key is missing"),
        ({"secret_key": SECRET}, "api_key is missing"),
        ({"api_key": "", "secret_key": ""}, "api_key is missing"),
        ({"api_key": KEY + "\n", "secret_key": SECRET}, "api_key holds a space"),
        ({"api_key": KEY, "secret_key": f" {SECRET}"}, "secret_key holds a space"),
        ({"base_url": "ftp://x"}, "base_url must look like"),
        ({"base_url": "bingx.com"}, "base_url must look like"),
        ({"base_url": "http://[x"}, "base_url must look like"),
        ({"base_url": "https://a:b@c"}, "base_url must look like"),
        ({"base_url": "https://c?d=1"}, "base_url must look like"),
        ({"recv_window": 0}, "recv_window must not be 0"),
        ({"timeout": -1}, "timeout must not be -1"),
        ({"max_wait": -1}, "max_wait must not be -1"),
        ({"placement": "body"}, "placement must not be 'body'"),
    ],
)
def test_bad_arguments_are_refused_when_the_client_is_made(arguments, match):
    """One sentence, and no secret in it."""
    with pytest.raises(ValueError, match=match) as caught:
        BingX(**arguments)
    assert SECRET not in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_limit_for_an_endpoint_that_does_not_exist_is_refused():
    """A misspelt name would leave the declared quota in force without a word."""
    governor = Governor(limits={"swap.set_leverege": Quota(1, 1)})
    with pytest.raises(ValueError, match=r"do not exist: swap\.set_leverege"):
        BingX(governor=governor)


def test_a_limit_per_uid_for_a_public_endpoint_is_refused():
    """There is no UID in its calls, so that it would never hold."""
    governor = Governor(limits={"swap.contracts": Quota(1, 1), "swap.server_time": None})
    with pytest.raises(ValueError, match=r"public endpoints have none: swap\.contracts"):
        BingX(governor=governor)


def test_keys_come_from_the_environment(monkeypatch):
    """And arguments go before it."""
    monkeypatch.setenv("BINGX_API_KEY", KEY)
    monkeypatch.setenv("BINGX_SECRET_KEY", SECRET)
    monkeypatch.setenv("BINGX_ENVIRONMENT", "vst")
    assert repr(BingX.from_env()) == "<BingX https://open-api-vst.bingx.com, key ...1234>"
    assert "open-api.bingx.com" in repr(BingX.from_env(environment="live"))
    monkeypatch.delenv("BINGX_SECRET_KEY")
    with pytest.raises(ValueError, match="secret_key is missing"):
        BingX.from_env()


def test_the_uid_defaults_to_a_digest_of_the_key():
    """The same key is the same account in every client, and the key cannot be told from it."""
    assert BingX(KEY, SECRET).uid == BingX(KEY, SECRET).uid != BingX("other", SECRET).uid
    assert KEY not in str(BingX(KEY, SECRET).uid)
    assert BingX(KEY, SECRET, uid="1001").uid == "1001"
    assert BingX().uid is None


async def test_clients_without_a_governor_share_that_of_the_loop(exchange):
    """So that the promise holds for two clients made without a thought."""
    account = exchange.account("alice")
    keys = account.api_key, account.secret_key
    async with (
        BingX(*keys, base_url=exchange.url) as one,
        BingX(*keys, base_url=exchange.url) as two,
    ):
        assert one.governor is two.governor is Governor.current()
        calls = [each.swap.leverage("BTC-USDT") for each in (one, two) for _ in range(5)]
        await asyncio.gather(*calls)
    assert exchange.worst(Quota(5, 1)) == 5
    assert all(arrival.accepted for arrival in exchange.ledger)


async def test_two_keys_of_one_account_share_its_quota_under_one_uid(exchange):
    """The exchange counts the account, not the key."""
    account = exchange.account("alice")
    keys = account.keys[0], account.add_key()
    clients = [exchange.client("alice", api_key=k.api_key, secret_key=k.secret_key) for k in keys]
    await asyncio.gather(*(each.swap.leverage("BTC-USDT") for each in clients for _ in range(4)))
    assert exchange.worst(Quota(5, 1)) == 5
    assert all(arrival.accepted for arrival in exchange.ledger)


async def test_a_session_handed_in_is_used_and_never_closed(exchange):
    """Its trace configs see the calls."""
    seen = []

    async def on_start(_, __, params):
        seen.append(params.url.path)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(on_start)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        async with exchange.client("alice", session=session) as bingx:
            await bingx.swap.position_mode()
        assert not session.closed
    assert seen == ["/openApi/swap/v1/positionSide/dual"]


async def test_a_closed_client_says_so(exchange):
    """Closing twice is no mistake, calling afterwards is."""
    bingx = exchange.client("alice")
    await bingx.swap.server_time()
    await bingx.close()
    await bingx.close()
    with pytest.raises(RuntimeError, match="is closed"):
        await bingx.swap.server_time()

    never_used = exchange.client("alice")
    await never_used.close()
    with pytest.raises(RuntimeError, match="is closed"):
        await never_used.swap.server_time()


def test_a_client_belongs_to_one_loop():
    """Used in another, it says so instead of hanging."""
    bingx = BingX(base_url="http://127.0.0.1:1", governor=None)

    async def main():
        try:
            await bingx.swap.server_time()
        except ConnectionError:
            raise AssertionError from None
        except Exception as exc:
            await asyncio.sleep(0)
            return exc

    first = asyncio.run(main())
    second = asyncio.run(main())
    assert type(first).__name__ == "NotSent"
    assert isinstance(second, RuntimeError)
    assert "belongs to another event loop" in str(second)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.run(bingx.close())


async def test_a_view_has_its_own_options_and_the_same_connections(exchange):
    """Closing it does nothing."""
    bingx = exchange.client("alice", governor=Governor(limits={"swap.leverage": Quota(5, 60)}))
    async with bingx.with_options(max_wait=0, recv_window=1000) as impatient:
        assert impatient.governor is bingx.governor
        for _ in range(5):
            await impatient.swap.leverage("BTC-USDT")
        with pytest.raises(QuotaTimeout):
            await impatient.swap.leverage("BTC-USDT")
        assert repr(impatient) == repr(bingx)
    assert (await bingx.swap.position_mode()).dual_side_position
    with pytest.raises(TypeError, match="uid"):
        bingx.with_options(uid="2")
    with pytest.raises(ValueError, match="priority must not be 'high'"):
        bingx.with_options(priority="high")


async def test_a_higher_priority_goes_first(exchange):
    """An emergency does not queue behind housekeeping."""
    bingx = exchange.client("alice")
    done = []

    async def one(name, view):
        await view.swap.leverage("BTC-USDT")
        done.append(name)

    urgent = bingx.with_options(priority=1)
    await asyncio.gather(*(one("routine", bingx) for _ in range(7)), one("urgent", urgent))
    assert done.index("urgent") == 5


async def test_a_shared_client_serves_many_tasks():
    """Three accounts, one governor, one address: as fast as allowed and never once faster."""
    async with Emulator(limits={"swap.leverage": Quota(5, 0.2)}) as exchange:
        clients = [exchange.client(name) for name in ("alice", "bob", "carol")]
        answers = await asyncio.gather(
            *(each.swap.leverage("ETH-USDT") for each in clients for _ in range(20))
        )
        assert len(answers) == 60
        assert exchange.worst(Quota(5, 0.2)) == 5
        assert all(arrival.accepted for arrival in exchange.ledger)


async def test_the_documented_call_works(exchange):
    """Set, and read back."""
    bingx = exchange.client("alice")
    answer = await bingx.swap.set_leverage("BTC-USDT", PositionSide.LONG, 33)
    assert (answer.symbol, answer.leverage) == ("BTC-USDT", 33)
    assert (await bingx.swap.leverage("BTC-USDT")).long_leverage == 33
