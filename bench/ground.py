"""What a row of the benchmark stands on: how large to be, where to write, and the systems beside it."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.workers import SYSTEMS, Durability, Worker, probe


class Ground:
    """One run. `foreign` is the interpreter that has the peers, None where they are left out."""

    def __init__(self, folder: Path, *, quick: bool, foreign: Path | None) -> None:
        self.quick = quick
        self.folder = folder
        self._foreign = foreign
        self._begun = time.monotonic()

    def size(self, quick: int, full: int) -> int:
        """How much of something, by how long the run may take."""
        return quick if self.quick else full

    def say(self, text: str) -> None:
        """Progress, on stderr."""
        sys.stderr.write(f"[{time.monotonic() - self._begun:6.1f} s] {text}\n")

    def room(self, name: str) -> Path:
        """A folder of its own for a row."""
        room = self.folder / name
        room.mkdir(parents=True, exist_ok=True)
        return room

    @contextmanager
    def workers(self, room: Path, names: Sequence[str] = tuple(SYSTEMS)) -> Iterator[dict[str, Worker]]:
        """Running systems by name; those that cannot be had are left out."""
        chosen = self.pythons(names)
        found = {name: Worker(SYSTEMS[name], python, room / name) for name, python in chosen.items()}
        try:
            yield found
        finally:
            for worker in found.values():
                worker.close()

    def pythons(self, names: Sequence[str]) -> dict[str, Path]:
        here = {name: self._foreign if SYSTEMS[name].foreign else Path(sys.executable) for name in names}
        return {name: python for name, python in here.items() if python is not None}

    def durability(self) -> dict[str, Durability]:
        """What a returned append is worth, by system."""
        return probe(self.pythons(tuple(SYSTEMS)), self.room("probe"))
