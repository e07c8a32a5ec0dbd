"""A conversation with a real model server."""

from collections.abc import Iterator

import pytest

from palaver import Session, Store
from palaver.chat.engine import Engine
from palaver.chat.events import TextDelta
from palaver.chat.turn import Turn
from palaver.providers.base import Provider
from palaver.providers.openai import OpenAIProvider
from tests.chat.conftest import MakeEngine
from tests.chat.reading import finished, text_of
from tests.support.factories import texts
from tests.support.llama import MODEL, WINDOW


@pytest.fixture
def provider(llama_address: str) -> Provider:
    return OpenAIProvider("llama", llama_address)


@pytest.fixture
def session(store: Store) -> Session:
    return store.create_session(model=MODEL, provider="llama", settings={"seed": 4, "max_tokens": 30})


def test_a_conversation_is_answered_and_recorded(engine: Engine, store: Store, session: Session) -> None:
    answers = []
    for question in ("tell me a story", "and another one"):
        events = list(engine.start_turn(session.id, question).events())
        end = finished(events)
        assert text_of(events) == end.message.text
        assert end.message.status == "complete"
        assert end.message.usage is not None
        assert end.message.usage.output_tokens is not None
        answers.append(end.message.text)
    assert texts(store, session.id) == ["tell me a story", answers[0], "and another one", answers[1]]


def test_the_window_of_the_server_is_used_without_a_word(engine: Engine, session: Session) -> None:
    engine.start_turn(session.id, "hello").wait(20)
    assert engine.preview(session.id).window == WINDOW


def test_a_running_answer_is_stopped_and_kept(engine: Engine, store: Store) -> None:
    session = store.create_session(model=MODEL, settings={"max_tokens": 1500, "seed": 1})
    # A random model may end after a word; then it is asked again.
    turn = next(turn for turn in _stopped_turns(engine, session) if turn.wait(10).status == "cancelled")
    assert turn.wait(0).text == text_of(turn.events()) != ""


def _stopped_turns(engine: Engine, session: Session) -> Iterator[Turn]:
    for _ in range(20):
        turn = engine.start_turn(session.id, "tell me everything")
        next(event for event in turn.events() if isinstance(event, TextDelta))
        turn.stop()
        yield turn


def test_several_sessions_are_answered_at_the_same_time(
    make_engine: MakeEngine, store: Store, provider: Provider
) -> None:
    engine = make_engine(store, provider)
    sessions = [store.create_session(model=MODEL, settings={"max_tokens": 20, "seed": n}) for n in range(4)]
    turns = [engine.start_turn(session.id, f"question {n}") for n, session in enumerate(sessions)]
    for number, turn in enumerate(turns):
        answer = turn.wait(30)
        assert texts(store, turn.session_id) == [f"question {number}", answer.text]
        assert answer.text == text_of(turn.events())
