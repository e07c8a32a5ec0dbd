"""Looking after: stats, verify, backup, closing."""

import re
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import palaver
from palaver import PalaverError, Store
from tests.conftest import OpenStore
from tests.support.factories import a_conversation, a_question, say, texts


def test_stats_count_what_is_there(store: Store) -> None:
    session = a_conversation(store, "x" * 40, "y" * 40, "z" * 40)
    other = a_conversation(store, "x" * 40)
    store.trash_session(other.id)
    *_, last = store.messages(session.id)
    store.trash_message(last.id)
    store.put_file(b"marigold", name="bed.txt")
    stats = store.stats()
    assert (stats.projects, stats.sessions, stats.trashed_sessions, stats.trashed_messages) == (1, 1, 1, 1)
    assert stats.messages in (2, 3)  # of the sessions that are not trashed, or of all
    assert (stats.files, stats.file_size) == (1, 8)
    assert stats.database_size > 0
    assert stats.schema >= 1
    assert stats.location == store.location


def test_stats_of_an_empty_store_are_zero(store: Store) -> None:
    stats = store.stats()
    assert (stats.projects, stats.sessions, stats.messages, stats.tokens, stats.files) == (0, 0, 0, 0, 0)


def test_an_untouched_store_verifies(store: Store) -> None:
    assert store.verify().problems == []


def test_verify_says_how_many_rows_it_looked_at(store: Store) -> None:
    a_conversation(store, "one", "two", "three")
    a_conversation(store, "one")
    report = store.verify()
    assert report.problems == []
    assert report.checked["messages"] == 4
    assert report.checked["sessions"] == 2


def test_verify_while_others_write_finds_nothing(store: Store) -> None:
    session = a_conversation(store)
    for n in range(5):
        say(store, session.id, f"{n}")
        store.open_draft(session.id)
        assert store.verify().problems == []
        assert store.verify(repair=True).problems == []
        (draft,) = [message for message in store.tree(session.id) if message.status == "streaming"]
        store.close_draft(draft.id)


def test_repair_of_a_sound_store_changes_nothing(store: Store) -> None:
    session = a_conversation(store, "one", "two")
    mark = store.mark()
    assert store.verify(repair=True).problems == []
    assert store.get_session(session.id) == session
    assert store.changes(mark).items == []


def test_a_backup_holds_all_and_opens_as_a_store(store: Store, tmp_path: Path) -> None:
    session = a_conversation(store, "one", "two")
    file = store.put_file(b"marigold", name="bed.txt")
    store.append(session.id, palaver.user("look", parts=(file,)))
    made = store.backup(tmp_path / "copy.db")
    say(store, session.id, "later")
    assert made == tmp_path / "copy.db"
    with palaver.open_store(str(made)) as copy:
        assert texts(copy, session.id) == ["one", "two", "look"]
        assert copy.verify().problems == []
        assert copy.search("two").items
        with copy.open_file(file.digest) as content:
            assert content.read() == b"marigold"


def test_backups_made_while_others_write_are_each_whole(store: Store, tmp_path: Path) -> None:
    session = store.create_session()
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            store.append(session.id, *[a_question(f"{n}") for n in range(5)])

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    made = [store.backup(tmp_path / f"{n}.db") for n in range(4)]
    done.set()
    for writer in writers:
        writer.join()
    written = [message.id for message in store.messages(session.id)]
    for path in made:
        with palaver.open_store(str(path)) as copy:
            stored = [message.id for message in copy.messages(session.id)]
            assert stored == written[: len(stored)]
            assert len(stored) % 5 == 0
            assert copy.verify().problems == []


def test_a_backup_in_a_folder_gets_a_dated_name(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    made = store.backup(folder)
    assert made.parent == folder
    assert re.search(r"20\d\d-?\d\d-?\d\d", made.name)
    assert palaver.open_store(str(made)).close() is None


def test_a_backup_without_a_place_is_beside_the_database_or_where_the_users_own_is(
    store: Store, tmp_path: Path, home: Path
) -> None:
    assert store.backup().parent in (tmp_path / "backups", home / "palaver" / "backups")


def test_only_so_many_dated_backups_are_kept(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "mine.db").write_text("not a backup")
    made = [store.backup(folder, keep=2) for _ in range(4)]
    assert len(set(made)) == 4
    assert sorted(folder.iterdir()) == sorted([folder / "mine.db", *made[2:]])


def test_a_backup_never_overwrites_a_file(store: Store, tmp_path: Path) -> None:
    there = tmp_path / "precious.db"
    there.write_text("precious")
    with pytest.raises(PalaverError):
        store.backup(there)
    assert there.read_text() == "precious"


def test_a_backup_onto_the_database_itself_is_refused(store: Store, database_url: str) -> None:
    session = a_conversation(store, "one")
    with pytest.raises(PalaverError):
        store.backup(database_url)
    assert texts(store, session.id) == ["one"]


def test_a_backup_makes_the_folder_it_is_to_lie_in(store: Store, tmp_path: Path) -> None:
    session = a_conversation(store, "one")
    with palaver.open_store(str(store.backup(tmp_path / "new" / "copy.db"))) as copy:
        assert texts(copy, session.id) == ["one"]


def test_what_was_written_is_there_when_opened_again(open_store: OpenStore) -> None:
    first = open_store()
    session = a_conversation(first, "one", "two")
    before = list(first.messages(session.id))
    first.close()
    again = open_store()
    assert again.get_session(session.id) == session
    assert list(again.messages(session.id)) == before


def test_closing_twice_is_fine(open_store: OpenStore) -> None:
    store = open_store()
    store.close()
    store.close()


def test_a_closed_store_says_so(open_store: OpenStore) -> None:
    store = open_store()
    session = a_conversation(store)
    store.close()
    for call in (
        lambda: store.get_session(session.id),
        lambda: store.append(session.id, a_question()),
        lambda: list(store.messages(session.id)),
    ):
        with pytest.raises(PalaverError, match="closed"):
            call()


def test_closing_one_actors_view_closes_all(open_store: OpenStore) -> None:
    store = open_store()
    store.as_actor("ann").close()
    with pytest.raises(PalaverError, match="closed"):
        store.list_sessions()


def test_opening_and_closing_many_times_leaves_nothing_open(open_store: OpenStore) -> None:
    folder = Path("/proc/self/fd")
    open_store().close()
    before = len(list(folder.iterdir())) if folder.exists() else 0
    for _ in range(10):
        store = open_store()
        a_conversation(store)
        store.close()
    after = len(list(folder.iterdir())) if folder.exists() else 0
    assert after <= before + 2


def test_a_with_block_closes(open_store: OpenStore) -> None:
    with open_store() as store:
        a_conversation(store)
    with pytest.raises(PalaverError, match="closed"):
        store.list_sessions()


def test_the_location_names_the_place(store: Store, database_url: str) -> None:
    assert Path(urlsplit(database_url).path).name in store.location
