"""The last question in other words, and what a model cannot be asked."""

import threading

import pytest

import palaver
from palaver import Busy, File, Invalid, NotFound, Session, Store
from palaver.chat.engine import Engine
from palaver.providers.base import ModelInfo
from palaver.providers.openai import OpenAIProvider
from tests.chat.conftest import MakeEngine
from tests.chat.reading import tags
from tests.chat.test_rounds import warnings
from tests.chat.tools import Toolkit, add
from tests.support.factories import NO_ID, texts
from tests.support.scripted import ScriptedServer, Wait, whole

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


class Blind(OpenAIProvider):
    """A server whose model takes neither images nor tools, and says so."""

    def describe(self, model: str) -> ModelInfo:
        return ModelInfo(id=model, provider=self.name, window=4096, images=False, tools=False)


@pytest.fixture
def blind(server: ScriptedServer) -> Blind:
    return Blind("scripted", server.address)


def test_a_question_in_other_words_is_its_sibling_shown_and_answered(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    for answer in ("zero", "first", "second", "third"):
        server.will(*whole(answer))
    engine.start_turn(session.id, "before").wait(5)
    turn = engine.start_turn(session.id, "question")
    turn.wait(5)
    other = engine.edit(turn.id, "in other words")
    assert other.wait(5).text == "second"
    assert texts(store, session.id) == ["before", "zero", "in other words", "second"]
    assert [m.text for m in store.list_siblings(turn.id)] == ["question", "in other words"]
    assert [m["content"] for m in server.requests[2]["messages"]] == ["before", "zero", "in other words"]
    first = next(iter(store.messages(session.id)))
    engine.edit(first.id, "from the beginning").wait(5)
    assert texts(store, session.id) == ["from the beginning", "third"]


def test_its_files_go_along(engine: Engine, store: Store, session: Session, server: ScriptedServer) -> None:
    server.will(*whole("x"))
    file = store.put_file(b"some words", name="words.txt", mime="text/plain")
    turn = engine.start_turn(session.id, palaver.user("What is that?", parts=(file,)))
    turn.wait(5)
    engine.edit(turn.id, "What is this?").wait(5)
    [question, _] = store.messages(session.id)
    assert [part for part in question.parts if isinstance(part, File)] == [file]
    assert "some words" in str(server.requests[1]["messages"])


def test_only_questions_have_other_words(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("x"))
    answer = engine.start_turn(session.id, "q").wait(5)
    with pytest.raises(Invalid, match="no question"):
        engine.edit(answer.id, "y")
    with pytest.raises(NotFound):
        engine.edit(NO_ID, "y")
    assert texts(store, session.id) == ["q", "x"]


def test_nothing_is_asked_in_other_words_while_an_answer_runs(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:

    server.will(Wait(threading.Event()))
    turn = engine.start_turn(session.id, "q")
    with pytest.raises(Busy):
        engine.edit(turn.id, "other")
    assert [m.text for m in store.list_siblings(turn.id)] == ["q"]


def test_an_image_that_the_model_does_not_take_is_refused_before_anything_is_stored(
    make_engine: MakeEngine, store: Store, session: Session, blind: Blind
) -> None:
    image = store.put_file(PIXEL, name="pixel.png", mime="image/png")
    engine = make_engine(store, blind)
    with pytest.raises(Invalid, match="takes no images"):
        engine.start_turn(session.id, palaver.user("What is that?", parts=(image,)))
    assert texts(store, session.id) == []


def test_a_model_that_takes_no_tools_gets_none_and_the_person_hears_it_once(
    make_engine: MakeEngine, store: Store, session: Session, blind: Blind, server: ScriptedServer
) -> None:
    server.will(*whole("x"))
    engine = make_engine(store, blind, toolbox=Toolkit(add=add))
    told = [list(engine.start_turn(session.id, "?").events()) for _ in range(2)]
    assert [warnings(events) for events in told] == [
        ["scripted takes no tools: it is asked without them."],
        [],
    ]
    assert all("tools" not in request for request in server.requests)
    assert tags(told[1])[-1] == "turn_finished"
