"""OLLM session files, both ways."""

import copy
import json
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import palaver
from palaver import Event, Reasoning, Store, Text, ToolCall, ToolResult, open_store
from palaver.model import Origin, Time
from tests.formats.arbitrary import names, objects, texts, times
from tests.formats.files import bring, everything, parsed, taken
from tests.support.factories import a_conversation, say
from tests.support.factories import texts as texts_of


@pytest.fixture
def example(data: Path) -> dict[str, Any]:
    """The example file as a value."""
    loaded: dict[str, Any] = json.loads((data / "ollm-session.json").read_text())
    return loaded


def test_calls_stand_between_messages_by_their_time(store: Store, data: Path) -> None:
    bring(store, data / "ollm-session.json")
    session = store.list_sessions().items[0]
    assert [message.role for message in store.messages(session.id)] == [
        "user",
        "assistant",
        "tool",
        "note",
        "assistant",
    ]
    parts = [message.parts for message in store.messages(session.id)]
    assert parts[1] == (ToolCall("call-1", "list_dir", {"path": "logs"}),)
    assert parts[2] == (ToolResult("call-1", "list_dir", "a.log", "1 entry"),)
    assert isinstance(parts[3][0], Event)


def test_a_session_keeps_its_id_dates_model_and_gets_a_title(store: Store, data: Path) -> None:
    bring(store, data / "ollm-session.json")
    session = store.list_sessions().items[0]
    assert session.id == "0c5f3d0a-7a55-4f0d-9b7e-4f0e9b1a2c33"
    assert session.origin == Origin(source="ollm", id=session.id)
    assert (session.model, session.provider) == ("gemma3:4b", "local")
    assert str(session.created_at) == "2026-01-27T09:00:00.000Z"
    assert str(session.updated_at) == "2026-01-27T09:00:06.000Z"
    assert (session.title, session.title_source) == ("List the log files", "first_message")


def test_a_session_file_comes_out_as_it_went_in(store: Store, data: Path) -> None:
    bring(store, data / "ollm-session.json")
    exported = json.loads(taken(store, "ollm"))
    original = json.loads((data / "ollm-session.json").read_text())
    exported["metadata"]["tokenCount"] = original["metadata"]["tokenCount"] = 0
    assert exported == original
    assert list(exported) == list(original)


def test_the_file_is_json_with_two_spaces(store: Store) -> None:
    session = a_conversation(store, "Grüße", "«1»")
    written = taken(store, "ollm").decode()
    assert written == json.dumps(json.loads(written), indent=2, ensure_ascii=False)
    assert json.loads(written)["sessionId"] == session.id


def test_only_what_has_text_stands_under_messages(store: Store) -> None:
    session = store.create_session()
    store.append(session.id, palaver.user("q"), palaver.assistant("a", parts=(Reasoning("hm"),)))
    store.record_tool_call(session.id, id="c", name="n", args={"x": 1}, result={"llmContent": [1]})
    store.append(session.id, palaver.note("model changed"))
    exported = parsed(store, "ollm")
    assert [message["parts"] for message in exported["messages"]] == [
        [{"type": "text", "text": "q"}],
        [{"type": "text", "text": "a"}],
    ]
    assert [(call["id"], call["args"], call["result"]) for call in exported["toolCalls"]] == [
        ("c", {"x": 1}, {"llmContent": [1]})
    ]


def test_calls_with_one_id_are_paired_in_order(store: Store) -> None:
    session = store.create_session()
    for number in range(3):
        store.record_tool_call(
            session.id, id="call_0", name="n", args={"n": number}, result={"llmContent": str(number)}
        )
    calls = parsed(store, "ollm")["toolCalls"]
    assert [(call["args"]["n"], call["result"]["llmContent"]) for call in calls] == [
        (0, "0"),
        (1, "1"),
        (2, "2"),
    ]


def test_the_last_hundred_changes_of_mode_are_written(store: Store) -> None:
    session = store.create_session()
    for number in range(105):
        change = {
            "from": "a",
            "to": "b",
            "timestamp": "2026-01-27T09:00:05.000Z",
            "trigger": "auto",
            "confidence": number,
        }
        store.append(session.id, palaver.NewMessage(role="note", parts=(Event("mode_changed", change),)))
    history = parsed(store, "ollm")["metadata"]["modeHistory"]
    assert [change["confidence"] for change in history] == list(range(5, 105))


def test_an_empty_session_has_all_eight_keys(store: Store) -> None:
    store.create_session()
    exported = parsed(store, "ollm")
    assert list(exported) == [
        "sessionId", "startTime", "lastActivity", "model", "provider", "messages", "toolCalls", "metadata",
    ]  # fmt: skip
    assert exported["metadata"] == {"tokenCount": 0, "compressionCount": 0, "modeHistory": []}


def test_an_id_that_is_no_uuid_is_kept_as_origin_and_given_back(
    store: Store, example: dict[str, Any]
) -> None:
    example["sessionId"] = "session-1769499000000"
    bring(store, example)
    session = store.list_sessions().items[0]
    assert session.origin == Origin(source="ollm", id="session-1769499000000")
    assert parsed(store, "ollm")["sessionId"] == "session-1769499000000"


def test_what_the_file_holds_beyond_is_kept(store: Store, example: dict[str, Any]) -> None:
    example["goal"] = {"status": "active"}
    example["metadata"]["intent"] = "look"
    example["messages"][0]["pinned"] = True
    example["messages"][0]["parts"].append({"type": "image", "data": "x"})
    bring(store, example)
    session = store.list_sessions().items[0]
    assert session.metadata == {"ollm": {"goal": {"status": "active"}, "metadata": {"intent": "look"}}}
    first = next(store.messages(session.id))
    assert first.metadata == {"ollm": {"pinned": True}}
    assert first.parts[1] == palaver.Opaque("ollm", {"type": "image", "data": "x"})


def test_a_second_import_changes_nothing(store: Store, data: Path) -> None:
    bring(store, data / "ollm-session.json")
    before = everything(store)
    report = bring(store, data / "ollm-session.json")
    assert report.added == {}
    assert everything(store) == before


def test_a_file_that_has_grown_adds_its_new_end(store: Store, example: dict[str, Any]) -> None:
    bring(store, example)
    example["messages"].append(
        {
            "role": "user",
            "parts": [{"type": "text", "text": "Thanks"}],
            "timestamp": "2026-01-27T09:01:00.000Z",
        }
    )
    report = bring(store, example)
    assert report.added == {"message": 1}
    session = store.list_sessions().items[0]
    assert texts_of(store, session.id)[-2:] == ["There is one: a.log", "Thanks"]


def test_our_own_session_is_recognised_in_its_file(store: Store) -> None:
    session = a_conversation(store, "One", "Two")
    store.record_tool_call(session.id, id="c", name="n", args={}, result={"llmContent": "r"})
    before = everything(store)
    file = parsed(store, "ollm")
    assert bring(store, file).added == {}
    assert everything(store) == before
    file["messages"].append(
        {"role": "user", "parts": [{"type": "text", "text": "More"}], "timestamp": "2099-01-01T00:00:00.000Z"}
    )
    assert bring(store, file).added == {"message": 1}
    assert texts_of(store, session.id) == ["One", "Two", "", "", "More"]


def test_a_branch_chosen_since_does_not_double_the_first_one(store: Store, example: dict[str, Any]) -> None:
    bring(store, example)
    session = store.list_sessions().items[0]
    store.append(session.id, palaver.user("Edited"), parent_id=None)
    store.set_head(session.id, list(store.tree(session.id))[-1].id)
    before = everything(store)
    bring(store, example)
    assert everything(store) == before


def test_two_actors_may_bring_in_the_same_file(store: Store, data: Path) -> None:
    other = store.as_actor("somebody")
    bring(store, data / "ollm-session.json")
    report = bring(other, data / "ollm-session.json")
    assert report.added == {"session": 1, "message": 5}
    assert bring(other, data / "ollm-session.json").added == {}


def test_a_call_without_result_stays_a_call(store: Store, example: dict[str, Any]) -> None:
    del example["toolCalls"][0]["result"]
    bring(store, example)
    session = store.list_sessions().items[0]
    assert [message.role for message in store.messages(session.id)] == [
        "user",
        "assistant",
        "note",
        "assistant",
    ]
    assert bring(store, example).added == {}


def test_a_folder_comes_in_and_what_cannot_be_read_is_named(store: Store, data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    folder.mkdir()
    (folder / "one.json").write_bytes((data / "ollm-session.json").read_bytes())
    (folder / "two.json").write_bytes(
        b'{"sessionId":"s2","startTime":"2026-01-27T09:00:00Z","messages":[{"role"'
    )
    (folder / "three.json").write_bytes(b"\0\0\0")
    (folder / "four.json").write_bytes((data / "enteract.json").read_bytes())
    snapshots = folder / "session-1" / "snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / "snapshot-a.json").write_bytes((data / "ollm-snapshot-old.json").read_bytes())
    report = bring(store, folder)
    assert {each.where for each in report.skipped} == {"two.json", "three.json", "four.json"}
    assert report.added["session"] == 2
    assert bring(store, folder).added == {}


def test_an_export_to_a_folder_writes_a_file_for_each_session(store: Store, tmp_path: Path) -> None:
    sessions = {a_conversation(store).id, a_conversation(store).id}
    assert palaver.formats.take_out(store, tmp_path, format="ollm") == 2
    assert {path.stem for path in tmp_path.glob("*.json")} == sessions


def test_two_sessions_do_not_fit_in_one_file(store: Store) -> None:
    a_conversation(store)
    a_conversation(store)
    with pytest.raises(palaver.Invalid, match="holds one session"):
        taken(store, "ollm")


entries = st.builds(
    lambda role, said, time: {
        "role": role,
        "parts": [{"type": "text", "text": text} for text in said],
        "timestamp": str(time),
    },
    st.sampled_from(("user", "assistant", "system")),
    st.lists(texts, min_size=1, max_size=2),
    times,
)
calls = st.builds(
    lambda call, name, args, content, display, time: {
        "id": call,
        "name": name,
        "args": args,
        "result": {"llmContent": content} | ({} if display is None else {"returnDisplay": display}),
        "timestamp": str(time),
    },
    names,
    names,
    objects,
    texts | objects,
    st.none() | texts,
    times,
)


@settings(max_examples=25)
@given(
    messages=st.lists(entries, max_size=5),
    tools=st.lists(calls, max_size=4),
    identity=st.uuids(),
    start=times,
)
def test_any_session_comes_out_as_it_went_in(
    messages: list[Any],
    tools: list[Any],
    identity: Any,
    start: Time,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file = {
        "sessionId": str(identity),
        "startTime": str(start),
        "lastActivity": str(start),
        "model": "m",
        "provider": "p",
        "messages": messages,
        "toolCalls": _ids_apart(tools),
        "metadata": {"tokenCount": 0, "compressionCount": 0, "modeHistory": []},
    }
    with open_store(tmp_path_factory.mktemp("stores") / "a.db") as store:
        bring(store, file)
        exported = json.loads(taken(store, "ollm"))
        exported["metadata"]["tokenCount"] = 0
        assert exported == file
        before = everything(store)
        bring(store, file)
        assert everything(store) == before


def _ids_apart(tools: list[Any]) -> list[Any]:
    apart = copy.deepcopy(tools)
    for number, call in enumerate(apart):
        call["id"] += str(number)
    return apart


def test_text_of_a_message_without_parts_is_kept(store: Store, example: dict[str, Any]) -> None:
    example["messages"][0] = {"role": "user", "content": "plain", "timestamp": "2026-01-27T09:00:00.000Z"}
    bring(store, example)
    session = store.list_sessions().items[0]
    assert next(store.messages(session.id)).parts == (Text("plain"),)
    assert say(store, session.id, "on")
