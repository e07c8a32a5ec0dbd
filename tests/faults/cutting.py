"""Recording what is done below a folder, then cutting the power at any moment of it."""

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.faults.disk import KINDS, Disk, Event, Fate, Kind
from tests.faults.shim import tapped
from tests.faults.taps import Recorder
from tests.faults.tries import Tries


class Recording(NamedTuple):
    """What was done below `root`, which at first held what `disk` holds."""

    root: Path
    disk: Disk
    events: list[Event]


class Restored(NamedTuple):
    """What is found when the power is back, and what somebody was told before it failed."""

    root: Path
    told: list[object]
    kind: Kind
    moment: int


def record(root: Path, work: Callable[[Path, Recorder], None]) -> Recording:
    root.mkdir(exist_ok=True)
    disk, recorder = Disk(root), Recorder()
    with tapped(root, recorder):
        work(root, recorder)
    return Recording(root, disk, recorder.events)


def cuts(recording: Recording, target: Path, chance: random.Random, tries: Tries) -> Iterator[Restored]:
    """At as many moments as there are tries, in order, each with what no sync had reached kept, dropped and so on."""
    taken, disk = 0, recording.disk
    for moment in tries.along(len(recording.events) + 1, chance):
        for event in recording.events[taken:moment]:
            disk.take(event)
        taken = moment
        for kind in KINDS:
            shutil.rmtree(target, ignore_errors=True)
            disk.write_out(target, Fate(kind, chance))
            yield Restored(target, disk.told, kind, moment)


def files(root: Path) -> dict[str, bytes]:
    """Every file below a folder; what processes share in memory is left out."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.name.endswith("-shm")
    }
