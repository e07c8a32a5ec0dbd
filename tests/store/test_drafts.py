"""Drafts: answers still being streamed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, cast

import pytest

import palaver
from palaver import Busy, Conflict, Invalid, NotFound, Reasoning, Store, Text, ToolCall, Usage
from palaver.model import Part, Status
from tests.conftest import OpenStore
from tests.support.factories import NO_ID, a_conversation, a_question, an_answer, ids, say, texts

CALL = ToolCall("call-1", "list_dir", {"path": "logs"})


def a_draft(store: Store, **fields: Any) -> tuple[str, str]:
    """A session with one question and a draft below it; the ids of both."""
    session = a_conversation(store, "question")
    return session.id, store.open_draft(session.id, **fields).id


def test_a_draft_is_an_assistants_message_that_streams(store: Store) -> None:
    session = a_conversation(store, "question")
    draft = store.open_draft(session.id, model="m", provider="p", metadata={"a": 1})
    assert (draft.role, draft.status, draft.parts) == ("assistant", "streaming", ())
    assert (draft.model, draft.provider, draft.metadata) == ("m", "p", {"a": 1})
    assert (draft.parent_id, draft.session_id) == (session.head_id, session.id)
    assert draft.digest is None


def test_what_has_come_so_far_can_be_read(store: Store) -> None:
    session, draft = a_draft(store)
    store.extend_draft(draft, Text("Par"), offset=0)
    store.extend_draft(draft, Text("is."), offset=3)
    message = store.get_message(draft)
    assert (message.text, message.status) == ("Paris.", "streaming")
    assert session


def test_the_offset_counts_characters_of_text_and_one_for_other_parts(store: Store) -> None:
    _, draft = a_draft(store)
    assert store.extend_draft(draft, Reasoning("hm 😀"), offset=0).offset == 4
    assert store.extend_draft(draft, CALL, offset=4).offset == 5
    assert store.extend_draft(draft, Text("ab"), Text("c"), offset=5).offset == 8
    closed = store.close_draft(draft)
    assert closed.parts == (Reasoning("hm 😀"), CALL, Text("abc"))


def test_a_repeat_changes_nothing(store: Store) -> None:
    _, draft = a_draft(store)
    first = store.extend_draft(draft, Text("Hello"), offset=0)
    assert store.extend_draft(draft, Text("Hello"), offset=0) == first
    store.extend_draft(draft, Text(" you"), offset=5)
    assert store.extend_draft(draft, Text("Hello"), offset=0).offset == 9
    assert store.get_message(draft).text == "Hello you"


@pytest.mark.parametrize(
    ("parts", "offset"),
    [
        ([Text("x")], 6),
        ([Text("x")], 1_000_000),
        ([Text("x")], 4),
        ([Text("Help!")], 0),
        ([Reasoning("Hello")], 0),
        ([CALL], 0),
        ([Text("x")], -1),
    ],
)
def test_a_gap_or_other_content_is_a_conflict(store: Store, parts: Sequence[Part], offset: int) -> None:
    _, draft = a_draft(store)
    store.extend_draft(draft, Text("Hello"), offset=0)
    with pytest.raises((Conflict, Invalid)):
        store.extend_draft(draft, *parts, offset=offset)
    assert store.get_message(draft).text == "Hello"


def test_a_closed_draft_is_a_message_for_good(store: Store) -> None:
    session, draft = a_draft(store)
    before = store.get_session(session)
    store.extend_draft(draft, Text("Paris"), offset=0)
    closed = store.close_draft(draft, usage=Usage(output_tokens=9), metadata={"b": 2})
    assert (closed.text, closed.status, closed.usage, closed.metadata) == (
        "Paris",
        "complete",
        Usage(output_tokens=9),
        {"b": 2},
    )
    assert closed.digest
    assert list(store.messages(session))[-1] == closed == store.get_message(draft)
    after = store.get_session(session)
    assert (after.head_id, after.message_count) == (draft, 2)
    assert after.token_count == before.token_count + 9
    assert store.verify().problems == []


def test_a_draft_may_be_closed_with_other_parts_than_were_streamed(store: Store) -> None:
    _, draft = a_draft(store)
    store.extend_draft(draft, Text("half an ans"), offset=0)
    closed = store.close_draft(draft, parts=[Text("The whole answer."), CALL])
    assert closed.parts == (Text("The whole answer."), CALL)
    assert store.get_message(draft) == closed


@pytest.mark.parametrize("status", ["complete", "interrupted", "cancelled", "error"])
def test_a_draft_ends_with_any_status_but_streaming(store: Store, status: Status) -> None:
    session, draft = a_draft(store)
    store.extend_draft(draft, Text("Par"), offset=0)
    closed = store.close_draft(draft, status=status, error="why" if status == "error" else None)
    assert (closed.status, closed.text, closed.error) == (status, "Par", "why" if status == "error" else None)
    assert texts(store, session) == ["question", "Par"]


@pytest.mark.parametrize("status", ["streaming", "fine"])
def test_a_draft_cannot_end_streaming(store: Store, status: str) -> None:
    _, draft = a_draft(store)
    with pytest.raises(Invalid):
        store.close_draft(draft, status=cast("Status", status))
    assert store.get_message(draft).status == "streaming"


def test_closing_again_the_same_way_returns_the_message(store: Store) -> None:
    _, draft = a_draft(store)
    store.extend_draft(draft, Text("Paris"), offset=0)
    closed = store.close_draft(draft, usage=Usage(output_tokens=1))
    assert store.close_draft(draft, usage=Usage(output_tokens=1)) == closed


@pytest.mark.parametrize("fields", [{"status": "cancelled"}, {"parts": [Text("other")]}, {"error": "other"}])
def test_closing_again_another_way_is_a_conflict(store: Store, fields: dict[str, Any]) -> None:
    _, draft = a_draft(store)
    store.extend_draft(draft, Text("Paris"), offset=0)
    closed = store.close_draft(draft)
    with pytest.raises(Conflict):
        store.close_draft(draft, **fields)
    assert store.get_message(draft) == closed


def test_a_closed_draft_takes_no_more(store: Store) -> None:
    _, draft = a_draft(store)
    store.close_draft(draft)
    with pytest.raises(Conflict):
        store.extend_draft(draft, Text("late"), offset=0)


def test_one_answer_streams_at_a_time(store: Store) -> None:
    session, draft = a_draft(store)
    with pytest.raises(Busy):
        store.open_draft(session)
    store.close_draft(draft)
    assert store.open_draft(session).parent_id == draft


def test_appending_below_a_draft_is_busy(store: Store) -> None:
    session, draft = a_draft(store)
    with pytest.raises(Busy):
        store.append(session, a_question(), parent_id=draft)
    store.close_draft(draft)
    assert store.append(session, a_question(), parent_id=draft)[0].parent_id == draft


def test_a_branch_may_grow_beside_a_draft(store: Store) -> None:
    session, draft = a_draft(store)
    question = store.get_message(draft).parent_id
    (beside,) = store.append(session, an_answer("beside"), parent_id=question)
    store.extend_draft(draft, Text("streamed"), offset=0)
    store.close_draft(draft)
    assert texts(store, session, leaf_id=beside.id) == ["question", "beside"]
    assert texts(store, session, leaf_id=draft) == ["question", "streamed"]
    assert sorted(message.position for message in store.tree(session)) == [1, 2, 3]


def test_a_draft_below_any_message_makes_a_branch(store: Store) -> None:
    session = a_conversation(store, "one", "two", "three")
    one, *_ = store.messages(session.id)
    draft = store.open_draft(session.id, parent_id=one.id)
    store.extend_draft(draft.id, Text("again"), offset=0)
    store.close_draft(draft.id)
    assert texts(store, session.id, leaf_id=draft.id) == ["one", "again"]
    assert texts(store, session.id) == ["one", "two", "three"]


def test_a_draft_may_bring_its_id(store: Store) -> None:
    session = a_conversation(store)
    wanted = a_question().id
    assert store.open_draft(session.id, id=wanted).id == wanted


def test_an_id_in_use_is_a_conflict(store: Store) -> None:
    session = a_conversation(store)
    with pytest.raises(Conflict):
        store.open_draft(session.id, id=session.head_id)
    assert store.open_draft(session.id).status == "streaming"


def test_a_stop_reaches_whoever_streams(store: Store) -> None:
    _, draft = a_draft(store)
    assert not store.extend_draft(draft, Text("a"), offset=0).stop_requested
    assert store.request_stop(draft) is True
    assert store.extend_draft(draft, Text("b"), offset=1).stop_requested
    assert store.extend_draft(draft, offset=2).stop_requested
    store.close_draft(draft, status="cancelled")
    assert store.request_stop(draft) is False


def test_extensions_are_not_among_the_changes(store: Store) -> None:
    _, draft = a_draft(store)
    mark = store.mark()
    store.extend_draft(draft, Text("a"), offset=0)
    store.extend_draft(draft, Text("b"), offset=1)
    assert store.changes(mark).items == []


def test_updated_at_moves_when_a_draft_is_finished(store: Store) -> None:
    session, draft = a_draft(store)
    before = store.get_session(session).updated_at
    time.sleep(0.005)  # so that the two moments differ
    store.close_draft(draft)
    assert store.get_session(session).updated_at > before


def test_a_draft_is_searched_only_after_it_was_closed(store: Store) -> None:
    _, draft = a_draft(store)
    store.extend_draft(draft, Text("marigold"), offset=0)
    assert store.search("marigold").items == []
    store.close_draft(draft)
    assert [hit.message_id for hit in store.search("marigold").items] == [draft]


def test_a_draft_whose_lease_ran_out_becomes_an_interrupted_message(store: Store) -> None:
    session, draft = a_draft(store, lease=0.05)
    store.extend_draft(draft, Text("half an ans"), offset=0)
    time.sleep(0.1)  # longer than the lease
    (recovered,) = store.recover_drafts()
    assert (recovered.id, recovered.status, recovered.text) == (draft, "interrupted", "half an ans")
    assert texts(store, session) == ["question", "half an ans"]
    with pytest.raises(Conflict):
        store.extend_draft(draft, Text("wer"), offset=11)
    assert store.verify().problems == []


def test_extensions_renew_the_lease(store: Store) -> None:
    _, draft = a_draft(store, lease=1.0)
    for _ in range(5):
        time.sleep(0.3)
        store.extend_draft(draft, offset=0)
        assert store.recover_drafts() == []


def test_a_draft_of_a_living_owner_is_left_alone(store: Store) -> None:
    _, draft = a_draft(store)
    assert store.recover_drafts() == []
    assert store.get_message(draft).status == "streaming"


DIES = """
import os, sys, palaver
from palaver import Text
store = palaver.open_store(sys.argv[1])
draft = store.open_draft(sys.argv[2], lease=3600)
store.extend_draft(draft.id, Text("last words"), offset=0)
print(draft.id, flush=True)
sys.stdin.read()
"""


def test_a_draft_whose_owner_died_becomes_an_interrupted_message(store: Store, database_url: str) -> None:
    session = a_conversation(store, "question")
    with subprocess.Popen(
        [sys.executable, "-c", DIES, database_url, session.id], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    ) as child:
        assert child.stdout
        draft = child.stdout.readline().decode().strip()
        assert store.recover_drafts() == []
        os.kill(child.pid, signal.SIGKILL)
    (recovered,) = store.recover_drafts()
    assert (recovered.id, recovered.status, recovered.text) == (draft, "interrupted", "last words")


def test_a_draft_of_another_living_process_is_left_alone(
    store: Store, database_url: str, open_store: OpenStore
) -> None:
    session = a_conversation(store, "question")
    with subprocess.Popen(
        [sys.executable, "-c", DIES, database_url, session.id], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    ) as child:
        assert child.stdout
        draft = child.stdout.readline().decode().strip()
        other = open_store()
        assert other.recover_drafts() == []
        assert (other.get_message(draft).status, other.get_message(draft).text) == ("streaming", "last words")
        with pytest.raises(Busy):
            other.open_draft(session.id)
        assert other.request_stop(draft)
        child.communicate()
    assert store.get_message(draft).status == "interrupted"


def test_closing_the_store_ends_its_drafts(store: Store, open_store: OpenStore) -> None:
    other = open_store()
    session = a_conversation(store, "question")
    draft = other.open_draft(session.id)
    other.extend_draft(draft.id, Text("half"), offset=0)
    other.close()
    message = store.get_message(draft.id)
    assert (message.status, message.text) == ("interrupted", "half")


@pytest.mark.parametrize("verb", ["extend_draft", "close_draft", "request_stop"])
def test_an_unknown_draft_is_not_found(store: Store, verb: str) -> None:
    more = {"offset": 0} if verb == "extend_draft" else {}
    with pytest.raises(NotFound):
        getattr(store, verb)(NO_ID, **more)


def test_a_finished_message_is_no_draft(store: Store) -> None:
    session = a_conversation(store, "one", "two")
    with pytest.raises(Conflict):
        store.extend_draft(str(session.head_id), Text("x"), offset=0)
    assert store.request_stop(str(session.head_id)) is False
    assert texts(store, session.id) == ["one", "two"]


def test_what_cannot_be_stored_does_not_spoil_the_draft(store: Store) -> None:
    _, draft = a_draft(store)
    with pytest.raises(Invalid):
        store.extend_draft(draft, Text("\ud800"), offset=0)
    assert store.extend_draft(draft, Text("a\0b"), offset=0).offset == 3
    assert store.close_draft(draft).text == "a\0b"


def test_a_draft_of_nothing_closes_as_an_empty_message(store: Store) -> None:
    session, draft = a_draft(store)
    assert store.close_draft(draft, status="error", error="refused").parts == ()
    assert ids(list(store.messages(session)))[-1] == draft
    assert say(store, session, "again")[0].parent_id == draft


def test_a_long_draft_in_many_pieces_is_whole(store: Store) -> None:
    _, draft = a_draft(store)
    pieces = [f"piece {n} " for n in range(300)]
    offset = 0
    for piece in pieces:
        offset = store.extend_draft(draft, Text(piece), offset=offset).offset
    assert store.close_draft(draft).text == "".join(pieces)


def test_a_draft_closes_together_with_the_results_of_its_calls(store: Store) -> None:
    session, draft = a_draft(store)
    store.extend_draft(draft, CALL, offset=0)
    results = [
        palaver.tool_result("call-1", "list_dir", "a.log", metadata={"durationMs": 3}),
        palaver.tool_result("call-2", "list_dir", "gone", is_error=True),
    ]
    answer = store.close_draft(draft, results=results)
    assert ids(list(store.messages(session)))[-3:] == [answer.id, *ids(results)]
    assert store.get_session(session).head_id == results[-1].id
    assert store.close_draft(draft, results=results) == answer
    assert store.get_session(session).message_count == 4


def test_a_draft_whose_results_cannot_be_stored_stays_open(store: Store) -> None:
    _, draft = a_draft(store)
    with pytest.raises(Invalid):
        store.close_draft(draft, results=[palaver.tool_result("call-1", "list_dir", "\ud800")])
    assert store.get_message(draft).status == "streaming"
