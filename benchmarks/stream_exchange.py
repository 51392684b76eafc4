"""
An exchange in a process of its own on which much goes wrong, until it is told to be calm.

There are two emulators: one tells of its market, the other of its accounts. That of the market lets
its time run faster, and loses messages, of which the numbers of a book's increments tell. Nothing
tells of a lost event of an account, so there all that the road over which it comes may do to it is
done: the connection breaks, falls silent, or says what cannot be read; events come late, twice, and
after later ones.

It reads one word a line, and answers with one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from typing import Any, Final, Self

from attrs import evolve, field, frozen

from bingx_async.emulator import (
    Account,
    Emulator,
    Faults,
    StreamFaults,
    StreamRules,
    lognormal,
    spikes,
    uniform,
)

__all__ = ["Exchange", "seed_of_accounts", "seed_of_market"]

_RULES: Final = StreamRules(tick=0.05, heartbeat=0.25, account_snapshot_every=1.0)
_ROAD: Final = spikes(lognormal(0.005), size=0.1, share=0.02)
_ACCOUNTS: Final = StreamFaults(
    delay=_ROAD, refused=0.1, dropped=0.01, garbage=0.01, duplicated=0.03, reordered=0.03
)
_MARKET: Final = StreamFaults(
    delay=_ROAD, refused=0.1, dropped=0.003, garbage=0.003, lost=0.02, duplicated=0.02,
    reordered=0.02,
)  # fmt: skip
_REQUESTS: Final = Faults(
    way_in=uniform(0.0, 0.02),
    way_out=uniform(0.0, 0.02),
    dropped_before=0.01,
    dropped_after=0.01,
    failed=0.01,
)
_CALM: Final = StreamFaults()
_BALANCE: Final = 10**9


def seed_of_market(seed: int) -> int:
    """Return what the prices of the market follow from."""
    return 2 * seed


def seed_of_accounts(seed: int) -> int:
    """Return what the prices at which accounts trade follow from."""
    return 2 * seed + 1


@frozen
class Exchange:
    """
    The exchange as the process sees it that started it.

    Attributes:
        market: Address of the market.
        accounts: Address of the accounts.
        keys: API key, secret and UID of each account.
    """

    market: str
    accounts: str
    keys: list[tuple[str, str, str]]
    _process: asyncio.subprocess.Process = field(repr=False)

    @classmethod
    async def start(cls, *, seed: int, accounts: int) -> Self:
        """Start the process."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.stream_exchange", str(seed), str(accounts)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**26,
        )
        assert process.stdout is not None
        market, accounts_, keys = json.loads(await process.stdout.readline())
        return cls(market, accounts_, [(key[0], key[1], key[2]) for key in keys], process)

    async def _ask(self, word: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n".encode())
        return json.loads(await self._process.stdout.readline())

    async def storm(self) -> None:
        """Let things go wrong from now on."""
        await self._ask("storm")

    async def calm(self) -> dict[str, int]:
        """Let nothing go wrong from now on, and tell what has, and how often."""
        found: dict[str, int] = await self._ask("calm")
        return found

    async def now(self) -> float:
        """Tell what time it is at the market, in seconds since 1970."""
        return float(await self._ask("now"))

    async def fills(self) -> list[list[int]]:
        """List the numbers of the trades of each account since all was last agreed upon."""
        found: list[list[int]] = await self._ask("fills")
        return found

    async def agree(self) -> None:
        """List the trades that there are no more."""
        await self._ask("agree")

    async def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


class _Storm:
    """What goes wrong, and when."""

    def __init__(self, market: Emulator, accounts: Emulator, *, draw: random.Random) -> None:
        self._market = market
        self._accounts = accounts
        self._draw = draw
        self._tasks: Sequence[asyncio.Task[None]] = ()
        self.counts = dict.fromkeys(("cut", "silenced", "keys ended"), 0)

    def begin(self) -> None:
        """Let things go wrong."""
        self._market.stream_faults, self._accounts.stream_faults = _MARKET, _ACCOUNTS
        self._accounts.faults = _REQUESTS
        work = (self._strike(), self._hurry())
        self._tasks = [asyncio.create_task(each) for each in work]

    async def end(self) -> None:
        """Let nothing go wrong any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # What has been held back until the next message is let go by that one.
        self._market.stream_faults = self._accounts.stream_faults = _CALM
        self._accounts.faults = Faults()

    async def _strike(self) -> None:
        """Hit connections at random moments."""
        draw = self._draw
        while True:
            await asyncio.sleep(draw.uniform(0.2, 2.0))
            exchange = draw.choice((self._market, self._accounts))
            blow = draw.random()
            if blow < 0.5:
                self.counts["cut"] += exchange.cut_streams()
            elif blow < 0.8:
                # For longer than a reader puts up with: what is lost in a shorter silence, nothing
                # tells of.
                self.counts["silenced"] += exchange.silence_streams(draw.uniform(1.5, 3.0))
            elif keys := self._accounts.listen_keys.keys:
                del keys[draw.choice(list(keys))]
                self.counts["keys ended"] += 1

    async def _hurry(self) -> None:
        """Let time pass at the market, and have it heavy or light weather."""
        while True:
            await asyncio.sleep(self._draw.uniform(0.05, 0.2))
            self._market.pass_time(1.0)
            if self._draw.random() < 0.02:
                lost = self._draw.choice((0.0, 0.02, 0.2))
                self._market.stream_faults = evolve(_MARKET, lost=lost)


class _Desk:
    """Who answers."""

    def __init__(self, market: Emulator, accounts: Sequence[Account], storm: _Storm) -> None:
        self._market = market
        self._accounts = accounts
        self._storm = storm
        self._agreed = [0] * len(accounts)

    async def answer(self, word: str) -> object:
        """Do what a word says."""
        match word:
            case "storm":
                self._storm.begin()
            case "calm":
                await self._storm.end()
                return self._storm.counts
            case "now":
                return self._market.now().timestamp()
            case "fills":
                return self._fills()
            case "agree":
                for place, fills in enumerate(self._fills()):
                    self._agreed[place] += len(fills)
            case _:
                raise ValueError(word)
        return None

    def _fills(self) -> list[list[int]]:
        return [
            [int(fill.trade_id or 0) for fill in each.fills[agreed:]]
            for each, agreed in zip(self._accounts, self._agreed, strict=True)
        ]


async def _serve(seed: int, count: int) -> None:
    loop, draw = asyncio.get_running_loop(), random.Random(f"storm/{seed}")
    async with (
        Emulator(seed=seed_of_market(seed), stream_rules=_RULES) as market,
        Emulator(seed=seed_of_accounts(seed), stream_rules=_RULES) as accounts,
    ):
        names = [accounts.account(f"account {n}", balance=_BALANCE) for n in range(count)]
        keys = [(each.api_key, each.secret_key, each.uid) for each in names]
        print(json.dumps((market.url, accounts.url, keys)), flush=True)
        storm = _Storm(market, accounts, draw=draw)
        desk = _Desk(market, names, storm)
        # Whoever started this process ends it by closing its standard input.
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(await desk.answer(line.strip())), flush=True)
        await storm.end()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
