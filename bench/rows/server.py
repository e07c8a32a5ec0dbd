"""A store on PostgreSQL beside plain psycopg that writes and reads the same rows of the same server."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count, cycle, islice
from typing import Any, Self

import psycopg
from psycopg import RawCursor

import palaver
from bench.archive import append_all, settle_server
from bench.data import archive, texts
from bench.ground import Ground
from bench.measure import median, paired_ratio, percentile, rounds
from bench.table import Line, Target
from palaver.storage.postgres import connection
from palaver.storage.postgres.address import parse
from palaver.storage.postgres.statements import statements
from palaver.store import Store
from tests.support import postgres

_THREADS = 16
_TASKS = 128
_TIMES = 100
_LONG = 100
"""Messages of a conversation that is there before."""
_WHAT = "PostgreSQL"
_PLAIN = "plain psycopg, a row a message"


def run(ground: Ground) -> Iterator[Line]:
    with _server() as url, palaver.open_store(url) as store, Plain(url) as plain:
        session = _fill(ground, store, plain)
        settle_server(url)
        ground.say("PostgreSQL: measuring")
        yield from _one(ground, store, session, plain)
        yield from _many(ground, store, plain)
        yield _tasks(ground, store)
        settle_server(url)
        yield from _read(ground, store, session, plain)


def _fill(ground: Ground, store: Store, plain: "Plain") -> str:
    """Conversations, as rows of both tables; one more, whose id is returned, begins."""
    many = ground.size(2_000, 20_000)
    ground.say(f"PostgreSQL: making {many:,} messages")
    left = archive(many)
    for _ in range(many // _LONG):
        append_all(store, store.create_session().id, islice(left, _LONG))
    plain.cursor.execute(b"INSERT INTO plain SELECT * FROM message")
    session = store.create_session().id
    for _ in range(10):
        store.append(session, palaver.user("first"))
    return session


@contextmanager
def _server() -> Iterator[str]:
    """The one `PALAVER_BENCH_PG` names, whose database must be empty, else a new one that syncs its commits."""
    named = os.environ.get("PALAVER_BENCH_PG")
    if named:
        yield named
        return
    with postgres.running(postgres.find_binaries(), durable=True) as server:
        yield server.url()


class Plain:
    """What a program without Palaver would do: insert a row of the same table, each with a commit of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._closing = ExitStack()
        self._numbers = count(1 << 40)
        self._texts = cycle(texts(2_000))
        self._insert = statements()["insert_message"].sql.replace(b"INTO message", b"INTO plain")
        self._select = statements()["list_range_backward"].sql

    def __enter__(self) -> Self:
        self.cursor = self.connect()
        self.cursor.execute(b"CREATE TABLE plain (LIKE message INCLUDING ALL)")
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.close()

    def connect(self) -> RawCursor[Any]:
        opened = self._closing.enter_context(connection.connect(parse(self._url)))
        cursor: RawCursor[Any] = RawCursor(opened)
        cursor.format = psycopg.pq.Format.BINARY
        return cursor

    def insert(self, cursor: RawCursor[Any]) -> None:
        number = next(self._numbers)
        row = (
            number,
            os.urandom(16),
            0,
            number,
            0,
            0,
            125,
            1,
            number,
            None,
            None,
            os.urandom(17),
            os.urandom(16),
        )
        cursor.execute(self._insert, (*row, *[None] * 8, next(self._texts)))

    def read(self, low: int, high: int) -> None:
        self.cursor.execute(self._select, (low, high, 50)).fetchall()


def _one(ground: Ground, store: Store, session: str, plain: Plain) -> Iterator[Line]:
    words = cycle(texts(2_000))
    calls: dict[str, Callable[[], Any]] = {
        _PLAIN: partial(plain.insert, plain.cursor),
        "Palaver": lambda: store.append(session, palaver.user(next(words))),
    }
    yield from _compare(f"{_WHAT}: append, 1 thread", calls, ground.size(6, 40), Target(1.6))


def _compare(
    what: str, calls: dict[str, Callable[[], Any]], number: int, target: Target | None
) -> Iterator[Line]:
    for call in calls.values():
        for _ in range(20):
            call()
    found = rounds(calls, count=number, times=_TIMES)
    theirs = [median(each) for each in found[_PLAIN]]
    for name, taken in found.items():
        ratio = paired_ratio([median(each) for each in taken], theirs)
        pooled = [one for each in taken for one in each]
        wanted = target if name == "Palaver" else None
        yield Line(what, name, median(pooled), percentile(pooled, 0.99), "ns", ratio, "× plain", wanted)


def _many(ground: Ground, store: Store, plain: Plain) -> Iterator[Line]:
    words = cycle(texts(2_000))
    sessions = [store.create_session().id for _ in range(_THREADS)]
    for session in sessions:
        _append(store, session, words)
    cursors = [plain.connect() for _ in range(_THREADS)]
    races: dict[str, list[Callable[[], Any]]] = {
        _PLAIN: [partial(plain.insert, cursor) for cursor in cursors],
        "Palaver": [partial(_append, store, session, words) for session in sessions],
    }
    rates: dict[str, list[float]] = {name: [] for name in races}
    for _ in range(ground.size(3, 10)):
        for name, calls in races.items():
            rates[name].append(_race(calls, ground.size(400, 1_500) / 1_000))
    for name, found in rates.items():
        target = Target(0.6, at_least=True) if name == "Palaver" else None
        ratio = paired_ratio(found, rates[_PLAIN])
        what = f"{_WHAT}: {_THREADS} threads, {_THREADS} sessions"
        yield Line(what, name, median(found), None, "msg/s", ratio, "× plain", target)


def _append(store: Store, session: str, words: Iterator[str]) -> None:
    store.append(session, palaver.user(next(words)))


def _race(calls: list[Callable[[], Any]], seconds: float) -> float:
    """How many calls all threads together finish a second."""
    end = time.perf_counter() + seconds
    done = [0] * len(calls)

    def repeat(place: int) -> None:
        while time.perf_counter() < end:
            calls[place]()
            done[place] += 1

    threads = [threading.Thread(target=repeat, args=(place,)) for place in range(len(calls))]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - begun)


def _tasks(ground: Ground, store: Store) -> Line:
    rates = [
        asyncio.run(_gathered(store, ground.size(400, 1_500) / 1_000)) for _ in range(ground.size(3, 10))
    ]
    return Line(f"{_WHAT}: AsyncStore.append, {_TASKS} tasks", "Palaver", median(rates), None, "msg/s")


async def _gathered(store: Store, seconds: float) -> float:
    many = palaver.AsyncStore(store)
    words = cycle(texts(2_000))
    sessions = [store.create_session().id for _ in range(_TASKS)]
    await asyncio.gather(*(many.append(id, palaver.user(next(words))) for id in sessions))
    end = time.perf_counter() + seconds

    async def repeat(id: str) -> int:
        done = 0
        while time.perf_counter() < end:
            await many.append(id, palaver.user(next(words)))
            done += 1
        return done

    begun = time.perf_counter()
    done = await asyncio.gather(*map(repeat, sessions))
    return sum(done) / (time.perf_counter() - begun)


def _read(ground: Ground, store: Store, session: str, plain: Plain) -> Iterator[Line]:
    low, high = 1 << 32, (1 << 32) + (1 << 31)
    calls: dict[str, Callable[[], Any]] = {
        _PLAIN: lambda: plain.read(low, high),
        "Palaver": lambda: store.list_messages(session, limit=50),
    }
    yield from _compare(f"{_WHAT}: the last 50 messages", calls, ground.size(6, 40), None)
