"""Facts about plans: what is foretold is what the governor then does, on a clock that jumps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence

import attrs
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from bingx_async import BingX, BucketKey, Governor, IpGroup, Plan, Quota, QuotaTimeout, Scope
from bingx_async.endpoint import Endpoint
from bingx_async.limits import BucketState, Limits
from bingx_async.plan import PlannedCalls, Planner
from tests.virtual import loop, run

SET = BingX.endpoints()["swap.set_leverage"]
CONTRACTS = BingX.endpoints()["swap.contracts"]
TICKERS = BingX.endpoints()["swap.tickers"]
FREE = BingX.endpoints()["swap.server_time"]
POSITIONS = BingX.endpoints()["swap.positions"]

Calls = Sequence[tuple[Endpoint, int]]


async def _stub() -> None:
    """Stand for a declared method."""


def endpoint(name: str, quota: Quota | None, group: int | None = 7) -> Endpoint:
    """Declare an endpoint."""
    return Endpoint(
        name, "GET", f"/{name}", quota, group, "trade" if quota else None, "query", _stub
    )


A = endpoint("x.a", Quota(3, 1.0))
B = endpoint("x.b", Quota(2, 0.75))
C = endpoint("x.c", None)


answers: dict[tuple[Governor, float], list[asyncio.Future[None]]] = {}


async def answer(governor: Governor, takes: float) -> None:
    """Wait for an answer; those that come at one moment are read in the order of sending."""
    moment = governor, loop().now + takes
    if moment not in answers:
        answers[moment] = []
        loop().call_at(moment[1], read_all, moment)
    answers[moment].append(read := loop().create_future())
    await read


def read_all(moment: tuple[Governor, float]) -> None:
    """Let the answers of one moment be read."""
    for read in answers.pop(moment):
        read.set_result(None)


async def send(
    governor: Governor, what: Endpoint, takes: float = 0.0, *, uid: str = "1", ip: str = "default"
) -> float:
    """Hold a permit for as long as a request takes; return when it was sent."""
    async with governor.permit(what, uid=uid, ip=ip):
        sent = loop().now
        await answer(governor, takes)
        return sent


async def take(governor: Governor, what: Endpoint, number: int, uid: str = "1") -> None:
    """Take tokens whose answers come at once, as many of them as there are."""
    for _ in range(number):
        try:
            async with governor.permit(what, uid=uid, max_wait=0):
                pass
        except QuotaTimeout:
            return


def start(
    governor: Governor, calls: Iterable[tuple[Endpoint, int]], takes: float = 0.0, uid: str = "1"
) -> list[tuple[str, asyncio.Task[float]]]:
    """Let tasks ask for all of it at once, in this order."""
    return [
        (what.name, asyncio.create_task(send(governor, what, takes, uid=uid)))
        for what, number in calls
        for _ in range(number)
    ]


async def compare(
    governor: Governor, calls: Calls, round_trip: float = 0.0, *, tolerance: float = 1e-6
) -> Plan:
    """Plan calls and then make them; the governor does at all times what was planned."""
    plan = await governor.plan(calls, uid="1", round_trip=round_trip)
    now = loop().now
    sent: dict[str, list[float]] = {}
    for name, task in start(governor, calls, round_trip):
        sent.setdefault(name, []).append(await task - now)
    for row in plan.calls:
        moments = sent.pop(row.endpoint, [])
        assert row.count == len(moments)
        assert row.first == pytest.approx(min(moments, default=0.0), abs=tolerance)
        assert row.last == pytest.approx(max(moments, default=0.0), abs=tolerance)
    assert not sent
    assert plan.seconds == max((row.last for row in plan.calls), default=0.0)
    return plan


def fresh(
    calls: Calls, *, round_trip: float = 0.0, tolerance: float = 1e-6, **options: object
) -> Plan:
    """Plan and make calls with a governor that has not been used."""
    return run(compare(Governor(**options), calls, round_trip, tolerance=tolerance))  # type: ignore[arg-type]


@attrs.frozen
class Situation:
    """What was sent and waits before calls are planned, under which quotas."""

    a: Quota
    b: Quota
    total: list[Quota]
    each: list[Quota]
    is_grouped: bool
    taken: list[int]
    pause: float
    before: list[int]
    round_trip: float

    @property
    def endpoints(self) -> tuple[Endpoint, Endpoint, Endpoint]:
        """Two with a quota per UID and one without."""
        return (
            endpoint("x.a", self.a),
            endpoint("x.b", self.b),
            endpoint("x.c", None, 7 if self.is_grouped else None),
        )

    async def come_about(
        self, governor: Governor, a: Endpoint, b: Endpoint, c: Endpoint
    ) -> list[asyncio.Task[float]]:
        """Let it come about; return those who are under way or wait."""
        callers = [(a, "1"), (a, "2"), (b, "1"), (b, "2"), (c, "1")]
        for (what, uid), number in zip(callers, self.taken, strict=True):
            await take(governor, what, number, uid)
        await asyncio.sleep(self.pause)
        tasks = [
            task
            for (what, uid), number in zip(callers, self.before, strict=True)
            for _, task in start(governor, [(what, number)], self.round_trip, uid)
        ]
        await asyncio.sleep(0)
        return tasks

    async def compare(self, order: list[tuple[int, int]]) -> Plan:
        """Plan and make calls of its endpoints in it."""
        governor = Governor(groups={7: IpGroup(self.total, self.each)})
        endpoints = self.endpoints
        before = await self.come_about(governor, *endpoints)
        calls = [(endpoints[place], number) for place, number in order]
        plan = await compare(governor, calls, self.round_trip)
        await asyncio.gather(*before)
        return plan


# --- what the quotas allow ---------------------------------------------------------------------


def test_four_hundred_leverages_take_seventy_nine_seconds() -> None:
    """Five go at once and five after each second: no quota allows less."""
    plan = fresh([(SET, 400)])

    assert plan.seconds == 79.0
    assert plan.binds == BucketKey("uid", "1", "swap.set_leverage")
    assert plan.quota == Quota(5, 1.0)
    assert plan.calls == (
        PlannedCalls("swap.set_leverage", 400, 0.0, 79.0, plan.binds, plan.quota),
    )


def test_a_round_trip_is_paid_with_every_token() -> None:
    """A token comes back one period after the answer; the last answer comes after all that."""
    plan = fresh([(SET, 400)], round_trip=0.125)

    assert plan.seconds == 79 * 1.125
    assert plan.answered == plan.seconds + 0.125


def test_calls_that_have_tokens_do_not_wait() -> None:
    """All of them go at once, and nothing binds."""
    plan = fresh([(SET, 5), (POSITIONS, 10), (CONTRACTS, 50), (FREE, 1000)])

    assert (plan.seconds, plan.binds, plan.quota) == (0.0, None, None)
    assert {row.binds for row in plan.calls} == {None}


def test_a_blocked_lane_holds_up_no_other() -> None:
    """The positions go at once, whatever waits for the leverages."""
    plan = fresh([(SET, 100), (POSITIONS, 10)])

    assert [row.last for row in plan.calls] == [19.0, 0.0]


def test_who_comes_first_goes_first() -> None:
    """Calls that need one quota go in the order in which they are given."""
    group = {7: IpGroup(total=[Quota(1, 1.0)])}
    plan = fresh([(A, 3), (C, 2), (B, 2)], groups=group)

    assert [(row.first, row.last) for row in plan.calls] == [(0, 2), (3, 4), (5, 6)]


def test_an_endpoint_given_twice_is_one_row_and_waits_twice() -> None:
    """The second time, it comes behind what stands between."""
    group = {7: IpGroup(total=[Quota(1, 1.0)])}
    plan = fresh([(A, 1), (C, 2), (A, 1)], groups=group)

    assert [(row.endpoint, row.count, row.first, row.last) for row in plan.calls] == [
        ("x.a", 2, 0.0, 3.0),
        ("x.c", 2, 1.0, 2.0),
    ]


def test_who_waits_for_the_address_leaves_the_account_its_tokens() -> None:
    """All tokens are taken at once, or none."""
    plan = fresh([(A, 4), (B, 4)], round_trip=0.25, groups={7: IpGroup(total=[Quota(2, 2.0)])})

    assert [row.binds for row in plan.calls] == [BucketKey("ip", "default", "group 7")] * 2


def test_two_windows_of_a_group_are_both_kept() -> None:
    """Public data of one address: 500 in 10 seconds and 1000 in 60, both of them paced."""
    plan = fresh([(CONTRACTS, 700), (TICKERS, 300)], tolerance=0.15)

    assert plan.seconds == pytest.approx(54.06)
    assert (plan.binds, plan.quota) == (BucketKey("ip", "default", "group 1"), Quota(1000, 60))


@pytest.mark.parametrize(("tokens", "seconds"), [(99, 0.0), (100, 1.390625), (500, 0.765625)])
def test_pacing_is_that_of_the_bucket(tokens: int, seconds: float) -> None:
    """From a hundred tokens on, a tenth goes at once and the rest steadily."""
    quota = Quota(tokens, tokens / 64)

    assert fresh([(C, 99)], groups={7: IpGroup(total=[quota])}).seconds == seconds


def test_other_limits_are_honoured() -> None:
    """They come from the governor, as do those that were lifted."""
    slow = fresh([(SET, 3)], limits={SET.name: Quota(1, 2.0)})
    lifted = fresh([(SET, 100)], limits={SET.name: None})

    assert (slow.seconds, slow.quota) == (4.0, Quota(1, 2.0))
    assert lifted.seconds == 0.0


# --- what is out, waits or is closed -----------------------------------------------------------


def test_tokens_that_are_out_are_waited_for() -> None:
    """They come back when the governor says."""

    async def main() -> Plan:
        governor = Governor()
        await take(governor, SET, 3)
        await asyncio.sleep(0.25)
        await take(governor, SET, 2)
        await asyncio.sleep(0.25)
        return await compare(governor, [(SET, 7)], 0.5)

    assert run(main()).seconds == 0.5 + 1.5


def test_an_answer_that_is_not_read_yet_comes_after_a_round_trip() -> None:
    """Its token comes back a period later."""

    async def main() -> Plan:
        governor = Governor()
        under_way = start(governor, [(SET, 4)], 0.5)
        await asyncio.sleep(0)
        plan = await compare(governor, [(SET, 2)], 0.5)
        await asyncio.gather(*(task for _, task in under_way))
        return plan

    assert run(main()).seconds == 1.5


def test_who_waits_already_goes_first() -> None:
    """Behind them, the calls wait their turn, for the account and for the address."""

    async def main() -> list[Plan]:
        plans = []
        for calls in ([(A, 3)], [(B, 2)], [(C, 5)], [(A, 2), (B, 1), (C, 1)]):
            governor = Governor(groups={7: IpGroup(total=[Quota(4, 2.0)], each=[Quota(3, 1.0)])})
            before = start(governor, [(A, 6), (B, 3), (C, 4)], 0.5)
            await asyncio.sleep(0)
            plans.append(await compare(governor, calls, 0.5))
            await asyncio.gather(*(task for _, task in before))
        return plans

    assert all(plan.seconds > 4 for plan in run(main()))


def test_who_waits_for_an_account_of_their_own_holds_up_nobody() -> None:
    """Although they are counted at the address as well."""

    async def main() -> None:
        governor = Governor()
        before = start(governor, [(SET, 400)], uid="2")
        before += start(governor, [(POSITIONS, 400)], uid="3")
        await asyncio.sleep(0)
        plan = await compare(governor, [(SET, 5), (POSITIONS, 10)])
        assert plan.seconds == 0.0
        for _, task in before:
            task.cancel()
        await asyncio.wait([task for _, task in before])

    run(main())


@pytest.mark.parametrize("group", [None, IpGroup(total=[Quota(2, 1.0)])])
def test_who_waits_for_something_else_holds_up_nobody(group: IpGroup | None) -> None:
    """Endpoints that are not planned, outside of all groups or in one that was lifted."""

    async def main() -> None:
        governor = Governor(groups={7: IpGroup(total=[Quota(2, 1.0)]), 8: group})
        apart = [endpoint("x.y", Quota(1, 1.0), None), endpoint("x.z", Quota(1, 1.0), 8)]
        before = start(governor, [(what, 4) for what in apart])
        await asyncio.sleep(0)
        plan = await compare(governor, [(A, 2)])
        assert plan.seconds == 0.0
        await asyncio.gather(*(task for _, task in before))

    run(main())


def test_who_was_passed_over_claims_the_last_token() -> None:
    """Between two windows of which one or the other is used up each time it looks."""
    quota = Quota(1, 1.0)
    situation = Situation(
        a=quota,
        b=quota,
        total=[quota, Quota(2, 3.0)],
        each=[],
        is_grouped=False,
        taken=[1, 1, 1, 1, 1],
        pause=1.0,
        before=[0, 0, 4, 0, 0],
        round_trip=0.0,
    )

    assert [row.last for row in run(situation.compare([(0, 1), (1, 1)])).calls] == [6.0, 8.0]


def test_a_claim_gives_way_to_one_that_came_before() -> None:
    """Two that were passed over do not block each other."""
    quota = Quota(1, 1.0)
    situation = Situation(
        a=quota,
        b=quota,
        total=[Quota(1, 3.0)],
        each=[Quota(1, 4.0)],
        is_grouped=False,
        taken=[1, 1, 1, 1, 1],
        pause=1.0,
        before=[0, 2, 0, 2, 0],
        round_trip=0.0,
    )

    assert run(situation.compare([(1, 1), (0, 1)])).seconds > 0


def test_a_claim_is_not_taken_from_who_came_before() -> None:
    """Who was passed over as well, but came later, stakes none."""
    situation = Situation(
        a=Quota(2, 1.0),
        b=Quota(1, 1.0),
        total=[Quota(4, 2.0), Quota(2, 1.0)],
        each=[],
        is_grouped=False,
        taken=[1, 1, 1, 1, 1],
        pause=1.0,
        before=[0, 6, 0, 0, 0],
        round_trip=1.0,
    )

    assert run(situation.compare([(0, 1), (1, 1)])).seconds > 0


def test_who_leaves_from_another_address_waits_for_the_account_alone() -> None:
    """Its quota is one; those of the address are not."""

    async def main() -> None:
        governor = Governor()
        before = [asyncio.create_task(send(governor, SET, ip="other")) for _ in range(8)]
        await asyncio.sleep(0)
        plan = await compare(governor, [(SET, 3)])
        assert plan.seconds == 2.0
        await asyncio.gather(*before)

    run(main())


@pytest.mark.parametrize("seconds", [0.5, 120])
def test_a_closed_endpoint_is_waited_for(seconds: float) -> None:
    """Until it opens nothing goes, and after that the tokens that have come back by then."""

    async def main() -> Plan:
        governor = Governor()
        async with governor.permit(SET, uid="1") as permit:
            permit.refused(seconds)
        await take(governor, POSITIONS, 10)
        return await compare(governor, [(SET, 5), (POSITIONS, 1)], 0.25)

    plan = run(main())
    assert plan.calls[0].first == seconds
    assert plan.calls[0].last == max(seconds, 1.0)
    assert plan.calls[1].last == 1.0


def test_what_is_closed_is_told() -> None:
    """It is no quota that binds."""

    async def main() -> Plan:
        governor = Governor()
        async with governor.permit(SET, uid="1") as permit:
            permit.refused(60)
        return await compare(governor, [(SET, 1)])

    plan = run(main())
    assert (plan.seconds, plan.quota) == (60.0, None)
    assert str(plan) == (
        "1 call takes 60.0 s; bound by uid 1, swap.set_leverage (closed by the exchange)"
    )


@pytest.mark.parametrize("known", [False, True])
def test_a_closed_address_holds_up_everything(known: bool) -> None:
    """What has no quota too, and those who wait already."""

    async def main() -> None:
        governor = Governor(groups={7: IpGroup(total=[Quota(3, 2.0)])})
        if known:
            await take(governor, C, 2)
        async with governor.permit(FREE) as permit:
            permit.refused(60, scope=Scope.ADDRESS)
        before = start(governor, [(A, 2), (C, 2), (FREE, 2)], 0.5)
        await asyncio.sleep(0)
        plan = await compare(governor, [(FREE, 1), (A, 1), (C, 1)], 0.5)
        assert plan.binds == BucketKey("ip", "default", "group 7")
        assert [row.last for row in plan.calls] == [60.0, 62.5, 62.5]
        await asyncio.gather(*(task for _, task in before))

    run(main())


def test_a_closed_public_endpoint_holds_up_no_other() -> None:
    """Who waits for it takes no token of the group before it opens."""

    async def main() -> None:
        governor = Governor(groups={1: IpGroup(total=[Quota(3, 2.0)])})
        async with governor.permit(FREE):
            governor.permit(CONTRACTS).refused(60)
        before = start(governor, [(CONTRACTS, 9)])
        await asyncio.sleep(0)
        plan = await compare(governor, [(TICKERS, 3)])
        assert plan.seconds == 0.0
        plan = await compare(governor, [(CONTRACTS, 1)])
        assert plan.seconds == 66.0
        await asyncio.gather(*(task for _, task in before))

    run(main())


def test_a_quota_that_no_bucket_has_is_full() -> None:
    """The states of another quota, as of a process with other limits, say nothing about it."""
    key = BucketKey("uid", "1", "x.a")
    other = BucketState(key, Quota(1, 1.0), 0, 0, 0.5, 0.0, returns=(0.5,))
    plan = Planner(Limits(), [other]).plan([(A, 4)], uid="1")

    assert (plan.calls[0].first, plan.seconds) == (0.0, 1.0)


def test_more_than_all_tokens_may_be_out() -> None:
    """As after a quota was lowered: nothing goes before less than all are."""
    key, quota = BucketKey("uid", "1", "x.b"), Quota(2, 0.75)
    state = BucketState(key, quota, 0, 0, 0.25, 0.0, returns=(0.25, 0.5, 0.625))

    assert Planner(Limits(), [state]).plan([(B, 1)], uid="1").seconds == 0.5


def test_a_paced_token_is_taken_as_soon_as_somebody_sees_it() -> None:
    """Who comes and waits for the same bucket lets it be looked at earlier."""
    group, account = Quota(110, 11.0), Quota(1, 1.0)
    limits = Limits(groups={7: IpGroup([group])})
    states = [
        BucketState(
            BucketKey("ip", "default", "group 7"), group, 5, 0, 0.08, 0.0, (0.08, *[5.0] * 104)
        ),
        BucketState(BucketKey("uid", "1", "x.y"), account, 0, 0, 0.06, 0.0, returns=(0.06,)),
    ]
    plan = Planner(limits, states).plan([(C, 6), (endpoint("x.y", account), 1)], uid="1")

    assert [row.last for row in plan.calls] == [0.08, 5.0]


def test_planning_changes_nothing() -> None:
    """Nothing is taken, and nothing is made."""

    async def main() -> None:
        governor = Governor()
        await take(governor, SET, 3)
        before = governor.snapshot()
        await governor.plan([(SET, 100), (CONTRACTS, 100)], uid="1")
        assert governor.snapshot() == before

    run(main())


# --- for any state -----------------------------------------------------------------------------

# Multiples of 1/64 s: sums of them are exact, so that a rounding decides nothing.
ticks = st.integers(1, 192).map(lambda number: number / 64)
small = st.builds(Quota, st.integers(1, 6), ticks)
counts = st.integers(0, 8) | st.integers(0, 40)


totals = st.lists(small, min_size=1, max_size=2, unique_by=lambda quota: quota.tokens)
situations = st.builds(
    Situation,
    a=small,
    b=small,
    total=totals,
    each=st.lists(small, max_size=1),
    is_grouped=st.booleans(),
    # Each is used once at least, so that the order of the buckets is that of the callers.
    taken=st.lists(st.integers(1, 6), min_size=5, max_size=5),
    pause=ticks,
    before=st.lists(st.just(0) | st.integers(0, 8), min_size=5, max_size=5),
    round_trip=st.just(0.0) | ticks,
)
orders = st.lists(st.tuples(st.integers(0, 2), counts), max_size=4)


@settings(max_examples=300, deadline=None)
@given(situations, orders)
def test_the_governor_does_what_was_planned(
    situation: Situation, order: list[tuple[int, int]]
) -> None:
    """Whatever is out and whoever waits, to the moment."""
    plan = run(situation.compare(order))
    event(f"bound by {plan.binds and plan.binds.subject}")


@settings(max_examples=100, deadline=None)
@given(
    small,
    st.sampled_from([160, 320]),
    st.sampled_from([1, 2, 4]),
    st.tuples(*[st.integers(0, 80)] * 3),
    st.just(0.0) | ticks,
)
def test_no_plan_is_shorter_than_the_quotas_allow(
    quota: Quota, tokens: int, pace: int, numbers: tuple[int, int, int], round_trip: float
) -> None:
    """Nor does it differ from what the governor does, which paces here."""
    paced = Quota(tokens, tokens * pace / 64)
    calls = list(zip((endpoint("x.a", quota), B, C), numbers, strict=True))
    plan = fresh(calls, round_trip=round_trip, groups={7: IpGroup([paced])})

    def least(number: int, quota: Quota) -> float:
        return (number - 1) // quota.tokens * (quota.period + round_trip) if number else 0.0

    assert plan.calls[0].last >= least(numbers[0], quota)
    assert plan.calls[1].last >= least(numbers[1], Quota(2, 0.75))
    assert plan.seconds >= least(sum(numbers), paced)


# --- what is given and what is told ------------------------------------------------------------


def test_without_calls_nothing_takes_time() -> None:
    """No calls, or none of an endpoint."""
    nothing = fresh([], round_trip=0.5)
    none = fresh([(SET, 0)], round_trip=0.5)

    assert (nothing.seconds, nothing.answered, nothing.calls) == (0.0, 0.0, ())
    assert (none.seconds, none.answered) == (0.0, 0.0)
    assert none.calls == (PlannedCalls("swap.set_leverage", 0),)
    assert str(nothing) == str(none) == "0 calls take 0.0 s; nothing waits"


def test_a_plan_says_it_in_one_line() -> None:
    """How many, how long, and what binds."""
    at_once = fresh([(SET, 1)])
    waiting = fresh([(SET, 400)])
    answered = fresh([(SET, 6)], round_trip=0.25)

    assert str(at_once) == "1 call takes 0.0 s; nothing waits"
    assert str(waiting) == "400 calls take 79.0 s; bound by uid 1, swap.set_leverage (5/s)"
    assert str(answered) == (
        "6 calls take 1.2 s, the last answer comes after 1.5 s;"
        " bound by uid 1, swap.set_leverage (5/s)"
    )


@pytest.mark.parametrize("number", [-1, 2.0, True, "3", None])
def test_a_count_that_is_none_is_refused(number: object) -> None:
    """Calls are counted in whole numbers."""
    with pytest.raises(ValueError, match="whole numbers from 0 up"):
        run(Governor().plan([(CONTRACTS, number)]))  # type: ignore[list-item]


@pytest.mark.parametrize("round_trip", [-0.1, float("inf"), float("nan")])
def test_a_round_trip_that_cannot_be_is_refused(round_trip: float) -> None:
    """No answer comes before the request, and each comes some time."""
    with pytest.raises(ValueError, match="round_trip must be 0 or more seconds"):
        run(Governor().plan([(CONTRACTS, 1)], round_trip=round_trip))


@pytest.mark.parametrize("number", [0, 1])
def test_a_missing_account_is_refused(number: int) -> None:
    """As when the permit is asked for."""
    with pytest.raises(ValueError, match="has a quota per UID: pass uid="):
        run(Governor().plan([(SET, number)]))


@pytest.mark.parametrize("calls", [[(SET, 100_000)], [(CONTRACTS, 50_000), (TICKERS, 50_000)]])
def test_a_hundred_thousand_calls_are_planned_in_a_moment(calls: Calls) -> None:
    """Hours of waiting cost microseconds a call, and not more the more there are."""
    begun = time.process_time()
    plan = run(Governor().plan(calls, uid="1"))

    assert plan.seconds > 5000
    # A third of a second, but for coverage and whatever else runs on the machine.
    assert time.process_time() - begun < 10
