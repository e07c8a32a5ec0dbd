"""What an engine does where a session's window fills: it summarises when asked to, and goes on elsewhere when wished."""

import threading

import pytest

import palaver
from palaver import Busy, Event, Session, Store
from palaver.chat.engine import Engine
from palaver.chat.events import CheckpointFinished, InputRequired, Rollover
from tests.chat.conftest import MakeEngine
from tests.chat.reading import finished, tags, until
from tests.conftest import OpenStore
from tests.support.scripted import ScriptedServer, Wait, text, whole

SUMMARY = "They named many rivers one after the other and agreed that all of them are long and wide."
SENTENCE = "The river is long and wide, and nobody knows where it begins or where it ends. "


@pytest.fixture
def session(store: Store) -> Session:
    """About 2,000 tokens of conversation."""
    session = store.create_session(model="scripted", provider="scripted", context_size=8192)
    for number in range(10):
        store.append(
            session.id,
            palaver.user(f"{number}: {SENTENCE * 5}"),
            palaver.assistant(f"{number}: {SENTENCE * 5}"),
        )
    return session


def test_a_person_may_have_older_messages_summarised_at_any_time(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole(SUMMARY))
    compacting = engine.compact(session.id)
    events = list(compacting.events())
    assert tags(events)[0] == "checkpoint_started"
    assert tags(events)[-1] == "checkpoint_finished"
    assert tags(events).count("checkpoint_finished") == 1
    made = compacting.wait(10)
    assert made == events[-1]
    assert made.checkpoint is not None
    assert made.after < made.before
    assert [checkpoint.id for checkpoint in store.list_checkpoints(session.id)] == [made.checkpoint.id]
    for seen in events:
        assert list(compacting.events(seen.id)) == events[events.index(seen) + 1 :]
    assert server.requests != []
    notes = [part.name for m in store.messages(session.id) for part in m.parts if isinstance(part, Event)]
    assert notes == ["compressed"]


def test_while_messages_are_summarised_the_session_takes_no_turn_and_says_why(
    engine: Engine, session: Session, server: ScriptedServer
) -> None:
    rest = threading.Event()
    server.will(Wait(rest), *whole(SUMMARY))
    server.will(*whole("answered"))
    compacting = engine.compact(session.id)
    assert server.asked.acquire(timeout=10)
    with pytest.raises(Busy, match="being summarised"):
        engine.start_turn(session.id, "meanwhile")
    with pytest.raises(Busy, match="being summarised"):
        engine.compact(session.id)
    with pytest.raises(Busy, match="still being made"):
        compacting.wait(0.01)
    rest.set()
    compacting.wait(10)
    assert engine.start_turn(session.id, "now").wait(10).text == "answered"


def test_a_summary_may_be_stopped_and_changes_nothing_then(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(text("They na"), Wait(threading.Event()))
    server.will(*whole("answered"))
    compacting = engine.compact(session.id)
    assert server.asked.acquire(timeout=10)
    assert engine.stop(session.id)
    assert compacting.wait(10).checkpoint is None
    assert store.list_checkpoints(session.id) == []
    assert engine.start_turn(session.id, "now").wait(10).text == "answered"


def test_nothing_is_summarised_under_an_answer_of_another_process(
    engine: Engine, open_database: OpenStore, session: Session
) -> None:
    open_database().open_draft(session.id)
    with pytest.raises(Busy):
        engine.compact(session.id)
    assert engine.running(session.id) is None


def test_a_session_that_is_too_short_says_so(engine: Engine, store: Store, server: ScriptedServer) -> None:
    short = store.create_session(model="scripted", context_size=8192)
    finished = engine.compact(short.id).wait(10)
    assert finished.checkpoint is None
    assert "too little" in finished.text
    assert server.requests == []


def test_closing_the_engine_ends_a_summary(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(Wait(threading.Event()))
    engine = make_engine(store)
    compacting = engine.compact(session.id)
    assert server.asked.acquire(timeout=10)
    engine.close()
    assert compacting.done


def test_a_checkpoint_after_an_answer_keeps_the_session_taken_until_it_is_made(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    store.update_session(session.id, context_size=2800)
    rest = threading.Event()
    server.will(*whole("answered"))
    server.will(Wait(rest), *whole(SUMMARY))
    turn = engine.start_turn(session.id, "and now?")
    for _ in range(2):
        assert server.asked.acquire(timeout=10)
    until(lambda: store.get_message(turn.answer_id).status == "complete")
    assert not turn.done
    with pytest.raises(Busy, match="being summarised"):
        engine.start_turn(session.id, "meanwhile")
    rest.set()
    events = list(turn.events())
    [made] = [one for one in events if isinstance(one, CheckpointFinished)]
    assert made.checkpoint is not None
    assert tags(events)[-2:] == ["checkpoint_finished", "turn_finished"]
    assert finished(events).message.text == "answered"


def test_a_person_who_wants_a_new_session_at_a_rollover_gets_one_linked_and_empty(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    store.update_session(
        session.id, context_size=1200, system_prompt="Be kind.", settings={"temperature": 0.5}
    )
    server.will(*whole(SUMMARY))
    turn = make_engine(store, asks=True).start_turn(session.id, "and now?")
    required = next(one for one in turn.events() if isinstance(one, InputRequired))
    assert (required.kind, required.default) == ("rollover", "continue")
    turn.answer(required.request_id, "history")
    assert turn.asked == required
    turn.answer(required.request_id, "new")
    events = list(turn.events())
    end = finished(events)
    assert any(isinstance(one, Rollover) for one in events)
    assert end.finish_reason == "new_session"
    assert (end.message.status, end.message.text) == ("cancelled", "")
    assert end.new_session_id is not None
    new = store.get_session(end.new_session_id)
    assert (new.parent_id, new.relation, new.head_id) == (session.id, "rollover", None)
    assert (new.project_id, new.model, new.provider) == (session.project_id, "scripted", "scripted")
    assert (new.system_prompt, new.settings) == ("Be kind.", {"temperature": 0.5})
    assert all("and now?" not in str(request["messages"][-1]) for request in server.requests)
    assert list(make_engine().follow(session.id, turn.id))[-1] == end


def test_a_rollover_where_nobody_can_be_asked_goes_on(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    store.update_session(session.id, context_size=1200)
    server.will(*whole(SUMMARY))
    server.will(*whole("answered"))
    events = list(engine.start_turn(session.id, "and now?").events())
    assert not any(isinstance(one, InputRequired) for one in events)
    assert any(isinstance(one, Rollover) for one in events)
    assert finished(events).message.text == "answered"
    names = [part.name for m in store.messages(session.id) for part in m.parts if isinstance(part, Event)]
    assert "rollover" in names
