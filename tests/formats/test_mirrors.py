"""Plain files in step with a store: complete at every moment, never another one's, never in the way of a verb."""

import json
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import palaver
from palaver import Invalid, Store, Text, open_store
from palaver.storage.mirror import EnteractMirror, Mirror, MirrorFailure, OllmMirror, open_mirror
from tests.conftest import OpenStore
from tests.formats.files import bring
from tests.support.factories import a_conversation, say


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


@pytest.fixture
def mirrored(open_database: OpenStore, folder: Path) -> Store:
    """A store with an `ollm` mirror."""
    return open_database(mirror=f"ollm:{folder}")


def shown(folder: Path, session_id: str) -> Any:
    return json.loads((folder / f"{session_id}.json").read_text())


def said(folder: Path, session_id: str) -> list[str]:
    return [message["parts"][0]["text"] for message in shown(folder, session_id)["messages"]]


def sessions_in(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.json")}


@pytest.mark.parametrize("spec", ["", "ollm", "ollm:", "word:/x", "enteract:", "ollm:/x\0y"])
def test_a_mirror_of_an_unknown_kind_is_refused(spec: str) -> None:
    with pytest.raises(Invalid, match="ollm:DIR or enteract:FILE"):
        open_mirror(spec)


def test_a_file_is_no_folder_and_a_folder_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Invalid, match="no folder"):
        open_mirror(f"ollm:{tmp_path / 'file'}")
    with pytest.raises(Invalid, match="is a folder"):
        open_mirror(f"enteract:{tmp_path}")


def test_what_an_append_stored_stands_in_the_file_when_it_returns(mirrored: Store, folder: Path) -> None:
    session = mirrored.create_session(model="gemma3:4b", provider="local")
    assert shown(folder, session.id)["model"] == "gemma3:4b"
    for count in range(1, 4):
        mirrored.append(session.id, palaver.user(f"message {count}"))
        assert said(folder, session.id) == [f"message {number}" for number in range(1, count + 1)]
    mirrored.record_tool_call(session.id, id="c", name="ls", args={}, result={"llmContent": "a.log"})
    assert [call["id"] for call in shown(folder, session.id)["toolCalls"]] == ["c"]


def test_the_file_shows_the_branch_of_the_head(mirrored: Store, folder: Path) -> None:
    session = a_conversation(mirrored, "One", "Two")
    first = next(mirrored.messages(session.id))
    (other,) = mirrored.append(session.id, palaver.assistant("Another"), parent_id=first.id)
    mirrored.set_head(session.id, other.id)
    assert said(folder, session.id) == ["One", "Another"]
    mirrored.clear_session(session.id)
    assert said(folder, session.id) == []


def test_a_draft_appears_when_it_is_closed(mirrored: Store, folder: Path) -> None:
    session = a_conversation(mirrored, "One")
    draft = mirrored.open_draft(session.id)
    mirrored.extend_draft(draft.id, Text("Tw"), offset=0)
    assert said(folder, session.id) == ["One"]
    mirrored.close_draft(draft.id, parts=[Text("Two")])
    assert said(folder, session.id) == ["One", "Two"]


def test_the_file_goes_with_the_trash_and_comes_back(mirrored: Store, folder: Path) -> None:
    session = a_conversation(mirrored)
    mirrored.trash_session(session.id)
    assert sessions_in(folder) == set()
    mirrored.untrash_session(session.id)
    assert sessions_in(folder) == {session.id}
    mirrored.purge_session(session.id)
    assert sessions_in(folder) == set()


def test_a_trashed_message_leaves_the_file(mirrored: Store, folder: Path) -> None:
    session = a_conversation(mirrored, "One", "secret")
    mirrored.trash_message(list(mirrored.messages(session.id))[1].id)
    assert b"secret" not in (folder / f"{session.id}.json").read_bytes()


def test_imported_sessions_are_mirrored_under_our_ids(mirrored: Store, folder: Path, data: Path) -> None:
    bring(mirrored, data / "enteract.json")
    sessions = mirrored.list_sessions(filter=palaver.Filter(state="any", empty=True)).items
    assert sessions_in(folder) == {session.id for session in sessions}
    assert all(shown(folder, session.id)["sessionId"] == session.id for session in sessions)


def test_fifty_threads_on_one_session_all_find_their_message_in_the_file(
    mirrored: Store, folder: Path
) -> None:
    session = mirrored.create_session()
    missing: list[str] = []

    def record(text: str) -> None:
        mirrored.append(session.id, palaver.user(text))
        if text not in said(folder, session.id):
            missing.append(text)

    threads = [threading.Thread(target=record, args=(str(number),)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []
    assert sorted(said(folder, session.id), key=int) == [str(number) for number in range(50)]
    assert said(folder, session.id) == [message.text for message in mirrored.messages(session.id)]
    assert [path.name for path in folder.iterdir() if path.suffix == ".tmp"] == []


def record_many(url: str, folder: str, session_id: str, name: str, count: int) -> None:
    """Run in a process of its own: each message must stand in the file when its append has returned."""
    with open_store(url, mirror=f"ollm:{folder}") as store:
        for number in range(count):
            store.append(session_id, palaver.user(f"{name} {number}"))
            assert f"{name} {number}" in said(Path(folder), session_id)


def test_two_processes_on_one_session_lose_nothing(database_url: str, mirrored: Store, folder: Path) -> None:
    session = mirrored.create_session()
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=record_many, args=(database_url, str(folder), session.id, name, 25))
        for name in "ab"
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert said(folder, session.id) == [message.text for message in mirrored.messages(session.id)]
    assert len(said(folder, session.id)) == 50


def test_the_time_of_the_last_activity_never_goes_back(mirrored: Store, folder: Path) -> None:
    session = mirrored.create_session()
    seen = [shown(folder, session.id)["lastActivity"]]
    for number in range(10):
        mirrored.append(session.id, palaver.user(str(number)))
        seen.append(shown(folder, session.id)["lastActivity"])
    mirrored.update_session(session.id, title="Named")
    seen.append(shown(folder, session.id)["lastActivity"])
    assert seen == sorted(seen)


def failing(mirror: Callable[..., Mirror], path: Path) -> tuple[Mirror, list[MirrorFailure]]:
    failures: list[MirrorFailure] = []
    return mirror(path, failures.append), failures


def test_a_file_that_is_not_ours_is_left_as_it_is_and_named(store: Store, folder: Path) -> None:
    folder.mkdir()
    session = a_conversation(store, "One")
    path = folder / f"{session.id}.json"
    path.write_bytes(b"\0 not ours")
    mirror, failures = failing(OllmMirror, folder)
    mirror.catch_up(store)
    mirror.session_changed(store, session.id)
    store.purge_session(session.id)
    mirror.session_removed(session.id)
    assert path.read_bytes() == b"\0 not ours"
    assert [
        (failure.session_id, "not written by this mirror" in failure.why) for failure in failures[:2]
    ] == [(session.id, True)] * 2


def test_a_file_another_program_has_changed_is_left_as_it_is(store: Store, folder: Path) -> None:
    session = a_conversation(store, "One")
    mirror, failures = failing(OllmMirror, folder)
    mirror.catch_up(store)
    path = folder / f"{session.id}.json"
    changed = path.read_bytes().replace(b"One", b"Theirs")
    path.write_bytes(changed)
    say(store, session.id, "Two")
    mirror.session_changed(store, session.id)
    store.trash_session(session.id)
    mirror.session_removed(session.id)
    assert path.read_bytes() == changed
    assert len(failures) >= 2


def test_foreign_files_in_the_folder_stay(mirrored: Store, folder: Path) -> None:
    (folder / "session-1769499000000.json").write_text("{}")
    (folder / "notes.txt").write_text("mine")
    session = a_conversation(mirrored)
    mirrored.purge_session(session.id)
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == {
        "session-1769499000000.json",
        "notes.txt",
    }


def test_a_failing_mirror_never_fails_the_verb_and_catches_up(mirrored: Store, folder: Path) -> None:
    session = a_conversation(mirrored, "One")
    away = folder.with_name("away")
    folder.rename(away)
    folder.write_text("in the way")
    mirrored.append(session.id, palaver.assistant("Two"))
    folder.unlink()
    away.rename(folder)
    assert said(folder, session.id) == ["One"]
    a_conversation(mirrored, "elsewhere")
    assert said(folder, session.id) == ["One", "Two"]


def test_a_listener_of_failures_that_fails_disturbs_nobody(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    def listen(failure: MirrorFailure) -> None:
        raise RuntimeError(failure.why)

    OllmMirror(tmp_path / "file", listen).catch_up(store)


def test_opening_writes_what_is_missing_or_behind_and_removes_what_is_gone(
    open_database: OpenStore, folder: Path
) -> None:
    with open_database(mirror=f"ollm:{folder}") as store:
        kept, changed, moved, trashed, missing = (a_conversation(store, "One", "Two") for _ in range(5))
    before = (folder / f"{kept.id}.json").stat().st_mtime_ns
    with open_database() as store:
        say(store, changed.id, "Three")
        store.set_head(moved.id, next(store.messages(moved.id)).id)
        store.trash_session(trashed.id)
    (folder / f"{missing.id}.json").unlink()
    open_database(mirror=f"ollm:{folder}")
    assert sessions_in(folder) == {kept.id, changed.id, moved.id, missing.id}
    assert said(folder, changed.id) == ["One", "Two", "Three"]
    assert said(folder, moved.id) == ["One"]
    assert (folder / f"{kept.id}.json").stat().st_mtime_ns == before


def test_two_databases_may_share_a_folder(new_store: Callable[[], Store], folder: Path) -> None:
    first, second = new_store(), new_store()
    mine, theirs = a_conversation(first), a_conversation(second)
    for store in (first, second, first):
        failing(OllmMirror, folder)[0].catch_up(store)
    assert sessions_in(folder) == {mine.id, theirs.id}


def test_what_a_crash_left_half_written_is_swept_away(store: Store, folder: Path) -> None:
    session = a_conversation(store)
    folder.mkdir()
    left = folder / f".{session.id}.json.0123456789abcdef.tmp"
    left.write_bytes(b'{"sessionId"')
    failing(OllmMirror, folder)[0].catch_up(store)
    assert not left.exists()
    assert sessions_in(folder) == {session.id}


def test_a_torn_ledger_costs_nothing(store: Store, folder: Path) -> None:
    session = a_conversation(store, "One")
    failing(OllmMirror, folder)[0].catch_up(store)
    with (folder / ".palaver-mirror").open("ab") as ledger:
        ledger.write(b'["will","0190')
    say(store, session.id, "Two")
    mirror, failures = failing(OllmMirror, folder)
    mirror.catch_up(store)
    assert failures == []
    assert said(folder, session.id) == ["One", "Two"]
    assert len((folder / ".palaver-mirror").read_bytes().splitlines()) == 6


def test_a_crash_between_the_note_and_the_file_is_caught_up(store: Store, folder: Path) -> None:
    session = a_conversation(store, "One")
    failing(OllmMirror, folder)[0].catch_up(store)
    say(store, session.id, "Two")
    with (folder / ".palaver-mirror").open("ab") as ledger:
        ledger.write(json.dumps(["will", session.id, store.location, "0" * 32]).encode() + b"\n")
    mirror, failures = failing(OllmMirror, folder)
    mirror.catch_up(store)
    assert failures == []
    assert said(folder, session.id) == ["One", "Two"]


def test_the_ledger_does_not_grow_for_ever(store: Store, folder: Path) -> None:
    session = a_conversation(store, "One")
    mirror, _ = failing(OllmMirror, folder)
    for _ in range(3):
        mirror.session_changed(store, session.id)
    ledger = folder / ".palaver-mirror"
    line = json.dumps(["is", session.id, "stale"]).encode() + b"\n"
    with ledger.open("ab") as file:
        file.write(line * 5000)
    mirror.catch_up(store)
    assert ledger.stat().st_size < 2000
    say(store, session.id, "Two")
    mirror.session_changed(store, session.id)
    assert said(folder, session.id) == ["One", "Two"]


@pytest.mark.parametrize("text", ["../secret", "x/../../y", "", "0190a7c4"])
def test_no_text_but_an_id_becomes_part_of_a_path(store: Store, folder: Path, text: str) -> None:
    mirror, _ = failing(OllmMirror, folder)
    with pytest.raises(Invalid):
        mirror.path_of(text)


def enteract_texts(path: Path) -> list[list[str]]:
    return [[message["text"] for message in chat["history"]] for chat in json.loads(path.read_text())]


def test_all_sessions_stand_in_one_file_after_a_moment(open_database: OpenStore, tmp_path: Path) -> None:
    path = tmp_path / "user_chat_sessions.json"
    store = open_database(mirror=f"enteract:{path}")
    a_conversation(store, "One", "Two")
    written = threading.Event()

    def wait() -> None:
        while enteract_texts(path) != [["One", "Two"]]:
            written.wait(0.01)
        written.set()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert written.is_set()


def test_closing_writes_what_is_still_due(open_database: OpenStore, tmp_path: Path) -> None:
    path = tmp_path / "user_chat_sessions.json"
    with open_database(mirror=f"enteract:{path}") as store:
        a_conversation(store, "One")
    assert enteract_texts(path) == [["One"]]


def test_the_end_of_the_process_writes_what_is_still_due(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "user_chat_sessions.json"
    script = (
        "import sys, palaver\n"
        "store = palaver.open_store(sys.argv[1], mirror='enteract:' + sys.argv[2])\n"
        "store.append(store.create_session().id, palaver.user('last words'))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script, database_url, str(path)], check=True, env=environment)
    assert enteract_texts(path) == [["last words"]]


def test_what_goes_to_the_trash_leaves_the_file_at_once(open_database: OpenStore, tmp_path: Path) -> None:
    path = tmp_path / "user_chat_sessions.json"
    store = open_database(mirror=f"enteract:{path}")
    session = a_conversation(store, "secret")
    store.trash_session(session.id)
    assert enteract_texts(path) == []


def test_constant_change_does_not_put_the_file_off_for_ever(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "chats.json"
    mirror, failures = failing(EnteractMirror, path)
    assert isinstance(mirror, EnteractMirror)
    mirror.PATIENCE = 0.2
    session = a_conversation(store, "One")
    tries = 0
    while not path.exists():
        mirror.session_changed(store, session.id)
        tries += 1
        threading.Event().wait(0.01)
        assert tries < 3000
    assert failures == []
    mirror.close()


def test_a_file_of_enteracts_own_is_left_as_it_is(store: Store, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "user_chat_sessions.json"
    path.write_bytes((data / "enteract.json").read_bytes())
    a_conversation(store)
    mirror, failures = failing(EnteractMirror, path)
    mirror.catch_up(store)
    mirror.close()
    assert path.read_bytes() == (data / "enteract.json").read_bytes()
    assert "not written by this mirror" in failures[0].why


def test_closing_twice_is_fine(store: Store, tmp_path: Path) -> None:
    for mirror in (failing(OllmMirror, tmp_path / "m")[0], failing(EnteractMirror, tmp_path / "c.json")[0]):
        mirror.catch_up(store)
        mirror.close()
        mirror.close()
