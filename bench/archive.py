"""Palaver databases to measure on, and a look into their files beside the store."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import apsw
import psycopg

import palaver
from palaver.ids import new_id
from palaver.model import Message, Session, Time
from palaver.store import Record, SessionEnd

_BATCH = 500
_INDEX_BATCH = 1_000
_PATIENCE = 600.0


def append_all(store: palaver.Store, session_id: str, texts: Iterable[str]) -> None:
    """Questions and answers in turn, in batches of one commit each."""
    left = iter(texts)
    while some := list(islice(left, _BATCH)):
        makers = (palaver.user, palaver.assistant)
        store.append(session_id, *(makers[number % 2](text) for number, text in enumerate(some)))


@contextmanager
def plain(path: Path) -> Iterator[apsw.Connection]:
    """A connection that reads the same file without Palaver."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(10_000)
    try:
        yield connection
    finally:
        connection.close()


def settle(path: Path) -> None:
    """Wait until the search index has followed as far as it goes by itself."""
    query = "SELECT (SELECT coalesce(max(seq), 0) FROM change) - indexed_through FROM store"
    with plain(path) as connection:
        _wait(lambda: connection.execute(query).fetchall()[0][0])


def settle_server(url: str) -> None:
    """The same on PostgreSQL, and the server has looked at what it holds, as it does by itself after a while."""
    query = "SELECT (SELECT coalesce(max(seq), 0) FROM palaver.change) - indexed_through FROM palaver.text_watermark"
    with psycopg.connect(url, autocommit=True) as connection:
        _wait(lambda: connection.execute(query).fetchall()[0][0])
        connection.execute("VACUUM ANALYZE")


def _wait(behind: Callable[[], Any]) -> None:
    end = time.monotonic() + _PATIENCE
    while behind() >= _INDEX_BATCH:
        if time.monotonic() > end:
            raise TimeoutError(f"the search index does not follow: {behind()} changes behind")
        time.sleep(0.002)


def make_sessions(store: palaver.Store, many: int) -> str:
    """Sessions of one message each in two projects, every third tagged "work"; returns the id of the second project."""
    projects = [store.personal_project().id, store.create_project("Second").id]
    newest = Time.current()
    for begin in range(0, many, _BATCH):
        numbers = range(begin, min(begin + _BATCH, many))
        store.import_records(
            [
                record
                for number in numbers
                for record in _records(
                    projects[number % 2], number, Time.of(newest - timedelta(minutes=number))
                )
            ]
        )
    return projects[1]


def _records(project_id: str, number: int, moment: Time) -> tuple[Record, ...]:
    message_id = new_id()
    session = Session(
        id=new_id(),
        project_id=project_id,
        title=f"Conversation number {number}",
        title_source="user",
        model="bench-model",
        tags=("work",) if number % 3 == 0 else (),
        head_id=message_id,
        created_at=moment,
        updated_at=moment,
    )
    text = f"What was said in conversation {number}"
    message = Message(
        id=message_id,
        session_id=session.id,
        parent_id=None,
        position=1,
        role="user",
        parts=(palaver.Text(text),),
        created_at=moment,
    )
    return session, message, SessionEnd(session)
