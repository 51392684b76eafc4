"""Facts about commands that plan from the present state of a fleet, with a real Redis."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack

import pytest

from bingx_async import BingX
from bingx_async.shared import SharedGovernor
from tests.commands import bingx_async

SET = BingX.endpoints()["swap.set_leverage"]


async def test_plan_reckons_with_what_the_fleet_has_out(redis_url: str, namespace: str) -> None:
    """Tokens that are out, and callers that wait, come before what is planned."""
    environment = {"BINGX_REDIS_URL": redis_url}
    args = ("plan", "set_leverage=5", "--namespace", namespace, "--round-trip", "0.5")

    async def wait(governor: SharedGovernor) -> None:
        async with governor.permit(SET, uid="1001"):
            pass

    async with SharedGovernor(redis_url, namespace=namespace) as governor, AsyncExitStack() as held:
        await governor.declare_idle()
        for _ in range(5):
            await held.enter_async_context(governor.permit(SET, uid="1001"))
        tasks = [asyncio.create_task(wait(governor)) for _ in range(3)]
        async with asyncio.timeout(5):
            while not any(state.waiting == 3 for state in await governor.snapshot()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        mine, others, data = [
            await asyncio.to_thread(bingx_async, *args, *more, environment=environment)
            for more in (("--uid", "1001"), ("--uid", "1002"), ("--uid", "1001", "--json"))
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Five are out, and answered in 0.5 s; three wait for them, and two of ours go with those.
    title, _, _, row, *_ = mine.out.splitlines()
    assert title == f"As things are in {namespace} (Redis at {redis_url.removeprefix('redis://')})"
    assert re.split(r"  +", row)[1:4] == ["5", "1.5 s", "3.0 s"]
    assert re.split(r"  +", others.out.splitlines()[3])[1:4] == ["5", "0.0 s", "0.0 s"]
    assert data.json["namespace"] == namespace
    assert data.json["seconds"] == pytest.approx(3.0, abs=0.01)


def test_plan_without_a_fleet_needs_no_redis() -> None:
    """And says nothing of one."""
    shown = bingx_async("plan", "set_leverage=6", "--json")

    assert "namespace" not in shown.json
    assert shown.json["seconds"] == 1.0


def test_plan_says_when_the_fleet_cannot_be_asked() -> None:
    """In one line."""
    failed = bingx_async("plan", "set_leverage=6", "--redis", "redis://:hunter2@127.0.0.1:1")

    assert failed.code == 1
    assert "is away" in failed.err
    assert "hunter2" not in failed.err
    assert failed.is_one_line()
