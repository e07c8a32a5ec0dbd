"""What the described systems were seen to do wrong, each shown not to happen here."""

import asyncio
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import palaver
from palaver import (
    AsyncStore,
    ContextOverflow,
    Corrupt,
    Invalid,
    NewMessage,
    NotFound,
    PalaverError,
    SessionManager,
    Store,
    Text,
)
from palaver.context.prompt import MARKER, Prompt, branch_of, build_prompt
from palaver.model import Origin
from tests.conftest import OpenStore
from tests.support.factories import a_conversation, a_question, an_answer, ids, say, texts
from tests.support.files import damage, fingerprints


def test_01_a_model_swap_keeps_each_models_messages_snapshots_and_checkpoints_apart(store: Store) -> None:
    """One id was reused over model swaps, and mixed models in sessions, snapshots and checkpoints."""
    manager = SessionManager(store, "one")
    first = manager.create_session("one")
    stored = say(store, first.id, "asked of one", "answered by one")
    store.add_checkpoint(first.id, from_id=stored[0].id, through_id=stored[1].id, summary="About one.")
    store.take_snapshot(first.id, name="of one")
    second = manager.create_session("two")
    assert (second.id != first.id, second.model, store.get_session(first.id).model) == (True, "two", "one")
    assert (list(store.list_checkpoints(second.id)), list(store.list_snapshots(second.id))) == ([], [])
    assert texts(store, first.id)[-2:] == ["asked of one", "answered by one"]
    assert "asked of one" not in texts(store, second.id)


def test_01_a_chosen_window_stays_chosen_over_a_swap(store: Store) -> None:
    """A chosen 8k fell back to 4k."""
    manager = SessionManager(store, "one")
    manager.set_pending_context_size(8192)
    assert manager.create_session("two").context_size == 8192


def test_02_snapshots_are_listed_under_their_session_with_all_that_they_hold(
    open_database: OpenStore,
) -> None:
    """The list was always empty, the session id 'default', the model 'unknown', and only recent messages were in it."""
    store = open_database()
    session = a_conversation(store, *[f"{n}" for n in range(40)], model="one")
    other = a_conversation(store)
    taken = store.take_snapshot(session.id, name="before")
    (listed,) = open_database().list_snapshots(session.id)
    assert (listed, listed.session_id) == (taken, session.id)
    assert list(store.list_snapshots(other.id)) == []
    store.clear_session(session.id)
    store.restore_snapshot(taken.id)
    assert texts(store, session.id) == [f"{n}" for n in range(40)]


def test_05_fifty_records_at_once_all_succeed(store: Store) -> None:
    """Of 50 parallel records on one session 49 were rejected."""
    session = store.create_session()

    async def record() -> list[str]:
        opened = AsyncStore(store)
        stored = await asyncio.gather(*[opened.append(session.id, a_question(f"{n}")) for n in range(50)])
        await opened.close()
        return [message.id for (message,) in stored]

    recorded = asyncio.run(record())
    assert len(set(recorded)) == 50


def test_05_what_fifty_recorded_at_once_is_there_in_one_chain(store: Store, open_database: OpenStore) -> None:
    session = store.create_session()
    threads = [
        threading.Thread(target=store.append, args=(session.id, a_question(f"{n}"))) for n in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = list(open_database().messages(session.id))
    assert sorted(int(message.text) for message in stored) == list(range(50))
    assert [message.position for message in stored] == list(range(1, 51))


def test_06_the_limit_of_sessions_is_kept_by_itself(open_database: OpenStore) -> None:
    """maxSessions 3 left 6 files, because nobody called the limiter."""
    store = open_database(max_sessions=3)
    for n in range(6):
        a_conversation(store, f"{n}")
    assert len(store.list_sessions().items) == 3


def test_07_an_id_with_a_path_in_it_reaches_no_file(open_database: OpenStore, tmp_path: Path) -> None:
    """delete with `../secret` removed a file outside the folder."""
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    store = open_database(mirror=f"ollm:{tmp_path / 'sessions'}")
    for name in ("../secret", "../secret.json", str(secret), "..\\secret", "%2e%2e/secret"):
        for verb in (store.trash_session, store.purge_session, store.get_session, store.untrash_session):
            with pytest.raises(NotFound):
                verb(name)
        with pytest.raises(Invalid):
            store.create_session(id=name)
    assert secret.read_text() == "{}"


def test_08_two_handles_do_not_overwrite_each_other(open_database: OpenStore) -> None:
    """The second of two service instances overwrote the first's message."""
    one, two = open_database(), open_database()
    session = one.create_session()
    two.get_session(session.id)
    one.append(session.id, a_question("from one"))
    two.append(session.id, a_question("from two"))
    assert texts(one, session.id) == texts(two, session.id) == ["from one", "from two"]


SECOND = """
import sys, palaver
with palaver.open_store(sys.argv[1]) as store:
    store.append(sys.argv[2], palaver.user("from another process"))
"""


def test_08_two_processes_do_not_overwrite_each_other(store: Store, database_url: str) -> None:
    session = a_conversation(store, "from one")
    subprocess.run([sys.executable, "-c", SECOND, database_url, session.id], check=True)
    say(store, session.id, "from one again")
    assert texts(store, session.id) == ["from one", "from another process", "from one again"]


@pytest.mark.parametrize("content", [b"", b"{", b"not a database at all" * 500, bytes(8192)])
def test_09_a_corrupt_file_is_a_clear_error_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    """A corrupt file gave a raw parse error."""
    path = tmp_path / "palaver.db"
    path.write_bytes(content)
    before = fingerprints(tmp_path)
    if content == b"":
        palaver.open_store(str(path)).close()  # an empty file is a database that was not begun
        return
    with pytest.raises(PalaverError, match=r"palaver\.db"):
        palaver.open_store(str(path))
    assert fingerprints(tmp_path) == before


def test_09_a_corrupt_message_names_itself(database_url: str) -> None:
    with palaver.open_store(database_url) as store:
        session = store.create_session()
        store.append(session.id, palaver.assistant("", parts=(palaver.ToolCall("1", "f", {}),)))
    damage(database_url, "UPDATE message SET body = x'ff00'")
    with palaver.open_store(database_url) as store:
        with pytest.raises(Corrupt) as caught:
            list(store.messages(session.id))
        assert caught.value.where


def test_10_an_emergency_snapshot_is_listed_as_one_and_keeps_settings(store: Store) -> None:
    """Goals were lost in a round trip, and the list said 'recovery' for an emergency."""
    session = a_conversation(store)
    store.update_session(session.id, settings={"goal": {"status": "active", "subtasks": ["a", "b"]}})
    taken = store.take_snapshot(session.id, purpose="emergency")
    store.update_session(session.id, settings={})
    (listed,) = store.list_snapshots(session.id)
    assert listed == taken == store.get_snapshot(taken.id)
    assert listed.purpose == "emergency"
    restored = store.restore_snapshot(taken.id)
    assert restored.settings == {"goal": {"status": "active", "subtasks": ["a", "b"]}}


def test_11_a_restart_on_the_same_id_goes_on_and_overwrites_nothing(open_database: OpenStore) -> None:
    """A history manager restarted on the same id overwrote an old message with a new one."""
    first = open_database()
    session = a_conversation(first, "old")
    first.close()
    second = open_database()
    say(second, session.id, "new")
    assert texts(second, session.id) == ["old", "new"]


def prompt_of(*messages: NewMessage, limit: int, system_prompt: str | None = None) -> Prompt:
    return build_prompt(branch_of(messages), window=limit * 2, reserve=limit, system_prompt=system_prompt)


def test_12_a_newest_message_over_the_limit_is_an_error_and_never_a_prompt_without_it() -> None:
    """The prompt had only the marker left in it."""
    with pytest.raises(ContextOverflow) as caught:
        prompt_of(a_question("old"), a_question("x" * 4_004), limit=1_000)
    assert (caught.value.tokens >= 1_001, caught.value.limit) == (True, 1_000)


def test_12_a_system_prompt_over_the_limit_is_an_error_and_not_sent_anyway() -> None:
    with pytest.raises(ContextOverflow):
        prompt_of(a_question("hello"), limit=1_000, system_prompt="x" * 4_004)


def test_12_what_an_oversized_message_hides_is_not_hidden_silently() -> None:
    """One oversized message in the middle hid everything older, and nothing said so."""
    older, large, newer = a_question("what is older"), an_answer("x" * 8_000), a_question("what is newer")
    prompt = prompt_of(older, large, newer, limit=1_000)
    assert prompt.truncated
    assert prompt.messages[0].parts == (Text(MARKER),)
    assert prompt.messages[-1].id == newer.id


def test_13_a_failed_load_is_not_saved_over(database_url: str) -> None:
    """A load error gave an empty chat, and the autosave overwrote the good file."""
    with palaver.open_store(database_url) as store:
        a_conversation(store, "precious")
    path = Path(database_url)
    good = path.read_bytes()
    path.write_bytes(b"\0" * 100 + good[100:])
    spoilt = path.read_bytes()
    with pytest.raises(PalaverError):
        palaver.open_store(database_url)
    assert path.read_bytes() == spoilt
    path.write_bytes(good)
    with palaver.open_store(database_url) as store:
        (session,) = store.list_sessions().items
        assert texts(store, session.id) == ["precious"]


def test_13_messages_of_two_sessions_may_have_the_same_foreign_ids(store: Store) -> None:
    """Message ids restarted at 1, yet were a global key, so that a save could fail whole."""
    for _ in range(2):
        session = store.create_session()
        for n in range(3):
            origin = Origin(source="enteract", id=f"{n}")
            store.append(session.id, palaver.user(f"{n}", origin=origin))
        assert texts(store, session.id) == ["0", "1", "2"]


def test_13_ids_made_after_a_restart_do_not_collide(database_url: str) -> None:
    script = "import palaver; print('\\n'.join(palaver.user('x').id for _ in range(100)))"
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    made = [line for run in runs for line in run.stdout.split()]
    assert len(set(made)) == 300


def test_13_a_streamed_answer_stays_in_its_session_whatever_is_shown(store: Store) -> None:
    """Streaming wrote to 'the current chat, index n', so that switching corrupted another chat."""
    one, two = a_conversation(store, "one"), a_conversation(store, "two")
    draft = store.open_draft(one.id)
    store.extend_draft(draft.id, Text("for "), offset=0)
    say(store, two.id, "said meanwhile")
    store.trash_session(two.id)
    store.extend_draft(draft.id, Text("one"), offset=4)
    store.close_draft(draft.id)
    assert texts(store, one.id) == ["one", "for one"]
    assert texts(store, two.id) == ["two", "said meanwhile"]


def test_13_nothing_waits_for_a_debounce(open_database: OpenStore, tmp_path: Path) -> None:
    """The debounce was not flushed on exit and pushed back by every chunk."""
    folder = tmp_path / "sessions"
    store = open_database(mirror=f"ollm:{folder}")
    session = store.create_session()
    for n in range(5):
        store.append(session.id, a_question(f"{n}"))
        file = json.loads((folder / f"{session.id}.json").read_text(encoding="utf-8"))
        assert len(file["messages"]) == n + 1


def test_13_the_enteract_file_is_complete_after_an_exit(open_database: OpenStore, tmp_path: Path) -> None:
    file = tmp_path / "user_chat_sessions.json"
    store = open_database(mirror=f"enteract:{file}")
    session = a_conversation(store, "one", "two")
    store.close()
    (chat,) = json.loads(file.read_text(encoding="utf-8"))
    assert chat["id"] == session.id
    assert [item["text"] for item in chat["history"]] == ["one", "two"]
    assert all("is_interim" in item for item in chat["history"])


def test_13_what_is_deleted_asks_nobody_and_comes_back(store: Store) -> None:
    """The confirmation of a deletion vanished in a refactoring; here the trash stands behind every deletion."""
    session = a_conversation(store, "one")
    store.trash_session(session.id)
    store.untrash_session(session.id)
    assert ids(store.list_sessions().items) == [session.id]


def test_15_restoring_a_snapshot_twice_doubles_no_checkpoint(store: Store) -> None:
    """Restoring and ageing duplicated checkpoints."""
    session = a_conversation(store, "one", "two", "three")
    first, second, _ = store.messages(session.id)
    store.add_checkpoint(session.id, from_id=first.id, through_id=second.id, summary="Two things.")
    before = list(store.list_checkpoints(session.id))
    taken = store.take_snapshot(session.id)
    for _ in range(2):
        store.restore_snapshot(taken.id)
    assert list(store.list_checkpoints(session.id)) == before


def test_15_clearing_clears_the_context_and_nothing_else(store: Store) -> None:
    """`/clear` cleared nothing."""
    session = a_conversation(store, "one", "two", system_prompt="Be brief.")
    cleared = store.clear_session(session.id)
    assert texts(store, session.id) == []
    assert (cleared.id, cleared.system_prompt, cleared.message_count) == (session.id, "Be brief.", 2)


def test_15_what_is_shown_as_the_place_of_a_session_is_there(
    open_database: OpenStore, tmp_path: Path
) -> None:
    """The folder that was shown never existed."""
    store = open_database(mirror=f"ollm:{tmp_path / 'sessions'}")
    manager = SessionManager(store, "one")
    say(store, manager.current_session.id, "hello")
    assert Path(manager.session_path()).is_file()


def test_15_a_chat_that_speaks_of_snapshots_is_sent_like_any_other() -> None:
    """A guard against snapshots in prompts would have refused every chat with `snapshot_` in it."""
    prompt = prompt_of(a_question("What is snapshot_1738000000 for?"), limit=1_000)
    assert not prompt.left_out


def test_backups_cover_days_and_not_seconds(store: Store, tmp_path: Path) -> None:
    """Ten backups covered only seconds of streaming; here a backup is made when it is asked for."""
    session = a_conversation(store)
    folder = tmp_path / "backups"
    folder.mkdir()
    kept = store.backup(folder)
    draft = store.open_draft(session.id)
    for n in range(50):
        store.extend_draft(draft.id, Text("x"), offset=n)
    assert list(folder.iterdir()) == [kept]
