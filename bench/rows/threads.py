"""Many writers at once: 16 threads on 16 sessions, and two processes with 8 threads each on one file."""

import time
from collections.abc import Iterator, Sequence

from bench.ground import Ground
from bench.measure import median, paired_ratio
from bench.peers.base import Counts
from bench.table import Line, Target
from bench.workers import SYSTEMS, Worker

_THREADS = 16
_PREPARATION = 0.5

Races = dict[str, list[Counts]]


def run(ground: Ground) -> Iterator[Line]:
    rounds, seconds = ground.size(4, 10), ground.size(400, 1500) / 1000
    room = ground.room("threads")
    with ground.workers(room) as workers, ground.workers(room, ("palaver", "raw")) as seconds_of:
        ground.say("16 threads: measuring")
        races: Races = {name: [] for name in workers}
        pairs: Races = {name: [] for name in seconds_of}
        for number in range(rounds):
            label = f"round {number}"
            for name, worker in workers.items():
                races[name].append(_race([worker], _THREADS, seconds, label))
            for name, worker in seconds_of.items():
                pairs[name].append(_race([workers[name], worker], _THREADS // 2, seconds, "pair " + label))
    for name, found in races.items():
        yield _rate_line("16 threads, 16 sessions", name, found, races["raw"], seconds)
        yield from _share_lines(
            "16 threads, 16 sessions", name, found, Target(0.8, at_least=True), Target(1.2)
        )
    yield _rate_line("2 processes × 8 threads, one file", "palaver", pairs["palaver"], pairs["raw"], seconds)
    yield from _share_lines(
        "2 processes × 8 threads, one file", "palaver", pairs["palaver"], Target(0.5, at_least=True), None
    )
    errors = [error for race in pairs["palaver"] for error in race["errors"]]
    yield Line(
        "2 processes × 8 threads, errors",
        SYSTEMS["palaver"].title,
        len(errors),
        unit="errors",
        target=Target(0),
        remarks="; ".join(sorted(set(errors)))[:100],
    )


def _race(workers: Sequence[Worker], threads: int, seconds: float, label: str) -> Counts:
    start_at = time.time() + _PREPARATION
    for worker in workers:
        worker.start(
            "race", threads=threads, seconds=seconds, start_at=start_at, label=f"{label} {id(worker)}"
        )
    found = [worker.finish() for worker in workers]
    return {key: [one for each in found for one in each[key]] for key in ("counts", "errors")}


def _rate_line(what: str, name: str, found: list[Counts], raw: list[Counts], seconds: float) -> Line:
    ours, limit = [sum(race["counts"]) for race in found], [sum(race["counts"]) for race in raw]
    errors = sorted({error for race in found for error in race["errors"]})
    return Line(
        what,
        SYSTEMS[name].title,
        median(ours) / seconds,
        unit="msg/s",
        ratio=paired_ratio(ours, limit),
        of="× raw",
        target=Target(0.55, at_least=True) if name == "palaver" and "16 threads" in what else None,
        remarks=errors[0][:100] if errors else "",
    )


def _share_lines(
    what: str, name: str, found: list[Counts], least: Target, most: Target | None
) -> Iterator[Line]:
    """The share of the slowest and of the fastest thread in the worst round; 1 is the fair share."""
    if name not in ("palaver", "apsw"):
        return
    shares = [
        [count * len(race["counts"]) / sum(race["counts"]) for count in race["counts"]] for race in found
    ]
    ours = name == "palaver"
    lines = (("slowest", min(map(min, shares)), least), ("fastest", max(map(max, shares)), most))
    for which, share, target in lines:
        yield Line(
            f"{what}: {which} thread",
            SYSTEMS[name].title,
            ratio=share,
            of="× fair share",
            target=target if ours else None,
            remarks="in the worst round",
        )
