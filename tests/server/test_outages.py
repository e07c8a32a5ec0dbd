"""What a team's servers survive: one of them killed under load, the database away for a while, many windows at once."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from palaver import Session
from palaver.ids import new_id
from tests.chat.reading import until
from tests.conftest import Tried
from tests.support import postgres, scripted
from tests.support.factories import texts
from tests.support.office import Desk, Worker, office
from tests.support.scripted import ScriptedServer, Wait, text, whole

WRITERS = 4
WINDOWS = 500


@pytest.fixture
def model() -> Iterator[ScriptedServer]:
    with scripted.serve() as server:
        yield server


class Writer(threading.Thread):
    """Appends to a session of its own as fast as it can; keeps what was acknowledged."""

    def __init__(self, desk: Desk, session: Session) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[str] = []
        self.refused = 0
        self._desk = desk
        self._session = session
        self._enough = threading.Event()
        self.start()

    def run(self) -> None:
        number = 0
        while not self._enough.is_set():
            number += 1
            fields = {"chatSessionId": self._session.id, "role": "user", "content": str(number)}
            try:
                answer = self._desk.post("/api/chat-messages", id=new_id(), **fields)
            except httpx2.HTTPError:
                self.refused += 1
                return
            if answer.status_code == 201:
                self.acknowledged.append(answer.json()["message"]["id"])

    def stop(self) -> None:
        self._enough.set()
        self.join(30)


def test_a_server_killed_under_load_loses_nothing_and_the_other_goes_on(
    postgres_url: str, tmp_path: Path, model: ScriptedServer, tried: Tried
) -> None:
    with office(postgres_url, tmp_path, model.address) as place:
        worker = place.hire("Ann")
        sessions = [place.session(worker) for _ in range(2 * WRITERS)]
        watching = place.desk(worker, 1).changes().until(lambda window: window.told)
        writers = [Writer(place.desk(worker, at % 2), session) for at, session in enumerate(sessions)]
        until(lambda: all(len(writer.acknowledged) > 20 for writer in writers), 60)
        place.places[0].kill()
        before = [len(writer.acknowledged) for writer in writers]
        until(
            lambda: all(len(w.acknowledged) > before[at] + 20 for at, w in enumerate(writers) if at % 2), 60
        )
        for writer in writers:
            writer.stop()
        for writer, session in zip(writers, sessions, strict=True):
            stored = [message.id for message in worker.store.messages(session.id)]
            assert stored[: len(writer.acknowledged)] == writer.acknowledged
        last = {writer.acknowledged[-1] for writer in writers}
        watching.until(lambda window: last <= {one.data["messageId"] for one in window.told if one.data})
        changes = [one.data for one in watching.told if one.event == "change"]
        told = [change["messageId"] for change in changes if change["kind"] == "message.added"]
        kept = sum(len(writer.acknowledged) for writer in writers)
        assert len(set(told)) == len(told) >= kept
        assert place.store.verify().problems == []
    tried(f"a server killed under load: all of {kept} acknowledged messages are there, and were told")


def test_a_database_that_is_away_for_a_while_needs_no_restart(tmp_path: Path, model: ScriptedServer) -> None:
    outlast(tmp_path, model, 2.0)


@pytest.mark.long
def test_a_database_that_is_away_for_10_seconds_needs_no_restart(
    tmp_path: Path, model: ScriptedServer
) -> None:
    outlast(tmp_path, model, 10.0)


def outlast(folder: Path, model: ScriptedServer, seconds: float) -> None:
    """Servers whose PostgreSQL stops for so long say so, and go on when it is back."""
    go = threading.Event()
    model.will(text("begun, "), Wait(go), *whole("ended"))
    model.will(*whole("after"))
    with (
        postgres.running(postgres.find_binaries()) as server,
        office(server.url(), folder, model.address) as place,
    ):
        worker = place.hire("Ann")
        here, there = place.desk(worker, 0), place.desk(worker, 1)
        session = place.session(worker)
        turn_id = here.ask(session.id, "go")
        window = there.follow(session.id, turn_id).until(lambda window: window.text == "begun, ")
        changes = there.changes().until(lambda window: window.told)
        server.stop()
        away = time.monotonic()
        for desk in (here, there):
            answer = desk.client.get("/api/chat-sessions")
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert int(answer.headers["Retry-After"]) > 0
        time.sleep(max(seconds - (time.monotonic() - away), 0))
        server.start()
        for desk in (here, there):
            until(lambda desk=desk: desk.client.get("/api/chat-sessions").status_code == 200, 30)  # type: ignore[misc]
        go.set()
        assert window.until_end().text == "begun, ended"
        until(lambda: texts(worker.store, session.id) == ["go", "begun, ended"], 30)
        until(lambda: here.running(session.id) is None, 30)
        again = here.ask(session.id, "again")
        assert there.follow(session.id, again).until_end().text == "after"
        changes.until(lambda window: again in {one.data["messageId"] for one in window.told if one.data})


def test_500_windows_are_open_on_one_server(tmp_path: Path, model: ScriptedServer, tried: Tried) -> None:
    go = threading.Event()
    model.will(text("for "), Wait(go), *whole("everybody"))
    with office(str(tmp_path / "palaver.db"), tmp_path, model.address, servers=1) as place:
        worker = place.hire("Ann")
        here = place.desk(worker)
        session = place.session(worker)
        turn_id = here.ask(session.id, "go")
        path = f"{place.places[0].address}/api/chat-sessions/{session.id}/turns/{turn_id}/events"
        read, quick = asyncio.run(read_all(path, worker, here, go))
        assert [one.count("event: turn_finished") for one in read] == [1] * WINDOWS
        assert {one.count("event: text_delta") for one in read} == {2}
        tried(
            f"{WINDOWS} open windows: each was told all, and a request beside them took {quick * 1000:.0f} ms"
        )


async def read_all(path: str, worker: Worker, here: Desk, go: threading.Event) -> tuple[list[str], float]:
    """What each of the windows was told, and how long a request took while all were open."""
    limits = httpx2.Limits(max_connections=None)
    opened = asyncio.Semaphore(0)

    async def window(client: httpx2.AsyncClient) -> str:
        told = ""
        async with client.stream("GET", path) as response:
            async for chunk in response.aiter_text():
                if "for " in chunk and "text_delta" not in told:
                    opened.release()
                told += chunk
        return told

    async with httpx2.AsyncClient(headers=worker.headers, timeout=120, limits=limits) as client:
        windows = [asyncio.create_task(window(client)) for _ in range(WINDOWS)]
        for _ in range(WINDOWS):
            await opened.acquire()
        began = time.monotonic()
        assert (await asyncio.to_thread(here.client.get, "/api/me")).status_code == 200
        quick = time.monotonic() - began
        go.set()
        return list(await asyncio.gather(*windows)), quick
