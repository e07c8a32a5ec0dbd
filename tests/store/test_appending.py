"""Appending: order, head, identity."""

import threading
from itertools import pairwise
from typing import Any, cast

import msgspec
import pytest

import palaver
from palaver import (
    Conflict,
    Event,
    Invalid,
    NewMessage,
    NotFound,
    Opaque,
    Reasoning,
    Store,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from palaver.context import tokens
from palaver.model import Origin, Role, Time
from palaver.wire import parse_time
from tests.support.factories import NO_ID, a_conversation, a_question, an_answer, ids, say, texts

EVERY_FIELD = palaver.assistant(
    "Here it is.",
    parts=(
        Reasoning("Let me think."),
        ToolCall("call-1", "list_dir", {"path": "logs", "deep": [1, 2.5, None, True, "é"]}),
        ToolResult("call-1", "list_dir", {"entries": ["a.log"]}, "1 entry", True),
        Event("mode.changed", {"from": "a", "to": "b"}),
        Opaque("chatgpt", {"content_type": "tether_quote"}),
    ),
    status="interrupted",
    error="The line was cut.",
    in_context=False,
    model="gemma3:4b",
    provider="ollama",
    usage=Usage(input_tokens=10, output_tokens=20, cached_tokens=3, reasoning_tokens=4),
    created_at=parse_time("2026-01-27T09:00:00.123Z"),
    metadata={"a": {"b": [1]}},
    origin=Origin(source="ollm", id="17"),
)


def test_what_was_appended_comes_back_in_order(store: Store) -> None:
    session = store.create_session()
    stored = store.append(session.id, a_question("one"), an_answer("two"), a_question("three"))
    assert [message.text for message in stored] == ["one", "two", "three"]
    assert list(store.messages(session.id)) == stored


def test_every_field_comes_back_as_it_was_given(store: Store) -> None:
    session = store.create_session()
    (stored,) = store.append(session.id, EVERY_FIELD)
    for field in msgspec.structs.fields(NewMessage):
        assert getattr(stored, field.name) == getattr(EVERY_FIELD, field.name), field.name
    assert store.get_message(stored.id) == stored
    assert list(store.messages(session.id)) == [stored]


def test_each_message_is_the_parent_of_the_next(store: Store) -> None:
    session = store.create_session()
    one, two, three = say(store, session.id, "one", "two", "three")
    assert (one.parent_id, two.parent_id, three.parent_id) == (None, one.id, two.id)


def test_positions_count_from_one_without_gaps(store: Store) -> None:
    session = store.create_session()
    first = say(store, session.id, "one", "two")
    second = say(store, session.id, "other root", parent_id=None)
    third = say(store, session.id, "branch", parent_id=first[0].id)
    assert [message.position for message in [*first, *second, *third]] == [1, 2, 3, 4]


def test_a_failed_append_uses_up_no_position(store: Store) -> None:
    session = store.create_session()
    with pytest.raises(Invalid):
        store.append(session.id, a_question("good"), a_question("bad \ud800"))
    (stored,) = store.append(session.id, a_question("next"))
    assert stored.position == 1


def test_an_append_without_a_parent_goes_to_the_head(store: Store) -> None:
    session = store.create_session()
    one, _ = say(store, session.id, "one", "two")
    store.set_head(session.id, one.id)
    (stored,) = store.append(session.id, an_answer("another"))
    assert stored.parent_id == one.id
    assert store.get_session(session.id).head_id == stored.id


def test_the_head_advances_from_the_parent(store: Store) -> None:
    session = store.create_session()
    one, two = say(store, session.id, "one", "two")
    (three,) = store.append(session.id, a_question("three"), parent_id=two.id)
    assert store.get_session(session.id).head_id == three.id
    assert one.id != three.id


def test_the_head_stays_where_somebody_has_moved_it(store: Store) -> None:
    session = store.create_session()
    one, two = say(store, session.id, "one", "two")
    store.append(session.id, an_answer("branch"), parent_id=one.id)
    assert store.get_session(session.id).head_id == two.id


def test_a_new_root_beside_others_leaves_the_head(store: Store) -> None:
    session = store.create_session()
    (one,) = say(store, session.id, "one")
    (root,) = store.append(session.id, a_question("root"), parent_id=None)
    assert root.parent_id is None
    assert store.get_session(session.id).head_id == one.id


def test_a_new_root_is_the_head_where_the_head_is_nothing(store: Store) -> None:
    session = store.create_session()
    (root,) = store.append(session.id, a_question("root"), parent_id=None)
    assert store.get_session(session.id).head_id == root.id


def test_appending_nothing_changes_nothing(store: Store) -> None:
    session = a_conversation(store)
    assert store.append(session.id) == []
    assert store.get_session(session.id) == session


def test_appending_the_same_again_returns_what_is_there(store: Store) -> None:
    session = store.create_session()
    question, answer = a_question(), an_answer()
    first = store.append(session.id, question, answer)
    before = store.get_session(session.id)
    assert store.append(session.id, question, answer) == first
    assert store.get_session(session.id) == before
    assert store.verify().problems == []


def test_a_repeated_beginning_is_continued(store: Store) -> None:
    session = store.create_session()
    question, answer = a_question(), an_answer()
    (first,) = store.append(session.id, question)
    again = store.append(session.id, question, answer)
    assert again[0] == first
    assert again[1].parent_id == first.id
    assert ids(list(store.messages(session.id))) == [question.id, answer.id]


def test_a_repeat_after_more_was_said_is_still_found(store: Store) -> None:
    session = store.create_session()
    question = a_question()
    first = store.append(session.id, question)
    say(store, session.id, "and", "on")
    assert store.append(session.id, question) == first
    assert store.get_session(session.id).message_count == 3


@pytest.mark.parametrize(
    "change",
    [
        {"parts": (Text("other"),)},
        {"role": "note"},
        {"model": "other"},
        {"status": "error"},
        {"error": "other"},
        {"metadata": {"a": 1}},
        {"usage": Usage(input_tokens=1)},
        {"origin": Origin(source="x", id="1")},
        {"created_at": parse_time("2020-01-01T00:00:00Z")},
    ],
)
def test_another_message_under_the_same_id_is_a_conflict(store: Store, change: dict[str, Any]) -> None:
    session = store.create_session()
    question = a_question("first")
    store.append(session.id, question)
    with pytest.raises(Conflict):
        store.append(session.id, msgspec.structs.replace(question, **change))
    assert texts(store, session.id) == ["first"]


def test_the_same_message_below_another_parent_is_a_conflict(store: Store) -> None:
    session = store.create_session()
    one, _ = say(store, session.id, "one", "two")
    question = a_question("three")
    store.append(session.id, question)
    with pytest.raises(Conflict):
        store.append(session.id, question, parent_id=one.id)


def test_an_id_of_another_session_is_a_conflict(store: Store) -> None:
    question = a_question()
    one, two = store.create_session(), store.create_session()
    store.append(one.id, question)
    with pytest.raises(Conflict):
        store.append(two.id, question)
    assert texts(store, two.id) == []


def test_one_id_twice_in_one_append_stores_nothing(store: Store) -> None:
    session = store.create_session()
    question = a_question("one")
    with pytest.raises((Conflict, Invalid)):
        store.append(session.id, question, msgspec.structs.replace(question, parts=(Text("two"),)))
    assert texts(store, session.id) == []


def test_an_origin_is_unique_in_its_session(store: Store) -> None:
    one, two = store.create_session(), store.create_session()
    origin = Origin(source="ollm", id="1")
    store.append(one.id, a_question("a", origin=origin))
    with pytest.raises(Conflict):
        store.append(one.id, a_question("b", origin=origin))
    assert len(store.append(two.id, a_question("c", origin=origin))) == 1


def test_a_parent_of_another_session_is_not_found(store: Store) -> None:
    other = a_conversation(store)
    session = a_conversation(store, "here")
    with pytest.raises(NotFound):
        store.append(session.id, a_question(), parent_id=other.head_id)
    assert texts(store, session.id) == ["here"]


def test_a_message_cannot_be_its_own_ancestor(store: Store) -> None:
    session = store.create_session()
    question = a_question("one")
    with pytest.raises((NotFound, Conflict, Invalid)):
        store.append(session.id, question, parent_id=question.id)
    stored = say(store, session.id, "one", "two")
    twin = a_question("one", id=stored[0].id, created_at=stored[0].created_at)
    with pytest.raises((Conflict, Invalid)):
        store.append(session.id, twin, parent_id=stored[1].id)
    assert texts(store, session.id) == ["one", "two"]


@pytest.mark.parametrize("parent", [NO_ID, "../x", "", "\0", "\ud800"])
def test_an_unknown_parent_is_not_found(store: Store, parent: str) -> None:
    session = store.create_session()
    with pytest.raises(NotFound) as caught:
        store.append(session.id, a_question(), parent_id=parent)
    assert caught.value.id == parent


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"role": "king"}, "role"),
        ({"status": "streaming"}, "status"),
        ({"status": "fine"}, "status"),
        ({"id": "../x"}, "id"),
        ({"id": ""}, "id"),
        ({"parts": (Text("\ud800"),)}, "parts"),
        ({"parts": (ToolCall("1", "x", {"a": "\udc00"}),)}, "parts"),
        ({"parts": (ToolCall("1", "x", {"a": object()}),)}, "parts"),
        ({"parts": (ToolCall("1", "x", {"a": float("inf")}),)}, "parts"),
        ({"parts": ("text",)}, "parts"),
        ({"parts": "text"}, "parts"),
        ({"model": "a\0b"}, "model"),
        ({"provider": "a\x07b"}, "provider"),
        ({"metadata": {"a": "\ud800"}}, "metadata"),
        ({"metadata": {"a": object()}}, "metadata"),
        ({"error": "\ud800"}, "error"),
        ({"usage": Usage(input_tokens=-1)}, "usage"),
        ({"usage": Usage(input_tokens=2**70)}, "usage"),
    ],
)
def test_what_cannot_be_stored_is_invalid_named_and_nothing_is_stored(
    store: Store, change: dict[str, Any], named: str
) -> None:
    session = store.create_session()
    bad = msgspec.structs.replace(a_question("bad"), **change)
    with pytest.raises(Invalid) as caught:
        store.append(session.id, a_question("good"), bad)
    assert named in (caught.value.field or "")
    assert texts(store, session.id) == []
    assert store.search("good").items == []


BODIES = [
    "",
    "\0",
    "a\0b\0",
    "a\r\nb\rc\n",
    "\ufeffbom",
    "é e\u0301",
    "\U0010ffff\ufffe\uffff",
    "😀" * 1000,
    "</script><script>alert(1)</script>",
    "'; DROP TABLE message; --",
    "{" * 2000,
    "x" * 3_000_000,
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("role", ["user", "assistant", "system", "tool", "note"])
def test_any_text_comes_back_as_it_went_in(store: Store, body: str, role: Role) -> None:
    session = store.create_session()
    store.append(session.id, NewMessage(role=role, parts=(Text(body),)))
    (stored,) = store.messages(session.id)
    assert stored.parts == (Text(body),)
    assert store.verify().problems == []


def test_a_message_of_no_parts_comes_back_with_none(store: Store) -> None:
    session = store.create_session()
    (stored,) = store.append(session.id, NewMessage(role="assistant", parts=()))
    assert stored.parts == ()
    assert list(store.messages(session.id)) == [stored]


def test_two_texts_are_not_joined(store: Store) -> None:
    session = store.create_session()
    (stored,) = store.append(session.id, NewMessage(role="user", parts=(Text("a"), Text("b"))))
    assert store.get_message(stored.id).parts == (Text("a"), Text("b"))


def test_numbers_of_a_call_keep_their_kind(store: Store) -> None:
    session = store.create_session()
    args = {"whole": 1, "real": 1.0, "big": 2**53 + 1, "small": 5e-324, "none": None, "yes": True}
    (stored,) = store.append(session.id, palaver.assistant("", parts=(ToolCall("1", "f", args),)))
    (part,) = store.get_message(stored.id).parts
    assert isinstance(part, ToolCall)
    assert {k: (v, type(v)) for k, v in part.args.items()} == {k: (v, type(v)) for k, v in args.items()}


def test_a_message_without_a_time_gets_that_of_the_commit(store: Store) -> None:
    session = store.create_session()
    before = Time.current()
    (stored,) = store.append(session.id, a_question())
    assert before <= stored.created_at <= Time.current()


def test_every_stored_message_has_a_digest_of_its_own(store: Store) -> None:
    session = store.create_session()
    stored = say(store, session.id, "same", "same", "same")
    digests = {message.digest for message in stored}
    assert len(digests) == 3
    assert all(digest and digest.startswith("b2:") and len(digest) == 3 + 32 for digest in digests)


def test_histories_that_read_alike_have_the_same_match_key(store: Store) -> None:
    one, two = store.create_session(system_prompt="a"), store.create_session(system_prompt="b")
    first = say(store, one.id, "one", "two")
    store.append(two.id, palaver.note("Started."))
    second = say(store, two.id, "one", "two")
    assert [message.match_key for message in first] == [message.match_key for message in second]
    assert first[0].match_key != first[1].match_key


def test_counts_follow_what_is_said(store: Store) -> None:
    session = store.create_session()
    assert store.append(session.id, a_question("x" * 10), an_answer("y", usage=Usage(output_tokens=50)))
    store.append(session.id, palaver.note("not sent"))
    after = store.get_session(session.id)
    assert after.message_count == 3
    assert after.token_count == sum(map(tokens.count, store.messages(session.id))) == 53


def test_tokens_are_those_of_the_heads_branch(store: Store) -> None:
    session = store.create_session()
    one, _ = say(store, session.id, "x" * 40, "y" * 400)
    store.append(session.id, an_answer("z" * 4), parent_id=one.id)
    assert store.get_session(session.id).token_count == 110
    store.set_head(session.id, one.id)
    assert store.get_session(session.id).token_count == 10


def test_a_tool_call_and_its_result_are_stored_in_one_step(store: Store) -> None:
    session = a_conversation(store)
    result = {"llmContent": "a.log", "returnDisplay": "1 entry"}
    call, answer = store.record_tool_call(
        session.id, id="call-1", name="list_dir", args={"path": "logs"}, result=result
    )
    assert (call.role, call.parts) == ("assistant", (ToolCall("call-1", "list_dir", {"path": "logs"}),))
    assert (answer.role, answer.parts) == ("tool", (ToolResult("call-1", "list_dir", "a.log", "1 entry"),))
    assert answer.parent_id == call.id
    assert ids(list(store.messages(session.id)))[-2:] == [call.id, answer.id]


def test_a_failed_tool_call_says_so(store: Store) -> None:
    session = a_conversation(store)
    result = {"llmContent": {"code": 2}, "isError": True}
    _, answer = store.record_tool_call(session.id, id="c", name="run", args={}, result=result)
    assert answer.parts == (ToolResult("c", "run", {"code": 2}, None, True),)


@pytest.mark.parametrize("result", [{}, {"llmContent": "x", "returnDisplay": 5}, {"llmContent": "\ud800"}])
def test_a_result_of_another_shape_is_invalid(store: Store, result: dict[str, Any]) -> None:
    session = a_conversation(store, "here")
    with pytest.raises(Invalid):
        store.record_tool_call(session.id, id="c", name="run", args={}, result=result)
    assert texts(store, session.id) == ["here"]


def test_a_tool_call_to_an_unknown_session_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="Session not found"):
        store.record_tool_call(NO_ID, id="c", name="run", args={}, result={"llmContent": ""})


def test_many_messages_in_one_append_are_one_step(store: Store) -> None:
    session = store.create_session()
    stored = store.append(session.id, *[a_question(f"number {n}") for n in range(1_000)])
    assert [message.position for message in stored] == list(range(1, 1_001))
    assert list(store.messages(session.id)) == stored


def test_two_writers_without_a_parent_make_one_chain(store: Store) -> None:
    session = store.create_session()

    def write(name: str) -> None:
        for n in range(40):
            store.append(session.id, a_question(f"{name} {n}"))

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chain = list(store.messages(session.id))
    assert [message.position for message in chain] == list(range(1, 81))
    assert all(left.id == right.parent_id for left, right in pairwise(chain))
    for name in "ab":
        own = [message.text for message in chain if message.text.startswith(name)]
        assert own == [f"{name} {n}" for n in range(40)]


def test_an_unknown_role_is_invalid_by_name(store: Store) -> None:
    session = store.create_session()
    with pytest.raises(Invalid, match="king"):
        store.append(session.id, NewMessage(role=cast("Role", "king"), parts=(Text("x"),)))
