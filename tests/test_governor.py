"""Facts about the governor, on a clock that jumps."""

import asyncio
import gc
import random
import time
import weakref

import pytest

from bingx_async import BingX, BucketKey, Governor, IpGroup, Quota, QuotaTimeout, Scope
from bingx_async.endpoint import Endpoint
from tests.virtual import loop, run, worst_window

SET = BingX.endpoints()["swap.set_leverage"]
CONTRACTS = BingX.endpoints()["swap.contracts"]
FREE = BingX.endpoints()["swap.server_time"]


async def _stub():
    """Stand for a declared method."""


def endpoint(name, uid=None, group=None):
    """Declare an endpoint with a quota of ``uid`` a second."""
    quota = Quota(uid, 1.0) if uid else None
    return Endpoint(name, "GET", f"/{name}", quota, group, "trade", "query", _stub)


async def request(governor, what, *, takes=0.1, uid="1", log=None, **options):
    """Hold a permit for as long as a request takes, and note when it was sent."""
    async with governor.permit(what, uid=uid, **options) as permit:
        if log is not None:
            log.append(loop().now)
        await asyncio.sleep(takes)
        return permit


def state(governor, subject="swap.set_leverage", owner="1"):
    """Find the state of one bucket."""
    (found,) = (
        bucket
        for bucket in governor.snapshot()
        if bucket.key.subject == subject and bucket.key.owner == owner
    )
    return found


def assert_rested(governor):
    """Nothing is left behind: no task, no timer, no entry."""
    assert loop().timers == 0
    assert len(asyncio.all_tasks()) == 1
    assert governor._agenda._timer is None
    assert len(governor._agenda) == 0
    assert governor._waiting == governor._impatient == 0
    for bucket in governor._buckets.values():
        assert not bucket.lanes
        assert bucket.claim is None
        assert bucket.due is None
    for lane in governor._lanes.values():
        assert not lane.queues
        assert lane.head is lane.parked_at is None
        assert lane.waiting == lane.out == 0


async def assert_whole(governor):
    """After the longest period every token is there again."""
    assert_rested(governor)
    await asyncio.sleep(61)
    for bucket in governor.snapshot():
        assert bucket.quota is None or bucket.free == bucket.quota.tokens


def test_a_token_comes_back_one_period_after_the_response():
    """Not after the sending."""

    async def main():
        governor, sent = Governor(), []
        start = loop().now
        await asyncio.gather(*(request(governor, SET, takes=0.3, log=sent) for _ in range(11)))
        assert [round(moment - start, 9) for moment in sent] == [0.0] * 5 + [1.3] * 5 + [2.6]
        await assert_whole(governor)

    run(main())


def test_a_full_bucket_lets_its_tokens_go_at_once():
    """Five calls of a bot do not trickle."""

    async def main():
        governor, sent = Governor(), []
        await asyncio.gather(*(request(governor, SET, log=sent) for _ in range(5)))
        assert len(set(sent)) == 1

    run(main())


def test_a_request_takes_all_its_tokens_or_none():
    """While the address is exhausted, the account keeps its tokens."""

    async def main():
        governor = Governor(groups={2: IpGroup(total=[Quota(2, 10)])})
        tasks = [asyncio.create_task(request(governor, SET)) for _ in range(4)]
        await asyncio.sleep(0.5)
        assert state(governor).free == 3
        assert state(governor, "group 2", "default").free == 0
        assert state(governor).waiting == state(governor, "group 2", "default").waiting == 2
        await asyncio.gather(*tasks)
        await assert_whole(governor)

    run(main())


def test_a_blocked_lane_holds_up_no_other():
    """Another account, another endpoint, another address go on."""

    async def main():
        governor = Governor()
        tasks = [asyncio.create_task(request(governor, SET, takes=5)) for _ in range(9)]
        await asyncio.sleep(0)
        other = endpoint("x.other", uid=5, group=2)
        start = loop().now
        await request(governor, SET, uid="2", takes=0)
        await request(governor, other, uid="1", takes=0)
        await request(governor, CONTRACTS, uid=None, takes=0)
        assert loop().now == start
        await asyncio.gather(*tasks)
        await assert_whole(governor)

    run(main())


def test_who_comes_first_is_served_first():
    """Within a lane, and between lanes that wait for one address."""

    async def main():
        governor = Governor(groups={2: IpGroup(total=[Quota(1, 1)])})
        served = []

        async def one(number):
            async with governor.permit(SET, uid=str(number % 3)):
                served.append(number)

        await asyncio.gather(*(one(number) for number in range(12)))
        assert served == list(range(12))
        await assert_whole(governor)

    run(main())


def test_a_higher_priority_is_served_first():
    """And within it who comes first."""

    async def main():
        governor = Governor(limits={SET.name: Quota(1, 1)})
        served = []

        async def one(number, priority):
            async with governor.permit(SET, uid="1", priority=priority):
                served.append(number)

        await asyncio.gather(
            *(one(number, priority) for number, priority in enumerate([0, 0, 5, -1, 5, 9]))
        )
        assert served == [0, 5, 2, 4, 1, 3]
        await assert_whole(governor)

    run(main())


def test_a_newcomer_does_not_overtake_who_waits_for_the_same_bucket():
    """Even if its own lane is empty and a token has just come back."""

    async def main():
        governor = Governor(groups={2: IpGroup(total=[Quota(1, 1)])})
        served = []

        async def one(uid):
            async with governor.permit(SET, uid=uid):
                served.append(uid)

        await one("a")
        waiting = asyncio.create_task(one("b"))
        await asyncio.sleep(0)
        loop().now += 1.5  # the loop stalls: the token is back, and no timer has fired yet
        await asyncio.gather(one("c"), waiting)
        assert served == ["a", "b", "c"]
        await assert_whole(governor)

    run(main())


def test_a_caller_between_two_busy_buckets_does_not_starve():
    """One account on two addresses, both the account and the address kept busy by others."""

    async def main():
        busy = endpoint("x.busy", uid=2, group=9)
        governor = Governor(groups={9: IpGroup(total=[Quota(2, 1.0)])})
        stop = False

        async def hog(uid, ip, takes):
            while not stop:
                async with governor.permit(busy, uid=uid, ip=ip):
                    await asyncio.sleep(takes)

        hogs = [asyncio.create_task(hog("A", "other", 0.013 * n)) for n in range(1, 6)]
        hogs += [asyncio.create_task(hog("B", "mine", 0.017 * n)) for n in range(1, 6)]
        await asyncio.sleep(5)
        start = loop().now
        await asyncio.wait_for(request(governor, busy, uid="A", ip="mine"), 60)
        assert loop().now - start < 15
        stop = True
        await asyncio.gather(*hogs)
        await assert_whole(governor)

    run(main())


async def _starving(governor, busy):
    """Let one caller be passed over until it claims: its buckets are free in turn, never both."""
    hogs = [
        asyncio.create_task(request(governor, busy, uid="A", ip="other", takes=0)) for _ in range(9)
    ]
    await asyncio.sleep(0.5)
    hogs += [
        asyncio.create_task(request(governor, busy, uid="B", ip="mine", takes=0)) for _ in range(9)
    ]
    await asyncio.sleep(0)
    # It came first, but for the two who hold the tokens.
    starving = asyncio.create_task(request(governor, busy, uid="A", ip="mine", takes=0, priority=1))
    await asyncio.sleep(1.6)
    return starving, hogs


def test_who_was_passed_over_claims_the_last_token():
    """The next token of one bucket is left to it until the other has one as well."""

    async def main():
        busy = endpoint("x.busy", uid=1, group=9)
        governor = Governor(groups={9: IpGroup(total=[Quota(1, 1.0)])})
        start = loop().now
        starving, hogs = await _starving(governor, busy)
        claims = [str(bucket.key) for bucket in governor._buckets.values() if bucket.claim]
        assert claims == ["uid A, x.busy", "ip mine, group 9"]
        await starving
        assert loop().now == pytest.approx(start + 2.5)
        await asyncio.gather(*hogs)
        await assert_whole(governor)

    run(main())


@pytest.mark.parametrize("how", ["cancelled", "closed"])
def test_a_claim_ends_with_the_wait_or_with_its_prospects(how):
    """What cannot go on for minutes must not stop what can."""

    async def main():
        busy = endpoint("x.busy", uid=1, group=9)
        governor = Governor(groups={9: IpGroup(total=[Quota(1, 1.0)])})
        start = loop().now
        starving, hogs = await _starving(governor, busy)
        if how == "cancelled":
            starving.cancel()
        else:
            governor.permit(busy, uid="A", ip="other").refused(300)
        await asyncio.gather(*hogs[9:])
        assert loop().now == pytest.approx(start + 8.5)
        await asyncio.wait([starving, *hogs])
        await assert_whole(governor)

    run(main())


@pytest.mark.parametrize("position", [0, 1, 4, 9])
def test_a_cancelled_waiter_changes_nothing_for_the_others(position):
    """Nor does it cost a token, wherever it stood."""

    async def main():
        governor, sent = Governor(), []
        tasks = [asyncio.create_task(request(governor, SET, log=sent)) for _ in range(15)]
        await asyncio.sleep(0.05)
        waiting = [task for task in tasks if len(sent) == 5][5:]
        waiting[position].cancel()
        await asyncio.wait(tasks)
        assert sum(task.cancelled() for task in tasks) == 1
        start = sent[0]
        expected = [0.0] * 5 + [1.1] * 5 + [2.2] * 4
        assert [round(moment - start, 9) for moment in sent] == expected
        await assert_whole(governor)

    run(main())


def test_a_caller_cancelled_in_the_turn_of_its_grant_gives_the_token_on():
    """It was granted, but never ran."""

    async def main():
        governor, sent = Governor(limits={SET.name: Quota(1, 1)}), []
        await request(governor, SET, takes=0)
        first = asyncio.create_task(request(governor, SET, log=sent))
        second = asyncio.create_task(request(governor, SET, log=sent))
        await asyncio.sleep(0)
        loop().now += 1
        governor._agenda._run()  # grants to the first, which the loop has not run yet
        first.cancel()
        await asyncio.wait([first, second])
        assert first.cancelled()
        assert sent == [pytest.approx(loop().now - 0.1)]
        await assert_whole(governor)

    run(main())


def test_all_waiters_cancelled_at_once_leave_nothing():
    """Shutdown is one of the ordinary cases."""

    async def main():
        governor = Governor()
        tasks = [asyncio.create_task(request(governor, SET)) for _ in range(500)]
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await assert_whole(governor)

    run(main())


def test_a_request_that_was_never_sent_gives_its_tokens_back_at_once():
    """The next caller does not wait for nothing."""

    async def main():
        governor = Governor(limits={SET.name: Quota(1, 1)})
        start = loop().now
        waiting = None
        async with governor.permit(SET, uid="1") as permit:
            waiting = asyncio.create_task(request(governor, SET, takes=0))
            await asyncio.sleep(0.2)
            permit.not_sent()
        await waiting
        assert loop().now == pytest.approx(start + 0.2)
        await assert_whole(governor)

    run(main())


def test_an_unknown_outcome_keeps_its_tokens_for_a_whole_period():
    """Counted from the moment at which we stopped listening."""

    async def main():
        governor = Governor(limits={SET.name: Quota(1, 1)})
        with pytest.raises(ZeroDivisionError):
            async with governor.permit(SET, uid="1"):
                await asyncio.sleep(7)
                raise ZeroDivisionError
        failed = loop().now
        await request(governor, SET, takes=0)
        assert loop().now == pytest.approx(failed + 1)
        await assert_whole(governor)

    run(main())


@pytest.mark.parametrize("max_wait", [0, 0.5, 1.05])
def test_a_wait_that_is_seen_to_be_longer_is_refused_at_once(max_wait):
    """Not after having waited."""

    async def main():
        governor = Governor()
        await asyncio.gather(*(request(governor, SET, takes=0.1) for _ in range(5)))
        tasks = [asyncio.create_task(request(governor, SET)) for _ in range(5)]
        await asyncio.sleep(0)
        start = loop().now
        with pytest.raises(QuotaTimeout) as caught:
            await request(governor, SET, max_wait=max_wait)
        assert loop().now == start
        assert caught.value.wait >= 2  # a period for those before, another for us
        assert caught.value.max_wait == max_wait
        assert caught.value.endpoint == "swap.set_leverage"
        assert caught.value.bucket == "uid 1, swap.set_leverage"
        await asyncio.gather(*tasks)
        await assert_whole(governor)

    run(main())


def test_a_wait_that_turns_out_longer_ends_at_max_wait():
    """What is under way comes back later than it could have."""

    async def main():
        governor = Governor(limits={SET.name: Quota(1, 1)})
        slow = asyncio.create_task(request(governor, SET, takes=30))
        await asyncio.sleep(0)
        start = loop().now
        with pytest.raises(QuotaTimeout):
            await request(governor, SET, max_wait=3)
        assert loop().now == pytest.approx(start + 3)
        await slow
        await assert_whole(governor)

    run(main())


def test_a_wait_that_fits_is_waited():
    """``max_wait`` costs nothing where it is not needed."""

    async def main():
        governor = Governor(limits={SET.name: Quota(1, 1)})
        await request(governor, SET, takes=0)
        start = loop().now
        await request(governor, SET, takes=0, max_wait=1.0)
        assert loop().now == pytest.approx(start + 1)
        await assert_whole(governor)

    run(main())


def test_deadlines_of_served_callers_do_not_pile_up():
    """A bot that gives every call a minute must not remember them for a minute."""

    async def main():
        governor = Governor(limits={SET.name: Quota(50, 0.01)})
        keeper = asyncio.create_task(request(governor, CONTRACTS, uid=None, takes=1000))
        for _ in range(100):
            await asyncio.gather(
                *(request(governor, SET, takes=0, max_wait=3600) for _ in range(100))
            )
        assert len(governor._agenda) < 500
        keeper.cancel()
        await asyncio.wait([keeper])
        await assert_whole(governor)

    run(main())


def test_a_refusal_closes_its_bucket_until_the_time_and_only_that_one():
    """The same endpoint of another account and another endpoint of this one stay open."""

    async def main():
        governor = Governor()
        other = endpoint("x.other", uid=5, group=2)
        start = loop().now
        async with governor.permit(SET, uid="1") as permit:
            pass
        permit.refused(120)
        assert state(governor).closed_for == 120
        assert state(governor).free == 0
        assert state(governor).next_return == 120
        for uid, what in (("2", SET), ("1", other), (None, CONTRACTS)):
            await request(governor, what, uid=uid, takes=0)
            assert loop().now == start
        await request(governor, SET, takes=0)
        assert loop().now == pytest.approx(start + 120)
        await assert_whole(governor)

    run(main())


def test_a_refused_account_is_closed_on_every_address():
    """The exchange counts the UID, not where it comes from."""

    async def main():
        governor = Governor()
        async with governor.permit(SET, uid="1", ip="a") as permit:
            permit.refused(50)
        start = loop().now
        await request(governor, SET, ip="b", takes=0)
        assert loop().now == pytest.approx(start + 50)

    run(main())


def test_a_banned_address_closes_everything_from_it_and_nothing_else():
    """Endpoints without any quota too, and those that were not used before."""

    async def main():
        governor = Governor()
        await request(governor, FREE, uid=None, takes=0)
        async with governor.permit(SET, uid="1") as permit:
            permit.refused(60, scope=Scope.ADDRESS)
        start = loop().now
        await request(governor, SET, ip="elsewhere", takes=0)
        assert loop().now == start
        done = await asyncio.gather(
            *(
                asyncio.create_task(request(governor, what, uid=uid, takes=0, log=[]))
                for what, uid in ((FREE, None), (CONTRACTS, None), (SET, "1"), (SET, "9"))
            )
        )
        assert len(done) == 4
        assert loop().now == pytest.approx(start + 60)
        await assert_whole(governor)

    run(main())


def test_a_refused_public_endpoint_is_closed_for_the_address():
    """Public calls have no account."""

    async def main():
        governor = Governor()
        await request(governor, FREE, uid=None, takes=0)
        async with governor.permit(CONTRACTS) as permit:
            permit.refused(30)
        start = loop().now
        await request(governor, FREE, uid=None, takes=0)
        assert loop().now == start
        await request(governor, CONTRACTS, uid=None, takes=0)
        assert loop().now == pytest.approx(start + 30)
        await assert_whole(governor)

    run(main())


def test_closing_a_bucket_tells_those_who_cannot_wait_so_long():
    """At once, and no others."""

    async def main():
        governor = Governor(limits={SET.name: Quota(1, 1)})
        results = {}

        async def one(name, max_wait):
            try:
                await request(governor, SET, takes=0, max_wait=max_wait)
                results[name] = loop().now
            except QuotaTimeout as exc:
                results[name] = exc

        async with governor.permit(SET, uid="1") as permit:
            tasks = [
                asyncio.create_task(one(name, max_wait))
                for name, max_wait in (("short", 10), ("long", 1000), ("patient", None))
            ]
            leaving = asyncio.create_task(one("leaving", 10))
            await asyncio.sleep(0.5)
            start = loop().now
            leaving.cancel()
            permit.refused(100)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert isinstance(results["short"], QuotaTimeout)
            assert results["short"].wait == pytest.approx(100.5)
            assert loop().now == start
        await asyncio.wait([leaving, *tasks])
        assert leaving.cancelled()
        assert results["long"] == pytest.approx(start + 100)
        assert results["patient"] == pytest.approx(start + 101)
        await assert_whole(governor)

    run(main())


def test_there_is_one_timer_and_none_while_nobody_waits():
    """Whatever waits for whatever."""

    async def main():
        governor = Governor()
        assert loop().timers == 0
        async with governor.permit(SET, uid="1"):
            assert loop().timers == 0
        tasks = [
            asyncio.create_task(request(governor, SET, uid=str(n % 7), takes=0, max_wait=900))
            for n in range(300)
        ]
        await asyncio.sleep(0)
        while not all(task.done() for task in tasks):
            assert loop().timers - 1 <= 1  # ours, beside that of the sleep below
            await asyncio.sleep(0.05)
        await assert_whole(governor)

    run(main())


def test_callers_who_come_and_go_behind_a_closed_bucket_do_not_pile_up():
    """Their entries are swept out, whether they were first in their lane or not."""

    async def main():
        governor = Governor(groups={2: IpGroup(total=[Quota(1, 1)])})
        await request(governor, SET, uid="0", takes=0)
        governor.permit(SET, uid="0").refused(3600, scope=Scope.ADDRESS)
        patient = [asyncio.create_task(request(governor, SET, uid=str(n))) for n in range(3)]
        await asyncio.sleep(5)
        (bucket,) = (b for b in governor._buckets.values() if b.lanes)
        for _ in range(500):
            restless = asyncio.create_task(request(governor, SET, uid="9"))
            await asyncio.sleep(0)
            restless.cancel()
            await asyncio.wait([restless])
        assert len(bucket.parked) < 50
        await asyncio.gather(*patient)
        await assert_whole(governor)

    run(main())


def test_a_newcomer_leaves_the_last_token_to_who_claims_it():
    """Unless it is more urgent."""

    async def main():
        busy = endpoint("x.busy", uid=1, group=9)
        governor = Governor(groups={9: IpGroup(total=[Quota(1, 1.0)])})
        start = loop().now
        starving, hogs = await _starving(governor, busy)
        for hog in hogs:
            hog.cancel()
        await asyncio.sleep(0)
        assert state(governor, "x.busy", "A").free == 1
        await request(governor, busy, uid="A", ip="third", takes=0)
        assert starving.done()
        assert loop().now == pytest.approx(start + 3.5)
        await asyncio.wait([starving, *hogs])
        await assert_whole(governor)

    run(main())


def test_idle_accounts_are_forgotten():
    """A service with many customers does not grow for ever."""

    async def main():
        governor = Governor()
        for customer in range(5000):
            await request(governor, SET, uid=str(customer), takes=0.001)
        assert len(governor._lanes) < 1200
        assert len(governor._buckets) < 1400
        await asyncio.sleep(100)
        for customer in range(1300):
            await request(governor, SET, uid=f"new {customer}", takes=0)
        assert len(governor._lanes) < 1400

    run(main())


def test_what_is_forgotten_is_not_forgotten_too_early():
    """A bucket that holds something stays, even if its lane is gone."""

    async def main():
        governor = Governor(groups={2: None})
        sent = []
        for customer in range(2000):
            await request(governor, SET, uid=f"{customer}", takes=0)
            await request(governor, SET, uid="busy", takes=0, log=sent)
        assert worst_window(sent, 1.0) == 5

    run(main())


def test_a_permit_object_is_bound_to_nothing_until_it_is_entered():
    """Kept aside, it does not count with buckets of the past."""

    async def main():
        governor = Governor(groups={2: None})
        kept = [governor.permit(SET, uid="1") for _ in range(10)]
        for customer in range(2000):
            await request(governor, SET, uid=f"{customer}", takes=0)
        sent = []

        async def one(permit):
            async with permit:
                sent.append(loop().now)

        await asyncio.gather(*(one(permit) for permit in kept))
        assert worst_window(sent, 1.0) == 5

    run(main())


def test_a_burst_on_a_group_is_paced():
    """A tenth of the quota at once, then the steady rate, so that others find room."""

    async def main():
        governor, sent = Governor(), []
        start = loop().now
        await asyncio.gather(
            *(request(governor, CONTRACTS, uid=None, log=sent) for _ in range(150))
        )
        early = [moment for moment in sent if moment == start]
        assert len(early) == 50
        assert sent[99] - start == pytest.approx(1.0, abs=0.1)
        assert sent[149] - start >= 2.0
        await assert_whole(governor)

    run(main())


@pytest.mark.parametrize("accounts", [8, 40])
def test_an_exhausted_address_is_used_to_the_full(accounts):
    """Its window is filled to the last token, and never above."""

    async def main():
        governor = Governor(groups={2: IpGroup(total=[Quota(300, 10)])})
        draw = random.Random(accounts)
        arrivals = []

        async def one(uid):
            async with governor.permit(SET, uid=uid):
                await asyncio.sleep(draw.uniform(0, 0.08))
                arrivals.append(loop().now)
                await asyncio.sleep(draw.uniform(0, 0.08))

        start = loop().now
        await asyncio.gather(*(one(str(n % accounts)) for n in range(1500)))
        assert worst_window(arrivals, 10) == 300
        rate = 1500 / (max(arrivals) - start)
        assert rate > 0.97 * 300 / 10.08
        await assert_whole(governor)

    run(main())


def test_thousands_that_may_go_at_once_do_not_stall_the_loop():
    """They are woken a hundred at a time, and other tasks run in between."""

    async def main():
        governor = Governor(limits={SET.name: Quota(5000, 1.0)}, groups={2: None})
        await asyncio.gather(*(request(governor, SET, takes=0) for _ in range(5000)))
        tasks = [asyncio.create_task(request(governor, SET, takes=0)) for _ in range(5000)]
        await asyncio.sleep(0)
        await asyncio.sleep(state(governor).next_return or 0)
        most = served = 0
        while served < 5000:
            await asyncio.sleep(0)
            done = sum(task.done() for task in tasks)
            most, served = max(most, done - served), done
        assert most <= 200

    run(main())


def test_limits_and_groups_can_be_lifted():
    """For accounts and addresses with other rates, and for measuring."""

    async def main():
        governor = Governor(limits={SET.name: None}, groups={2: None, 1: None})
        start = loop().now
        await asyncio.gather(*(request(governor, SET, takes=0) for _ in range(3000)))
        assert loop().now == start
        assert governor.snapshot() == []

    run(main())


def test_a_snapshot_tells_each_bucket():
    """Key, quota, tokens, callers and the next return."""

    async def main():
        governor = Governor()
        for _ in range(5):
            await request(governor, SET, takes=0.1)
        waiting = asyncio.create_task(request(governor, SET))
        await asyncio.sleep(0)
        found = state(governor)
        assert found.key == BucketKey("uid", "1", "swap.set_leverage")
        assert str(found.key) == "uid 1, swap.set_leverage"
        assert (found.quota, found.free, found.waiting) == (Quota(5, 1), 0, 1)
        assert found.next_return == pytest.approx(0.6)
        assert found.closed_for == 0
        address = state(governor, "group 2", "default")
        assert (address.free, address.waiting) == (1995, 1)
        assert "1 waiting" in repr(governor)
        waiting.cancel()
        await asyncio.wait([waiting])

    run(main())


def test_misuse_is_told():
    """Each in one clear sentence."""
    with pytest.raises(TypeError, match="expected a Quota or None, got 5"):
        Governor(limits={"swap.set_leverage": 5})
    with pytest.raises(TypeError, match="expected a IpGroup or None"):
        Governor(groups={2: Quota(1, 1)})
    with pytest.raises(RuntimeError, match="no running event loop"):
        Governor.current()

    governor = Governor()

    async def without_uid():
        async with governor.permit(SET):
            raise AssertionError

    async def twice():
        permit = governor.permit(SET, uid="1")
        async with permit:
            pass
        await permit.__aexit__(None, None, None)

    with pytest.raises(ValueError, match=r"swap\.set_leverage has a quota per UID: pass uid="):
        run(without_uid())
    with pytest.raises(RuntimeError, match="belongs to another event loop"):
        run(twice())
    governor = Governor()
    with pytest.raises(RuntimeError, match="not entered"):
        run(twice())


def test_a_permit_is_for_one_request_at_a_time():
    """Entered twice it would lose tokens; used again it begins anew."""

    async def main():
        governor = Governor()
        permit = governor.permit(SET, uid="1")
        async with permit:
            with pytest.raises(RuntimeError, match="entered already"):
                await permit.__aenter__()
            permit.not_sent()
        assert state(governor).free == 5
        async with permit:
            pass
        assert state(governor).free == 4
        await assert_whole(governor)

    run(main())


def test_an_account_need_not_be_told_where_its_quota_is_lifted():
    """Nothing is counted by it then."""

    async def main():
        governor = Governor(limits={SET.name: None})
        await request(governor, SET, uid=None)
        assert all(bucket.key.scope == "ip" for bucket in governor.snapshot())

    run(main())


def test_the_loop_has_one_governor_of_its_own():
    """Two clients made without a thought share it, and it goes with the loop."""

    async def main():
        assert Governor.current() is Governor.current()
        return weakref.ref(Governor.current())

    first, second = run(main()), run(main())
    gc.collect()
    assert first() is second() is None


def test_it_runs_on_uvloop_whose_timers_are_coarse():
    """What is due at once has a handle of another kind there, and many fire early."""
    uvloop = pytest.importorskip("uvloop")

    async def main():
        governor = Governor(limits={SET.name: Quota(3, 0.0101)})
        draw = random.Random(1)

        async def one(uid):
            async with governor.permit(SET, uid=uid, max_wait=60):
                await asyncio.sleep(draw.uniform(0, 0.003))

        await asyncio.wait_for(asyncio.gather(*(one(str(n % 5)) for n in range(300))), 30)
        assert governor._agenda._timer is None

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def test_it_runs_on_uvloop_whose_clock_stands_still():
    """Its time() counts whole milliseconds of the turn's beginning; ours must not."""
    uvloop = pytest.importorskip("uvloop")

    async def main():
        governor = Governor(limits={SET.name: Quota(2, 0.05)})
        spans = []

        async def one():
            async with governor.permit(SET, uid="1"):
                sent = time.monotonic()
                time.sleep(0.003)  # noqa: ASYNC251 - the loop's own clock does not see this
                spans.append((sent, time.monotonic()))

        await asyncio.gather(*(one() for _ in range(6)))
        for (_, response), (sent, _) in zip(spans, spans[2:], strict=False):
            assert sent - response >= 0.05

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


# --- what the exchange says is left -----------------------------------------------------------


async def once(governor, lane, *, remaining, takes=0.05):
    """Send one request whose answer says how many are left."""
    async with governor.permit(lane, uid="1") as permit:
        await asyncio.sleep(takes)
        permit.told(remaining)


def test_what_others_sent_is_held_back_for_a_period(caplog):
    """The exchange has counted three more than were sent from here; one warning says so."""

    async def main():
        governor = Governor()
        started = loop().now
        await once(governor, SET, remaining=1)
        assert (state(governor).free, state(governor).elsewhere) == (1, 3)
        await once(governor, SET, remaining=0)
        assert (state(governor).free, state(governor).elsewhere) == (0, 3)
        await once(governor, SET, remaining=4)
        return loop().now - started

    assert run(main()) == pytest.approx(1.05 + 0.05)
    (said,) = (record.message for record in caplog.records if "something else" in record.message)
    assert said == (
        "the exchange counts more requests for uid 1, swap.set_leverage than were sent from here:"
        " something else spends this quota, such as another process with a key of the same account"
    )


def test_what_was_sent_from_here_is_not_held_back():
    """Whether the exchange counts them still, or counts those that overtook this one."""

    async def main():
        governor = Governor()
        first = asyncio.create_task(once(governor, SET, remaining=0, takes=0.5))
        await asyncio.gather(
            *(once(governor, SET, remaining=left, takes=0.1) for left in (4, 3, 2, 1))
        )
        await first
        await asyncio.sleep(0.7)  # those four have come back, and are still in its window
        await asyncio.gather(*(once(governor, SET, remaining=0) for _ in range(4)))
        assert state(governor).elsewhere == 0

    run(main())


def test_what_is_left_never_widens():
    """More than the quota, or more than can be: nothing changes."""

    async def main():
        governor = Governor()
        await once(governor, SET, remaining=1000)
        assert (state(governor).free, state(governor).elsewhere) == (4, 0)

    run(main())


def test_a_quota_far_above_the_exchanges_closes_for_a_period():
    """It is held back in one go, however many tokens that is."""

    async def main():
        governor = Governor(limits={"swap.set_leverage": Quota(10**9, 1.0)})
        await once(governor, SET, remaining=4)
        assert state(governor).closed_for == pytest.approx(1.0)
        assert state(governor).elsewhere == 10**9 - 5

    run(main())
