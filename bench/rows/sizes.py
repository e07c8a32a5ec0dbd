"""Bytes on the disk after messages were recorded one at a time; Palaver's at a larger number is told by the import."""

from collections.abc import Iterator
from pathlib import Path

from bench.data import LENGTH
from bench.ground import Ground
from bench.table import Line
from bench.workers import SYSTEMS

_BESIDE = ("-wal", "-shm", "-turn")


def run(ground: Ground) -> Iterator[Line]:
    many = ground.size(300, 1_000)
    ground.say(f"sizes: recording {many:,} messages")
    room = ground.room("size")
    with ground.workers(room) as workers:
        for worker in workers.values():
            worker.start("record", name="session", messages=many)
        for worker in workers.values():
            worker.finish()
    for name in workers:
        size = _size(room / name) / many
        what = f"bytes a message, a session of {many:,}"
        yield Line(what, SYSTEMS[name].title, size, unit="B", ratio=size / LENGTH, of="× text")


def _size(folder: Path) -> int:
    """Without the logs beside a database, which have been written home and do not grow."""
    files = [entry for entry in folder.rglob("*") if entry.is_file() and not entry.name.endswith(_BESIDE)]
    return sum(entry.stat().st_size for entry in files)
