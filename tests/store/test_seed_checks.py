"""The eighteen acceptance checks of the recording service whose session files `mirror="ollm:DIR"` keeps.

Each reads the mirrored file itself, without the store.
"""

import json
import time
from pathlib import Path
from typing import Any

import pytest

import palaver
from palaver import NotFound, Store, ids
from tests.conftest import OpenStore
from tests.support.factories import NO_ID

CALL: dict[str, Any] = {"id": "call-1", "name": "list_dir", "args": {"path": "logs"}}
RESULT = {"llmContent": "a.log", "returnDisplay": "1 entry"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


@pytest.fixture
def store(open_store: OpenStore, folder: Path) -> Store:
    return open_store(mirror=f"ollm:{folder}")


def on_disk(folder: Path, session_id: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / f"{session_id}.json").read_bytes())
    return loaded


def said(folder: Path, session_id: str) -> list[tuple[str, str]]:
    return [(item["role"], item["parts"][0]["text"]) for item in on_disk(folder, session_id)["messages"]]


def test_01_a_new_session_has_a_uuid_and_is_empty_with_model_and_provider(store: Store, folder: Path) -> None:
    session = store.create_session(model="gemma3:4b", provider="local")
    ids.to_bytes(session.id)
    file = on_disk(folder, session.id)
    assert (file["sessionId"], file["model"], file["provider"]) == (session.id, "gemma3:4b", "local")
    assert (file["messages"], file["toolCalls"]) == ([], [])
    assert (file["metadata"]["tokenCount"], file["metadata"]["compressionCount"]) == (0, 0)


def test_02_its_file_exists_immediately(store: Store, folder: Path) -> None:
    session = store.create_session(model="m", provider="p")
    assert (folder / f"{session.id}.json").is_file()


def test_03_a_users_message_is_stored_unchanged(store: Store, folder: Path) -> None:
    session = store.create_session(model="m", provider="p")
    (stored,) = store.append(session.id, palaver.user("List the log files\n\0 é 😀"))
    (item,) = on_disk(folder, session.id)["messages"]
    assert item["role"] == "user"
    assert item["parts"] == [{"type": "text", "text": "List the log files\n\0 é 😀"}]
    assert item["timestamp"] == str(stored.created_at)


def test_04_an_assistants_message_too(store: Store, folder: Path) -> None:
    session = store.create_session(model="m", provider="p")
    store.append(session.id, palaver.assistant("There is a.log."))
    assert said(folder, session.id) == [("assistant", "There is a.log.")]


def test_05_three_messages_keep_their_order(store: Store, folder: Path) -> None:
    session = store.create_session(model="m", provider="p")
    for message in (palaver.user("one"), palaver.assistant("two"), palaver.user("three")):
        store.append(session.id, message)
    assert said(folder, session.id) == [("user", "one"), ("assistant", "two"), ("user", "three")]


def test_06_after_a_record_the_file_holds_it(store: Store, folder: Path) -> None:
    session = store.create_session(model="m", provider="p")
    for n in range(5):
        store.append(session.id, palaver.user(f"{n}"))
        assert len(on_disk(folder, session.id)["messages"]) == n + 1


def test_07_the_last_activity_changes(store: Store, folder: Path) -> None:
    session = store.create_session(model="m", provider="p")
    before = on_disk(folder, session.id)
    time.sleep(0.005)  # so that the two moments differ
    store.append(session.id, palaver.user("one"))
    after = on_disk(folder, session.id)
    assert after["lastActivity"] > before["lastActivity"]
    assert after["startTime"] == before["startTime"]


def test_08_a_tool_call_is_stored_unchanged(store: Store, folder: Path) -> None:
    session = store.create_session(model="m", provider="p")
    store.record_tool_call(session.id, **CALL, result=RESULT)
    (call,) = on_disk(folder, session.id)["toolCalls"]
    assert {name: call[name] for name in ("id", "name", "args", "result")} == CALL | {"result": RESULT}
    assert call["timestamp"].endswith("Z")


def test_09_two_tool_calls_are_in_order(store: Store, folder: Path) -> None:
    session = store.create_session(model="m", provider="p")
    for name in ("first", "second"):
        store.record_tool_call(session.id, id=name, name=name, args={}, result={"llmContent": name})
    assert [call["id"] for call in on_disk(folder, session.id)["toolCalls"]] == ["first", "second"]


def test_10_a_tool_call_is_on_the_disk_at_once(store: Store, folder: Path) -> None:
    session = store.create_session(model="m", provider="p")
    for n in range(3):
        store.record_tool_call(session.id, id=f"{n}", name="f", args={}, result={"llmContent": ""})
        assert len(on_disk(folder, session.id)["toolCalls"]) == n + 1


def test_11_four_messages_and_a_tool_call_are_all_on_disk_in_order(store: Store, folder: Path) -> None:
    session = store.create_session(model="m", provider="p")
    store.append(session.id, palaver.user("one"), palaver.assistant("two"))
    store.record_tool_call(session.id, **CALL, result=RESULT)
    store.append(session.id, palaver.user("three"))
    store.append(session.id, palaver.assistant("four"))
    assert [text for _, text in said(folder, session.id)] == ["one", "two", "three", "four"]
    assert len(on_disk(folder, session.id)["toolCalls"]) == 1


def test_12_without_an_explicit_save_the_data_is_on_disk(open_store: OpenStore, folder: Path) -> None:
    store = open_store(mirror=f"ollm:{folder}")
    session = store.create_session(model="m", provider="p")
    store.append(session.id, palaver.user("one"))
    file = on_disk(folder, session.id)
    store.close()
    assert on_disk(folder, session.id) == file
    assert [message.text for message in open_store().messages(session.id)] == ["one"]


def test_13_the_list_holds_all_ids(store: Store, folder: Path) -> None:
    made = {store.create_session(model="m", provider="p").id for _ in range(3)}
    assert {path.stem for path in folder.glob("*.json")} == made
    for session in made:
        store.append(session, palaver.user("one"))
    assert {session.id for session in store.list_sessions().items} == made


def test_14_the_list_is_newest_activity_first(store: Store, folder: Path) -> None:
    made = [store.create_session(model="m", provider="p").id for _ in range(3)]
    for session in (made[1], made[2], made[0]):
        store.append(session, palaver.user("one"))
        time.sleep(0.005)  # so that the moments differ
    listed = [session.id for session in store.list_sessions().items]
    assert listed == [made[0], made[2], made[1]]
    by_activity = sorted(
        made, key=lambda session: str(on_disk(folder, session)["lastActivity"]), reverse=True
    )
    assert by_activity == listed


def test_15_a_deleted_session_is_gone(store: Store, folder: Path) -> None:
    session = store.create_session(model="m", provider="p")
    store.append(session.id, palaver.user("one"))
    store.trash_session(session.id)
    assert not (folder / f"{session.id}.json").exists()
    store.purge_session(session.id)
    assert store.find_session(session.id) is None
    assert list(folder.glob("*.json")) == []


def test_16_of_five_the_newest_three_are_kept(store: Store, folder: Path) -> None:
    made = [store.create_session(model="m", provider="p").id for _ in range(5)]
    for session in made:
        store.append(session, palaver.user("one"))
    store.keep_newest(3)
    assert {path.stem for path in folder.glob("*.json")} == set(made[2:])
    assert {session.id for session in store.list_sessions().items} == set(made[2:])


def test_17_a_message_to_an_unknown_id_fails(store: Store, folder: Path) -> None:
    with pytest.raises(NotFound, match="Session not found"):
        store.append(NO_ID, palaver.user("one"))
    assert not (folder / f"{NO_ID}.json").exists()


def test_18_a_tool_call_to_an_unknown_id_fails(store: Store, folder: Path) -> None:
    with pytest.raises(NotFound, match="Session not found"):
        store.record_tool_call(NO_ID, **CALL, result=RESULT)
    assert not (folder / f"{NO_ID}.json").exists()
