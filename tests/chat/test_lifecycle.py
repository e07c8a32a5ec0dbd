"""One client's current session."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import palaver
from palaver import Busy, Conflict, Event, Invalid, NotFound, SessionManager, Store
from palaver.chat.engine import Engine
from palaver.chat.lifecycle import SessionEvent
from palaver.formats import take_out
from palaver.model import Session
from palaver.providers.base import Provider
from palaver.settings import ModeSettings
from tests.chat.conftest import MakeEngine
from tests.chat.reading import until
from tests.conftest import OpenStore
from tests.support.factories import a_conversation, texts
from tests.support.scripted import ScriptedServer, whole


def notes(store: Store, session: Session) -> list[str]:
    return [message.text for message in store.messages(session.id) if message.role == "note"]


def test_a_fresh_store_gets_a_fresh_session_with_the_model(store: Store) -> None:
    manager = palaver.SessionManager(store, "gemma3:4b")
    assert manager.current_model == manager.current_session.model == "gemma3:4b"
    assert manager.current_session.message_count == 0
    assert store.list_sessions().items == []


def test_the_most_recent_session_is_loaded_at_the_start(store: Store) -> None:
    a_conversation(store, "older", model="one")
    newest = a_conversation(store, "newer", model="two")
    manager = SessionManager(store, "gemma3:4b")
    assert manager.current_session.id == newest.id
    assert manager.current_model == "two"


def test_many_clients_at_once_start_in_the_same_session(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        managers = list(pool.map(lambda _: SessionManager(store, "m"), range(8)))
    assert len({manager.current_session.id for manager in managers}) == 1


def test_another_model_starts_a_linked_session(store: Store) -> None:
    manager = SessionManager(store, "one")
    before = manager.current_session
    session = manager.create_session("two")
    assert session.id != before.id
    assert (session.parent_id, session.relation, session.model) == (before.id, "model_swap", "two")
    assert (manager.current_session.id, manager.current_model) == (session.id, "two")
    assert store.get_session(before.id) == before


def test_the_same_model_starts_a_new_session_of_its_own(store: Store) -> None:
    manager = SessionManager(store, "one", provider="local")
    before = manager.current_session
    for model in ("one", None):
        session = manager.create_session(model)
        assert (session.parent_id, session.relation) == (before.id, "new")
        assert (session.model, session.provider) == ("one", "local")
        before = session


def test_system_prompt_settings_and_project_are_kept(store: Store) -> None:
    project = store.create_project("Work")
    first = store.create_session(
        model="one", project_id=project.id, system_prompt="be kind", settings={"temperature": 0.1}
    )
    manager = SessionManager(store)
    manager.switch(first.id)
    session = manager.create_session("two")
    assert (session.system_prompt, session.project_id) == ("be kind", project.id)
    assert session.settings == {"temperature": 0.1}


def test_a_note_with_id_place_and_model_marks_the_start(store: Store) -> None:
    manager = SessionManager(store, "one")
    session = manager.create_session("two")
    [text] = notes(store, session)
    assert session.id in text
    assert manager.session_path() in text
    assert "two" in text
    assert store.get_session(session.id).title == "New Chat"


def test_the_path_is_the_stores_place_and_the_id(store: Store) -> None:
    manager = SessionManager(store, "one")
    assert store.location in manager.session_path()
    assert manager.current_session.id in manager.session_path()
    other = manager.create_session("two")
    assert other.id in manager.session_path(other.id)


def test_the_path_is_the_mirrored_file_where_there_is_one(open_database: OpenStore, tmp_path: Path) -> None:
    store = open_database(mirror=f"ollm:{tmp_path / 'sessions'}")
    manager = SessionManager(store, "one")
    session = manager.create_session("two")
    assert manager.session_path() == str(tmp_path / "sessions" / f"{session.id}.json")
    assert Path(manager.session_path()).exists()


def test_listeners_hear_of_a_change_with_id_model_and_path(store: Store) -> None:
    manager = SessionManager(store, "one")
    first = manager.current_session
    heard: list[tuple[str, str | None, str]] = []
    unsubscribe = manager.on_session_change(lambda *told: heard.append(told))
    second = manager.create_session("two")
    manager.switch(first.id)
    manager.switch(first.id)
    unsubscribe()
    unsubscribe()
    manager.create_session("three")
    assert heard == [
        (second.id, "two", manager.session_path(second.id)),
        (first.id, "one", manager.session_path(first.id)),
    ]


def test_a_failing_listener_disturbs_neither_the_others_nor_the_change(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    manager = SessionManager(store, "one")
    heard: list[str] = []
    manager.on_session_change(lambda *_: 1 / 0)
    manager.on("session_start", lambda _: 1 / 0)
    manager.on_session_change(lambda session_id, *_: heard.append(session_id))
    session = manager.create_session("two")
    assert heard == [session.id] == [manager.current_session.id]
    assert "ZeroDivisionError" in caplog.text


def test_a_listener_may_change_the_session(store: Store) -> None:
    manager = SessionManager(store, "one")
    heard: list[str | None] = []

    def go_on(_id: str, model: str | None, _path: str) -> None:
        heard.append(model)
        if model == "two":
            manager.create_session("three")

    manager.on_session_change(go_on)
    manager.create_session("two")
    assert heard == ["two", "three"]
    assert manager.current_model == "three"


def test_a_pending_context_size_is_read_once(store: Store) -> None:
    manager = SessionManager(store, "one")
    assert manager.take_pending_context_size() is None
    manager.set_pending_context_size(8192)
    assert manager.take_pending_context_size() == 8192
    assert manager.take_pending_context_size() is None


def test_a_pending_context_size_overrides_the_configured_one_once(store: Store) -> None:
    manager = SessionManager(store, "one", context_size=4096)
    manager.set_pending_context_size(8192)
    assert manager.create_session("two").context_size == 8192
    assert manager.take_pending_context_size() is None
    assert manager.create_session("three").context_size == 4096


def test_a_chosen_size_stays_on_the_same_model(store: Store) -> None:
    manager = SessionManager(store, "one")
    manager.set_pending_context_size(8192)
    manager.create_session("two")
    assert manager.create_session("two").context_size == 8192


@pytest.mark.parametrize("size", [0, -1, True, 1.5, "8192", None])
def test_a_context_size_that_is_none_is_refused(store: Store, size: object) -> None:
    manager = SessionManager(store, "one")
    with pytest.raises(Invalid, match="number of tokens"):
        manager.set_pending_context_size(size)  # type: ignore[arg-type]
    assert manager.take_pending_context_size() is None


@pytest.mark.parametrize("id", ["01234567-89ab-7cde-8f01-23456789abcd", "../x", ""])
def test_switching_to_what_is_not_there_changes_nothing(store: Store, id: str) -> None:
    manager = SessionManager(store, "one")
    before = manager.current_session
    heard: list[object] = []
    manager.on_session_change(lambda *told: heard.append(told))
    with pytest.raises(NotFound):
        manager.switch(id)
    assert manager.current_session == before
    assert heard == []


def test_a_session_in_the_trash_is_not_gone_on_with(store: Store) -> None:
    manager = SessionManager(store, "one")
    other = a_conversation(store, "bye")
    store.trash_session(other.id)
    with pytest.raises(Conflict, match="in the trash"):
        manager.switch(other.id)


def test_a_session_that_was_purged_does_not_end_the_client(store: Store) -> None:
    manager = SessionManager(store, "one")
    store.purge_session(manager.current_session.id)
    session = manager.create_session()
    assert (session.model, session.parent_id, session.relation) == ("one", None, None)


def test_start_and_end_of_sessions_are_told(store: Store) -> None:
    manager = SessionManager(store, "one")
    first = manager.current_session
    told: list[SessionEvent] = []
    manager.on("session_start", told.append)
    manager.on("session_end", told.append)
    second = manager.create_session("two")
    manager.close()
    assert [(event.name, event.session_id, event.model) for event in told] == [
        ("session_end", first.id, "one"),
        ("session_start", second.id, "two"),
        ("session_end", second.id, "two"),
    ]


def test_each_saved_answer_is_told_with_its_number(
    engine: Engine, store: Store, server: ScriptedServer
) -> None:
    server.will(*whole("answer"))
    manager = SessionManager(store, "scripted")
    session = manager.current_session
    told: list[SessionEvent] = []
    manager.on("session_saved", told.append)
    for question in ("one", "two"):
        engine.start_turn(session.id, question).wait(5)
        store.append(session.id, palaver.note("by the way"))
    store.append(session.id, palaver.user("three"), palaver.assistant("by hand"))
    until(lambda: len(told) == 3)
    assert [event.turn_number for event in told] == [1, 2, 3]
    assert told[-1].message_count == 8
    assert {event.session_id for event in told} == {session.id}
    manager.close()


def test_nothing_of_other_sessions_is_told(store: Store) -> None:
    manager = SessionManager(store, "one")
    told: list[SessionEvent] = []
    manager.on("session_saved", told.append)
    a_conversation(store, "q", "a")
    store.append(manager.current_session.id, palaver.user("q"), palaver.assistant("a"))
    until(lambda: told)
    assert [event.session_id for event in told] == [manager.current_session.id]


def test_an_event_there_is_not_is_refused(store: Store) -> None:
    with pytest.raises(Invalid, match="there are: session_start"):
        SessionManager(store, "one").on("session_paused", print)  # type: ignore[arg-type]


def test_threads_change_the_session_without_losing_one(store: Store) -> None:
    manager = SessionManager(store, "m0")
    heard: list[str] = []
    lock = threading.Lock()

    def hear(id: str, *_: object) -> None:
        with lock:
            heard.append(id)

    manager.on_session_change(hear)
    with ThreadPoolExecutor(8) as pool:
        made = [session.id for session in pool.map(lambda n: manager.create_session(f"m{n}"), range(24))]
    assert sorted(heard) == sorted(made)
    assert manager.current_session.id in made
    assert manager.current_model == manager.current_session.model


def test_what_a_session_held_stays_when_the_model_changes(store: Store) -> None:
    manager = SessionManager(store, "one")
    first = manager.current_session
    store.append(first.id, palaver.user("q"), palaver.assistant("a"))
    second = manager.create_session("two")
    assert texts(store, first.id) == ["q", "a"]
    assert [m.role for m in store.messages(second.id)] == ["note"]


def test_a_chosen_8k_stays_8k_over_a_change_of_model(
    make_engine: MakeEngine, store: Store, provider: Provider, server: ScriptedServer
) -> None:
    server.will(*whole("x"))
    manager = SessionManager(store, "one", context_size=4096)
    store.update_session(manager.current_session.id, context_size=8192)
    manager.set_pending_context_size(8192)
    session = manager.change_model("scripted", provider="scripted")
    assert session.context_size == 8192
    engine = make_engine(store)
    engine.start_turn(session.id, "?").wait(5)
    assert engine.preview(session.id).window == 8192


def test_another_model_stays_in_the_session_where_that_is_set(store: Store) -> None:
    manager = SessionManager(store, "one", stay=True)
    before = manager.current_session
    store.append(before.id, palaver.user("q"), palaver.assistant("a", model="one"))
    heard: list[tuple[str, str | None, str]] = []
    manager.on_session_change(lambda *told: heard.append(told))
    manager.set_pending_context_size(8192)
    session = manager.change_model("two", provider="local")
    assert session.id == before.id
    assert (session.model, session.provider, session.context_size) == ("two", "local", 8192)
    assert manager.current_model == "two"
    assert heard == [(before.id, "two", manager.session_path())]
    *_, marked = store.messages(session.id)
    [change] = [part for part in marked.parts if isinstance(part, Event)]
    assert (marked.role, change.name) == ("note", "model_changed")
    assert (change.data["from"], change.data["to"]) == ("one", "two")
    assert manager.take_pending_context_size() is None


def test_the_model_does_not_change_under_an_answer(store: Store) -> None:
    manager = SessionManager(store, "one", stay=True)
    session = manager.current_session
    store.append(session.id, palaver.user("q"))
    store.open_draft(session.id)
    with pytest.raises(Busy):
        manager.change_model("two")
    with pytest.raises(Busy):
        manager.set_mode(ModeSettings(name="plan"))
    assert store.get_session(session.id).model == "one"
    assert store.list_snapshots(session.id) == []


def test_a_mode_changes_prompt_and_settings_and_default_brings_the_own_ones_back(
    make_engine: MakeEngine, store: Store, server: ScriptedServer
) -> None:
    for _ in range(3):
        server.will(*whole("x"))
    plan = ModeSettings(name="plan", system_prompt="Plan first.", temperature=0.1)
    first = store.create_session(
        model="scripted", system_prompt="Be kind.", settings={"temperature": 0.7, "seed": 1}
    )
    manager = SessionManager(store, "scripted", modes=[plan])
    manager.switch(first.id)
    engine = make_engine(store)

    def asked() -> tuple[str, float]:
        engine.start_turn(first.id, "?").wait(5)
        sent = server.requests[-1]
        return sent["messages"][0]["content"], sent["temperature"]

    assert asked() == ("Be kind.", 0.7)
    manager.set_mode("plan", trigger="auto", confidence=0.8)
    assert asked() == ("Be kind.\n\nPlan first.", 0.1)
    session = manager.set_mode("default")
    assert asked() == ("Be kind.", 0.7)
    assert (session.system_prompt, session.settings) == (first.system_prompt, first.settings)
    history = [(c.before, c.after, c.trigger, c.confidence) for c in manager.mode_history()]
    assert history == [("default", "plan", "auto", 0.8), ("plan", "default", "manual", 1.0)]


@pytest.mark.parametrize("trigger", ["auto", "manual", "explicit"])
def test_a_change_of_mode_takes_a_snapshot_where_something_was_asked(store: Store, trigger: str) -> None:
    plan = ModeSettings(name="plan")
    manager = SessionManager(store, "one")
    session = manager.create_session("one")  # its note marks the start: nothing was asked yet
    manager.set_mode(plan, trigger)
    assert store.list_snapshots(session.id) == []
    [asked] = store.append(session.id, palaver.user("q"))
    manager.set_mode(None, trigger)
    [snapshot] = store.list_snapshots(session.id)
    assert snapshot.head_id == asked.id


def test_a_mode_there_is_not_is_refused(store: Store) -> None:
    manager = SessionManager(store, "one", modes=[ModeSettings(name="plan")])
    with pytest.raises(Invalid, match="there are: default, plan"):
        manager.set_mode("fly")


def test_changes_of_mode_stand_in_the_export_the_last_100_of_them(store: Store, tmp_path: Path) -> None:
    manager = SessionManager(store, "one")
    modes = [ModeSettings(name=f"mode {n}") for n in range(120)]
    for mode in modes:
        manager.set_mode(mode, "tool", 0.5)
    session = manager.current_session
    take_out(store, tmp_path / "session.json", format="ollm", session_ids=[session.id])
    history = json.loads((tmp_path / "session.json").read_text())["metadata"]["modeHistory"]
    assert [change["to"] for change in history] == [f"mode {n}" for n in range(20, 120)]
    assert history[-1].keys() == {"from", "to", "timestamp", "trigger", "confidence"}
    assert (history[-1]["from"], history[-1]["trigger"], history[-1]["confidence"]) == (
        "mode 118",
        "tool",
        0.5,
    )
    assert [change.after for change in manager.mode_history()] == [change["to"] for change in history]
