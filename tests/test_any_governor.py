"""
Facts about every governor, that of one event loop and that of a fleet, in real time.

The periods are short. What is asserted of times is that nothing comes too early; how late something
comes depends on the machine.
"""

import asyncio
import random
import time

import pytest

from bingx_async import BingX, BucketKey, Governor, IpGroup, Quota, QuotaTimeout, Scope
from bingx_async.shared import SharedGovernor
from tests.virtual import worst_window

SET = BingX.endpoints()["swap.set_leverage"]
GET = BingX.endpoints()["swap.leverage"]
CONTRACTS = BingX.endpoints()["swap.contracts"]
FREE = {1: None, 2: None, 3: None}


@pytest.fixture(params=["local", "shared"])
async def make(request):
    """Make governors of a kind; all shared ones of a test share their quotas."""
    made = []
    if request.param == "shared":
        url, namespace = map(request.getfixturevalue, ("redis_url", "namespace"))

    async def make(**options):
        if request.param == "local":
            return Governor(**options)
        governor = SharedGovernor(url, namespace=namespace, **options)
        made.append(governor)
        await governor.declare_idle()
        return governor

    yield make
    for governor in made:
        await governor.close()


def limited(tokens, period, endpoint=SET):
    """Tell a governor of one quota, and of no other."""
    return {"limits": {endpoint.name: Quota(tokens, period)}, "groups": FREE}


async def request(governor, log=None, name=None, *, what=SET, takes=0.0, uid="1", **options):
    """Hold a permit for as long as a request takes; note when it was sent and answered."""
    async with governor.permit(what, uid=uid, **options) as permit:
        sent = time.monotonic()
        await asyncio.sleep(takes)
        if log is not None:
            log.append((name, sent, time.monotonic()))
        return permit


async def state(governor, subject=SET.name, owner="1"):
    """Find the state of one bucket."""
    (found,) = (
        bucket
        for bucket in await governor.snapshot()
        if bucket.key.subject == subject and bucket.key.owner == owner
    )
    return found


async def waiting(governor, count, **of):
    """Let callers come in order until so many wait."""
    tasks = []
    for number in range(count):
        tasks.append(asyncio.create_task(request(governor, **{"name": number, **of})))
        await asyncio.sleep(0)
    return tasks


async def settled(governor, count, subject=SET.name, owner="1"):
    """Wait until so many callers wait for a bucket."""
    async with asyncio.timeout(40):
        while (await state(governor, subject, owner)).waiting != count:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_token_comes_back_one_period_after_the_response(make):
    """Never sooner, whoever asks for it."""
    governor, log = await make(**limited(2, 0.15)), []
    await asyncio.gather(*(request(governor, log, takes=0.05) for _ in range(7)))
    log.sort(key=lambda entry: entry[1])
    for (_, _, answered), (_, sent, _) in zip(log, log[2:], strict=False):
        assert sent >= answered + 0.15
    assert len(log) == 7


async def test_no_window_holds_more_than_the_quota(make):
    """Whatever the delays, wherever between sending and answer the requests arrive."""
    governor, chance, arrivals = await make(**limited(5, 0.2)), random.Random(5), []

    async def call():
        async with governor.permit(SET, uid="1"):
            await asyncio.sleep(way := chance.uniform(0, 0.04))
            arrivals.append(time.monotonic())
            await asyncio.sleep(chance.uniform(0, 0.04) if way > 0.02 else 0)

    await asyncio.gather(*(call() for _ in range(25)))
    assert worst_window(arrivals, 0.2) <= 5


async def test_a_request_takes_all_its_tokens_or_none(make):
    """While the address is exhausted, the account keeps its tokens."""
    group = IpGroup(total=[Quota(2, 0.4)])
    governor = await make(limits={SET.name: Quota(9, 5.0)}, groups={2: group})
    tasks = await waiting(governor, 4)
    await settled(governor, 2)
    assert (await state(governor)).free == 7
    assert (await state(governor, "group 2", "default")).free == 0
    await asyncio.gather(*tasks)
    assert (await state(governor)).free == 5


async def test_a_blocked_lane_holds_up_no_other(make):
    """Another account and another endpoint go on."""
    governor = await make(limits={SET.name: Quota(1, 60.0)}, groups=FREE)
    await request(governor)
    blocked = await waiting(governor, 3)
    await settled(governor, 3)
    async with asyncio.timeout(20):
        await request(governor, uid="2")
        await request(governor, what=GET)
        await request(governor, what=CONTRACTS, uid=None)
    for task in blocked:
        task.cancel()
    await asyncio.gather(*blocked, return_exceptions=True)
    assert (await state(governor)).waiting == 0


async def test_who_comes_first_is_served_first_within_a_priority(make):
    """And the higher priority before the lower."""
    governor, log = await make(**limited(1, 0.02)), []
    await request(governor)
    tasks = []
    for number, priority in enumerate([0, 0, 5, -3, 5, 0]):
        tasks += await waiting(governor, 1, log=log, name=number, priority=priority)
    await asyncio.gather(*tasks)
    assert [name for name, _, _ in log] == [2, 4, 0, 1, 5, 3]


async def test_a_newcomer_does_not_overtake_who_waits_for_the_same_bucket(make):
    """Even if a token is free at the moment at which it comes."""
    governor, log = await make(**limited(1, 0.03)), []
    await request(governor)
    tasks = await waiting(governor, 5, log=log)
    for _ in range(5):
        await asyncio.sleep(0.03)
        tasks += await waiting(governor, 1, log=log, name="late")
    await asyncio.gather(*tasks)
    assert [name for name, _, _ in log][:5] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("position", [0, 2, 4])
async def test_a_cancelled_waiter_changes_nothing_for_the_others(make, position):
    """First, in the middle, or last."""
    governor, log = await make(**limited(1, 0.03)), []
    await request(governor)
    tasks = await waiting(governor, 5, log=log)
    await settled(governor, 5)
    tasks[position].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [name for name, _, _ in log] == [n for n in range(5) if n != position]
    await asyncio.sleep(0.05)
    assert (await state_or_full(governor)) in {None, 1}


async def state_or_full(governor):
    """Tell the free tokens of the bucket; ``None`` if it is full and forgotten."""
    found = [b for b in await governor.snapshot() if b.key.scope == "uid"]
    assert all(bucket.waiting == 0 for bucket in found)
    return found[0].free if found else None


async def test_callers_cancelled_at_any_moment_cost_no_token(make):
    """Not even those cancelled in the turn of their grant."""
    governor, chance = await make(**limited(3, 0.02)), random.Random(8)

    async def call():
        async with governor.permit(SET, uid="1"):
            pass

    tasks = [asyncio.create_task(call()) for _ in range(120)]
    for task in chance.sample(tasks, 80):
        await asyncio.sleep(chance.choice([0, 0, 0.002]))
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(not task.cancelled() for task in tasks) >= 40
    await asyncio.sleep(0.1)
    assert (await state_or_full(governor)) in {None, 3}


async def test_a_wait_that_is_seen_to_be_longer_is_refused_at_once(make):
    """With the wait and the quota that binds."""
    governor = await make(**limited(1, 30.0))
    await request(governor)
    tasks = await waiting(governor, 2)
    await settled(governor, 2)
    with pytest.raises(QuotaTimeout, match=r"uid 1, swap\.set_leverage") as caught:
        async with asyncio.timeout(20), governor.permit(SET, uid="1", max_wait=20):
            pass
    assert 80 < caught.value.wait < 91
    assert (caught.value.max_wait, caught.value.endpoint) == (20, SET.name)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_wait_that_turns_out_longer_ends_at_max_wait(make):
    """The token does not come back, since the response is not there yet."""
    governor = await make(**limited(1, 0.05))
    holder = asyncio.create_task(request(governor, takes=0.6))
    await asyncio.sleep(0.1)
    with pytest.raises(QuotaTimeout, match=r"max_wait=0\.2"):
        async with governor.permit(SET, uid="1", max_wait=0.2):
            pass
    await holder
    assert (await state(governor)).waiting == 0


async def test_a_wait_that_fits_is_waited(make):
    """The limit is no shorter than it says."""
    governor = await make(**limited(1, 0.05))
    await request(governor)
    await request(governor, max_wait=10)


async def test_a_request_that_was_never_sent_gives_its_tokens_back_at_once(make):
    """To the one who waits for them, if there is one."""
    governor = await make(**limited(1, 60.0))
    async with governor.permit(SET, uid="1") as permit:
        (task,) = await waiting(governor, 1)
        await settled(governor, 1)
        permit.not_sent()
    async with asyncio.timeout(20):
        await task


async def test_an_unknown_outcome_keeps_its_tokens(make):
    """For a whole period after the block was left, however it was left."""
    governor = await make(**limited(1, 60.0))
    with pytest.raises(ZeroDivisionError):
        async with governor.permit(SET, uid="1"):
            raise ZeroDivisionError
    with pytest.raises(QuotaTimeout):
        async with governor.permit(SET, uid="1", max_wait=1):
            pass


async def test_a_refusal_closes_its_scope_until_the_time_and_only_that_one(make):
    """The endpoint of this account; not others of it, and not other accounts."""
    governor = await make(groups=FREE)
    async with governor.permit(SET, uid="1") as permit:
        pass
    permit.refused(0.3)
    refused = time.monotonic()
    async with asyncio.timeout(20):
        await request(governor, what=GET)
        await request(governor, uid="2")
        await request(governor, log := [])
    assert log[0][1] >= refused + 0.3
    assert (await state(governor)).refused == 1


async def test_a_closed_scope_tells_at_once_those_who_cannot_wait_so_long(make):
    """Those who wait already, and those who come."""
    governor = await make(**limited(1, 30.0))
    async with governor.permit(SET, uid="1") as permit:
        pass
    tasks = await waiting(governor, 1, max_wait=50.0)
    await settled(governor, 1)
    permit.refused(100)
    async with asyncio.timeout(20):
        with pytest.raises(QuotaTimeout):
            await tasks[0]
        with pytest.raises(QuotaTimeout) as caught:
            await request(governor, max_wait=60)
    assert 60 < caught.value.wait < 101


async def test_a_banned_address_closes_everything_from_it_and_nothing_else(make):
    """Every account, every endpoint; but not another address."""
    governor = await make(groups=FREE)
    async with governor.permit(SET, uid="1") as permit:
        pass
    permit.refused(100, scope=Scope.ADDRESS)
    for what, uid in [(SET, "1"), (GET, "2"), (CONTRACTS, None)]:
        with pytest.raises(QuotaTimeout):
            await request(governor, what=what, uid=uid, max_wait=1)
        async with asyncio.timeout(20):
            await request(governor, what=what, uid=uid, ip="another")


async def test_two_accounts_refused_at_one_endpoint_close_it_for_the_address(make):
    """It is not likely that both have exceeded a quota of their own."""
    governor = await make(groups=FREE)
    for uid in ("1", "2"):
        async with governor.permit(SET, uid=uid) as permit:
            pass
        await request(governor, uid="3")
        permit.refused(100)
    with pytest.raises(QuotaTimeout, match=r"ip default, swap\.set_leverage"):
        await request(governor, uid="3", max_wait=1)
    async with asyncio.timeout(20):
        await request(governor, uid="3", ip="another")
        await request(governor, uid="3", what=GET)


async def test_two_endpoints_refused_for_the_address_close_its_group(make):
    """And no other group."""
    governor = await make(groups=FREE)
    for what in (SET, GET):
        async with governor.permit(what, uid="1") as permit:
            pass
        permit.refused(100, scope=Scope.ADDRESS_ENDPOINT)
    mode = BingX.endpoints()["swap.position_mode"]
    assert mode.group == SET.group == GET.group != CONTRACTS.group
    with pytest.raises(QuotaTimeout, match="ip default, group 2"):
        await request(governor, what=mode, max_wait=1)
    async with asyncio.timeout(20):
        await request(governor, what=CONTRACTS, uid=None)


async def test_a_refusal_that_names_no_time_closes_for_longer_each_time(make):
    """Five minutes, ten, twenty, and an hour at the most."""
    governor = await make(groups=FREE)
    async with governor.permit(SET, uid="1") as permit:
        pass
    found = []
    for _ in range(6):
        permit.refused()
        found.append((await state(governor)).closed_for)
    assert found == pytest.approx([300, 600, 1200, 2400, 3600, 3600], abs=3)
    permit.refused(10**7, scope=Scope.ADDRESS)
    assert (await state(governor, "everything", "default")).closed_for == pytest.approx(3600, abs=3)


async def test_what_others_sent_is_held_back_for_a_period(make, caplog):
    """The exchange has counted three requests where one was sent."""
    governor = await make(**limited(5, 0.3))
    async with governor.permit(SET, uid="1") as permit:
        permit.told(2)
    found = await state(governor)
    assert (found.free, found.elsewhere) == (2, 2)
    assert "something else" in caplog.text
    await asyncio.sleep(0.35)
    assert (await state_or_full(governor)) in {None, 5}


async def test_what_is_told_of_a_public_endpoint_is_not_believed(make):
    """It is not documented whose requests it counts."""
    governor = await make(groups={1: IpGroup([Quota(500, 5.0)])})
    async with governor.permit(CONTRACTS) as permit:
        permit.told(3)
    found = await state(governor, "group 1", "default")
    assert (found.free, found.elsewhere) == (499, 0)


async def test_what_was_sent_from_here_is_not_held_back(make):
    """However many were under way at once."""
    governor = await make(**limited(5, 0.3))

    async def call(left):
        async with governor.permit(SET, uid="1") as permit:
            await asyncio.sleep(0.02)
            permit.told(left)

    await asyncio.gather(*(call(left) for left in (4, 3, 2, 1, 0)))
    assert (await state(governor)).elsewhere == 0


async def test_nothing_goes_before_the_exchanges_window_ends(make):
    """If it says that none is left, and when the window ends; unless that makes no sense."""
    governor = await make(**limited(5, 0.2))
    for expires in (0.4, 50.0):
        async with governor.permit(SET, uid="1") as permit:
            permit.told(0, expires)
        closed_for = (await state(governor)).closed_for
        assert closed_for == pytest.approx(0.4, abs=0.15) if expires < 1 else closed_for == 0
        await asyncio.sleep(0.6)


async def test_a_snapshot_tells_each_bucket(make):
    """Whose it is, what is left, who waits, and when a token comes back."""
    governor = await make(
        limits={SET.name: Quota(2, 20.0)}, groups={1: None, 2: IpGroup([Quota(9, 30.0)])}
    )
    await request(governor)
    await request(governor)
    tasks = await waiting(governor, 3)
    await settled(governor, 3)
    found = {bucket.key: bucket for bucket in await governor.snapshot()}
    own, group = (
        found[BucketKey("uid", "1", SET.name)],
        found[BucketKey("ip", "default", "group 2")],
    )
    assert (own.quota, own.free, own.waiting) == (Quota(2, 20.0), 0, 3)
    assert (group.quota, group.free, group.waiting) == (Quota(9, 30.0), 7, 3)
    assert own.next_return == own.returns[0] == pytest.approx(20, abs=2)
    assert len(own.returns) == len(group.returns) == 2
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_caller_between_two_busy_buckets_does_not_starve(make):
    """One account on two addresses: the tokens of both come back in turns, never together."""
    governor = await make(
        limits={SET.name: Quota(1, 0.2), GET.name: None}, groups={2: IpGroup([Quota(1, 0.2)])}
    )

    async def busy(starts, **of):
        await asyncio.sleep(starts)
        while True:
            await request(governor, **of)

    others = [
        asyncio.create_task(busy(0, ip="B")),
        asyncio.create_task(busy(0, ip="B")),
        asyncio.create_task(busy(0.1, what=GET, uid="9")),
        asyncio.create_task(busy(0.1, what=GET, uid="9")),
    ]
    await asyncio.sleep(0.25)
    async with asyncio.timeout(6):
        await request(governor)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def test_an_observer_is_told(make):
    """Of waits, of permits with the time that they took, and of refusals."""
    told = []

    class Tells:
        def on_wait(self, endpoint, uid, ip):
            told.append(("wait", endpoint.name, uid, ip))

        def on_grant(self, endpoint, uid, ip, waited):
            told.append(("grant", endpoint.name, uid, ip, waited > 0))

        def on_refusal(self, endpoint, uid, ip, closed, seconds):
            told.append(("refusal", endpoint.name, uid, ip, str(closed), round(seconds)))

    governor = await make(**limited(1, 0.05), observer=Tells())
    await request(governor)
    permit = await request(governor)
    permit.refused(40)
    await governor.snapshot()
    of = (SET.name, "1", "default")
    assert told == [
        ("grant", *of, False),
        ("wait", *of),
        ("grant", *of, True),
        ("refusal", *of, "uid 1, swap.set_leverage", 40),
    ]


async def test_a_plan_tells_how_long_it_will_take(make):
    """From the present state."""
    governor = await make(limits={SET.name: Quota(5, 10.0)}, groups=FREE)
    await asyncio.gather(*(request(governor) for _ in range(3)))
    plan = await governor.plan([(SET, 7)], uid="1")
    assert plan.seconds == pytest.approx(10, abs=1)
    assert plan.binds == BucketKey("uid", "1", SET.name)


async def test_misuse_is_told(make):
    """A missing account, a permit entered twice, another event loop."""
    governor = await make()
    with pytest.raises(ValueError, match=r"has a quota per UID: pass uid="):
        async with governor.permit(SET):
            pass
    async with governor.permit(SET, uid="1") as permit:
        with pytest.raises(RuntimeError, match="entered already"):
            await permit.__aenter__()

    async def elsewhere():
        async with governor.permit(GET, uid="2"):
            pass

    with pytest.raises(RuntimeError, match="another event loop"):
        await asyncio.to_thread(lambda: asyncio.run(elsewhere()))


async def test_a_client_takes_any_governor(make, exchange):
    """That is all that a bot changes."""
    governor = await make()
    bingx = exchange.client("alice", governor=governor)
    await asyncio.gather(*(bingx.swap.position_mode() for _ in range(3)))
    assert exchange.worst(Quota(2, 1.0)) <= 2
    assert all(arrival.accepted for arrival in exchange.ledger)
