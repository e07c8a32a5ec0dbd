"""Many writers at once: 16 threads on 16 sessions, and two processes with 8 threads each on one file."""

import time
from collections.abc import Iterator, Sequence

from bench.ground import Ground
from bench.measure import median, paired_ratio
from bench.peers.base import Counts
from bench.table import Line, Target
from bench.workers import SYSTEMS, Worker

_THREADS = 16
_HEAD_START = 0.02
_ALONE = "16 threads, 16 sessions"
_PAIR = "2 processes × 8 threads, one file"

Races = dict[str, list[Counts]]


def run(ground: Ground) -> Iterator[Line]:
    room = ground.room("threads")
    with ground.workers(room) as workers, ground.workers(room, ("raw", "palaver")) as others:
        ground.say("16 threads, and 2 processes with 8 each: measuring")
        pairs = {name: (workers[name], other) for name, other in others.items()}
        alone, paired = _measure(workers, pairs, ground.size(3, 10), ground.size(400, 1500) / 1000)
    for name, races in alone.items():
        target = Target(0.55, at_least=True) if name == "palaver" else None
        yield _rate_line(_ALONE, name, races, alone["raw"], target)
    yield from _share_lines(_ALONE, "palaver", alone["palaver"], Target(0.8, at_least=True), Target(1.2))
    yield from _share_lines(_ALONE, "apsw", alone["apsw"])
    yield _rate_line(_PAIR, "palaver", paired["palaver"], paired["raw"])
    yield from _share_lines(_PAIR, "palaver", paired["palaver"], Target(0.5, at_least=True))
    yield _error_line(paired["palaver"])


def _measure(
    workers: dict[str, Worker], pairs: dict[str, tuple[Worker, Worker]], rounds: int, seconds: float
) -> tuple[Races, Races]:
    alone: Races = {name: [] for name in workers}
    paired: Races = {name: [] for name in pairs}
    for number in range(rounds):
        for name, worker in workers.items():
            alone[name].append(_race([worker], seconds, f"round {number}"))
        for name, pair in pairs.items():
            paired[name].append(_race(pair, seconds, f"pair {number}"))
    return alone, paired


def _race(workers: Sequence[Worker], seconds: float, label: str) -> Counts:
    for place, worker in enumerate(workers):
        worker.call("line_up", threads=_THREADS // len(workers), label=f"{label} {place}")
    start_at = time.time() + _HEAD_START
    for worker in workers:
        worker.start("race", seconds=seconds, start_at=start_at)
    found = [worker.finish() for worker in workers]
    elapsed = max(each["elapsed"] for each in found)
    return {key: [one for each in found for one in each[key]] for key in ("counts", "errors")} | {
        "elapsed": elapsed
    }


def _rates(races: list[Counts]) -> list[float]:
    return [sum(race["counts"]) / race["elapsed"] for race in races]


def _rate_line(
    what: str, name: str, races: list[Counts], raw: list[Counts], target: Target | None = None
) -> Line:
    ratio = paired_ratio(_rates(races), _rates(raw))
    errors = sorted({error for race in races for error in race["errors"]})
    remarks = errors[0][:100] if errors else ""
    title = SYSTEMS[name].title
    return Line(what, title, median(_rates(races)), None, "msg/s", ratio, "× raw", target, remarks)


def _share_lines(
    what: str, name: str, races: list[Counts], least: Target | None = None, most: Target | None = None
) -> Iterator[Line]:
    """What the slowest and the fastest thread got of a fair share, in the worst round."""
    fair = [sum(race["counts"]) / len(race["counts"]) for race in races]
    slowest = min(min(race["counts"]) / share for race, share in zip(races, fair, strict=True))
    fastest = max(max(race["counts"]) / share for race, share in zip(races, fair, strict=True))
    for which, share, target in (("slowest", slowest, least), ("fastest", fastest, most)):
        title = SYSTEMS[name].title
        yield Line(
            f"{what}: {which}",
            title,
            ratio=share,
            of="× fair share",
            target=target,
            remarks="in the worst round",
        )


def _error_line(races: list[Counts]) -> Line:
    errors = [error for race in races for error in race["errors"]]
    title, remarks = SYSTEMS["palaver"].title, "; ".join(sorted(set(errors)))[:100]
    return Line(f"{_PAIR}: errors", title, len(errors), unit="", target=Target(0), remarks=remarks)
