"""One writer that appends messages of 500 characters, one at a time."""

from collections.abc import Iterator

from bench.ground import Ground
from bench.measure import median, paired_ratio, percentile
from bench.table import Line, Target
from bench.workers import SYSTEMS, Worker

_SHORT = 10
_TIMES = 300
_CAN_BE_LONG = ("raw", "palaver", "apsw")

Samples = dict[str, list[list[int]]]


def run(ground: Ground) -> Iterator[Line]:
    ground.say("appends: looking at what each system syncs")
    durability = ground.durability()
    with ground.workers(ground.room("append")) as workers:
        ground.say("appends: making the histories")
        long, shorter = ground.size(20_000, 100_000), ground.size(300, 1_000)
        lengths = {name: long if name in _CAN_BE_LONG else shorter for name in workers}
        for name, worker in workers.items():
            worker.start("fill", name="long", messages=lengths[name])
        for worker in workers.values():
            worker.finish()
        ground.say("appends: measuring")
        fresh, grown = _measure(workers, ground.size(12, 80), ground.size(150, 300) / 1000)
        found, asked = _found_at_once(workers["palaver"], ground.size(20, 200))
    for name in workers:
        yield _fresh_line(name, fresh, str(durability[name]))
    yield _tail_line(fresh["palaver"], fresh["raw"])
    yield Line(
        "append, found by the next search",
        "Palaver",
        found,
        unit=f"of {asked}",
        target=Target(asked, at_least=True),
    )
    for name in workers:
        yield _long_line(name, lengths[name], fresh, grown)


def _measure(workers: dict[str, Worker], rounds: int, seconds: float) -> tuple[Samples, Samples]:
    fresh: Samples = {name: [] for name in workers}
    long: Samples = {name: [] for name in workers}
    for number in range(rounds):
        turned = number % len(workers)
        for name in [*workers][turned:] + [*workers][:turned]:
            fresh[name].append(
                workers[name].call("append_fresh", history=_SHORT, times=_TIMES, seconds=seconds)
            )
            long[name].append(
                workers[name].call("append_settled", name="long", times=_TIMES, seconds=seconds)
            )
    return fresh, long


def _found_at_once(palaver: Worker, times: int) -> tuple[int, int]:
    return palaver.call("found_at_once", name="long", times=times), times


def _fresh_line(name: str, fresh: Samples, remarks: str) -> Line:
    line = _line(f"append, history {_SHORT}", name, fresh[name])
    target = Target(1.2) if name == "palaver" else None
    return line._replace(ratio=_ratio(fresh[name], fresh["raw"]), of="× raw", target=target, remarks=remarks)


def _tail_line(rounds: list[list[int]], raw: list[list[int]]) -> Line:
    pooled, limit = _pooled(rounds), _pooled(raw)
    tail = percentile(pooled, 0.99) / median(pooled)
    slow, slowest = percentile(pooled, 0.999) / 1e6, max(pooled) / 1e6
    remarks = f"1 in 1,000 takes {slow:.1f} ms, the longest of {len(pooled):,} {slowest:.1f} ms"
    remarks += f"; raw: {percentile(limit, 0.99) / median(limit):.3g} × median"
    return Line(
        "append, 99th percentile", "Palaver", ratio=tail, of="× median", target=Target(4), remarks=remarks
    )


def _long_line(name: str, length: int, fresh: Samples, long: Samples) -> Line:
    line = _line(f"append, history {length:,}", name, long[name])
    target = Target(1.1) if name == "palaver" else None
    remarks = f"{_ratio(long[name], long['raw']):.3g} × raw"
    ratio = _ratio(long[name], fresh[name])
    return line._replace(ratio=ratio, of=f"× history {_SHORT}", target=target, remarks=remarks)


def _pooled(rounds: list[list[int]]) -> list[int]:
    return [taken for each in rounds for taken in each]


def _ratio(ours: list[list[int]], theirs: list[list[int]]) -> float:
    return paired_ratio([*map(median, ours)], [*map(median, theirs)])


def _line(what: str, name: str, rounds: list[list[int]]) -> Line:
    pooled = _pooled(rounds)
    return Line(what, SYSTEMS[name].title, median(pooled), percentile(pooled, 0.99))
