"""Where recording fails, the conversation goes on, the failure is shown, and everything is saved later, in order."""

import json
import threading
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest

import palaver
from palaver import Busy, Message, NotFound, Session, Store, Text, Unavailable
from palaver.chat.backlog import Backlog
from palaver.chat.claim import Claim
from palaver.chat.engine import Engine
from palaver.chat.events import TurnStarted
from palaver.chat.recording import Outcome, Recording
from palaver.ids import new_id
from tests.chat import full_disk
from tests.chat.processes import Process
from tests.chat.reading import finished, text_of, until
from tests.chat.tools import ADD, calling
from tests.conftest import OpenStore
from tests.support.factories import texts
from tests.support.scripted import ScriptedServer, Wait, text, whole


def play(scene: str, database: str, server: ScriptedServer, *more: threading.Event) -> dict[str, Any]:
    """What a process on a full disk saw; each time it asks for more, the next event is set."""
    program = Path(full_disk.__file__).read_text()
    waiting = list(more)
    with Process(program, database, server.address, scene) as process:
        while (told := process.line()) == "more":
            waiting.pop(0).set()
    assert process.returncode == 0
    result: dict[str, Any] = json.loads(told)
    assert result["problems"] == []
    return result


def test_turns_on_a_full_disk_go_on_and_are_saved_in_order(server: ScriptedServer, database_url: str) -> None:
    for number in (0, 1, 2):
        server.will(*whole(f"answer {number}"))
    told = play("whole", database_url, server)
    assert [one["text"] for one in told["seen"]] == ["answer 1", "answer 2"]
    for one in told["seen"]:
        assert one["position"] == 0
        assert one["startedUnsaved"]
        assert one["endedUnsaved"]
    assert told["waiting"] == ["one", "answer 1", "two", "answer 2"]
    assert [tuple(one) for one in told["stored"]] == [
        ("user", "before", "complete", 1),
        ("assistant", "answer 0", "complete", 2),
        ("user", "one", "complete", 3),
        ("assistant", "answer 1", "complete", 4),
        ("user", "two", "complete", 5),
        ("assistant", "answer 2", "complete", 6),
    ]


def test_what_waits_to_be_saved_is_sent_with_the_next_question(
    server: ScriptedServer, database_url: str
) -> None:
    for number in (0, 1, 2):
        server.will(*whole(f"answer {number}"))
    play("whole", database_url, server)
    sent = [message["content"] for message in server.requests[2]["messages"]]
    assert sent == ["before", "answer 0", "one", "answer 1", "two"]


def test_an_answer_whose_draft_cannot_grow_is_closed_later(server: ScriptedServer, database_url: str) -> None:
    rest = threading.Event()
    server.will(text("begun, "), Wait(rest), *whole("ended on a full disk"))
    told = play("middle", database_url, server, rest)
    [seen] = told["seen"]
    assert seen["text"] == "begun, ended on a full disk"
    assert seen["startedUnsaved"] is None
    assert seen["endedUnsaved"]
    assert told["stored"][1] == ["assistant", "begun, ended on a full disk", "complete", 2]


def test_an_answer_is_saved_whole_where_there_is_room_again_before_its_end(
    server: ScriptedServer, database_url: str
) -> None:
    middle, end = threading.Event(), threading.Event()
    server.will(text("begun, "), Wait(middle), text("held, "), Wait(end), *whole("ended"))
    told = play("room", database_url, server, middle, end)
    [seen] = told["seen"]
    assert seen["endedUnsaved"] is None
    assert seen["position"] == 2
    assert told["stored"][1] == ["assistant", "begun, held, ended", "complete", 2]


def test_several_rounds_on_a_full_disk_go_on_and_are_saved_in_order(
    server: ScriptedServer, database_url: str
) -> None:
    server.will(*whole("answer 0"))
    server.will(*calling(ADD))
    server.will(*whole("answer 1"))
    server.will(*calling(("c2", "add", {"a": 3, "b": 4})))
    server.will(*whole("answer 2"))
    told = play("rounds", database_url, server)
    assert [one["text"] for one in told["seen"]] == ["answer 1", "answer 2"]
    assert told["waiting"] == ["user", "assistant", "tool", "assistant"] * 2
    sent = [(m["role"], m["content"]) for m in server.requests[4]["messages"]]
    assert [role for role, _ in sent] == [
        "user",
        "assistant",
        *["user", "assistant", "tool", "assistant"] * 2,
    ][:9]
    assert sent[-1] == ("tool", "7")
    assert [tuple(one) for one in told["stored"]] == [
        ("user", "before", "complete", 1),
        ("assistant", "answer 0", "complete", 2),
        ("user", "one", "complete", 3),
        ("assistant", "", "complete", 4),
        ("tool", "", "complete", 5),
        ("assistant", "answer 1", "complete", 6),
        ("user", "two", "complete", 7),
        ("assistant", "", "complete", 8),
        ("tool", "", "complete", 9),
        ("assistant", "answer 2", "complete", 10),
    ]


def test_a_disk_that_is_full_from_a_tool_on_stops_no_round(server: ScriptedServer, database_url: str) -> None:
    server.will(*calling(("c1", "fill", {}), ADD))
    server.will(*whole("on a full disk"))
    told = play("tool", database_url, server)
    [seen] = told["seen"]
    assert (seen["text"], seen["position"]) == ("on a full disk", 0)
    assert seen["startedUnsaved"] is None
    assert seen["endedUnsaved"]
    assert [m["content"] for m in server.requests[1]["messages"] if m["role"] == "tool"] == ["full", "3"]
    assert [(role, status) for role, _, status, _ in told["stored"]] == [
        ("user", "complete"),
        ("assistant", "complete"),
        ("tool", "complete"),
        ("tool", "complete"),
        ("assistant", "complete"),
    ]


def test_what_waits_is_tried_once_more_when_the_engine_ends(
    server: ScriptedServer, database_url: str
) -> None:
    server.will(*whole("answer"))
    told = play("end", database_url, server)
    assert [one[1] for one in told["stored"]] == ["one", "answer"]


def test_a_database_that_another_process_holds_stops_no_conversation(
    engine: Engine, store: Store, session: Session, server: ScriptedServer, database_url: str
) -> None:
    server.will(*whole("answered all the same"))
    holder = apsw.Connection(database_url)
    holder.execute("BEGIN IMMEDIATE")
    events = list(engine.start_turn(session.id, "go").events())
    assert isinstance(events[0], TurnStarted)
    assert "another process has held" in str(events[0].unsaved)
    assert text_of(events) == finished(events).message.text == "answered all the same"
    assert texts(store, session.id) == []
    holder.execute("ROLLBACK")
    holder.close()
    until(lambda: not engine.unsaved(), 20)
    assert texts(store, session.id) == ["go", "answered all the same"]


def test_a_draft_that_somebody_else_closed_is_no_loss(
    engine: Engine, open_database: OpenStore, store: Store, session: Session, server: ScriptedServer
) -> None:
    rest = threading.Event()
    server.will(text("begun, "), Wait(rest), *whole("ended"))
    turn = engine.start_turn(session.id, "go")
    other = open_database()
    until(lambda: other.get_message(turn.answer_id).text == "begun, ")
    other.close_draft(turn.answer_id, status="interrupted")
    rest.set()
    answer = turn.wait(5)
    assert (answer.text, answer.status) == ("begun, ended", "complete")
    assert texts(store, session.id) == ["go", "begun, ended"]
    assert [m.status for m in store.list_siblings(answer.id)] == ["interrupted", "complete"]


def test_a_draft_that_was_opened_without_our_knowing_is_no_loss(store: Store, session: Session) -> None:
    [question] = store.append(session.id, palaver.user("go"))
    id = store.open_draft(session.id).id
    recording = a_recording(store, session, question.id, id)
    recording.add(Text("all of it"))
    answer = recording.close(Outcome(status="complete"))
    assert (answer.text, answer.status) == ("all of it", "complete")
    assert answer.id != id
    assert store.get_session(session.id).head_id == answer.id


def test_another_process_that_was_faster_keeps_its_turn(
    open_database: OpenStore, store: Store, session: Session
) -> None:
    ours, theirs = store.append(session.id, palaver.user("ours"), palaver.user("theirs"))
    open_database().open_draft(session.id, parent_id=theirs.id)
    with pytest.raises(Busy):
        a_recording(store, session, ours.id, new_id()).open()


def a_recording(store: Store, session: Session, parent_id: str, answer_id: str) -> Recording:
    return Recording(
        store,
        Backlog(),
        session_id=session.id,
        parent_id=parent_id,
        answer_id=answer_id,
        model="scripted",
        provider="scripted",
        claim=Claim(store, Backlog(), session.id),
    )


def test_a_session_purged_in_the_middle_ends_the_turn_with_the_reason(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    rest = threading.Event()
    server.will(text("begun, "), Wait(rest), *whole("ended"))
    turn = engine.start_turn(session.id, "go")
    next(one for one in turn.events() if text_of([one]))
    store.close_draft(turn.answer_id, status="interrupted")
    store.end_turn(session.id, store.list_turns(session.id)[0].number)
    store.purge_session(session.id)
    rest.set()
    end = finished(turn.events())
    assert end.message.text == "begun, ended"
    assert "not found" in str(end.unsaved)
    assert engine.unsaved() == []


def test_a_session_that_is_gone_does_not_hold_up_the_others(
    store: Store, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = Backlog(retry_seconds=0.01)
    saved: list[str] = []
    room = threading.Event()

    def save(name: str) -> Message:
        if not room.is_set():
            raise Unavailable("disk full")
        if name == "gone":
            raise NotFound("session", name)
        saved.append(name)
        return store.append(session.id, palaver.user(name))[0]

    for name in ("gone", "here"):
        assert waiting.put(name, [palaver.user(name)], partial(save, name)) is None
    assert waiting.failure("here") == "disk full"
    room.set()
    until(lambda: not waiting.messages())
    assert saved == ["here"]
    assert "cannot be saved" in caplog.text
    waiting.close()


def test_asking_again_on_a_full_disk_is_answered_and_saved_later(
    server: ScriptedServer, database_url: str
) -> None:
    server.will(*whole("first"))
    server.will(*calling(ADD))
    server.will(*whole("second"))
    server.will(*whole("third"))
    server.will(*whole("fourth"))
    told = play("again", database_url, server)
    assert [one["text"] for one in told["seen"]] == ["second", "third", "fourth"]
    assert all(one["position"] == 0 and one["endedUnsaved"] for one in told["seen"])
    # What is shown is what is sent on: not the answer that was there before.
    roles = [[m["role"] for m in request["messages"]] for request in server.requests[2:]]
    rounds = ["user", "assistant", "tool"]
    assert roles == [rounds, [*rounds, "assistant", "user"], rounds]
    assert [(role, text) for role, text, _, _ in told["stored"]] == [
        ("user", "question"),
        ("assistant", ""),
        ("tool", ""),
        ("assistant", "fourth"),
    ]
    assert told["everything"] == ["question", "first", "", "", "second", "and now?", "third", "fourth"]


def test_other_words_on_a_full_disk_are_answered_and_shown_later(
    server: ScriptedServer, database_url: str
) -> None:
    server.will(*whole("first"))
    server.will(*whole("second"))
    told = play("edited", database_url, server)
    assert [one["text"] for one in told["seen"]] == ["second"]
    assert [m["content"] for m in server.requests[1]["messages"]] == ["in other words"]
    assert [(role, text) for role, text, _, _ in told["stored"]] == [
        ("user", "in other words"),
        ("assistant", "second"),
    ]
