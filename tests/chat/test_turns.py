"""A turn from the question to the recorded answer."""

import threading

import pytest

import palaver
from palaver import Busy, Conflict, Invalid, NotFound, Session, Store, Text, ToolCall, Usage, wire
from palaver.chat.branches import newest_first
from palaver.chat.engine import Engine
from palaver.chat.events import ContextWarning, Seen, TitleChanged, ToolCalled, TurnStarted
from palaver.chat.lifecycle import SessionManager
from palaver.context.prompt import INTERRUPTED, MARKER
from palaver.model import Reasoning
from palaver.providers.demo import DemoProvider
from palaver.providers.openai import OpenAIProvider
from tests.chat.conftest import MakeEngine
from tests.chat.reading import failed, finished, reasoning_of, tags, text_of, until
from tests.conftest import OpenStore
from tests.support.factories import texts
from tests.support.scripted import DONE, Drop, ScriptedServer, Wait, delta, event, finish, text, whole


def sent_texts(server: ScriptedServer, number: int = -1) -> list[str]:
    return [message["content"] for message in server.requests[number]["messages"]]


def test_a_turn_records_the_question_and_the_answer(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    usage = event({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}})
    server.will(text("Par"), text("is."), finish(), usage, DONE)
    turn = engine.start_turn(session.id, "The capital of France?")
    answer = turn.wait(10)
    question, stored = store.messages(session.id)
    assert (question.id, question.text, question.role) == (turn.id, "The capital of France?", "user")
    assert stored == answer
    assert (answer.id, answer.text, answer.status) == (turn.answer_id, "Paris.", "complete")
    assert (answer.model, answer.provider) == ("scripted", "scripted")
    assert answer.usage == Usage(input_tokens=9, output_tokens=2)


def test_events_tell_the_turn_in_order(engine: Engine, session: Session, server: ScriptedServer) -> None:
    server.will(delta(reasoning_content="well"), text("Par"), text("is."), finish("length"))
    events = list(engine.start_turn(session.id, "The capital?").events())
    assert tags(events) == ["turn_started", "title_changed", "reasoning_delta", "text_delta", "turn_finished"]
    assert (reasoning_of(events), text_of(events)) == ("well", "Paris.")
    assert finished(events).finish_reason == "length"
    assert finished(events).message.parts == (Reasoning("well"), Text("Paris."))
    places = [Seen.parse(one.id).place for one in events]
    assert places == sorted(set(places))


def test_events_have_a_json_shape(engine: Engine, session: Session, server: ScriptedServer) -> None:
    server.will(*whole("x"))
    for one in engine.start_turn(session.id, "q").events():
        assert wire.to_builtins(one)["type"] == one.__struct_config__.tag


def test_the_question_and_the_draft_are_stored_before_anything_is_sent(
    engine: Engine, open_database: OpenStore, session: Session, server: ScriptedServer
) -> None:
    server.will(Wait(threading.Event()))
    turn = engine.start_turn(session.id, "first things first")
    server.asked.acquire()
    question, draft = open_database().messages(session.id)
    assert (question.id, question.text) == (turn.id, "first things first")
    assert (draft.id, draft.status) == (turn.answer_id, "streaming")


def test_what_has_come_is_on_the_disk_while_the_model_is_silent(
    engine: Engine, open_database: OpenStore, session: Session, server: ScriptedServer
) -> None:
    server.will(text("so far"), Wait(threading.Event()))
    turn = engine.start_turn(session.id, "go")
    other = open_database()
    until(lambda: other.get_message(turn.answer_id).text == "so far")


def test_the_title_is_told_once(engine: Engine, session: Session, server: ScriptedServer) -> None:
    server.will(*whole("x"))
    first = list(engine.start_turn(session.id, "What is  love?").events())
    second = list(engine.start_turn(session.id, "And hate?").events())
    [told] = [one for one in first if isinstance(one, TitleChanged)]
    assert told.title == "What is love?"
    assert not any(isinstance(one, TitleChanged) for one in second)


def test_a_stop_keeps_what_came(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(text("half an "), text("answer"), Wait(threading.Event()))
    turn = engine.start_turn(session.id, "go")
    events = turn.events()
    while text_of([next(events)]) != "answer":
        pass
    assert engine.stop(session.id)
    answer = turn.wait(5)
    assert (answer.status, answer.text, answer.error) == ("cancelled", "half an answer", None)
    assert tags(events) == ["turn_finished"]
    assert store.get_message(answer.id) == answer
    assert server.gone.wait(5)


def test_a_stop_before_the_first_word_leaves_an_empty_answer(
    engine: Engine, session: Session, server: ScriptedServer
) -> None:
    server.will(Wait(threading.Event()))
    turn = engine.start_turn(session.id, "go")
    turn.stop()
    answer = turn.wait(5)
    assert (answer.status, answer.text) == ("cancelled", "")


def test_stopping_where_nothing_runs_does_nothing(engine: Engine, session: Session) -> None:
    assert not engine.stop(session.id)


def test_a_turn_that_has_ended_may_be_stopped_again(
    engine: Engine, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("done"))
    turn = engine.start_turn(session.id, "go")
    turn.wait(5)
    turn.stop()
    assert turn.wait(0).status == "complete"


def test_waiting_too_short_is_told(engine: Engine, session: Session, server: ScriptedServer) -> None:
    server.will(Wait(threading.Event()))
    with pytest.raises(Busy, match=r"after 0\.01 seconds"):
        engine.start_turn(session.id, "go").wait(0.01)


def test_one_turn_runs_in_a_session_whoever_asks(
    engine: Engine, make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(Wait(threading.Event()))
    turn = engine.start_turn(session.id, "first")
    for other in (engine, make_engine()):
        with pytest.raises(Busy, match="being written"):
            other.start_turn(session.id, "second")
        with pytest.raises(Busy, match="being written"):
            other.retry(turn.id)
    assert texts(store, session.id) == ["first", ""]
    assert engine.unsaved() == []


def test_turns_of_several_sessions_do_not_mix(engine: Engine, store: Store, server: ScriptedServer) -> None:
    go = threading.Event()
    for name in ("one", "two", "three"):
        server.will(text(f"{name} begins, "), Wait(go), *whole(f"{name} ends"))
    turns = []
    for name in ("one", "two", "three"):
        turns.append(engine.start_turn(store.create_session(model="scripted").id, name))
        server.asked.acquire()
    go.set()
    for turn in turns:
        name = store.get_message(turn.id).text
        assert turn.wait(5).text == f"{name} begins, {name} ends"
        assert [m.session_id for m in store.messages(turn.session_id)] == [turn.session_id] * 2


def test_a_turn_stays_in_the_session_it_began_in(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    go = threading.Event()
    server.will(text("for "), Wait(go), *whole("the first"))
    server.will(*whole("for the second"))
    manager = SessionManager(store, "scripted")
    manager.switch(session.id)
    first = engine.start_turn(session.id, "one")
    server.asked.acquire()
    second_session = manager.create_session()
    second = engine.start_turn(second_session.id, "two")
    assert second.wait(5).text == "for the second"
    go.set()
    assert first.wait(5).text == "for the first"
    assert texts(store, session.id) == ["one", "for the first"]
    assert texts(store, second_session.id)[1:] == ["two", "for the second"]
    manager.close()


def test_a_refusal_is_stored_on_the_answer_and_can_be_retried(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(b'{"error": {"message": "too fast"}}', status=429, Retry_After="3")
    server.will(*whole("now it works"))
    events = list(engine.start_turn(session.id, "go").events())
    told = failed(events)
    assert (told.code, told.retryable, told.retry_after) == ("provider_error", True, 3)
    assert (told.message.status, told.message.text) == ("error", "")
    assert told.message.error == told.error == "scripted answered with an error (429): too fast"
    assert store.get_message(told.message.id) == told.message
    again = engine.retry(told.message.id)
    assert again.wait(5).text == "now it works"
    assert texts(store, session.id) == ["go", "now it works"]
    assert [m.status for m in store.list_siblings(again.answer_id)] == ["error", "complete"]


def test_a_question_may_be_asked_again_by_its_own_id(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("first"))
    server.will(*whole("second"))
    turn = engine.start_turn(session.id, "go")
    turn.wait(5)
    again = engine.retry(turn.id)
    again.wait(5)
    assert again.id == turn.id
    assert sent_texts(server) == ["go"]
    assert texts(store, session.id) == ["go", "second"]


def test_asking_an_older_question_again_shows_that_branch(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("answer"))
    first = engine.start_turn(session.id, "one")
    first.wait(5)
    engine.start_turn(session.id, "two").wait(5)
    engine.retry(first.answer_id).wait(5)
    assert texts(store, session.id) == ["one", "answer"]
    assert store.get_session(session.id).message_count == 5


def test_a_lost_connection_keeps_what_came_as_interrupted(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(text("half "), text("an answer"), Drop())
    events = list(engine.start_turn(session.id, "go").events())
    told = failed(events)
    assert text_of(events) == told.message.text == "half an answer"
    assert (told.message.status, told.retryable) == ("interrupted", True)
    assert store.get_message(told.message.id).error == told.error


def test_a_server_that_is_away_is_told_in_the_answer(make_engine: MakeEngine, store: Store) -> None:
    away = OpenAIProvider("away", "http://127.0.0.1:9", default_model="m")
    session = store.create_session(model="m", provider="away", context_size=4096)
    told = failed(make_engine(store, away).start_turn(session.id, "go").events())
    assert told.message.status == "error"
    assert "cannot be reached" in told.error


def test_an_answer_without_text_is_complete_and_empty(
    engine: Engine, session: Session, server: ScriptedServer
) -> None:
    server.will(finish(), DONE)
    answer = engine.start_turn(session.id, "go").wait(5)
    assert (answer.status, answer.parts) == ("complete", (Text(""),))


def test_half_a_surrogate_from_a_model_does_not_lose_the_answer(
    engine: Engine, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("bad \ud800 half"))
    assert engine.start_turn(session.id, "go").wait(5).text == "bad \ufffd half"


def test_half_a_surrogate_in_a_question_is_refused(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("x"))
    with pytest.raises(Invalid):
        engine.start_turn(session.id, "bad \ud800")
    assert texts(store, session.id) == []
    assert engine.start_turn(session.id, "good").wait(5).text == "x"


def test_an_unknown_session_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFound):
        engine.start_turn("01234567-89ab-7cde-8f01-23456789abcd", "go")


def test_a_model_nobody_has_is_refused_before_anything_is_stored(
    engine: Engine, store: Store, session: Session
) -> None:
    with pytest.raises(Invalid, match="no provider has the model 'other'"):
        engine.start_turn(session.id, "go", model="other")
    assert texts(store, session.id) == []


def test_another_model_may_answer_once(
    make_engine: MakeEngine, store: Store, session: Session, provider: OpenAIProvider, server: ScriptedServer
) -> None:
    server.will(*whole("scripted words"))
    engine = make_engine(store, provider, DemoProvider(delay=0))
    assert engine.start_turn(session.id, "one", model="demo/demo").wait(5).model == "demo"
    assert engine.start_turn(session.id, "two").wait(5).model == "scripted"


def test_an_explicit_parent_makes_a_branch_that_is_shown(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("answer"))
    first = engine.start_turn(session.id, "one")
    first.wait(5)
    engine.start_turn(session.id, "two").wait(5)
    engine.start_turn(session.id, "two, edited", parent_id=first.answer_id).wait(5)
    assert sent_texts(server) == ["one", "answer", "two, edited"]
    assert texts(store, session.id) == ["one", "answer", "two, edited", "answer"]
    engine.start_turn(session.id, "one, edited", parent_id=None).wait(5)
    assert texts(store, session.id) == ["one, edited", "answer"]


def test_a_message_with_an_id_is_asked_once(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("answer"))
    question = palaver.user("once")
    engine.start_turn(session.id, question).wait(5)
    with pytest.raises(Conflict):
        engine.start_turn(session.id, palaver.user("twice", id=question.id))
    assert store.get_session(session.id).message_count == 2


def test_the_conversation_is_sent_without_notes_and_excluded_messages(
    engine: Engine, store: Store, server: ScriptedServer
) -> None:
    server.will(*whole("x"))
    session = store.create_session(model="scripted", system_prompt="be kind", settings={"temperature": 0.5})
    store.append(
        session.id,
        palaver.note("started"),
        palaver.user("one"),
        palaver.assistant("two"),
        palaver.user("secret", in_context=False),
    )
    engine.start_turn(session.id, "three").wait(5)
    assert sent_texts(server) == ["be kind", "one", "two", "three"]
    assert server.requests[0]["temperature"] == 0.5


def test_a_checkpoint_is_sent_in_place_of_its_messages(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("x"))
    first, _, third, _ = store.append(
        session.id, palaver.user("1"), palaver.assistant("2"), palaver.user("3"), palaver.assistant("4")
    )
    store.add_checkpoint(session.id, from_id=first.id, through_id=third.id, summary="they counted")
    engine.start_turn(session.id, "5").wait(5)
    assert sent_texts(server) == ["Summary of earlier messages:\nthey counted", "4", "5"]


def test_a_tool_call_is_recorded_and_does_not_make_the_session_unusable(
    engine: Engine, session: Session, server: ScriptedServer
) -> None:
    piece = {"index": 0, "id": "c1", "function": {"name": "add", "arguments": '{"n": 1}'}}
    server.will(text("Let me see."), delta(tool_calls=[piece]), finish("tool_calls"))
    server.will(*whole("going on"))
    events = list(engine.start_turn(session.id, "add").events())
    call = ToolCall("c1", "add", {"n": 1})
    assert [one.call for one in events if isinstance(one, ToolCalled)] == [call]
    assert finished(events).message.parts == (Text("Let me see."), call)
    assert engine.start_turn(session.id, "go on").wait(5).status == "complete"
    roles = [message["role"] for message in server.requests[1]["messages"]]
    assert roles == ["user", "assistant", "tool", "user"]
    assert server.requests[1]["messages"][2]["content"] == INTERRUPTED


def test_a_window_nobody_knows_is_said_aloud_once(
    engine: Engine, session: Session, server: ScriptedServer
) -> None:
    server.models = {"data": [{"id": "scripted"}]}
    server.will(*whole("x"))
    first, second = (list(engine.start_turn(session.id, "q").events()) for _ in range(2))
    [warning] = [one for one in first if isinstance(one, ContextWarning)]
    assert "4096 tokens are assumed" in warning.text
    assert warning.window == 4096
    assert not any(isinstance(one, ContextWarning) for one in second)


def test_a_filling_window_is_told_once_and_again_when_messages_are_left_out(
    engine: Engine, store: Store, server: ScriptedServer
) -> None:
    server.will(*whole("x"))
    session = store.create_session(model="scripted", context_size=100)
    warnings = []
    for letter in "abcd":
        events = engine.start_turn(session.id, letter * 4 * 30).events()
        warnings.append([one for one in events if isinstance(one, ContextWarning)])
    assert [len(told) for told in warnings] == [0, 1, 1, 0]
    assert not warnings[1][0].truncated
    assert warnings[2][0].truncated
    assert warnings[2][0].limit == 85
    assert sent_texts(server, 2)[0] == MARKER
    assert server.requests[2]["messages"][0]["role"] == "system"


def test_a_question_too_large_fails_with_both_numbers_and_nothing_is_sent(
    engine: Engine, store: Store, server: ScriptedServer
) -> None:
    session = store.create_session(model="scripted", context_size=100)
    told = failed(engine.start_turn(session.id, "x" * 4000).events())
    assert told.code == "context_overflow"
    assert not told.retryable
    assert "1000 tokens and 85 can be sent" in told.error
    assert server.requests == []
    assert [m.status for m in store.messages(session.id)] == ["complete", "error"]


def test_the_first_event_names_the_question_and_the_answer(
    engine: Engine, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("x"))
    turn = engine.start_turn(session.id, "q")
    first = next(turn.events())
    assert isinstance(first, TurnStarted)
    assert (first.session_id, first.turn_id, first.answer_id) == (session.id, turn.id, turn.answer_id)
    assert (first.model, first.provider, first.unsaved) == ("scripted", "scripted", None)


def test_closing_an_engine_stops_its_turns_and_keeps_what_came(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(text("until here"), Wait(threading.Event()))
    engine = make_engine(store)
    turn = engine.start_turn(session.id, "go")
    next(one for one in turn.events() if text_of([one]))
    engine.close()
    assert turn.done
    assert (turn.wait(0).status, turn.wait(0).text) == ("cancelled", "until here")


def test_a_branch_is_read_backwards_over_its_pages(store: Store, session: Session) -> None:
    stored = store.append(session.id, *[palaver.user(str(number)) for number in range(120)])
    assert [m.id for m in newest_first(store, session.id)] == [m.id for m in reversed(stored)]
    assert next(newest_first(store, session.id, stored[7].id)).text == "7"
