"""What every system is asked for, and how its appends are measured. Standard library only."""

import asyncio
import contextlib
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import count, cycle
from pathlib import Path
from typing import Any

from bench.data import texts
from bench.measure import timed

_PER_SESSION = 20
_POOL = 2_000

Counts = dict[str, Any]
"""Appends by thread, errors, and the seconds until the last thread was done."""


class Peer(ABC):
    """A system in a folder of its own. Sessions have names; `append` returns when the system says it is stored."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._texts = cycle(texts(_POOL))
        self._numbers = count()
        self._racers: list[str] = []

    @abstractmethod
    def open_session(self, name: str, history: Sequence[str]) -> None:
        """A new session with a history, made as fast as the system can."""

    @abstractmethod
    def append(self, name: str, text: str) -> Any:
        """Record one message."""

    def last(self, name: str, limit: int) -> int:
        """Read the newest messages of a session; returns how many came."""
        raise NotImplementedError

    def describe(self) -> str:
        """How it makes sure of what it wrote, as read back from its connection."""
        return ""

    def settle(self) -> None:  # noqa: B027  (most have nothing to wait for)
        """Wait for work that goes on behind the last append."""

    def close(self) -> None:  # noqa: B027  (the end of the process does it for most)
        """Release what it holds."""

    # What a worker is called for

    def fill(self, name: str, messages: int) -> None:
        """A session with a history of so many messages."""
        self.open_session(name, list(texts(messages, seed=messages)))
        self.settle()

    def record(self, name: str, messages: int) -> None:
        """A session whose messages came one at a time."""
        self.open_session(name, self._some(1))
        self.append_to(name, messages - 1, float("inf"))
        self.settle()

    def append_fresh(self, history: int, times: int, seconds: float) -> list[int]:
        """Appends to sessions that begin with `history` messages, a new one after every 20."""
        taken: list[int] = []
        end = time.perf_counter() + seconds
        while len(taken) < times and time.perf_counter() < end:
            name = f"fresh {next(self._numbers)}"
            self.open_session(name, self._some(history))
            taken += self.append_to(name, min(_PER_SESSION, times - len(taken)), seconds)
        self.settle()
        return taken

    def append_to(self, name: str, times: int, seconds: float) -> list[int]:
        """Appends to one session, none begun after `seconds`."""
        return timed(self.append, ((name, text) for text in self._some(times)), seconds)

    def append_settled(self, name: str, times: int, seconds: float) -> list[int]:
        taken = self.append_to(name, times, seconds)
        self.settle()
        return taken

    def read_last(self, name: str, limit: int, times: int) -> list[int]:
        """Reads of the newest messages of a session."""
        return timed(self.last, [(name, limit)] * times)

    def line_up(self, threads: int, label: str) -> None:
        """Sessions for a race, one for each thread."""
        self._racers = [f"{label} {number}" for number in range(threads)]
        for name in self._racers:
            self.open_session(name, self._some(2))

    def race(self, seconds: float, start_at: float) -> Counts:
        """Threads append, each to its session, from `start_at` (seconds since 1970) for `seconds`."""
        names = self._racers
        some = [self._some(50) for _ in names]
        counts, errors = [0] * len(names), []

        def run(number: int) -> None:
            _sleep_until(start_at)
            end = time.perf_counter() + seconds
            try:
                for text in cycle(some[number]):
                    self.append(names[number], text)
                    counts[number] += 1
                    if time.perf_counter() > end:
                        return
            except Exception as exc:  # noqa: BLE001  (what a system throws under load is a result)
                errors.append(f"{type(exc).__name__}: {exc}")

        _run_threads(run, len(names))
        elapsed = time.time() - start_at
        self.settle()
        return {"counts": counts, "errors": errors, "elapsed": elapsed}

    def probe(self, times: int) -> str:
        """Appends between two marks in the trace of this process's system calls; returns `describe()`."""
        self.open_session("probe", self._some(10))
        self.append_to("probe", 3, 10.0)
        os.access("bench:begin", os.F_OK)
        self.append_to("probe", times, 60.0)
        os.access("bench:end", os.F_OK)
        return self.describe()

    def _some(self, many: int) -> list[str]:
        return [next(self._texts) for _ in range(many)]


class AsyncPeer(Peer):
    """A system of coroutines: `append` returns an awaitable, and threads are tasks of one loop."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.runner = asyncio.Runner()

    @abstractmethod
    def append(self, name: str, text: str) -> Awaitable[Any]: ...

    def append_to(self, name: str, times: int, seconds: float) -> list[int]:
        return self.runner.run(self._timed(name, self._some(times), seconds))

    async def _timed(self, name: str, some: list[str], seconds: float) -> list[int]:
        taken: list[int] = []
        end = time.perf_counter() + seconds
        for text in some:
            begin = time.perf_counter_ns()
            await self.append(name, text)
            taken.append(time.perf_counter_ns() - begin)
            if time.perf_counter() > end:
                break
        return taken

    def race(self, seconds: float, start_at: float) -> Counts:
        return self.runner.run(self._race(self._racers, seconds, start_at))

    async def _race(self, names: list[str], seconds: float, start_at: float) -> Counts:
        counts, errors = [0] * len(names), []

        async def run(number: int) -> None:
            mine = self._some(50)
            await asyncio.sleep(start_at - time.time())
            end = time.perf_counter() + seconds
            try:
                for text in cycle(mine):
                    await self.append(names[number], text)
                    counts[number] += 1
                    if time.perf_counter() > end:
                        return
            except Exception as exc:  # noqa: BLE001  (what a system throws under load is a result)
                errors.append(f"{type(exc).__name__}: {exc}")

        await asyncio.gather(*map(run, range(len(names))))
        return {"counts": counts, "errors": errors, "elapsed": time.time() - start_at}


def _run_threads(run: Callable[[int], None], many: int) -> None:
    threads = [threading.Thread(target=run, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))


@contextlib.contextmanager
def synced_folder(folder: Path) -> Iterator[int]:
    """A folder's descriptor, to sync what was renamed in it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
