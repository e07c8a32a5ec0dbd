"""A session is one place for all processes: each sees what happens, answers what is asked, and waits for its turn."""

import threading
from typing import Any

import pytest

from palaver import Busy, Invalid, NotFound, Session, Store
from palaver.chat.engine import Engine
from palaver.chat.events import (
    InputRequired,
    ReasoningDelta,
    TextDelta,
    TitleChanged,
    TurnEvent,
)
from palaver.settings import Settings
from palaver.tools.base import Returned, Trouble
from tests.chat.compressing import say
from tests.chat.conftest import MakeEngine
from tests.chat.reading import finished, tags, until
from tests.chat.tools import ADD, Toolkit, add, calling
from tests.support.factories import a_question, texts
from tests.support.scripted import ScriptedServer, Wait, text, whole

TITLED = Settings(model_title=True)
SECOND = ("c2", "add", {"a": 3, "b": 4})
FIVE_ROUNDS = 5


class Reader(threading.Thread):
    """Reads a turn to its end on a thread of its own."""

    def __init__(self, engine: Engine, session_id: str, turn_id: str, after: str | None = None) -> None:
        super().__init__(daemon=True)
        self.events: list[TurnEvent] = []
        self._source = engine.follow(session_id, turn_id, after)
        self.start()

    def run(self) -> None:
        for event in self._source:
            self.events.append(event)

    def all(self) -> list[TurnEvent]:
        self.join(20)
        assert not self.is_alive()
        return self.events

    def asked(self, number: int = 0) -> InputRequired:
        """What is asked, as soon as it is."""
        until(lambda: self._asked()[number:])
        return self._asked()[number]

    def _asked(self) -> list[InputRequired]:
        return [one for one in self.events if isinstance(one, InputRequired)]


def told(events: list[TurnEvent]) -> list[Any]:
    """All a reader knows: runs of text joined, every other event as it is."""
    known: list[Any] = []
    for event in events:
        if isinstance(event, TextDelta | ReasoningDelta):
            if known and isinstance(known[-1], list) and known[-1][0] == type(event).__name__:
                known[-1][1] += event.text
            else:
                known.append([type(event).__name__, event.text])
        else:
            known.append(event)
    return known


def an_asking_engine(make_engine: MakeEngine, store: Store | None = None, **more: Any) -> Engine:
    toolkit = Toolkit(allow="ask", add=add)
    toolkit.missing = [Trouble("files", "it did not start")]
    return make_engine(store, toolbox=toolkit, asks=True, **more)


def test_a_reader_elsewhere_sees_every_event_in_its_order_and_once(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD, SECOND, say="Let me add."))
    server.will(*whole("It is ", "3 and 7."))
    server.will(*whole("Sums"))
    engine = an_asking_engine(make_engine, store, settings=TITLED)
    turn = engine.start_turn(session.id, "1 + 2?")
    here, there = Reader(engine, session.id, turn.id), Reader(make_engine(), session.id, turn.id)
    for number in range(2):
        turn.answer(here.asked(number).request_id, "once")
    assert tags(here.all()) == [
        *("turn_started", "title_changed", "context_warning", "text_delta", "tool_call"),
        *("input_required", "input_answered", "tool_result") * 2,
        *("text_delta", "title_changed", "turn_finished"),
    ]
    assert told(there.all()) == told(here.all())
    other = make_engine()
    for at, seen in enumerate(here.events):
        assert told(list(other.follow(session.id, turn.id, seen.id))) == told(here.events[at + 1 :])


def test_what_is_asked_is_answered_from_another_process(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD))
    server.will(*whole("It is 3."))
    turn = an_asking_engine(make_engine, store).start_turn(session.id, "1 + 2?")
    other = make_engine()
    there = Reader(other, session.id, turn.id)
    asked = there.asked()
    [waiting] = store.list_turns(session.id)
    assert waiting.asked is not None
    assert waiting.asked.request_id == asked.request_id
    with pytest.raises(Invalid):
        other.answer(session.id, asked.request_id, "perhaps")
    other.answer(session.id, asked.request_id, "history")
    other.answer(session.id, asked.request_id, "once")
    for engine in (other, make_engine()):
        with pytest.raises(NotFound):
            engine.answer(session.id, asked.request_id, "no")
    assert turn.wait(5).text == "It is 3."
    assert told(there.all()) == told(list(turn.events()))


def test_a_stop_from_another_process_ends_the_waiting_for_a_person(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD))
    turn = an_asking_engine(make_engine, store).start_turn(session.id, "1 + 2?")
    other = make_engine()
    there = Reader(other, session.id, turn.id)
    there.asked()
    assert other.stop(session.id)
    assert turn.wait(5).status == "cancelled"
    assert finished(there.all()).message.status == "cancelled"
    assert not other.stop(session.id)


def test_between_the_rounds_of_a_turn_nobody_elsewhere_gets_in(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    for number in range(FIVE_ROUNDS):
        server.will(*calling((f"c{number}", "add", {"a": number, "b": 1})))
    server.will(*whole("done"))
    other = make_engine()
    refused = 0
    turn = make_engine(store, toolbox=Toolkit(add=add)).start_turn(session.id, "count")
    while not turn.done:
        try:
            other.start_turn(session.id, "me, too").stop()
        except Busy:
            refused += 1
    assert turn.wait(5).text == "done"
    assert refused
    branch = [message.id for message in store.messages(session.id, leaf_id=turn.answer_id)]
    assert len(branch) == 2 + 2 * FIVE_ROUNDS
    assert branch == [message.id for message in store.tree(session.id)][: len(branch)]


def test_while_a_title_is_made_the_session_is_taken_in_every_process(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    go = threading.Event()
    server.will(*whole("Paris."))
    server.will(Wait(go), *whole("The capital"))
    turn = make_engine(store, asks=True, settings=TITLED).start_turn(session.id, "What is the capital?")
    other = make_engine()
    until(lambda: store.get_message(turn.answer_id).status == "complete")
    with pytest.raises(Busy):
        other.start_turn(session.id, "and?")
    there = Reader(other, session.id, turn.id)
    go.set()
    assert [one.title for one in there.all() if isinstance(one, TitleChanged)][-1] == "The capital"
    assert isinstance(there.events[-1], type(finished(there.events)))


def test_a_summary_is_followed_and_stopped_from_another_process(
    make_engine: MakeEngine, store: Store, server: ScriptedServer
) -> None:
    session = store.create_session(model="scripted", provider="scripted", context_size=2048)
    for _ in range(10):
        say(store, session.id, 60, 60)
    server.will(Wait(threading.Event()), *whole("too late"))
    server.will(*whole("They counted."))
    engine, other = make_engine(store), make_engine()
    compacting = engine.compact(session.id)
    [running] = store.list_turns(session.id)
    assert (running.id, running.kind) == (compacting.id, "summary")
    with pytest.raises(Busy):
        other.start_turn(session.id, "now")
    there = Reader(other, session.id, compacting.id)
    until(lambda: server.requests and "checkpoint_progress" in tags(there.events))
    assert other.stop(session.id)
    assert compacting.wait(5).checkpoint is None
    assert there.all() == list(compacting.events())
    again = engine.compact(session.id)
    assert again.wait(5).checkpoint is not None
    assert told(list(other.follow(session.id, again.id))) == told(list(again.events()))


def test_a_session_whose_turn_could_not_be_ended_in_the_store_is_free_when_it_can_be(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("first"))
    server.will(*whole("second"))
    engine = make_engine(store)
    engine.start_turn(session.id, "one").wait(5)
    until(lambda: store.list_turns(session.id)[0].ended_at is not None)
    assert make_engine().start_turn(session.id, "two").wait(5).text == "second"
    assert texts(store, session.id) == ["one", "first", "two", "second"]


# Many actors, one engine


def test_a_turn_runs_in_the_store_of_the_actor_who_began_it(
    make_engine: MakeEngine, store: Store, server: ScriptedServer
) -> None:
    server.will(*whole("Hello, Ann."))
    ann = make_engine(store.as_actor("system")).as_actor("ann")
    session = store.as_actor("ann").create_session(model="scripted")
    turn = ann.start_turn(session.id, "Hello")
    assert turn.wait(5).text == "Hello, Ann."
    assert store.as_actor("ann").list_turns(session.id)[0].actor == "ann"


def test_what_runs_for_one_actor_is_absent_for_another(
    make_engine: MakeEngine, store: Store, server: ScriptedServer
) -> None:
    go = threading.Event()
    server.will(text("secret "), Wait(go), *whole("words"))
    engine = make_engine(store.as_actor("system"))
    ann, eve = engine.as_actor("ann"), engine.as_actor("eve")
    session = store.as_actor("ann").create_session(model="scripted")
    turn = ann.start_turn(session.id, "Hello")
    for attempt in (
        lambda: eve.start_turn(session.id, "Hello"),
        lambda: eve.retry(turn.id),
        lambda: eve.edit(turn.id, "Mine"),
        lambda: eve.compact(session.id),
        lambda: list(eve.follow(session.id, turn.id)),
        lambda: eve.stop(session.id),
        lambda: eve.answer(session.id, "r1", "once"),
        lambda: eve.running(session.id),
    ):
        with pytest.raises(NotFound):
            attempt()
    go.set()
    assert turn.wait(5).text == "secret words"


def test_a_question_that_is_not_saved_yet_is_nobody_elses(
    make_engine: MakeEngine, store: Store, server: ScriptedServer
) -> None:
    engine = make_engine(store.as_actor("system"))
    session = store.as_actor("ann").create_session(model="scripted")
    question = a_question("not yet")
    waiting = engine.as_actor("ann")
    assert waiting.unsaved() == []
    waiting._backlog.put(session.id, [question], fail_until_closed)
    with pytest.raises(NotFound):
        engine.as_actor("eve").edit(question.id, "Mine")


def fail_until_closed() -> Returned:
    raise Busy("the store is locked")
