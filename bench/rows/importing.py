"""Import of a file that `palaver export` wrote, in a fresh process, and the size of what comes of it."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import palaver
from bench.archive import append_all, settle
from bench.data import LENGTH, texts
from bench.ground import Ground
from bench.measure import median
from bench.table import Line, Target
from palaver.formats import bring_in, take_out

_PER_SESSION = 1_000


def run(ground: Ground) -> Iterator[Line]:
    many = ground.size(20_000, 100_000)
    room = ground.room("import")
    ground.say(f"import: making a file of {many:,} messages")
    exported = room / "exported.jsonl"
    _export(room / "source.db", many, exported)
    ground.say("import: measuring")
    runs = [_fresh(exported, room / f"target-{number}.db") for number in range(ground.size(2, 3))]
    rates = [many / each["seconds"] for each in runs]
    indexed = [many / (each["seconds"] + each["index_seconds"]) for each in runs]
    yield Line(
        f"import of {many:,} messages",
        "Palaver",
        median(rates),
        unit="msg/s",
        target=Target(25_000, at_least=True, unit=" msg/s"),
        remarks=f"{median(each['cpu'] for each in runs) / many * 1e6:.0f} µs of processor a message; "
        f"{median(indexed):,.0f} msg/s until the search index has followed",
    )
    yield Line(
        f"import of {many:,} messages, peak memory",
        "Palaver",
        max(each["peak"] for each in runs) / 1e6,
        unit="MB",
        target=Target(150, unit=" MB"),
        remarks=f"{runs[0]['before'] / 1e6:.0f} MB before",
    )
    yield _size_line(runs[0], many)


def _size_line(found: dict[str, Any], many: int) -> Line:
    size = found["size"] / many
    rest = f"beside it a log of {found['log'] / 1e6:.1f} MB that does not grow"
    what = f"bytes a message of {LENGTH} characters, index included"
    return Line(
        what, "Palaver", size, unit="B", ratio=size / LENGTH, of="× text", target=Target(1.8), remarks=rest
    )


def _export(source: Path, many: int, exported: Path) -> None:
    with palaver.open_store(source) as store:
        for begin in range(0, many, _PER_SESSION):
            append_all(store, store.create_session().id, texts(min(_PER_SESSION, many - begin), seed=begin))
        take_out(store, exported)


def _fresh(exported: Path, target: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.rows.importing", str(exported), str(target)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    found["size"] = target.stat().st_size
    log = target.with_name(target.name + "-wal")
    found["log"] = log.stat().st_size if log.exists() else 0
    return found


def _peak() -> int:
    """The process's peak memory in bytes. What `getrusage` says begins with that of the process it was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(fields["VmHWM"].split()[0]) * 1024
    import resource  # noqa: PLC0415  (not on Windows)

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _import(exported: Path, target: Path) -> dict[str, float]:
    with palaver.open_store(target) as store:
        before = _peak()
        begin, cpu = time.perf_counter(), time.thread_time()
        report = bring_in(store, exported)
        seconds, cpu = time.perf_counter() - begin, time.thread_time() - cpu
        if report.skipped_count or report.mended_count:
            raise ValueError(f"not all came in as it stands: {report}")
        settle(target)
        index_seconds = time.perf_counter() - begin - seconds
        times = {"seconds": seconds, "cpu": cpu, "index_seconds": index_seconds}
        return {**times, "before": before, "peak": _peak()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_import(Path(sys.argv[1]), Path(sys.argv[2]))))
