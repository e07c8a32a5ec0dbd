"""Titles by the model: once, short, and never over one that a person gave."""

import threading
import time

import pytest

import palaver
from palaver import Session, Store
from palaver.chat.engine import Engine
from palaver.chat.events import TitleChanged, TurnEvent
from palaver.chat.models import Models
from palaver.chat.stopping import Stopping
from palaver.chat.titling import Titling, clean
from palaver.providers.base import Provider
from palaver.providers.demo import DemoProvider
from palaver.settings import Settings
from tests.chat.conftest import MakeEngine
from tests.chat.reading import failed, tags
from tests.support.scripted import DONE, Drop, ScriptedServer, Wait, delta, finish, text, whole


@pytest.fixture
def engine(make_engine: MakeEngine, store: Store) -> Engine:
    return make_engine(store, asks=True)


def titles(events: list[TurnEvent]) -> list[str]:
    return [one.title for one in events if isinstance(one, TitleChanged)]


def test_the_model_gives_a_title_after_the_first_answer_and_once(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("Paris."))
    server.will(*whole("The capital ", "of France"))
    server.will(*whole("Berlin."))
    events = list(engine.start_turn(session.id, "What is the capital of France?").events())
    assert titles(events) == ["What is the capital of France?", "The capital of France"]
    assert tags(events)[-2:] == ["title_changed", "turn_finished"]
    stored = store.get_session(session.id)
    assert (stored.title, stored.title_source) == ("The capital of France", "model")
    [told] = server.requests[1]["messages"]
    assert "What is the capital of France?" in told["content"]
    assert "Paris." in told["content"]
    assert titles(list(engine.start_turn(session.id, "And of Germany?").events())) == []
    assert len(server.requests) == 3


def test_a_title_that_a_person_gave_stays(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("Paris."))
    store.update_session(session.id, title="Mine")
    list(engine.start_turn(session.id, "The capital?").events())
    assert store.get_session(session.id).title == "Mine"
    assert len(server.requests) == 1


def test_a_title_that_a_person_gives_meanwhile_stays(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    rest = threading.Event()
    server.will(*whole("Paris."))
    server.will(Wait(rest), *whole("The capital"))
    turn = engine.start_turn(session.id, "?")
    for _ in range(2):
        assert server.asked.acquire(timeout=10)
    store.update_session(session.id, title="Mine")
    rest.set()
    turn.wait(10)
    assert store.get_session(session.id).title == "Mine"
    assert "The capital" not in titles(list(turn.events()))


def test_where_nobody_is_there_no_title_is_asked_for(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("Paris."))
    make_engine(store).start_turn(session.id, "?").wait(10)
    assert len(server.requests) == 1


def test_a_setting_switches_it_off(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("Paris."))
    engine = make_engine(store, asks=True, settings=Settings(model_title=False))
    engine.start_turn(session.id, "?").wait(10)
    assert len(server.requests) == 1


def test_the_demo_model_gives_none(make_engine: MakeEngine, store: Store) -> None:
    session = store.create_session(model="demo")
    make_engine(store, DemoProvider(delay=0), asks=True).start_turn(session.id, "What is love?").wait(10)
    assert store.get_session(session.id).title == "What is love?"


def test_a_failing_title_disturbs_nothing(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("Paris."))
    server.will(text("The cap"), Drop())
    answer = engine.start_turn(session.id, "The capital?").wait(10)
    assert (answer.status, store.get_session(session.id).title) == ("complete", "The capital?")


def test_an_answer_that_failed_gets_no_title(
    engine: Engine, session: Session, server: ScriptedServer
) -> None:
    server.will(text("Par"), Drop())
    failed(engine.start_turn(session.id, "?").events())
    assert len(server.requests) == 1


def test_a_stop_ends_the_asking_for_a_title_and_keeps_the_answer(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("Paris."))
    server.will(text("The cap"), Wait(threading.Event()))
    turn = engine.start_turn(session.id, "The capital?")
    for _ in range(2):
        assert server.asked.acquire(timeout=10)
    turn.stop()
    assert turn.wait(5).status == "complete"
    assert store.get_session(session.id).title == "The capital?"


def test_a_title_that_takes_too_long_is_given_up(
    store: Store, session: Session, provider: Provider, server: ScriptedServer
) -> None:
    server.will(text("The cap"), Wait(threading.Event()))
    *_, answer = store.append(session.id, palaver.user("The capital?"), palaver.assistant("Paris."))
    chosen = Models([provider], None).choose("scripted")
    began = time.monotonic()
    assert Titling(store, seconds=0.2).give(session.id, answer.id, chosen, 4096, Stopping()) is None
    assert time.monotonic() - began < 5
    assert server.gone.wait(5)


def test_a_thinking_model_gives_its_title_without_its_thoughts(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("Paris."))
    server.will(delta(reasoning_content="hm"), text("<think>well</think>\nTitle: “Paris”"), finish(), DONE)
    engine.start_turn(session.id, "?").wait(10)
    assert store.get_session(session.id).title == "Paris"


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ('"Paris, capital of France"', "Paris, capital of France"),
        ("Title: **Sum of numbers**\nI hope that helps!", "Sum of numbers"),
        ("<think>a\nb</think>\n\n# A talk", "A talk"),
        ("<think>never ends", ""),
        ("„Über Äpfel“.", "Über Äpfel"),
        ("标题：你好世界", "你好世界"),
        ("Titel: C#", "C#"),
        ("What is love?", "What is love?"),
        ("\n \n", ""),
        ("two\twords\x07 here", "two words here"),
        ("x" * 80, "x" * 49 + "…"),
    ],
)
def test_what_models_write_around_a_title_is_taken_off(said: str, title: str) -> None:
    assert clean(said) == title
