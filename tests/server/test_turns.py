"""Turns over HTTP: two servers over one database are one place for whoever asks, reads, answers and stops."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from palaver.ids import new_id
from tests.chat.reading import until
from tests.chat.tools import calling
from tests.support.factories import a_question, texts
from tests.support.office import Desk, Office, Worker, office
from tests.support.scripted import ScriptedServer, Wait, text, whole
from tests.support.streams import Told, Window
from tests.tools.conftest import SERVERS

TOOLS = f"""
[[tool_server]]
name = "plain"
allow = "ask"
command = "{sys.executable}"
args = ["{SERVERS / "plain.py"}"]
"""
ADD = ("c1", "plain__add", {"a": 1, "b": 2})


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def place(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    model_server: ScriptedServer,
) -> Iterator[Office]:
    """Two servers that tests share: each test has a worker and sessions of its own."""
    folder = tmp_path_factory.mktemp("office")
    if request.param == "sqlite":
        with office(str(folder / "palaver.db"), folder, model_server.address, more=TOOLS) as made:
            await_tools(made, model_server)
            yield made
    else:
        databases = request.getfixturevalue("postgres_databases")
        with databases.fresh() as url, office(url, folder, model_server.address, more=TOOLS) as made:
            await_tools(made, model_server)
            yield made


def await_tools(place: Office, model: ScriptedServer) -> None:
    """Until both servers offer their tools, whose program takes a while to start."""
    model.scripts.clear()
    model.will(*whole("ready"))
    worker = place.hire("First")
    for at in (0, 1):
        desk = place.desk(worker, at)

        def offers(desk: Desk = desk) -> bool:
            session = place.session(worker)
            desk.follow(session.id, desk.ask(session.id, "Are you ready?")).until_end()
            return "tools" in model.requests[-1]

        until(offers, 60)


@pytest.fixture
def worker(place: Office) -> Worker:
    return place.hire(f"Ann{new_id()[-12:]}")


@pytest.fixture
def here(place: Office, worker: Worker) -> Desk:
    return place.desk(worker, 0)


@pytest.fixture
def there(place: Office, worker: Worker) -> Desk:
    """The same person at the other server."""
    return place.desk(worker, 1)


def told(events: list[Told]) -> list[Any]:
    """All that a reader knows: runs of text joined, every other event with its id."""
    known: list[Any] = []
    for one in events:
        if one.event in ("text_delta", "reasoning_delta"):
            if known and known[-1][0] == one.event:
                known[-1] = (one.event, known[-1][1] + one.data["text"])
            else:
                known.append((one.event, one.data["text"]))
        elif one.event != "closing":
            known.append((one.event, one.id, one.data))
    return known


def test_a_question_is_answered_and_its_events_are_read(
    place: Office, worker: Worker, here: Desk, model: ScriptedServer
) -> None:
    model.will(*whole("Lis", "bon."))
    session = place.session(worker)
    turn_id = here.ask(session.id, "The capital of Portugal?")
    window = here.follow(session.id, turn_id).until_end()
    # That the tools have not started yet is told where it is so.
    tags = [tag for tag in window.tags if tag != "context_warning"]
    assert tags == ["turn_started", "title_changed", "text_delta", "turn_finished"]
    assert window.text == "Lisbon."
    assert window.told[-1].data["message"]["status"] == "complete"
    assert texts(worker.store, session.id) == ["The capital of Portugal?", "Lisbon."]
    assert here.running(session.id) is None


def test_windows_on_both_servers_see_the_same_and_may_change_after_any_event(
    place: Office, worker: Worker, here: Desk, there: Desk, model: ScriptedServer
) -> None:
    go = threading.Event()
    model.will(text("So "), text("many "), Wait(go), *calling(ADD))
    model.will(*whole("It is ", "3."))
    session = place.session(worker)
    turn_id = here.ask(session.id, "1 + 2?")
    windows = [desk.follow(session.id, turn_id) for desk in (here, there, here)]
    windows[1].until(lambda window: window.text == "So many ")
    middle = there.follow(session.id, turn_id, after=windows[1].last_id)
    go.set()
    for window in windows:
        window.until(lambda window: "input_required" in window.tags)
    asked = there.running(session.id)["asked"]
    assert there.choose(session.id, turn_id, asked["requestId"], "once") == 200
    whole_turn = windows[0].until_end().told
    for window in windows[1:]:
        assert told(window.until_end().told) == told(whole_turn)
    assert "So many " + middle.until_end().text == windows[0].text
    for desk in (here, there):
        for at, seen in enumerate(whole_turn):
            rest = desk.follow(session.id, turn_id, after=seen.id).until_end().told
            assert told(rest) == told(whole_turn[at + 1 :])


def test_what_is_asked_is_answered_once_and_by_whichever_server(
    place: Office, worker: Worker, here: Desk, there: Desk, model: ScriptedServer
) -> None:
    model.will(*calling(ADD))
    model.will(*whole("As you like."))
    session = place.session(worker)
    turn_id = here.ask(session.id, "1 + 2?")
    there.follow(session.id, turn_id).until(lambda window: "input_required" in window.tags)
    request_id = there.running(session.id)["asked"]["requestId"]
    assert there.choose(session.id, turn_id, request_id, "perhaps") == 400
    assert there.choose(session.id, turn_id, request_id, "no") == 200
    assert {desk.choose(session.id, turn_id, request_id, "once") for desk in (here, there)} == {404}
    window = here.follow(session.id, turn_id).until_end()
    assert [one.data["choice"] for one in window.told if one.event == "input_answered"] == ["no"]
    assert there.running(session.id) is None


def test_a_stop_comes_from_the_other_server(
    place: Office, worker: Worker, here: Desk, there: Desk, model: ScriptedServer
) -> None:
    model.will(text("until here"), Wait(threading.Event()))
    session = place.session(worker)
    turn_id = here.ask(session.id, "go")
    window = here.follow(session.id, turn_id).until(lambda window: window.text == "until here")
    assert there.stop(session.id, new_id()) == 404
    assert there.stop(session.id, turn_id) == 200
    assert window.until_end().told[-1].data["message"]["status"] == "cancelled"
    assert there.stop(session.id, turn_id) == 200


def test_a_session_that_answers_is_busy_on_both_servers(
    place: Office, worker: Worker, here: Desk, there: Desk, model: ScriptedServer
) -> None:
    go = threading.Event()
    model.will(Wait(go), *whole("done"))
    session = place.session(worker)
    turn_id = here.ask(session.id, "go")
    for desk in (here, there):
        refused = desk.post(f"/api/chat-sessions/{session.id}/turns", content="me, too")
        assert (refused.status_code, refused.json()["code"]) == (409, "busy")
    go.set()
    there.follow(session.id, turn_id).until_end()
    assert texts(worker.store, session.id) == ["go", "done"]


def test_a_question_sent_twice_with_its_id_is_asked_once(
    place: Office, worker: Worker, here: Desk, there: Desk, model: ScriptedServer
) -> None:
    go = threading.Event()
    model.will(Wait(go), *whole("once"))
    session = place.session(worker)
    id = new_id()
    asked = {desk.ask(session.id, "go", id=id) for desk in (here, there, here)}
    go.set()
    here.follow(session.id, id).until_end()
    asked |= {desk.ask(session.id, "go", id=id) for desk in (here, there)}
    assert asked == {id}
    assert texts(worker.store, session.id) == ["go", "once"]
    assert len(list(worker.store.tree(session.id))) == 2


def test_a_question_is_edited_and_an_answer_asked_for_again(
    place: Office, worker: Worker, here: Desk, there: Desk, model: ScriptedServer
) -> None:
    for word in ("first", "second", "third"):
        model.will(*whole(word))
    session = place.session(worker)
    turn_id = here.ask(session.id, "one")
    here.follow(session.id, turn_id).until_end()
    answer = list(worker.store.messages(session.id))[-1]
    again = there.post(f"/api/chat-sessions/{session.id}/turns", retry=answer.id).json()["turn"]
    assert again["id"] == turn_id
    assert there.follow(session.id, turn_id).until_end().text == "second"
    edited = here.post(f"/api/chat-sessions/{session.id}/turns", edit=turn_id, content="two").json()["turn"]
    assert here.follow(session.id, edited["id"]).until_end().text == "third"
    assert texts(worker.store, session.id) == ["two", "third"]
    elsewhere = place.session(worker)
    for wrong in ({"retry": answer.id}, {"edit": turn_id, "content": "x"}):
        assert here.post(f"/api/chat-sessions/{elsewhere.id}/turns", **wrong).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"content": None}, {"edit": new_id()}, {"edit": new_id(), "retry": new_id()}, {"parts": []}]
)
def test_what_asks_nothing_is_bad_input(
    place: Office, worker: Worker, here: Desk, body: dict[str, Any]
) -> None:
    session = place.session(worker)
    assert here.post(f"/api/chat-sessions/{session.id}/turns", **body).status_code == 400


def test_a_summary_is_followed_like_a_turn(
    place: Office, worker: Worker, here: Desk, there: Desk, model: ScriptedServer
) -> None:
    session = place.session(worker)
    answer = here.client.post(f"/api/chat-sessions/{session.id}/compact")
    assert answer.status_code == 202
    turn_id = answer.json()["turn"]["id"]
    for desk in (here, there):
        window = desk.follow(session.id, turn_id).until_end()
        assert window.tags == ["checkpoint_finished"]
        assert window.told[-1].data["checkpoint"] is None
    assert worker.store.list_checkpoints(session.id) == []


def test_what_is_not_there_is_not_found_by_a_stranger_and_by_its_owner_alike(
    place: Office, worker: Worker, here: Desk, model: ScriptedServer
) -> None:
    model.will(*whole("mine"))
    session = place.session(worker)
    turn_id = here.ask(session.id, "go")
    here.follow(session.id, turn_id).until_end()
    eve = place.desk(place.hire(f"Eve{new_id()[-12:]}"))
    base = f"/api/chat-sessions/{session.id}/turns"
    foreign = [
        eve.client.get(base),
        eve.post(base, content="x"),
        eve.client.get(f"{base}/{turn_id}/events"),
        eve.post(f"{base}/{turn_id}/answers", requestId=new_id(), choice="once"),
        eve.client.delete(f"{base}/{turn_id}"),
        eve.client.post(f"/api/chat-sessions/{session.id}/compact"),
    ]
    assert {answer.status_code for answer in foreign} == {404}
    absent = here.client.get(f"{base}/{new_id()}/events")
    assert absent.status_code == 404
    bad = here.client.get(f"{base}/{turn_id}/events", headers={"Last-Event-ID": "x"})
    assert bad.status_code == 400


def test_a_viewer_reads_and_an_editor_stops(
    place: Office, worker: Worker, here: Desk, model: ScriptedServer
) -> None:
    model.will(text("shared "), Wait(threading.Event()))
    project = worker.store.create_project("Garden")
    session = place.session(worker, project_id=project.id)
    viewer, editor = (place.hire(f"{name}{new_id()[-12:]}") for name in ("Vic", "Edd"))
    for member, role in ((viewer, "viewer"), (editor, "editor")):
        worker.person.accounts.put_member(project.id, member.person.id, role)  # type: ignore[arg-type]
    turn_id = here.ask(session.id, "go")
    reading = place.desk(viewer, 1)
    window = reading.follow(session.id, turn_id).until(lambda window: window.text == "shared ")
    assert reading.stop(session.id, turn_id) == 403
    assert reading.post(f"/api/chat-sessions/{session.id}/turns", content="x").status_code in (403, 409)
    assert place.desk(editor, 1).stop(session.id, turn_id) == 200
    assert window.until_end().told[-1].data["message"]["status"] == "cancelled"


# Changes


def kinds(window: Window) -> list[str]:
    return [one.data["kind"] for one in window.told if one.event == "change"]


def marks(window: Window) -> list[str]:
    return [one.id for one in window.told if one.event == "change"]


def test_changes_come_to_windows_of_every_server_none_missed_and_none_twice(
    place: Office, worker: Worker, here: Desk, there: Desk
) -> None:
    session = place.session(worker)
    windows = [desk.changes().until(lambda window: window.told) for desk in (here, there, there)]
    left = ""
    for number in range(30):
        desk = (here, there)[number % 2]
        desk.post("/api/chat-messages", chatSessionId=session.id, role="user", content=str(number))
        if number == 10:
            windows[2].leave()
            left = windows[2].last_id
    for window in windows[:2]:
        window.until(lambda window: kinds(window).count("message.added") == 30)
    returned = here.changes(after=left).until(lambda window: marks(window)[-1:] == marks(windows[0])[-1:])
    seen = [mark for mark in marks(windows[2]) if mark not in marks(returned)]
    assert seen + marks(returned) == marks(windows[0]) == marks(windows[1])
    assert len(set(marks(windows[0]))) == len(marks(windows[0]))


def test_a_mark_of_long_ago_is_caught_up_with(place: Office, worker: Worker, there: Desk) -> None:
    mark = worker.store.mark()
    session = place.session(worker)
    for number in range(3):
        worker.store.append(session.id, a_question(str(number)))
    window = there.changes(after=mark).until(lambda window: kinds(window).count("message.added") == 3)
    assert marks(window) == [change.mark for change in worker.store.changes(mark).items]
    assert there.client.get("/api/changes", params={"after": "nonsense"}).status_code == 400


def test_nobody_is_told_of_what_is_not_theirs(place: Office, worker: Worker, here: Desk) -> None:
    eve = place.hire(f"Eve{new_id()[-12:]}")
    window = place.desk(eve).changes().until(lambda window: window.told)
    session = place.session(worker)
    mine = place.session(eve)
    window.until(lambda window: "session.added" in kinds(window))
    assert {one.data["sessionId"] for one in window.told if one.event == "change"} - {None} == {mine.id}
    assert session.id != mine.id


# Ends


def test_a_server_that_ends_tells_its_windows_and_keeps_what_came(
    tmp_path: Path, model: ScriptedServer
) -> None:
    model.will(text("so far "), Wait(threading.Event()))
    with office(str(tmp_path / "palaver.db"), tmp_path, model.address, servers=1) as place:
        worker = place.hire("Ann")
        here = place.desk(worker)
        session = place.session(worker)
        turn_id = here.ask(session.id, "go")
        window = here.follow(session.id, turn_id).until(lambda window: window.text == "so far ")
        changes = here.changes().until(lambda window: window.told)
        assert place.places[0].stop() == 0
        assert window.until_end().told[-1].event == "closing"
        assert changes.until_end().told[-1].event == "closing"
        place.places[0].start()
        rest = here.follow(session.id, turn_id, after=window.last_id).until_end()
        assert (rest.tags, rest.text) == (["turn_failed"], "")
        assert rest.told[-1].data["message"]["status"] == "interrupted"
        assert here.running(session.id) is None


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_killed_servers_windows_hear_of_it_from_the_other_one(
    kind: str, tmp_path: Path, model: ScriptedServer, request: pytest.FixtureRequest
) -> None:
    url = str(tmp_path / "palaver.db") if kind == "sqlite" else request.getfixturevalue("postgres_url")
    model.will(text("last words"), Wait(threading.Event()))
    model.will(*whole("again"))
    with office(url, tmp_path, model.address) as place:
        worker = place.hire("Ann")
        here, there = place.desk(worker, 0), place.desk(worker, 1)
        session = place.session(worker)
        turn_id = here.ask(session.id, "go")
        window = here.follow(session.id, turn_id).until(lambda window: window.text == "last words")
        watching = there.follow(session.id, turn_id).until(lambda window: window.text == "last words")
        place.places[0].kill()
        window.until_end()
        assert watching.until_end().told[-1].data["message"]["status"] == "interrupted"
        moved = there.follow(session.id, turn_id, after=window.last_id).until_end()
        assert moved.tags == ["turn_failed"]
        again = there.post(f"/api/chat-sessions/{session.id}/turns", retry=turn_id).json()["turn"]
        assert there.follow(session.id, again["id"]).until_end().text == "again"
