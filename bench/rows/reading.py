"""Opening a long session at its end, and listing sessions, beside plain apsw that reads the same file's rows."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import apsw

import palaver
from bench.archive import append_all, make_sessions, plain
from bench.data import texts
from bench.ground import Ground
from bench.measure import median, paired_ratio, percentile, rounds
from bench.table import Line, Target
from bench.workers import SYSTEMS

_SHOWN = 50
_LONG = 100_000
_TIMES = 20
_PEERS = ("openai", "langgraph", "adk")
_SAME_ROWS = "plain apsw, the same file"

_NEWEST_ROWS = "SELECT * FROM message WHERE ref BETWEEN ? AND ? ORDER BY ref DESC LIMIT 50"
_NEWEST_SESSIONS = (
    "SELECT * FROM session WHERE project_key = ? AND state = 0 ORDER BY updated_at DESC, id DESC LIMIT 50"
)


def run_open(ground: Ground) -> Iterator[Line]:
    """A session of 100,000 messages at its last 50."""
    ground.say(f"open at the last {_SHOWN}: making a session of {_LONG:,} messages")
    path = ground.room("open") / "palaver.db"
    with palaver.open_store(path) as store:
        session_id = store.create_session().id
        append_all(store, session_id, texts(_LONG))
        ground.say(f"open at the last {_SHOWN}: measuring")
        with plain(path) as connection:
            key: Any = connection.execute("SELECT max(key) FROM session").fetchall()[0][0]
            bounds = (key << 32, key << 32 | _LONG)
            found = rounds(
                {
                    "store": partial(store.list_messages, session_id, limit=_SHOWN),
                    "plain": _query(connection, _NEWEST_ROWS, bounds),
                },
                count=ground.size(20, 100),
                times=_TIMES,
            )
    what = f"open {_LONG:,} messages at the last {_SHOWN}"
    yield _line(what, "Palaver", found["store"], found["plain"], Target(3))
    yield _line(what, _SAME_ROWS, found["plain"])
    yield from _peers(ground)


def _peers(ground: Ground) -> Iterator[Line]:
    many = ground.size(300, 1_000)
    with ground.workers(ground.room("open"), _PEERS) as workers:
        for worker in workers.values():
            worker.start("fill", name="long", messages=many)
        for worker in workers.values():
            worker.finish()
        for name, worker in workers.items():
            taken = worker.call("read_last", name="long", limit=_SHOWN, times=_TIMES)
            yield _line(f"open {many:,} messages at the last {_SHOWN}", SYSTEMS[name].title, [taken])


def run_list(ground: Ground) -> Iterator[Line]:
    """The newest 50 of many sessions, plain and narrowed to a project and a tag."""
    many = ground.size(10_000, 100_000)
    ground.say(f"lists: making {many:,} sessions")
    path = ground.room("list") / "palaver.db"
    with palaver.open_store(path) as store:
        project_id = make_sessions(store, many)
        narrowed = palaver.Filter(project_id=project_id, tags=("work",))
        ground.say("lists: measuring")
        with plain(path) as connection:
            found = rounds(
                _lists(store, project_id, narrowed, connection), count=ground.size(20, 100), times=_TIMES
            )
    what = f"list {_SHOWN} of {many:,} sessions"
    yield _line(what, "Palaver", found["all"], found["plain"], Target(2))
    yield _line(f"{what}, one project", "Palaver", found["project"], found["plain"], Target(2))
    yield _line(f"{what}, by project and tag", "Palaver", found["tag"], found["plain"], Target(2))
    yield _line(what, _SAME_ROWS, found["plain"])


def _lists(
    store: palaver.Store, project_id: str, narrowed: palaver.Filter, connection: apsw.Connection
) -> dict[str, Callable[[], Any]]:
    key = connection.execute("SELECT project_key FROM session ORDER BY key DESC LIMIT 1").fetchall()[0]
    return {
        "all": partial(store.list_sessions, limit=_SHOWN),
        "project": partial(store.list_sessions, project_id=project_id, limit=_SHOWN),
        "tag": partial(store.list_sessions, filter=narrowed, limit=_SHOWN),
        "plain": _query(connection, _NEWEST_SESSIONS, key),
    }


def _query(connection: apsw.Connection, sql: str, bound: tuple[Any, ...]) -> Callable[[], Any]:
    if len(connection.execute(sql, bound).fetchall()) != _SHOWN:
        raise ValueError(
            f"plain apsw does not find {_SHOWN} rows: the schema has changed, see {Path(__file__).name}"
        )
    return lambda: connection.execute(sql, bound).fetchall()


def _line(
    what: str,
    system: str,
    ours: list[list[int]],
    theirs: list[list[int]] | None = None,
    target: Target | None = None,
) -> Line:
    pooled = [taken for each in ours for taken in each]
    ratio = None if theirs is None else paired_ratio([*map(median, ours)], [*map(median, theirs)])
    of = "× plain" if ratio else ""
    return Line(what, system, median(pooled), percentile(pooled, 0.99), ratio=ratio, of=of, target=target)
