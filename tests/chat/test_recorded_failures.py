"""What went wrong in the systems that Palaver grew from, where turns, modes, checkpoints and snapshots are concerned.

The numbers are those of the list of recorded failures; those of the store alone stand in tests/test_recorded_failures.py.
"""

from pathlib import Path

import pytest

import palaver
from palaver import NotFound, SessionManager, Store
from palaver.chat.commands import Context, Failed, Said, Switched, run_command
from palaver.chat.engine import Engine
from palaver.model import Session
from palaver.providers.base import Provider
from palaver.providers.demo import DemoProvider
from palaver.settings import ModeSettings
from tests.chat.compressing import Person, notes, say
from tests.chat.conftest import MakeEngine
from tests.conftest import OpenStore
from tests.support.factories import a_conversation, texts
from tests.support.scripted import ScriptedServer, whole


@pytest.fixture
def context(store: Store, make_engine: MakeEngine) -> Context:
    manager = SessionManager(store, "demo", provider="demo", context_size=4096)
    modes = (ModeSettings(name="planning", system_prompt="Plan first."),)
    return Context(store, make_engine(store, DemoProvider(delay=0)), manager, modes=modes)


@pytest.fixture
def small(store: Store) -> Session:
    return store.create_session(model="scripted", provider="scripted", context_size=2048)


@pytest.fixture
def person(store: Store, small: Session, provider: Provider, server: ScriptedServer) -> Person:
    server.will(*whole("They spoke of many things."))
    return Person(store, small, provider)


def test_01_a_swap_of_the_model_leaves_nothing_of_it_in_the_old_session(store: Store) -> None:
    manager = SessionManager(store, "one")
    before = manager.current_session
    manager.create_session("two")
    store.append(
        manager.current_session.id, palaver.user("for two"), palaver.assistant("by two", model="two")
    )
    taken = store.take_snapshot(manager.current_session.id)
    assert list(store.messages(before.id)) == []
    assert store.list_snapshots(before.id) == []
    assert (taken.session_id, manager.current_model) == (manager.current_session.id, "two")


def test_01_a_swap_neither_wipes_the_chat_nor_brings_the_old_model_back(store: Store) -> None:
    before = a_conversation(store, "still here", model="one")
    manager = SessionManager(store)
    after = manager.create_session("two")
    assert texts(store, before.id) == ["still here"]
    assert (after.model, manager.current_session.model) == ("two", "two")
    assert SessionManager(store).current_model in ("one", "two")


def test_01_new_is_not_clear(context: Context, store: Store) -> None:
    before = a_conversation(store, "kept", model="demo", provider="demo")
    context.manager.switch(before.id)
    assert isinstance(run_command(context, "/new"), Switched)
    assert texts(store, before.id) == ["kept"]
    context.manager.switch(before.id)
    assert isinstance(run_command(context, "/clear"), Said)
    assert context.manager.current_session.id == before.id
    assert texts(store, before.id) == []


def test_01_mode_does_something_and_its_snapshot_is_written(context: Context, store: Store) -> None:
    session = a_conversation(store, "a question", model="demo", provider="demo")
    context.manager.switch(session.id)
    assert isinstance(run_command(context, "/mode planning"), Said)
    [snapshot] = store.list_snapshots(session.id)
    prompt = context.engine.preview(session.id)
    assert snapshot.head_id == session.head_id
    assert "Plan first." in str(prompt.messages[0].parts)


def test_02_the_list_of_snapshots_is_not_empty_and_says_whose_they_are(open_database: OpenStore) -> None:
    session = a_conversation(open_database(), "a question", model="one")
    taken = open_database().take_snapshot(session.id, name="here")
    [listed] = open_database().list_snapshots(session.id)
    assert listed == taken
    assert (listed.session_id, listed.head_id) == (session.id, session.head_id)


def test_02_a_snapshot_holds_all_messages_and_not_the_recent_ones(store: Store) -> None:
    session = a_conversation(store, *[f"message {number}" for number in range(500)])
    taken = store.take_snapshot(session.id)
    store.clear_session(session.id)
    store.restore_snapshot(taken.id)
    assert len(texts(store, session.id)) == 500


def test_02_an_emergency_changes_what_it_says_it_changes(person: Person, store: Store) -> None:
    messages = say(store, person.id, *[30] * 4)
    summary = "They decided on blue. " + "And they said a lot that matters little. " * 60
    store.add_checkpoint(person.id, from_id=messages[0].id, through_id=messages[3].id, summary=summary)
    while (before := person.sees().tokens) < 1600:
        say(store, person.id, 30, 30)
    prompt = person.asks(60)
    [data] = notes(store, person.id, "emergency")
    [checkpoint] = store.list_checkpoints(person.id)
    assert checkpoint.token_count == data["toTokens"]
    assert prompt.tokens < before


def test_02_a_dozen_checkpoints_in_a_row_do_no_harm_and_the_prompt_stays_bounded(
    person: Person, store: Store
) -> None:
    for _ in range(120):
        prompt = person.asks(60)
        assert prompt.tokens <= prompt.limit
        person.is_answered(60)
    assert store.get_session(person.id).compression_count >= 8
    assert sum(message.role == "user" for message in store.messages(person.id)) == 120
    assert store.verify().problems == []


def test_15_there_is_one_id_and_the_place_that_is_shown_exists(
    open_database: OpenStore, tmp_path: Path
) -> None:
    store = open_database(mirror=f"ollm:{tmp_path / 'sessions'}")
    manager = SessionManager(store, "one")
    store.append(manager.current_session.id, palaver.user("hello"))
    path = Path(manager.session_path())
    assert path.is_file()
    assert path.stem == manager.current_session.id == store.list_sessions().items[0].id


def test_15_every_session_has_a_file_of_its_own_over_new_and_swaps(
    open_database: OpenStore, tmp_path: Path
) -> None:
    store = open_database(mirror=f"ollm:{tmp_path / 'sessions'}")
    manager = SessionManager(store, "one")
    paths = set()
    for model in (None, "two", "three"):
        session = manager.create_session(model)
        store.append(session.id, palaver.user(f"for {model}"))
        paths.add(manager.session_path())
    assert len(paths) == 3
    assert all(Path(path).is_file() for path in paths)


def test_15_a_second_question_goes_into_the_same_session(store: Store, make_engine: MakeEngine) -> None:
    engine = make_engine(store, DemoProvider(delay=0))
    session = store.create_session(model="demo", provider="demo")
    for question in ("one?", "two?"):
        engine.start_turn(session.id, question).wait(20)
    assert len(store.list_sessions().items) == 1
    roles = [message.role for message in store.messages(session.id)]
    assert roles == ["user", "assistant"] * 2


def test_15_tokens_are_recorded_with_each_answer(store: Store, make_engine: MakeEngine) -> None:
    engine = make_engine(store, DemoProvider(delay=0))
    session = store.create_session(model="demo", provider="demo")
    answer = engine.start_turn(session.id, "How many?").wait(20)
    assert answer.usage is not None
    assert store.get_session(session.id).token_count > 0


def test_15_commands_on_sessions_claim_nothing_they_did_not_do(context: Context, store: Store) -> None:
    sessions = len(store.list_sessions().items)
    for line in ("/switch 00000000", "/snapshot restore 00000000", "/checkpoint revert 00000000", "/clear"):
        assert isinstance(run_command(context, line), Failed), line
    assert len(store.list_sessions().items) == sessions


def test_15_a_pending_size_is_read_by_the_next_session(context: Context) -> None:
    run_command(context, "/context size 9000")
    reply = run_command(context, "/new")
    assert isinstance(reply, Switched)
    assert reply.session.context_size == 9000


def test_15_restoring_twice_doubles_no_checkpoint(person: Person, store: Store) -> None:
    messages = say(store, person.id, *[30] * 4)
    made = store.add_checkpoint(
        person.id, from_id=messages[0].id, through_id=messages[3].id, summary="They met."
    )
    taken = store.take_snapshot(person.id)
    store.revert_checkpoint(made.id)
    for _ in range(2):
        store.restore_snapshot(taken.id)
    assert [checkpoint.id for checkpoint in store.list_checkpoints(person.id)] == [made.id]
    assert len(store.list_checkpoints(person.id, active=False)) == 1


def test_15_a_chat_that_names_a_snapshot_is_sent_as_any_other(store: Store, engine: Engine) -> None:
    session = a_conversation(store, "What is snapshot_0190a7c4?", model="scripted", provider="scripted")
    store.take_snapshot(session.id, name="snapshot_of_my_life")
    prompt = engine.preview(session.id)
    assert "snapshot_0190a7c4" in str(prompt.messages)
    assert "snapshot_of_my_life" not in str(prompt.messages)


def test_15_a_snapshot_there_is_not_is_no_success(store: Store) -> None:
    with pytest.raises(NotFound):
        store.restore_snapshot("0190a7c4-0000-7000-8000-000000000000")
