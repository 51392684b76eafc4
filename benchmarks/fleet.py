"""
Does a fleet of processes keep the quotas together, and what does that cost?

Real processes share their quotas through a real redis-server on loopback; the emulator stamps what
arrives, each request after a delay of 0 to 80 ms, and is the judge.

1. Eight processes call six endpoints for three accounts, for as much as they get, beside one
   process with a local governor that does the same work at an exchange of its own.
2. The same, while processes are killed and started again, or stopped for three seconds, and Redis
   is restarted, with and without its data.
3. Processes ask for one bucket at known moments. Who goes before whom?
4. What a permit costs Redis and its holder, side by side with other limiters that use Redis; and
   whether those keep the quota.
5. Ten thousand callers of whom every second is cancelled at some moment. Is everybody accounted
   for?

``--soak MINUTES`` does something else: many callers in one process for a long time, with memory
sampled.
"""

from __future__ import annotations

import asyncio
from typing import Final

from attrs import frozen

from benchmarks.fleet_cost import Contest, Spent, compete, take_turns
from benchmarks.fleet_crowd import Crowd, Soak, crowd, keys, soak
from benchmarks.fleet_exchange import Run, Storm, judge, side_by_side, through_a_storm
from benchmarks.fleet_queue import PERIOD, Queue, quantile, stand_in_line
from benchmarks.fleet_worker import CONTESTANTS, LOCAL, OURS, Contestant
from benchmarks.measure import Times
from benchmarks.report import Report, options
from tests.redis_server import MISSING, RedisServer

SETTLED: Final = 4.0
"""Seconds after which the burst of the beginning is over."""


@frozen
class Size:
    """How much is done."""

    processes: int
    callers: int
    seconds: float
    kills: float
    stops: float
    restarts: tuple[tuple[float, bool], ...]
    rest: float
    asks: int
    contestants: int
    contest: float
    permits: int
    rounds: int
    crowd: int


FULL: Final = Size(
    processes=8,
    callers=2,
    seconds=60.0,
    kills=2.5,
    stops=9.0,
    restarts=((20.0, False), (20.0, True)),
    rest=20.0,
    asks=400,
    contestants=4,
    contest=30.0,
    permits=2000,
    rounds=9,
    crowd=10_000,
)
QUICK: Final = Size(
    processes=3,
    callers=2,
    seconds=3.0,
    kills=1.0,
    stops=1.5,
    restarts=((1.0, False),),
    rest=4.5,
    asks=60,
    contestants=1,
    contest=2.0,
    permits=200,
    rounds=1,
    crowd=1000,
)


# What is shown


def _show_windows(report: Report, caption: str, run: Run) -> None:
    rows: list[list[str]] = []
    above = 0
    for kind in judge(run.ledger):
        above += kind.above
        arrivals = sum(map(len, kind.buckets.values()))
        row = [kind.whose, str(kind.quota), str(len(kind.buckets)), f"{arrivals:,}"]
        rows.append([*row, str(kind.worst), str(kind.above)])
    report.table(
        caption,
        ["", "quota", "buckets", "arrivals", "fullest window", "above"],
        rows,
        words=2,
    )
    report.fact(f"{caption}: no window above any quota", above == 0)
    report.fact(f"{caption}: nothing refused", run.refused == 0)


def _commands(run: Run) -> float:
    """Return the commands a call of those processes that were there to the end."""
    commands = sum(outcome.commands for outcome in run.outcomes)
    return commands / max(1, sum(outcome.done for outcome in run.outcomes))


def _rate_of(name: str, run: Run, settled: float, commands: str) -> list[str]:
    processes, arrivals = str(len(run.outcomes)), f"{len(run.ledger):,}"
    return [name, processes, arrivals, f"{run.rate(settled):.2f}", commands]


def show_side_by_side(report: Report, fleet: Run, alone: Run) -> None:
    """Print what the fleet got, and what one process got alone."""
    caption = f"{len(fleet.outcomes)} processes"
    _show_windows(report, caption, fleet)
    settled = min(SETTLED, fleet.seconds / 2)
    report.table(
        "Beside one process with a local governor",
        ["", "processes", "arrivals", "a second", "commands a call"],
        [
            _rate_of(OURS, fleet, settled, f"{_commands(fleet):.2f}"),
            _rate_of(LOCAL, alone, settled, "-"),
        ],
    )
    report.note(
        "\n  calls of each process: "
        + ", ".join(str(outcome.done) for outcome in fleet.outcomes)
        + f"\n  failed: {sum(fleet.failures.values())}"
    )
    share = fleet.rate(settled) / alone.rate(settled)
    report.at_least("throughput, of one process alone", share, 0.95, form=".1%")
    report.at_least("least share of a process, of a fair one", fleet.least_share, 0.7, form=".1%")


def show_storm(report: Report, run: Run, storm: Storm) -> None:
    """Print what the fleet went through, and what arrived."""
    _show_windows(report, "In a storm", run)
    report.table(
        "The storm",
        ["", "so many"],
        [
            ["seconds", f"{run.seconds:.0f}"],
            ["requests", f"{len(run.ledger):,}"],
            ["processes killed and started again", str(storm.killed)],
            ["processes stopped for 3 s", str(storm.stopped)],
            ["calls that failed", str(sum(run.failures.values()))],
            ["requests wrongly held to be sent by others", str(storm.accused)],
            *(
                [f"standstill when Redis was restarted {how}, s", f"{run.standstill(when):.2f}"]
                for when, how in storm.restarts
            ),
        ],
    )
    report.at_most(
        "requests wrongly held to be sent by others", float(storm.accused), 0.0, form=".0f"
    )
    report.at_most(
        "longest standstill after a restart of Redis, s",
        max(run.standstill(when) for when, _ in storm.restarts),
        7.0,
    )


def show_queue(report: Report, queue: Queue, processes: int) -> None:
    """Print who overtook whom."""
    trips = queue.round_trips
    overtakings = queue.overtakings
    report.table(
        f"{len(queue.asks)} ask for one bucket, in {processes} processes, 1 ms apart",
        ["", "so many"],
        [
            ["overtakings within a priority", str(len(overtakings))],
            ["largest, ms", f"{max(overtakings, default=0.0) * 1e3:.2f}"],
            ["lower before higher priority", str(queue.preferred(trips[-1]))],
            ["round trip to Redis, median, ms", f"{quantile(trips, 0.5) * 1e3:.2f}"],
            ["99 % of them, ms", f"{quantile(trips, 0.99) * 1e3:.2f}"],
            ["longest, ms", f"{trips[-1] * 1e3:.2f}"],
        ],
    )
    report.fact("one bucket: no two permits within its period", queue.least_distance >= PERIOD)
    report.at_most(
        "largest overtaking, of a round trip that 99 % are within",
        max(overtakings, default=0.0) / quantile(trips, 0.99),
        1.0,
    )
    report.at_most(
        "a lower before a higher priority", float(queue.preferred(trips[-1])), 0.0, form=".0f"
    )


def show_contest(report: Report, contest: dict[Contestant, Contest], size: Size) -> None:
    """Print what contended permits cost, and who keeps the quota."""
    rows: list[list[str]] = []
    for name, result in contest.items():
        row = [name, f"{result.permits:,}", f"{result.rate:.2f}"]
        row += [str(result.worst), str(result.above)]
        rows.append(row + _costs(result.spent, result.permits))
    report.table(
        f"Four accounts ask for 5/s each, in {size.contestants} processes for {size.contest:g} s",
        ["", "permits", "a second", "fullest window", "above", *_COSTS],
        rows,
    )
    ours = contest[OURS]
    assert ours.spent is not None
    report.fact("contended: no window above the quota", ours.above == 0)
    report.at_most("commands a permit, contended", ours.spent.scripts / ours.permits, 4.0)
    report.at_least(
        "permits, of a local governor's, contended",
        ours.rate / contest[LOCAL].rate,
        0.95,
        form=".1%",
    )


_COSTS: Final = ("scripts", "commands", "bytes", "us of Redis")


def _costs(spent: Spent | None, permits: int) -> list[str]:
    if spent is None:
        return ["-"] * len(_COSTS)
    return [
        f"{spent.scripts / permits:.2f}",
        f"{spent.commands / permits:.1f}",
        f"{spent.bytes / permits:,.0f}",
        f"{spent.cpu / permits * 1e6:.0f}",
    ]


def show_turns(report: Report, size: Size) -> None:
    """Measure free permits, and print what they cost."""
    rows: list[list[str]] = []
    for at_once in (1, 50):
        times, spent = take_turns(permits=size.permits, at_once=at_once, rounds=size.rounds)
        for name in CONTESTANTS:
            costs = _costs(spent.get(name), size.permits)
            rows.append([name, str(at_once), *_time(times, name, size.permits), *costs])
        for peer in CONTESTANTS[2:]:
            report.at_most(
                f"a free permit, {at_once} at once, of {peer}'s", times.ratio(OURS, peer), 1.0
            )
    report.table(
        f"A free permit, {size.permits:,} a turn, {size.rounds} rounds",
        ["", "at once", "us each", "added us", *_COSTS],
        rows,
    )


def _time(times: Times, name: Contestant, permits: int) -> list[str]:
    mine, local = times.median(name) / permits * 1e6, times.median(LOCAL) / permits * 1e6
    return [f"{mine:,.1f}", f"{mine - local:,.1f}" if name != LOCAL else "-"]


def show_crowds(report: Report, crowds: dict[Contestant, Crowd], left: dict[str, int]) -> None:
    """Print what became of very many callers."""
    report.table(
        "Callers of whom every second is cancelled at some moment",
        ["", "callers", "granted", "cancelled", "seconds"],
        [
            [
                name,
                f"{each.callers:,}",
                f"{each.granted:,}",
                f"{each.cancelled:,}",
                f"{each.seconds:.1f}",
            ]
            for name, each in crowds.items()
        ],
    )
    report.note("\n  keys left in Redis: " + ", ".join(sorted(left)))
    for name, each in crowds.items():
        report.fact(f"{name}: everybody is accounted for", each.is_accounted_for)
        report.fact(f"{name}: nothing waits, all tokens are back", each.is_gone)
    waiting = {"queue", "lane", "lanes", "parked", "due", "watcher", "claims"}
    report.fact("nobody waits in Redis", not waiting & set(left))


def show_soak(report: Report, result: Soak) -> None:
    """Print what grew."""
    rows: list[list[str]] = []
    for name, samples in (
        ("this process, MB", result.resident),
        ("Redis, MB", result.redis),
        ("keys", [float(count) for count in result.keys]),
    ):
        rows.append([name, *(f"{value:,.2f}" for value in result.quarters(samples))])
    report.table(
        f"{result.permits:,} permits, {result.given_up:,} gave up; medians of the quarters",
        ["", "1st", "2nd", "3rd", "4th"],
        rows,
    )
    report.table(
        "Keys left when everybody has gone",
        ["", "keys"],
        [[kind, str(count)] for kind, count in sorted(result.left.items())],
    )
    for name, samples, limit in (
        ("this process", result.resident, 1.0),
        ("Redis", result.redis, 0.2),
    ):
        _, second, _, last = result.quarters(samples)
        report.at_most(
            f"growth of {name} from the second quarter to the last, MB", last - second, limit
        )


# The command


async def _side_by_side(report: Report, size: Size, seed: int) -> None:
    with RedisServer() as redis:
        fleet, alone = await side_by_side(
            redis.url,
            processes=size.processes,
            callers=size.callers,
            seconds=size.seconds,
            seed=seed,
        )
    show_side_by_side(report, fleet, alone)


async def _through_a_storm(report: Report, size: Size, seed: int) -> None:
    with RedisServer() as redis:
        run, storm = await through_a_storm(
            redis,
            processes=size.processes,
            callers=size.callers,
            kills=size.kills,
            stops=size.stops,
            restarts=size.restarts,
            rest=size.rest,
            seed=seed,
        )
    show_storm(report, run, storm)


async def _in_line(report: Report, size: Size, seed: int) -> None:
    with RedisServer() as redis:
        queue = await stand_in_line(redis.url, processes=size.processes, asks=size.asks, seed=seed)
    show_queue(report, queue, size.processes)


async def _compete(report: Report, size: Size, seed: int) -> None:
    contest = await compete(processes=size.contestants, seconds=size.contest, seed=seed)
    show_contest(report, contest, size)


async def _crowd(report: Report, size: Size, seed: int) -> None:
    with RedisServer() as redis:
        crowds: dict[Contestant, Crowd] = {
            LOCAL: await crowd(None, callers=size.crowd, seed=seed),
            OURS: await crowd(redis.url, callers=size.crowd, seed=seed),
        }
        left = await keys(redis.url)
    show_crowds(report, crowds, left)


async def _run(report: Report, size: Size, seed: int, *, at_once: bool) -> None:
    """Do one after the other, or all at once, which is quicker, and good for facts alone."""
    questions = [_side_by_side, _through_a_storm, _in_line, _compete, _crowd]
    work = [question(report, size, seed) for question in questions]
    if at_once:
        await asyncio.gather(*work)
    else:
        for each in work:
            await each


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="only look what grows")
    arguments = parser.parse_args()
    if not RedisServer.is_installed():
        parser.error(MISSING)
    quick: bool = arguments.quick
    seed: int = arguments.seed
    if arguments.soak is not None:
        report = Report(f"fleet: many callers for {arguments.soak:g} minutes", quick=quick)
        with RedisServer() as redis:
            show_soak(report, asyncio.run(soak(redis.url, minutes=arguments.soak, seed=seed)))
        report.close()
    size = QUICK if quick else FULL
    report = Report(
        f"fleet: {size.processes} processes share their quotas, seed {seed}", quick=quick
    )
    show_turns(report, size)
    asyncio.run(_run(report, size, seed, at_once=quick))
    report.close()


if __name__ == "__main__":
    main()
