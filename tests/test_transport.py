"""Facts about the sending of one request."""

import asyncio
import time

import pytest

from bingx_async import BingX, Governor, NotSent, OutcomeUnknown
from bingx_async.transport import Attempt, Deadlines
from tests import virtual
from tests.server import RawServer, silence


def test_every_attempt_has_its_own_deadline():
    """One timer serves them all, whenever they began and whichever are done meanwhile."""

    async def attempt(deadlines, begins, lasts):
        await asyncio.sleep(begins)
        attempt = Attempt()
        deadlines.begin(attempt)
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            await asyncio.sleep(lasts)
        except asyncio.CancelledError:
            assert attempt.was_ended()
        finally:
            deadlines.done(attempt)
        return loop.time() - started

    async def run():
        deadlines = Deadlines(2.0)
        took = await asyncio.gather(
            *(attempt(deadlines, b, n) for b, n in [(0, 9), (0.5, 0.1), (1, 9), (1.5, 1.9), (7, 9)])
        )
        deadlines.close()
        return took

    assert virtual.run(run()) == pytest.approx([2, 0.1, 2, 1.9, 2])


def test_a_cancellation_by_somebody_else_is_not_the_deadlines():
    """Even when the time is up in the same turn of the event loop."""

    async def run():
        attempt = None

        async def work():
            nonlocal attempt
            attempt = Attempt()
            try:
                await asyncio.sleep(9)
            except asyncio.CancelledError:
                return attempt.was_ended()

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        assert attempt is not None
        attempt.end()
        task.cancel()
        return await task

    assert virtual.run(run()) is False


async def test_a_deadline_does_not_cancel_what_comes_after():
    """The task that made the call is free to go on, within a timeout of its own as well."""
    async with (
        RawServer([silence]) as server,
        BingX(
            "key-of-somebody", "secret", base_url=server.url, governor=Governor(), timeout=0.05
        ) as bingx,
        asyncio.timeout(10),
    ):
        with pytest.raises(OutcomeUnknown):
            await bingx.swap.set_position_mode(dual_side_position=True)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0)


async def test_a_process_that_stood_still_does_not_send_what_it_gave_up():
    """Its tokens come back at once, as it certainly was not sent."""
    async with (
        RawServer([silence]) as server,
        BingX(
            "key-of-somebody",
            "secret",
            base_url=server.url,
            governor=Governor(),
            timeout=0.1,
            retries=0,
        ) as bingx,
    ):
        call = asyncio.create_task(bingx.swap.set_position_mode(dual_side_position=True))
        for _ in range(4):  # until it connects
            await asyncio.sleep(0)
        time.sleep(0.2)  # noqa: ASYNC251 - nothing turns meanwhile
        with pytest.raises(NotSent):
            await call
        assert server.requests == []
