"""What runs in a session: one turn at a time, known to every process with what happened in it."""

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

import palaver
from palaver import Busy, Conflict, Invalid, NotFound, SideEvent, Store, Text
from palaver.ids import new_id
from tests.conftest import OpenStore
from tests.support.factories import a_conversation, a_question, an_answer, ids, texts

WARNING = SideEvent(number=0, id="a:0.10", data={"type": "context_warning", "text": "nearly full"})
ASKING = SideEvent(
    number=1, id="a:3.11", data={"type": "input_required"}, request_id="r1", choices=("once", "no")
)


def a_turn(store: Store, **fields: Any) -> palaver.TurnState:
    session = store.create_session()
    return store.begin_turn(session.id, a_question("go"), **fields)


def test_a_turn_begins_with_its_question_and_an_open_draft_in_one_step(store: Store) -> None:
    session = a_conversation(store, "before", "it")
    turn = store.begin_turn(session.id, question := a_question("go"), model="m", provider="p")
    stored, draft = list(store.messages(session.id))[2:]
    assert (turn.id, turn.answer_id, turn.kind, turn.actor) == (question.id, draft.id, "answer", "local")
    assert (stored.id, stored.text, draft.status, draft.parent_id) == (
        question.id,
        "go",
        "streaming",
        stored.id,
    )
    assert (draft.model, draft.provider) == ("m", "p")
    assert store.list_turns(session.id) == [turn]


def test_a_turn_that_cannot_begin_leaves_nothing(store: Store) -> None:
    session = a_conversation(store, "before", "it")
    before = list(store.messages(session.id))
    for question, fields in (
        (a_question("\ud800"), {}),
        (a_question(), {"parent_id": session.id}),
        (a_question(), {"answer_id": before[0].id}),
    ):
        with pytest.raises((Invalid, NotFound, Conflict)):
            store.begin_turn(session.id, question, **fields)  # type: ignore[arg-type]
    assert list(store.tree(session.id)) == before
    assert store.list_turns(session.id) == []


def test_a_question_elsewhere_is_shown(store: Store) -> None:
    session = a_conversation(store, "one", "two", "three", "four")
    first, second, *_ = store.messages(session.id)
    turn = store.begin_turn(session.id, a_question("other"), parent_id=second.id)
    assert texts(store, session.id) == ["one", "two", "other", ""]
    store.close_draft(str(turn.answer_id))
    store.end_turn(session.id, turn.number)
    again = store.begin_turn(session.id, parent_id=first.id, turn_id=first.id)
    assert (again.id, texts(store, session.id)) == (first.id, ["one", ""])


def test_one_turn_runs_in_a_session_from_its_beginning_to_its_end(
    store: Store, open_store: OpenStore
) -> None:
    other = open_store()
    turn = a_turn(store)
    for taken in (
        lambda: other.begin_turn(turn.session_id, a_question()),
        lambda: other.clear_session(turn.session_id),
    ):
        with pytest.raises(Busy) as refused:
            taken()
        assert refused.value.session_id == turn.session_id
    store.close_draft(str(turn.answer_id))
    with pytest.raises(Busy, match="has not ended yet"):
        other.begin_turn(turn.session_id, a_question())
    assert other.keep_newest(0) == []
    other.append(turn.session_id, a_question("by hand"))
    store.end_turn(turn.session_id, turn.number)
    assert other.begin_turn(turn.session_id, a_question()).number != turn.number


def test_nothing_goes_below_an_answer_that_is_being_written(store: Store) -> None:
    turn = a_turn(store)
    with pytest.raises(Busy):
        store.append(turn.session_id, a_question("at once"))
    call, result = palaver.ToolCall("c1", "f", {}), palaver.tool_result("c1", "f", "done")
    store.close_draft(str(turn.answer_id), parts=[call], results=[result], next_id=new_id())
    with pytest.raises(Busy):
        store.append(turn.session_id, a_question("at once"))


def test_a_question_that_is_there_is_answered_where_it_stands(store: Store) -> None:
    session = store.create_session()
    question = a_question("again")
    store.append(session.id, question, palaver.assistant("first"))
    turn = store.begin_turn(session.id, question)
    assert store.get_message(str(turn.answer_id)).parent_id == question.id


def test_a_summary_takes_the_session_without_a_draft(store: Store) -> None:
    session = a_conversation(store, "one", "two")
    turn = store.begin_turn(session.id, kind="summary")
    assert (turn.kind, turn.answer_id, texts(store, session.id)) == ("summary", None, ["one", "two"])
    with pytest.raises(Busy, match="are being summarised"):
        store.begin_turn(session.id, a_question())


def test_between_two_answers_of_a_turn_the_session_stays_taken(store: Store) -> None:
    turn = a_turn(store, model="m", provider="p")
    result = palaver.tool_result("c1", "f", "done")
    next_id = new_id()
    closed = store.close_draft(
        str(turn.answer_id), parts=[palaver.ToolCall("c1", "f", {})], results=[result], next_id=next_id
    )
    question, answer, below, following = store.messages(turn.session_id)
    assert (question.id, answer, below.id) == (turn.id, closed, result.id)
    assert (following.id, following.status, following.model) == (next_id, "streaming", "m")
    assert store.list_turns(turn.session_id)[0].answer_id == next_id
    again = store.close_draft(
        str(turn.answer_id), parts=[palaver.ToolCall("c1", "f", {})], results=[result], next_id=next_id
    )
    assert again == closed
    assert ids(list(store.messages(turn.session_id))) == [turn.id, closed.id, result.id, next_id]


def test_what_happens_beside_an_answer_is_kept_with_it_and_once(store: Store, open_store: OpenStore) -> None:
    turn = a_turn(store)
    store.extend_draft(str(turn.answer_id), Text("abc"), offset=0, events=[WARNING])
    store.extend_draft(str(turn.answer_id), Text("abc"), offset=0, events=[WARNING, ASKING])
    (kept,) = open_store().list_turns(turn.session_id)
    assert kept.events == (WARNING, ASKING)
    assert kept.asked == ASKING


def test_what_happens_behind_the_last_answer_is_kept_for_those_who_read_on(store: Store) -> None:
    turn = a_turn(store)
    store.close_draft(str(turn.answer_id))
    assert store.extend_turn(turn.session_id, turn.number, WARNING).events == (WARNING,)
    store.end_turn(turn.session_id, turn.number, ASKING)
    (kept,) = store.list_turns(turn.session_id)
    assert kept.events == (WARNING, ASKING)
    assert kept.ended_at is not None
    assert kept.asked is None
    with pytest.raises(Conflict):
        store.extend_turn(turn.session_id, turn.number, WARNING)
    store.end_turn(turn.session_id, turn.number)
    assert store.list_turns(turn.session_id) == [kept]


def test_a_choice_is_taken_once_by_whichever_process(store: Store, open_store: OpenStore) -> None:
    turn = a_turn(store)
    store.extend_draft(str(turn.answer_id), offset=0, events=[ASKING])
    other = open_store()
    with pytest.raises(Invalid, match="there are: once, no"):
        other.answer_turn(turn.session_id, "r1", "always")
    for request in ("r2", ""):
        with pytest.raises(NotFound):
            other.answer_turn(turn.session_id, request, "once")
    mark = store.mark()
    other.answer_turn(turn.session_id, "r1", "once")
    assert [change.kind for change in store.changes(mark).items] == ["turn.changed"]
    (kept,) = store.list_turns(turn.session_id)
    assert (kept.asked, kept.events[0].choice) == (None, "once")
    with pytest.raises(NotFound):
        store.answer_turn(turn.session_id, "r1", "no")


def test_a_stop_is_seen_by_the_draft_and_by_the_turn(store: Store, open_store: OpenStore) -> None:
    turn = a_turn(store)
    other = open_store()
    assert other.stop_turn(turn.session_id)
    assert store.extend_draft(str(turn.answer_id), offset=0).stop_requested
    store.close_draft(str(turn.answer_id), status="cancelled")
    assert store.extend_turn(turn.session_id, turn.number).stop_requested
    store.end_turn(turn.session_id, turn.number)
    assert not other.stop_turn(turn.session_id)


def test_a_summary_can_be_stopped(store: Store) -> None:
    session = a_conversation(store)
    turn = store.begin_turn(session.id, kind="summary")
    assert store.stop_turn(session.id)
    assert store.extend_turn(session.id, turn.number).stop_requested


def test_another_processes_end_of_a_turn_is_told(store: Store) -> None:
    turn = a_turn(store)
    store.close_draft(str(turn.answer_id))
    mark = store.mark()
    store.end_turn(turn.session_id, turn.number)
    (change,) = store.changes(mark).items
    assert (change.kind, change.session_id, change.message_id) == ("turn.changed", turn.session_id, None)


DIES = """
import sys
import palaver
from palaver.model import SideEvent

store = palaver.open_store(sys.argv[1])
turn = store.begin_turn(sys.argv[2], palaver.user("go"))
if sys.argv[3] == "after":
    store.close_draft(turn.answer_id)
print(turn.number, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("when", ["amid", "after"])
def test_a_turn_whose_process_died_is_over(
    store: Store, database_url: str, open_store: OpenStore, when: str
) -> None:
    session = store.create_session()
    command = [sys.executable, "-c", DIES, database_url, session.id, when]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as child:
        assert child.stdout
        number = int(child.stdout.readline())
        with pytest.raises(Busy):
            store.begin_turn(session.id, a_question())
        os.kill(child.pid, signal.SIGKILL)
    begun = store.begin_turn(session.id, a_question("next"))
    ended = store.list_turns(session.id)[-1]
    assert (ended.number, ended.ended_at is not None, begun.ended_at) == (number, True, None)
    answer = list(store.messages(session.id))[1]
    assert answer.status == ("interrupted" if when == "amid" else "complete")


def test_abandoned_turns_are_found_by_looking_for_them(store: Store, database_url: str) -> None:
    session = store.create_session()
    command = [sys.executable, "-c", DIES, database_url, session.id, "after"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
    store.recover_drafts()
    assert store.list_turns(session.id)[0].ended_at is not None


def test_closing_a_store_ends_its_turns(store: Store, open_store: OpenStore) -> None:
    other = open_store()
    turn = a_turn(other)
    other.close()
    assert store.list_turns(turn.session_id)[0].ended_at is not None
    assert store.get_message(str(turn.answer_id)).status == "interrupted"


def test_nothing_of_a_turn_outlives_what_is_purged(store: Store) -> None:
    turn = a_turn(store)
    store.extend_draft(str(turn.answer_id), offset=0, events=[WARNING])
    store.close_draft(str(turn.answer_id))
    store.end_turn(turn.session_id, turn.number)
    store.purge_message(turn.id)
    assert store.list_turns(turn.session_id)[0].events == ()
    store.purge_session(turn.session_id)
    with pytest.raises(NotFound):
        store.list_turns(turn.session_id)
    assert store.verify().problems == []


def test_verify_finds_nothing_wrong_while_a_turn_runs(store: Store) -> None:
    turn = a_turn(store)
    store.append(turn.session_id, an_answer("elsewhere"), parent_id=None)
    assert store.verify().problems == []
