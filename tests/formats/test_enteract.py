"""Enteract's `user_chat_sessions.json`, both ways."""

import base64
import json
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import palaver
from palaver import File, Reasoning, Store, Usage, open_store
from palaver.model import Origin
from tests.formats.arbitrary import json_values, names, objects, texts, times
from tests.formats.conftest import NewStore
from tests.formats.files import bring, everything, parsed, taken
from tests.support.factories import a_conversation, say
from tests.support.factories import texts as texts_of

KEYS = [
    "id", "text", "sender", "timestamp", "is_interim", "confidence", "source", "attachments", "thinking", "messageType",
    "metadata",
]  # fmt: skip


def filled(sessions: Any) -> Any:
    """What Enteract reads the same: absent keys are null, the interim flag has its snake-case name."""
    for session in sessions:
        for message in session["history"]:
            if "isInterim" in message:
                message.setdefault("is_interim", message.pop("isInterim"))
            for key in KEYS:
                message.setdefault(key, None)
    return sessions


def a_session(*history: Any, **fields: Any) -> dict[str, Any]:
    return {
        "id": "5b0f7f0e-3c52-4b8e-9d6a-0d9f6a2f1c11",
        "title": "Garden",
        "history": list(history),
        "createdAt": "2025-07-10T08:00:00.000Z",
        "updatedAt": "2025-07-10T08:00:00.000Z",
        "modelId": None,
    } | fields


def a_message(text: str = "Hello", **fields: Any) -> dict[str, Any]:
    return {"id": 1, "text": text, "sender": "user", "timestamp": "2025-07-10T08:00:00.000Z"} | fields


def test_the_example_comes_out_as_it_went_in(store: Store, data: Path) -> None:
    report = bring(store, data / "enteract.json")
    assert report.added == {"session": 2, "message": 4, "file": 1}
    original = filled(json.loads((data / "enteract.json").read_text()))
    assert parsed(store, "enteract") == original


def test_a_native_session_has_exactly_the_keys_enteract_knows(store: Store) -> None:
    session = a_conversation(store, "Hello?", "Hi.", model="gemma3:4b")
    (exported,) = parsed(store, "enteract")
    assert list(exported) == ["id", "title", "history", "createdAt", "updatedAt", "modelId"]
    assert exported["id"] == session.id
    assert [list(message) for message in exported["history"]] == [KEYS, KEYS]
    assert [(message["id"], message["text"], message["sender"]) for message in exported["history"]] == [
        (1, "Hello?", "user"),
        (2, "Hi.", "assistant"),
    ]


def test_calls_results_and_notes_are_readable(store: Store) -> None:
    session = store.create_session()
    store.record_tool_call(session.id, id="c", name="ls", args={"path": "."}, result={"llmContent": "a.log"})
    store.append(session.id, palaver.note("model changed"))
    (exported,) = parsed(store, "enteract")
    assert [(message["sender"], message["text"]) for message in exported["history"]] == [
        ("assistant", '→ ls {"path":"."}'),
        ("system", "a.log"),
        ("system", "model changed"),
    ]


def test_reasoning_model_and_tokens_have_their_places(store: Store) -> None:
    session = store.create_session()
    answer = palaver.assistant("So.", parts=(Reasoning("Hm."),), model="m", usage=Usage(output_tokens=3))
    store.append(session.id, answer)
    (message,) = parsed(store, "enteract")[0]["history"]
    assert message["thinking"] == {"isVisible": False, "content": "Hm.", "isStreaming": False, "steps": []}
    assert message["metadata"] == {"model": "m", "tokens": 3}


def test_an_attachment_with_content_becomes_a_file(store: Store, data: Path) -> None:
    bring(store, data / "enteract.json")
    session = store.list_sessions().items[0]
    (file,) = [part for part in next(store.messages(session.id)).parts if isinstance(part, File)]
    assert (file.name, file.mime) == ("bed.png", "image/png")
    with store.open_file(file.digest) as content:
        assert content.read() == b"\x89PNG\r\n\x1a\n"


def test_a_file_of_ours_is_an_attachment_with_content(store: Store, new_store: NewStore) -> None:
    session = store.create_session()
    store.append(session.id, palaver.user("see", parts=(store.put_file(b"abc", name="a.txt"),)))
    exported = taken(store, "enteract")
    (attachment,) = json.loads(exported)[0]["history"][0]["attachments"]
    assert (attachment["type"], attachment["name"]) == ("document", "a.txt")
    assert base64.b64decode(attachment["base64Data"]) == b"abc"
    other = new_store()
    bring(other, exported)
    assert taken(other, "enteract") == exported


def test_transcription_is_said_by_the_user(store: Store, data: Path) -> None:
    bring(store, data / "enteract.json")
    session = store.list_sessions().items[0]
    spoken = list(store.messages(session.id))[2]
    assert (spoken.role, spoken.metadata["source"]) == ("user", "transcription")


def test_sessions_in_a_wrapper_are_read(store: Store) -> None:
    assert bring(store, {"version": 1, "chats": [a_session(a_message())]}).added == {
        "session": 1,
        "message": 1,
    }


def test_an_empty_list_brings_nothing(store: Store) -> None:
    assert bring(store, b"[]\n").added == {}


def test_messages_with_one_id_are_both_kept(store: Store) -> None:
    bring(store, [a_session(a_message("a"), a_message("b"))])
    session = store.list_sessions().items[0]
    assert texts_of(store, session.id) == ["a", "b"]
    assert [message.origin for message in store.messages(session.id)] == [
        Origin(source="enteract", id="1"),
        Origin(source="enteract", id="1#2"),
    ]


def test_sessions_with_one_id_are_both_kept(store: Store) -> None:
    sessions = [a_session(a_message("a")), a_session(a_message("b"), updatedAt="2025-07-09T08:00:00.000Z")]
    bring(store, sessions)
    assert [session["history"][0]["text"] for session in parsed(store, "enteract")] == ["a", "b"]
    assert bring(store, sessions).added == {}


def test_new_messages_are_numbered_after_the_imported_ones(store: Store) -> None:
    bring(store, [a_session(a_message("a", id=7), a_message("b", id=40))])
    session = store.list_sessions().items[0]
    say(store, session.id, "c", "d")
    assert [message["id"] for message in parsed(store, "enteract")[0]["history"]] == [7, 40, 41, 42]


def test_a_title_changed_here_is_written_and_one_that_was_not_comes_back(store: Store) -> None:
    bring(store, [a_session(a_message(), title="  two  spaces "), a_session(a_message(), id="b", title="")])
    first, second = store.list_sessions().items
    titles = {session["id"]: session["title"] for session in parsed(store, "enteract")}
    assert set(titles.values()) == {"  two  spaces ", ""}
    for session in (first, second):
        store.update_session(session.id, title="Named")
    assert {session["title"] for session in parsed(store, "enteract")} == {"Named"}


def test_a_second_import_changes_nothing(store: Store, data: Path) -> None:
    bring(store, data / "enteract.json")
    before = everything(store)
    report = bring(store, data / "enteract.json")
    assert report.added == {}
    assert report.skipped == []
    assert everything(store) == before


def test_a_file_that_has_grown_adds_its_new_end(store: Store) -> None:
    bring(store, [a_session(a_message("a"))])
    assert bring(store, [a_session(a_message("a"), a_message("b", id=2))]).added == {"message": 1}
    session = store.list_sessions().items[0]
    assert texts_of(store, session.id) == ["a", "b"]


def test_a_message_whose_text_has_changed_is_reported_and_ours_kept(store: Store) -> None:
    bring(store, [a_session(a_message("a"))])
    report = bring(store, [a_session(a_message("changed"))])
    assert "other content" in report.skipped[0].why
    session = store.list_sessions().items[0]
    assert texts_of(store, session.id) == ["a"]


def test_our_own_session_is_recognised_in_its_file(store: Store) -> None:
    session = a_conversation(store, "One", "Two")
    before = everything(store)
    file = parsed(store, "enteract")
    assert bring(store, file).added == {}
    assert everything(store) == before
    file[0]["history"].append(a_message("Three", id=3, timestamp="2099-01-01T00:00:00.000Z"))
    assert bring(store, file).added == {"message": 1}
    assert texts_of(store, session.id) == ["One", "Two", "Three"]


def test_what_is_no_session_or_message_is_named_and_the_rest_comes_in(store: Store) -> None:
    report = bring(store, [a_session(a_message("a"), 7, "x"), 17, a_session(a_message("b"), id="two")])
    assert [each.where for each in report.skipped] == [
        "session 1, message 2",
        "session 1, message 3",
        "session 2",
    ]
    assert report.added == {"session": 2, "message": 2}


def test_a_file_that_was_cut_off_brings_what_stands_whole(store: Store) -> None:
    raw = json.dumps([a_session(a_message("a")), a_session(a_message("b"), a_message("c", id=2), id="two")])
    report = bring(store, raw[:-220])
    assert "not read" in report.skipped[0].why
    assert report.added["session"] >= 1


attachments = st.fixed_dictionaries(
    {"id": names, "type": names, "name": texts, "size": st.integers(0, 9), "mimeType": texts},
    optional={
        "base64Data": st.binary(max_size=6).map(lambda raw: base64.b64encode(raw).decode()) | texts,
        "url": texts,
        "dimensions": objects,
    },
)
thinking = st.fixed_dictionaries(
    {
        "isVisible": st.booleans(),
        "content": texts,
        "isStreaming": st.booleans(),
        "steps": st.lists(objects, max_size=2),
    }
)
details = st.fixed_dictionaries({}, optional={"model": texts, "tokens": json_values, "sources": json_values})
moments = times.map(str) | st.sampled_from(
    ("2025-07-10T10:00:00+02:00", "2025-07-10T08:00:00.123456Z", "yesterday")
)
histories = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.integers(-(2**31), 2**31 - 1) | st.sampled_from((1, 2)),
            "text": texts,
            "sender": st.sampled_from(("user", "assistant", "transcription", "system", "robot")),
            "timestamp": moments,
        },
        optional={
            "is_interim": st.none() | st.booleans(),
            "confidence": st.none() | st.floats(0, 1),
            "source": st.none() | names,
            "attachments": st.none() | st.lists(attachments, max_size=2),
            "thinking": st.none() | thinking,
            "messageType": st.none() | st.sampled_from(("text", "image", "thinking")),
            "metadata": st.none() | details,
            "unknown": json_values,
        },
    ),
    max_size=4,
)
sessions = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str) | names,
        "title": texts,
        "history": histories,
        "createdAt": moments,
        "updatedAt": moments,
    },
    optional={"modelId": st.none() | texts, "folder": json_values},
)


@settings(max_examples=40)
@given(chats=st.lists(sessions, max_size=3, unique_by=lambda chat: str(chat["id"]).lower()))
def test_any_file_comes_out_as_it_went_in(chats: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    with open_store(tmp_path_factory.mktemp("stores") / "a.db") as store:
        report = bring(store, chats)
        assert not report.skipped
        expected = {chat["id"]: {"modelId": None} | chat for chat in filled(chats)}
        assert {chat["id"]: chat for chat in parsed(store, "enteract")} == expected
        before = everything(store)
        assert bring(store, chats).added == {}
        assert everything(store) == before
