"""Values nobody means well with: an error of the house or an answer, never a fault of what lies below."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

import palaver
from palaver import Filter, Opaque, PalaverError, Store, Text, ToolCall
from tests.support.factories import a_conversation

BAD_TEXTS = ["\ud800", "a\0b", "\U0010ffff", "x" * 1_000_000, "'; --", "%", "\x1b[2J", ""]


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def cyclic() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


FILTERS: dict[str, Callable[[str], Filter]] = {
    "project": lambda text: Filter(project_id=text),
    "session": lambda text: Filter(session_id=text),
    "model": lambda text: Filter(model=text),
    "provider": lambda text: Filter(provider=text),
    "tags": lambda text: Filter(tags=(text, "b")),
}


@pytest.mark.parametrize("field", FILTERS)
@pytest.mark.parametrize("text", BAD_TEXTS, ids=range(len(BAD_TEXTS)))
def test_a_filter_of_any_text_narrows_or_is_refused(store: Store, field: str, text: str) -> None:
    a_conversation(store, "marigold")
    narrowed = FILTERS[field](text)
    for call in (
        lambda: store.search("marigold", filter=narrowed),
        lambda: store.list_sessions(filter=narrowed),
    ):
        try:
            assert call().items == [] or text == ""
        except PalaverError as error:
            assert error.code in ("invalid", "not_found")  # noqa: PT017 - both are right


WORDS = ["project", "session", "role", "model", "tag", "before", "after", "has", "in", "branch"]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("text", BAD_TEXTS, ids=range(len(BAD_TEXTS)))
def test_a_filter_word_of_any_text_is_no_error(store: Store, word: str, text: str) -> None:
    a_conversation(store, "marigold")
    assert isinstance(store.search(f"marigold {word}:{text}").items, list)


VALUES: dict[str, Any] = {
    "a thousand levels": deep(1_000),
    "a hundred thousand levels": deep(100_000),
    "a cycle": cyclic(),
    "bytes": b"x",
    "a set": {1},
    "an object": object(),
    "not a number": float("nan"),
    "infinity": float("inf"),
    "a key that is none": {None: 1},
    "a key that is true": {True: 1},
    "a key that is a tuple": {(1, 2): 3},
    "a lone surrogate": "\ud800",
    "a lone surrogate as a key": {"\ud800": 1},
    "a number of a thousand digits": 10**1_000,
}
PLACES: dict[str, Callable[[Store, str, Any], object]] = {
    "metadata": lambda store, session, value: store.append(session, palaver.user("x", metadata={"a": value})),
    "arguments": lambda store, session, value: store.append(
        session, palaver.assistant("", parts=(ToolCall("1", "f", value),))
    ),
    "opaque": lambda store, session, value: store.append(
        session, palaver.user("", parts=(Opaque("x", value),))
    ),
    "settings": lambda store, session, value: store.update_session(session, settings={"a": value}),
    "a result": lambda store, session, value: store.record_tool_call(
        session, id="1", name="f", args={}, result={"llmContent": value}
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", VALUES)
def test_what_json_cannot_hold_is_refused_or_kept_so_that_it_can_be_read(
    store: Store, place: str, kind: str
) -> None:
    session = a_conversation(store)
    try:
        PLACES[place](store, session.id, VALUES[kind])
    except palaver.Invalid:
        assert store.get_session(session.id) == session
    assert next(iter(store.messages(session.id))).text == "Hello?"
    assert store.get_session(session.id).settings is not None
    assert store.verify().problems == []


CALLS: dict[str, Callable[[Store, str], object]] = {
    "a page of 2^70": lambda store, session: store.list_sessions(limit=2**70),
    "messages of 2^70": lambda store, session: store.list_messages(session, limit=2**70),
    "hits of 2^70": lambda store, session: store.search("x", limit=2**70),
    "changes of 2^70": lambda store, session: store.changes(limit=2**70),
    "changes of none": lambda store, session: store.changes(limit=0),
    "hits of none": lambda store, session: store.search("x", limit=0),
    "keep 2^70": lambda store, session: store.keep_newest(2**70),
    "a window of 2^70": lambda store, session: store.update_session(session, context_size=2**70),
    "a revision of 2^70": lambda store, session: store.update_session(
        session, pinned=True, expected_revision=2**70
    ),
    "an endless lease": lambda store, session: store.open_draft(session, lease=float("inf")),
    "a lease of no number": lambda store, session: store.open_draft(session, lease=float("nan")),
    "a lease of the past": lambda store, session: store.open_draft(session, lease=-1),
    "an offset of 2^70": lambda store, session: store.extend_draft(
        store.open_draft(session).id, Text("x"), offset=2**70
    ),
    "trash of all times": lambda store, session: store.purge_trash(older_than=timedelta.max),
    "trash of the future": lambda store, session: store.purge_trash(older_than=timedelta.min),
    "a backup named NUL": lambda store, session: store.backup("a\0b"),
    "no backup kept": lambda store, session: store.backup(keep=0),
    "an actor of nothing": lambda store, session: store.as_actor(""),
    "an actor named NUL": lambda store, session: store.as_actor("a\0b").create_session(),
    "an actor that is a surrogate": lambda store, session: store.as_actor("\ud800").create_session(),
    "an actor of a million letters": lambda store, session: store.as_actor("x" * 10**6).create_session(),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_number_or_name_beyond_sense_is_refused_or_answered(store: Store, name: str) -> None:
    session = a_conversation(store)
    with suppress(PalaverError):
        CALLS[name](store, session.id)
    assert next(iter(store.messages(session.id))).text == "Hello?"
    assert store.verify().problems == []


def test_an_id_in_another_spelling_is_the_same_id(store: Store) -> None:
    session = store.create_session(id="0190A7C400007000800000000000ABCD")
    assert session.id == "0190a7c4-0000-7000-8000-00000000abcd"
    (stored,) = store.append(session.id.upper(), palaver.user("x", id="0190A7C4-0000-7000-8000-00000000EEEE"))
    again = store.append(session.id, palaver.user("x", id=stored.id))
    assert again == [stored] == [store.get_message(stored.id.replace("-", ""))]
