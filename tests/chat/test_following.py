"""A reader who goes away and comes back, to the same process or to another, misses nothing and sees nothing twice."""

import json
import threading
from collections.abc import Iterator

import pytest

import palaver
from palaver import Invalid, NotFound, Session, Store
from palaver.chat.engine import Engine
from palaver.chat.events import Seen, TextDelta, TurnEvent, TurnStarted
from tests.chat.conftest import MakeEngine
from tests.chat.processes import FOLLOW, START, STOP, Process
from tests.chat.reading import failed, finished, reasoning_of, tags, text_of, until
from tests.conftest import OpenStore
from tests.support.factories import texts
from tests.support.scripted import ScriptedServer, Wait, delta, text, whole

WORDS = ["So ", "many ", "words, ", "and ", "an ", "end."]


def after(events: list[TurnEvent], id: str) -> list[TurnEvent]:
    """What of all the events comes behind the one with this id."""
    return events[[event.id for event in events].index(id) + 1 :]


def test_a_turn_goes_on_when_its_reader_goes_away(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    go = threading.Event()
    server.will(text("first "), Wait(go), *whole("last"))
    turn = engine.start_turn(session.id, "go")
    events = turn.events()
    next(event for event in events if isinstance(event, TextDelta))
    del events
    go.set()
    assert turn.wait(5).text == "first last"
    assert store.get_message(turn.answer_id).text == "first last"


def test_a_reader_may_go_on_after_any_event_of_a_turn(
    engine: Engine, session: Session, server: ScriptedServer
) -> None:
    server.will(delta(reasoning_content="well"), *whole(*WORDS))
    turn = engine.start_turn(session.id, "go")
    events = list(turn.events())
    for seen in events:
        assert list(turn.events(seen.id)) == after(events, seen.id)


def test_a_reader_may_go_on_from_the_store_after_any_event(
    engine: Engine, make_engine: MakeEngine, session: Session, server: ScriptedServer
) -> None:
    server.will(delta(reasoning_content="well"), *whole(*WORDS))
    turn = engine.start_turn(session.id, "go")
    events = list(turn.events())
    other = make_engine()
    for seen in events:
        rest = list(other.follow(session.id, turn.id, seen.id))
        expected = after(events, seen.id)
        assert (reasoning_of(rest), text_of(rest)) == (reasoning_of(expected), text_of(expected))
        assert tags(rest)[-1:] == tags(expected)[-1:]


def test_a_reader_of_the_store_may_go_on_within_a_run_of_text(
    engine: Engine, make_engine: MakeEngine, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole(*WORDS))
    turn = engine.start_turn(session.id, "go")
    stored = [one for one in make_engine().follow(session.id, turn.id) if isinstance(one, TextDelta)]
    assert len(stored) < len(WORDS) or "".join(one.text for one in stored) == "".join(WORDS)
    turn.wait(5)
    whole_text = "".join(WORDS)
    for offset in range(1, len(whole_text)):
        rest = turn.events(f"{turn.answer_id}:{offset}.3")
        assert text_of(rest) == whole_text[offset:]


def test_a_running_turn_is_followed_from_another_process_and_back(
    engine: Engine, open_database: OpenStore, session: Session, server: ScriptedServer, database_url: str
) -> None:
    go = threading.Event()
    server.will(text("begun here, "), Wait(go), *whole("read there"))
    turn = engine.start_turn(session.id, "go")
    here = take_until_text(turn.events())
    with Process(FOLLOW, database_url, session.id, turn.id, here[-1].id) as other:
        assert other.line() == "following"
        go.set()
        there = [json.loads(line) for line in other.stdout]
    assert other.returncode == 0
    assert "".join(one["text"] for one in there if one["type"] == "text_delta") == "read there"
    assert there[-1]["type"] == "turn_finished"
    assert there[-1]["message"]["status"] == "complete"
    back = list(turn.events(next(one["id"] for one in there if one["type"] == "text_delta")))
    assert text_of(back) + "".join(one["text"] for one in there[:1]) == "read there"


def take_until_text(events: Iterator[TurnEvent]) -> list[TurnEvent]:
    taken: list[TurnEvent] = []
    for event in events:
        taken.append(event)
        if isinstance(event, TextDelta):
            break
    return taken


def test_a_turn_of_another_process_is_followed_while_it_runs(
    engine: Engine, session: Session, server: ScriptedServer, database_url: str
) -> None:
    go = threading.Event()
    server.will(text("slowly, "), Wait(go), *whole("but surely"))
    with Process(START, database_url, server.address, session.id, "go") as other:
        turn_id, answer_id = other.line().split()
        events = engine.follow(session.id, turn_id)
        first = next(events)
        assert isinstance(first, TurnStarted)
        assert first.answer_id == answer_id
        assert text_of(take_until_text(events)) == "slowly, "
        go.set()
        rest = list(events)
    assert text_of(rest) == "but surely"
    assert finished(rest).message.text == "slowly, but surely"


def test_a_stop_from_another_process_is_noticed_while_the_model_is_silent(
    engine: Engine, session: Session, server: ScriptedServer, database_url: str
) -> None:
    server.will(text("until here"), Wait(threading.Event()))
    turn = engine.start_turn(session.id, "go")
    take_until_text(turn.events())
    with Process(STOP, database_url, session.id) as other:
        assert other.line() == "True"
        answer = turn.wait(2)
    assert (answer.status, answer.text) == ("cancelled", "until here")


def test_a_killed_process_leaves_what_it_had_written_as_interrupted(
    open_database: OpenStore, make_engine: MakeEngine, server: ScriptedServer, database_url: str
) -> None:
    server.will(text("written before the end"), Wait(threading.Event()))
    server.will(*whole("written after it"))
    watcher = open_database()
    session = watcher.create_session(model="scripted")
    with Process(START, database_url, server.address, session.id, "go") as other:
        turn_id, answer_id = other.line().split()
        until(lambda: watcher.get_message(answer_id).text == "written before the end")
        other.kill()
    with palaver.open_store(database_url) as reopened:
        answer = reopened.get_message(answer_id)
        assert (answer.status, answer.text) == ("interrupted", "written before the end")
        assert reopened.verify().problems == []
    events = list(make_engine().follow(session.id, turn_id))
    assert text_of(events) == "written before the end"
    assert failed(events).retryable
    again = make_engine().retry(answer_id)
    assert again.wait(5).text == "written after it"
    assert texts(watcher, session.id) == ["go", "written after it"]


def test_a_follower_hears_of_a_writer_that_died(
    engine: Engine, session: Session, server: ScriptedServer, database_url: str
) -> None:
    server.will(text("last words"), Wait(threading.Event()))
    with Process(START, database_url, server.address, session.id, "go") as other:
        turn_id, _ = other.line().split()
        events = engine.follow(session.id, turn_id)
        take_until_text(events)
        other.kill()
    assert failed(events).message.status == "interrupted"


def test_a_turn_asked_again_is_followed_to_the_answer_that_is_shown(
    engine: Engine, make_engine: MakeEngine, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("first"))
    server.will(*whole("second"))
    turn = engine.start_turn(session.id, "go")
    seen = list(turn.events())
    engine.retry(turn.id).wait(5)
    other = make_engine()
    assert text_of(other.follow(session.id, turn.id)) == "second"
    assert text_of(other.follow(session.id, turn.id, seen[0].id)) == "first"


def test_a_turn_on_another_branch_is_found(
    engine: Engine, store: Store, make_engine: MakeEngine, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("answer"))
    turn = engine.start_turn(session.id, "go")
    turn.wait(5)
    engine.start_turn(session.id, "elsewhere", parent_id=None).wait(5)
    assert finished(make_engine().follow(session.id, turn.id)).message.id == turn.answer_id


@pytest.mark.parametrize("id", ["", "x", "x:", "x:1", "x:1.", ":1.2", "x:-1.2", "x:1.2.3", "x:²³.1"])
def test_what_is_no_id_of_an_event_is_refused(
    engine: Engine, session: Session, server: ScriptedServer, id: str
) -> None:
    server.will(*whole("x"))
    turn = engine.start_turn(session.id, "go")
    with pytest.raises(Invalid, match="not the id of an event"):
        next(turn.events(id))


def test_a_turn_there_is_not_is_not_found(engine: Engine, store: Store, session: Session) -> None:
    [lonely] = store.append(session.id, palaver.user("never asked"))
    elsewhere = store.create_session()
    for session_id, turn_id in ((session.id, lonely.id), (elsewhere.id, lonely.id), (session.id, session.id)):
        with pytest.raises(NotFound):
            next(engine.follow(session_id, turn_id))


def test_ids_ascend_with_the_offset() -> None:
    ids = ["a:0.0", "a:0.1", "a:0.3", "a:7.3", "a:10.3", "a:10.4"]
    assert [Seen.parse(id).place for id in ids] == sorted(Seen.parse(id).place for id in ids)
