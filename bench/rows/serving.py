"""Requests over HTTP to `palaver serve`, beside a route that does nothing and beside the same statements by psycopg."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from psycopg import RawCursor

import palaver
from bench.archive import append_all, settle, settle_server
from bench.data import archive, searches, texts
from bench.ground import Ground
from bench.measure import median, paired_ratio, percentile
from bench.rows.server import Plain
from bench.table import Line
from bench.web.processes import Client, Place, bare_server, client
from palaver.storage.postgres.statements import statements
from palaver.storage.postgres.transaction import ReadTransaction
from palaver.store import Store
from tests.support.people import a_person, accounts_of
from tests.support.postgres import find_binaries, running
from tests.support.serving import serving

CONFIG = "discover = false\nmodel_title = false\nserver_rate = 1000000000\n"
_CONNECTIONS = (1, 16, 64)
_ROUTES = ("list 50", "read 50", "append", "search")
_QUERY = searches()["rare word"]
_MAIN = {"list 50": "list_sessions", "read 50": "list_range_backward", "search": "search_index"}
_BARE, _PLAIN = "bare Starlette route", "plain psycopg, its main statement"
_SQLITE, _POSTGRES = "Palaver, SQLite", "Palaver, PostgreSQL"

Measure = Callable[[str, int, float], tuple[float, list[int]]]
"""Of a route, with so many connections, for so many seconds: how many a second, and how long each took."""


class _Asked(NamedTuple):
    """A server with conversations, one for each connection."""

    client: Client
    place: Place
    sessions: list[str]
    settle: Callable[[], None]

    def race(self, route: str, connections: int, seconds: float) -> tuple[float, list[int]]:
        requests = [self.requests(route, session) for session in self.sessions[:connections]]
        expected = 201 if route == "append" else 200
        found = self.client.call(
            "race", port=self.place.port, requests=requests, expected=expected, seconds=seconds
        )
        if route == "append":
            self.settle()
        return found["rate"], found["taken"]

    def requests(self, route: str, session: str) -> list[str]:
        if route == "append":
            bodies = [
                {"chatSessionId": session, "role": "user", "content": text}
                for text in texts(50, seed=int(session[-6:], 16))
            ]
            return [self.place.request("POST", "/api/chat-messages", body) for body in bodies]
        paths = {
            "list 50": "/api/chat-sessions?limit=50",
            "read 50": f"/api/chat-messages?chatSessionId={session}&limit=50",
            "search": f"/api/search?q={_QUERY}&limit=20",
        }
        return [self.place.request("GET", paths[route])]


def run(ground: Ground) -> Iterator[Line]:
    room = ground.room("http")
    with ExitStack() as open_until_end:
        asking = open_until_end.enter_context(client())
        local = _local(ground, room, asking, open_until_end)
        team, plain = _team(ground, room, asking, open_until_end)
        bodies = {
            route.split()[0]: asking.call(
                "fetch", port=local.place.port, request=local.requests(route, local.sessions[0])[0]
            )
            for route in _ROUTES
        }
        port = open_until_end.enter_context(bare_server(room / "bare", bodies))
        measures = {
            _BARE: _bare(asking, Place(port, {"Authorization": "Bearer " + "x" * 43})),
            _PLAIN: plain,
            _SQLITE: local.race,
            _POSTGRES: team.race,
        }
        for route in _ROUTES:
            for connections in _CONNECTIONS:
                ground.say(f"HTTP: {route}, {connections} at once")
                yield from _lines(ground, measures, route, connections)


def _lines(ground: Ground, measures: dict[str, Measure], route: str, connections: int) -> Iterator[Line]:
    rates: dict[str, list[float]] = {name: [] for name in measures}
    pooled: dict[str, list[int]] = {name: [] for name in measures}
    names = list(measures)
    for measure in measures.values():
        measure(route, connections, 0.1)
    for number in range(ground.size(3, 8)):
        turned = number % len(names)
        for name in names[turned:] + names[:turned]:
            rate, taken = measures[name](route, connections, ground.size(300, 1_000) / 1_000)
            rates[name].append(rate)
            pooled[name] += taken
    for name, found in rates.items():
        remarks = f"{median(found):,.0f} a second"
        if name == _POSTGRES:
            remarks += f", {paired_ratio(found, rates[_PLAIN]):.2g} × psycopg"
        yield Line(
            f"HTTP: {route}, {connections} connection{'s' * (connections > 1)}",
            name,
            median(pooled[name]),
            percentile(pooled[name], 0.99),
            ratio=paired_ratio(found, rates[_BARE]),
            of="× bare",
            remarks=remarks,
        )


def _fill(ground: Ground, store: Store) -> list[str]:
    """Sessions enough for a list and a search; a conversation for each connection has the newest content."""
    many = ground.size(5_000, 50_000)
    ground.say(f"HTTP: making {many:,} messages")
    left = archive(many)
    sessions = [store.create_session().id for _ in range(ground.size(250, 1_000))]
    for session in sessions:
        append_all(store, session, islice(left, many // len(sessions)))
    asked = sessions[-max(_CONNECTIONS) :]
    for session in asked:
        append_all(store, session, texts(50))
    return asked


def _local(ground: Ground, room: Path, asking: Client, opened: ExitStack) -> _Asked:
    path = room / "palaver.db"
    with palaver.open_store(path) as store:
        sessions = _fill(ground, store)
        settle(path)
    place = opened.enter_context(serving(str(path), room / "local", config=CONFIG))
    return _Asked(asking, Place(_port(place.address), place.headers), sessions, lambda: settle(path))


def _team(ground: Ground, room: Path, asking: Client, opened: ExitStack) -> tuple[_Asked, Measure]:
    url = opened.enter_context(running(find_binaries(), durable=True)).url()
    with palaver.open_store(url) as store:
        person = a_person(store.as_actor("system"), accounts_of(store), "Ada")
        headers = {"Authorization": f"Bearer {person.accounts.create_token('bench').secret!s}"}
        sessions = _fill(ground, person.store)
        recorded = _record(person.store, sessions[0])
        settle_server(url)
    place = opened.enter_context(serving(url, room / "team", "--no-log", config=CONFIG))
    plain = opened.enter_context(Plain(url))
    asked = _Asked(asking, Place(_port(place.address), headers), sessions, lambda: settle_server(url))
    return asked, _by_psycopg(plain, recorded)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _bare(asking: Client, place: Place) -> Measure:
    def measure(route: str, connections: int, seconds: float) -> tuple[float, list[int]]:
        method, body = ("POST", {"content": next(texts(1))}) if route == "append" else ("GET", None)
        request = place.request(method, f"/{route.split(maxsplit=1)[0]}", body)
        expected = 201 if route == "append" else 200
        found = asking.call(
            "race", port=place.port, requests=[[request]] * connections, expected=expected, seconds=seconds
        )
        return found["rate"], found["taken"]

    return measure


def _record(store: Store, session: str) -> dict[str, tuple[bytes, tuple[Any, ...]]]:
    """The main statement of each route that reads, with its values, as the store sends it."""
    sent: dict[str, dict[str, Any]] = {}
    find = ReadTransaction._find  # noqa: SLF001  (to measure what it sends, not something like it)

    def noting(tx: ReadTransaction, name: str, parameters: dict[str, Any]) -> Any:
        sent.setdefault(name, parameters)
        return find(tx, name, parameters)

    with patch.object(ReadTransaction, "_find", noting):
        store.list_sessions(limit=50)
        store.list_messages(session, limit=50)
        store.search(_QUERY, limit=20)
    known = statements()
    return {route: (known[name].sql, known[name].bind(sent[name])) for route, name in _MAIN.items()}


def _by_psycopg(plain: Plain, recorded: dict[str, tuple[bytes, tuple[Any, ...]]]) -> Measure:
    cursors = [plain.connect() for _ in range(max(_CONNECTIONS))]

    def once(cursor: RawCursor[Any], route: str) -> None:
        if route == "append":
            plain.insert(cursor)
        else:
            cursor.execute(*recorded[route]).fetchall()

    def measure(route: str, connections: int, seconds: float) -> tuple[float, list[int]]:
        begun = time.perf_counter_ns()
        end = begun + int(seconds * 1e9)
        taken: list[list[int]] = [[] for _ in range(connections)]

        def repeat(place: int) -> None:
            while (now := time.perf_counter_ns()) < end:
                once(cursors[place], route)
                taken[place].append(time.perf_counter_ns() - now)

        threads = [threading.Thread(target=repeat, args=(place,)) for place in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pooled = [one for each in taken for one in each]
        return len(pooled) / (time.perf_counter_ns() - begun) * 1e9, pooled

    return measure
