"""Backups: whole and consistent while others write, named by time, thinned only among their own kind."""

import os
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from palaver.errors import Conflict, Invalid, Unavailable
from palaver.storage.sqlite import cipher, copies, schema
from palaver.storage.sqlite.connection import connect
from tests.sqlite.support import a_database, add_rows, contents, count_rows, raw_key

MOMENT = datetime(2026, 11, 21, 8, 30, 5, 42_000, tzinfo=UTC)
KEYS = pytest.mark.parametrize("key", [None, raw_key()], ids=["plain", "encrypted"])


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@KEYS
def test_a_backup_is_a_database_of_its_own(tmp_path: Path, key: cipher.Key | None) -> None:
    path = a_database(tmp_path / "talk.db", key, rows=30)
    made = copies.backup(path, key, tmp_path / "copy.db")
    assert made == tmp_path / "copy.db"
    assert made.stat().st_mode & 0o777 == 0o600
    assert cipher.is_encrypted(made) == (key is not None)
    schema.prepare(made, key)
    with closing(connect(made, key, mode="write")) as connection:
        assert connection.pragma("integrity_check") == "ok"
        add_rows(connection, [100])
    assert (count_rows(made, key), count_rows(path, key)) == (31, 30)


@KEYS
def test_a_backup_made_while_others_write_is_consistent(tmp_path: Path, key: cipher.Key | None) -> None:
    path = a_database(tmp_path / "talk.db", key, rows=2000)
    stop = threading.Event()
    written = [0, 0]

    def write(which: int) -> None:
        with closing(connect(path, key, mode="write")) as connection:
            while not stop.is_set():
                number = 1_000_000 * (which + 1) + written[which]
                add_rows(connection, [number, number + 500_000])
                written[which] += 1

    threads = [threading.Thread(target=write, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    made = []
    for _ in range(10):
        before = sum(written)
        made.append((before, copies.backup(path, key), sum(written)))
    stop.set()
    for thread in threads:
        thread.join()
    for before, copy, after in made:
        with closing(connect(copy, key, mode="read")) as connection:
            assert connection.pragma("integrity_check") == "ok"
            assert connection.pragma("foreign_key_check") is None
        pairs, odd = divmod(count_rows(copy, key) - 2000, 2)
        assert odd == 0, "half a transaction was copied"
        assert before <= pairs <= after + 2
    assert sum(written) > 20


def test_a_backup_without_a_target_is_named_after_the_database_and_the_time(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db")
    made = copies.backup(path, None, moment=MOMENT)
    assert made == tmp_path / "backups" / "talk-20261121-083005-042.db"
    assert copies.backups(path) == [made]


def test_the_time_in_the_name_is_utc(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db")
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=9)))
    assert copies.backup(path, None, moment=elsewhere).name == "talk-20261121-083005-042.db"


def test_two_backups_of_one_millisecond_have_two_names(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db")
    made = [copies.backup(path, None, moment=MOMENT).name for _ in range(3)]
    assert made == [f"talk-20261121-083005-{number:03d}.db" for number in (42, 43, 44)]


def test_a_folder_as_target_gets_a_dated_name(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db")
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    made = copies.backup(path, None, folder, moment=MOMENT)
    assert made == folder / "talk-20261121-083005-042.db"
    assert copies.backups(path, folder) == [made]


def test_a_target_in_a_folder_that_is_not_there_yet_makes_it(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db")
    assert copies.backup(path, None, tmp_path / "a" / "b" / "copy.db").exists()


def test_only_so_many_are_kept_and_no_other_file_is_touched(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db")
    folder = tmp_path / "backups"
    for number in range(5):
        copies.backup(path, None, moment=MOMENT + timedelta(days=number))
    others = [
        "talk-20200101-000000-000.db.txt",
        "talk-20200101-000000-000.db-wal",
        "talk-20200101-000000.db",
        "talk-2020101-000000-000.db",
        "talkative-20200101-000000-000.db",
        "my talk-20200101-000000-000.db",
        "talk-20200101-000000-000 (1).db",
        "talk.db",
    ]
    for name in others:
        (folder / name).write_text("not mine")
    (folder / "talk-20200101-000000-001.db").mkdir()
    last = copies.backup(path, None, keep=2, moment=MOMENT + timedelta(days=9))
    kept = {"talk-20261125-083005-042.db", last.name}
    assert set(names(folder)) == {*others, *kept, "talk-20200101-000000-001.db"}


def test_the_backup_just_made_is_kept_even_when_the_clock_was_set_back(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db")
    for number in range(3):
        copies.backup(path, None, moment=MOMENT + timedelta(days=number))
    last = copies.backup(path, None, keep=1, moment=MOMENT - timedelta(days=100))
    assert names(tmp_path / "backups") == [last.name]


def test_a_stem_with_dots_and_signs_thins_its_own_alone(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.2026 [x]*.db")
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "talk-20200101-000000-000.db").touch()
    first = copies.backup(path, None)
    last = copies.backup(path, None, keep=1)
    assert not first.exists()
    assert names(tmp_path / "backups") == ["talk-20200101-000000-000.db", last.name]


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db", rows=1)
    (tmp_path / "copy.db").write_text("something else")
    before = contents(tmp_path)
    for target in (tmp_path / "copy.db", path):
        with pytest.raises(Conflict, match="is there already"):
            copies.backup(path, None, target)
    assert contents(tmp_path) == before


def test_keeping_none_is_refused(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db")
    with pytest.raises(Invalid, match="at least 1"):
        copies.backup(path, None, keep=0)
    assert not (tmp_path / "backups").exists()


@KEYS
def test_no_space_leaves_no_part_of_a_backup(
    tmp_path: Path, key: cipher.Key | None, full_disk: Callable[[int], Any]
) -> None:
    path = a_database(tmp_path / "talk.db", key, rows=500)
    (tmp_path / "backups").mkdir()
    with full_disk(300_000), pytest.raises(Unavailable, match="backups"):
        copies.backup(path, key)
    assert names(tmp_path / "backups") == []
    assert count_rows(copies.backup(path, key), key) == 500


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path, ordinary_user: Callable[[], Any]) -> None:
    path = a_database(tmp_path / "talk.db")
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    for entry in (tmp_path, path, *tmp_path.glob("talk.db-*")):
        entry.chmod(0o777)
    with ordinary_user(), pytest.raises(Unavailable, match="closed"):
        copies.backup(path, None, folder)
    assert names(folder) == []
    assert os.access(path, os.R_OK)
