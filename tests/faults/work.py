"""What the children do that are killed. Imports little, because they are many."""

import itertools
import threading
import time
import uuid
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

import palaver
from palaver import Message, Session, Text
from palaver.chat.answering import Pace
from palaver.chat.engine import Engine
from palaver.providers.demo import DemoProvider
from palaver.store import Record, SessionEnd
from palaver.wire import parse_time
from tests.support.killing import Report

BATCH = 40
PACE = Pace(seconds=0.005, characters=20)


def keep_appending(report: Report, path: str, session_id: str, name: str) -> None:
    with palaver.open_store(path) as store:
        for n in itertools.count():
            (message,) = store.append(session_id, palaver.user(f"{name} {n}"))
            report(message.id)


class Much(NamedTuple):
    """How often each of how many threads writes, and after how many seconds none begins any more."""

    threads: int
    each: int
    seconds: float


def append_so_much(report: Report, path: str, session_id: str, name: str, much: Much) -> None:
    """Reports how often all of them did, or why one could not."""
    with palaver.open_store(path) as store:
        writers = Writers(store, session_id, name, much)
        writers.wait()
        report(repr(writers.failed) if writers.failed else str(sum(writers.done)))


class Writers:
    """Threads that append to one session."""

    def __init__(self, store: palaver.Store, session_id: str, name: str, much: Much) -> None:
        self.done = [0] * much.threads
        self.failed: list[BaseException] = []
        self._count = much.each
        self._end = time.monotonic() + much.seconds
        self._threads = [
            threading.Thread(target=self._run, args=(store, session_id, f"{name}/{number}", number))
            for number in range(much.threads)
        ]
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        for thread in self._threads:
            thread.join()

    def _run(self, store: palaver.Store, session_id: str, name: str, number: int) -> None:
        try:
            while self.done[number] < self._count and time.monotonic() < self._end:
                store.append(session_id, palaver.user(f"{name}/{self.done[number]}"))
                self.done[number] += 1
        except BaseException as exc:  # noqa: BLE001  (told to whoever started it)
            self.failed.append(exc)


def keep_asking(report: Report, path: str, session_id: str) -> None:
    with palaver.open_store(path) as store:
        engine = Engine(store, [DemoProvider(delay=0.0005)], pace=PACE)
        for n in itertools.count():
            turn = engine.start_turn(session_id, f"question {n}?")
            report(turn.id)
            report(turn.wait().id)


def batches(project_id: str, count: int) -> Iterator[list[Record]]:
    """The same conversations each time, with the ids they have in the file they would come from; two batches each."""
    moment = parse_time("2020-01-01T00:00:00Z")
    for number in range(count):
        names = [str(uuid.uuid5(uuid.NAMESPACE_OID, f"{number}.{at}")) for at in range(BATCH + 1)]
        session = Session(
            id=names[0],
            project_id=project_id,
            title="Talk",
            title_source="user",
            created_at=moment,
            updated_at=moment,
        )
        said: list[Record] = [
            Message(
                id=name,
                session_id=session.id,
                parent_id=names[at - 1] if at > 1 else None,
                position=at,
                role="user",
                parts=(Text(f"message {at} of {number}"),),
                created_at=moment,
            )
            for at, name in enumerate(names[1:], start=1)
        ]
        yield [session, *said[: BATCH // 2]]
        yield [*said[BATCH // 2 :], SessionEnd(msgspec.structs.replace(session, head_id=names[-1]))]


IMPORTED = 30


def do_import(report: Report, path: str, project_id: str) -> None:
    with palaver.open_store(path) as store:
        for number, batch in enumerate(batches(project_id, IMPORTED)):
            store.import_records(batch)
            report(f"{number}")


def make_a_store(report: Report, path: str) -> None:
    with palaver.open_store(path) as store:
        report(store.append(store.create_session().id, palaver.user("first"))[0].id)
        time.sleep(60)


def keep_mirroring(report: Report, path: str, folder: str, session_id: str) -> None:
    with palaver.open_store(path, mirror=f"ollm:{folder}") as store:
        for n in itertools.count():
            store.append(session_id, palaver.user(f"{n}"))
            report(f"{n}")


def purge_all(report: Report, path: str) -> None:
    with palaver.open_store(path) as store:
        for session in store.list_sessions(limit=200).items:
            store.purge_session(session.id)
            report(session.id)


def open_and_report(report: Report, url: str) -> None:
    palaver.open_store(url).close()
    report("opened")
