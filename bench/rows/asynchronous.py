"""`AsyncStore` beside `Store`: what the hop between threads costs, and what many tasks gain."""

import asyncio
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import palaver
from bench.archive import settle
from bench.data import texts
from bench.ground import Ground
from bench.measure import median, paired_ratio, percentile
from bench.table import Line, Target

_TASKS = 128
_TIMES = 150
_WHAT = "AsyncStore.append"


def run(ground: Ground) -> Iterator[Line]:
    ground.say("AsyncStore: measuring")
    path = ground.room("async") / "palaver.db"
    with palaver.open_store(path) as store:
        measured = _Measured(palaver.AsyncStore(store), store)
        asyncio.run(measured.rounds(ground.size(8, 40), ground.size(200, 500) / 1000))
    plain, one = measured.plain, measured.one
    hop = median(median(ours) - median(theirs) for ours, theirs in zip(one, plain, strict=True))
    pooled = [taken for each in one for taken in each]
    yield Line(f"{_WHAT}, 1 task", "Palaver", median(pooled), percentile(pooled, 0.99))
    yield Line(f"{_WHAT}, 1 task: more than Store", "Palaver", hop, target=Target(80, unit=" µs"))
    alone = [len(each) / (sum(each) / 1e9) for each in one]
    yield Line(
        f"{_WHAT}, {_TASKS} tasks",
        "Palaver",
        median(measured.many),
        unit="msg/s",
        ratio=paired_ratio(measured.many, alone),
        of="× 1 task",
        target=Target(4, at_least=True),
        remarks=f"1 task: {median(alone):,.0f} msg/s",
    )


class _Measured:
    def __init__(self, many: palaver.AsyncStore, store: palaver.Store) -> None:
        self._async, self._store = many, store
        self._texts = cycle(texts(2_000))
        self.plain: list[list[int]] = []
        self.one: list[list[int]] = []
        self.many: list[float] = []

    async def rounds(self, count: int, seconds: float) -> None:
        sessions = [self._store.create_session().id for _ in range(_TASKS)]
        for _ in range(count):
            self.plain.append(self._plain(sessions[0]))
            self.one.append(await self._one(sessions[1]))
            self.many.append(await self._many(sessions, seconds))
            settle(Path(self._store.location))

    def _plain(self, session_id: str) -> list[int]:
        return [self._timed(session_id) for _ in range(_TIMES)]

    def _timed(self, session_id: str) -> int:
        message = palaver.user(next(self._texts))
        begin = time.perf_counter_ns()
        self._store.append(session_id, message)
        return time.perf_counter_ns() - begin

    async def _one(self, session_id: str) -> list[int]:
        taken = []
        for _ in range(_TIMES):
            message = palaver.user(next(self._texts))
            begin = time.perf_counter_ns()
            await self._async.append(session_id, message)
            taken.append(time.perf_counter_ns() - begin)
        return taken

    async def _many(self, sessions: list[str], seconds: float) -> float:
        done, end = 0, time.perf_counter() + seconds

        async def run(session_id: str) -> None:
            nonlocal done
            while time.perf_counter() < end:
                await self._async.append(session_id, palaver.user(next(self._texts)))
                done += 1

        begin = time.perf_counter()
        await asyncio.gather(*map(run, sessions))
        return done / (time.perf_counter() - begin)
