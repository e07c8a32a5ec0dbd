"""A history that comes in from outside without ids is recognised by what was said."""

from typing import Any

import pytest

import palaver
from palaver import NewMessage, NotFound, Reasoning, Store, Text, ToolCall
from tests.support.factories import a_conversation, a_question, an_answer, say

CALL = ToolCall("call-1", "look_up", {"word": "rose", "deep": True})


def history(*texts: str) -> list[NewMessage]:
    """Questions and answers by turns, as a client sends them: with ids of nobody."""
    return [(a_question, an_answer)[at % 2](text) for at, text in enumerate(texts)]


def found(store: Store, *texts: str, **fields: Any) -> tuple[str, str, int] | None:
    match = store.match_history(history(*texts), **fields)
    return (match.session_id, match.message_id, match.count) if match is not None else None


def test_the_longest_beginning_that_is_stored_is_found(store: Store) -> None:
    session = a_conversation(store, *"abcdef")
    ids = [message.id for message in store.messages(session.id)]
    for count in range(1, 7):
        assert found(store, *"abcdef"[:count]) == (session.id, ids[count - 1], count)
        assert found(store, *"abcdef"[:count], "x", "y", "z") == (session.id, ids[count - 1], count)
    assert found(store, "x", *"bcdef") is None
    assert store.match_history([]) is None


@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_a_long_history_is_found_as_far_as_it_goes(store: Store, length: int) -> None:
    said = [str(number) for number in range(40)]
    session = a_conversation(store, *said[:length])
    match = found(store, *said, "and now?")
    assert match is not None
    assert match[2] == length
    assert match[0] == session.id


def test_an_answer_that_differs_is_not_the_same_history(store: Store) -> None:
    session = a_conversation(store, "a", "b", "c", "d")
    first = next(iter(store.messages(session.id)))
    assert found(store, "a", "B", "c") == (session.id, first.id, 1)


def test_the_newest_of_equal_histories_is_taken(store: Store) -> None:
    a_conversation(store, "a", "b")
    newer = a_conversation(store, "a", "b")
    assert found(store, "a", "b", "c") == (newer.id, newer.head_id, 2)


def test_system_messages_and_notes_and_thoughts_do_not_count(store: Store) -> None:
    session = store.create_session()
    stored = store.append(
        session.id,
        palaver.system("Be brief."),
        palaver.note("begun"),
        a_question("a"),
        NewMessage(role="assistant", parts=(Reasoning("hm"), Text("b"))),
    )
    asked = [palaver.system("Be long."), a_question("a"), an_answer("b"), a_question("c")]
    match = store.match_history(asked)
    assert match is not None
    assert (match.message_id, match.count) == (stored[-1].id, 3)


def test_calls_and_results_are_recognised(store: Store) -> None:
    session = a_conversation(store, "a")
    store.append(
        session.id,
        NewMessage(role="assistant", parts=(CALL,)),
        result := palaver.tool_result("call-1", "look_up", "a flower"),
    )
    asked = [
        a_question("a"),
        NewMessage(
            role="assistant", parts=(ToolCall("other-id", "look_up", {"deep": True, "word": "rose"}),)
        ),
        palaver.tool_result("other-id", "look_up", "a flower"),
    ]
    match = store.match_history(asked)
    assert match is not None
    assert (match.message_id, match.count) == (result.id, 3)


def test_within_a_session_no_other_is_looked_at(store: Store) -> None:
    older = a_conversation(store, "a", "b")
    a_conversation(store, "a", "b", "c")
    assert found(store, "a", "b", "c", session_id=older.id) == (older.id, older.head_id, 2)
    assert found(store, "x", session_id=older.id) is None


def test_what_is_in_the_trash_is_not_gone_on_with(store: Store) -> None:
    session = a_conversation(store, "a", "b")
    store.trash_session(session.id)
    assert found(store, "a", "b", "c") is None
    other = a_conversation(store, "d", "e", "f")
    _, answer, _ = store.messages(other.id)
    store.trash_message(answer.id)
    assert found(store, "d", "e", "g") == (other.id, next(iter(store.messages(other.id))).id, 1)


def test_a_strangers_history_is_not_found(store: Store, stranger: Store) -> None:
    session = a_conversation(store, "a", "b")
    assert found(stranger, "a", "b") is None
    with pytest.raises(NotFound):
        stranger.match_history(history("a"), session_id=session.id)


def test_an_answer_being_written_is_no_history_yet(store: Store) -> None:
    session = a_conversation(store, "a")
    draft = store.open_draft(session.id)
    store.extend_draft(draft.id, Text("b"), offset=0)
    assert found(store, "a", "b", "c") == (session.id, draft.parent_id, 1)
    store.close_draft(draft.id)
    assert found(store, "a", "b", "c") == (session.id, draft.id, 2)
    say(store, session.id, "c")
    assert found(store, "a", "b", "c", "d") == (session.id, store.get_session(session.id).head_id, 3)
