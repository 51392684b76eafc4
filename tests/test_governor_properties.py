"""The promise of the governor, for any interleaving that hypothesis can think of."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import attrs
from hypothesis import event, given, settings
from hypothesis import strategies as st

from bingx_async import Governor, IpGroup, Quota, QuotaTimeout
from bingx_async.endpoint import Endpoint
from tests.test_governor import assert_whole
from tests.virtual import loop, run, worst_window

GROUP = IpGroup(total=(Quota(4, 2.0), Quota(6, 4.0)), each=(Quota(3, 1.5),))


async def _stub() -> None:
    """Stand for a declared method."""


ENDPOINTS = [
    Endpoint("x.a", "GET", "/a", Quota(1, 1.0), 7, "trade", "query", _stub),
    Endpoint("x.b", "GET", "/b", Quota(2, 1.0), 7, "trade", "query", _stub),
    Endpoint("x.c", "GET", "/c", None, 7, None, "query", _stub),
    Endpoint("x.d", "GET", "/d", Quota(3, 0.5), None, "trade", "query", _stub),
]

# Multiples of 1/128 s: sums of them are exact, so that a window is not judged by a rounding.
moments = st.integers(0, 512).map(lambda ticks: ticks / 128)
delays = st.integers(0, 96).map(lambda ticks: ticks / 128)


@attrs.frozen
class Plan:
    """One request: when it comes, how long it travels, and what becomes of it."""

    start: float
    endpoint: Endpoint
    uid: str
    ip: str
    way_in: float
    way_out: float
    priority: int
    sent: bool
    max_wait: float | None
    cancelled_after: float | None


plans = st.builds(
    Plan,
    start=moments,
    endpoint=st.sampled_from(ENDPOINTS),
    uid=st.sampled_from(["u", "v"]),
    ip=st.sampled_from(["i", "j"]),
    way_in=delays,
    way_out=delays,
    priority=st.sampled_from([0, 0, 0, 1]),
    sent=st.sampled_from([True, True, True, False]),
    max_wait=st.none() | st.none() | moments,
    cancelled_after=st.none() | st.none() | moments,
)


@attrs.define
class Exchange:
    """Who arrived when, and who was granted when."""

    arrivals: defaultdict[tuple[str, ...], list[float]]
    asked: defaultdict[tuple[object, ...], list[int]]
    grants: defaultdict[tuple[object, ...], list[int]]

    def arrive(self, plan: Plan) -> None:
        """Count an arrival in every scope that it falls under."""
        name = plan.endpoint.name
        if plan.endpoint.quota:
            self.arrivals["uid", plan.uid, name].append(loop().now)
        if plan.endpoint.group:
            self.arrivals["ip", plan.ip, name].append(loop().now)
            self.arrivals["group", plan.ip].append(loop().now)


async def follow(plan: Plan, number: int, governor: Governor, exchange: Exchange) -> str:
    """Send one request as planned."""
    lane = (plan.endpoint, plan.uid, plan.ip, plan.priority)
    exchange.asked[lane].append(number)
    try:
        async with governor.permit(
            plan.endpoint,
            uid=plan.uid if plan.endpoint.quota else None,
            ip=plan.ip,
            priority=plan.priority,
            max_wait=plan.max_wait,
        ) as permit:
            exchange.grants[lane].append(number)
            if not plan.sent:
                await asyncio.sleep(plan.way_in)
                permit.not_sent()
                return "not sent"
            try:
                await asyncio.sleep(plan.way_in)
            except asyncio.CancelledError:  # on its way: it may arrive until we stop listening
                exchange.arrive(plan)
                raise
            exchange.arrive(plan)
            await asyncio.sleep(plan.way_out)
            return "answered"
    except QuotaTimeout:
        assert plan.max_wait is not None
        return "timed out"


async def start(plan: Plan, number: int, governor: Governor, exchange: Exchange) -> str:
    """Start a request when its time has come, and cancel it when that has come."""
    await asyncio.sleep(plan.start)
    task = asyncio.create_task(follow(plan, number, governor, exchange))
    if plan.cancelled_after is not None:
        await asyncio.wait([task], timeout=plan.cancelled_after)
        task.cancel()
    try:
        return await task
    except asyncio.CancelledError:
        return "cancelled"


def assert_promise(exchange: Exchange) -> None:
    """No half-open window of any quota holds more than its tokens."""
    quotas = {endpoint.name: endpoint.quota for endpoint in ENDPOINTS}
    for scope, arrivals in exchange.arrivals.items():
        if scope[0] == "uid":
            quota = quotas[scope[2]]
            assert quota is not None
            found = [quota]
        else:
            found = list(GROUP.each if scope[0] == "ip" else GROUP.total)
        for quota in found:
            assert worst_window(arrivals, quota.period) <= quota.tokens, (scope, arrivals)


@settings(max_examples=400, deadline=None)
@given(st.lists(plans, min_size=1, max_size=40))
def test_no_window_ever_holds_more_than_its_tokens(requests: list[Plan]) -> None:
    """Whatever arrives when, is cancelled, is lost, is never sent or gives up."""

    async def main() -> None:
        governor = Governor(groups={7: GROUP})
        exchange = Exchange(defaultdict(list), defaultdict(list), defaultdict(list))
        outcomes = await asyncio.gather(
            *(start(plan, number, governor, exchange) for number, plan in enumerate(requests))
        )
        for outcome in set(outcomes):
            event(outcome)
        for plan, outcome in zip(requests, outcomes, strict=True):
            if plan.max_wait is None and plan.cancelled_after is None:
                assert outcome == ("answered" if plan.sent else "not sent"), "somebody starved"
        assert_promise(exchange)
        for lane, granted in exchange.grants.items():
            in_order = [number for number in exchange.asked[lane] if number in granted]
            assert granted == in_order, "somebody was overtaken in a lane"
        await assert_whole(governor)

    run(main())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(plans, min_size=30, max_size=80),
    st.lists(st.tuples(moments, delays), min_size=1, max_size=10),
)
def test_stalls_of_the_event_loop_break_nothing(
    requests: list[Plan], stalls: list[tuple[float, float]]
) -> None:
    """Time that passes while nobody runs only makes the governor later."""

    async def main() -> None:
        governor = Governor(groups={7: GROUP})
        exchange = Exchange(defaultdict(list), defaultdict(list), defaultdict(list))

        def stall(seconds: float) -> None:
            loop().now += seconds

        for when, seconds in stalls:
            loop().call_later(when, stall, seconds)
        await asyncio.gather(
            *(start(plan, number, governor, exchange) for number, plan in enumerate(requests))
        )
        assert_promise(exchange)

    run(main())
