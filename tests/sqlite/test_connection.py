"""Every connection has the settings that the promises rest on."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from palaver.errors import Busy, Unavailable
from palaver.storage.sqlite import schema
from palaver.storage.sqlite.connection import connect, has_moved
from palaver.storage.sqlite.inspection import inspect
from tests.sqlite.support import (
    a_database,
    add_rows,
    close_cleanly,
    contents,
    count_rows,
    crash_copy,
    raw_key,
)

FULL = 2
WRITER = {
    "journal_mode": "wal",
    "synchronous": FULL,
    "foreign_keys": 1,
    "secure_delete": 1,
    "temp_store": 2,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "mmap_size": 0,
    "page_size": 4096,
    "wal_autocheckpoint": 4000,
    "journal_size_limit": -1,
    "cache_size": -32768,
    "busy_timeout": 10_000,
}
READER = {**WRITER, "wal_autocheckpoint": 0, "cache_size": -8192}


@pytest.mark.parametrize("key", [None, raw_key()], ids=["plain", "encrypted"])
@pytest.mark.parametrize(("mode", "expected"), [("write", WRITER), ("read", READER)])
def test_every_connection_has_its_settings(tmp_path: Path, mode: Any, expected: Any, key: Any) -> None:
    path = a_database(tmp_path / "talk.db", key)
    with closing(connect(path, key, mode=mode)) as connection:
        assert {name: _pragma(connection, name) for name in expected} == expected
        assert connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, -1)
        assert not connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, -1)


def _pragma(connection: apsw.Connection, name: str) -> Any:
    # mmap_size answers nothing where the file cannot be mapped, as an encrypted one
    return connection.pragma(name) or 0


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db")
    with closing(connect(path, None, mode="read")) as connection, pytest.raises(apsw.ReadOnlyError):
        add_rows(connection, [1])


def test_the_wal_stays_for_the_next_connection(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db", rows=30)
    size = (tmp_path / "talk.db-wal").stat().st_size
    assert size > 30_000
    connect(path, None, mode="write").close()
    assert (tmp_path / "talk.db-wal").stat().st_size == size


def test_a_name_with_signs_that_mean_something_in_an_address(tmp_path: Path) -> None:
    path = a_database(tmp_path / "what? #1 100%25&mode=memory é 日本.db", rows=1)
    assert count_rows(path) == 1
    assert path.exists()


def test_a_link_and_the_file_it_names_are_one_database(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "talk.db"
    link.symlink_to(tmp_path / "elsewhere" / "real.db")
    a_database(link, rows=2)
    assert link.is_symlink()
    assert count_rows(tmp_path / "elsewhere" / "real.db") == 2
    assert sorted(contents(tmp_path)) == [
        "elsewhere",
        *(f"elsewhere/real.db{end}" for end in ("", "-shm", "-wal")),
        "talk.db",
    ]


def test_a_database_in_a_folder_that_may_not_be_written_is_read(
    tmp_path: Path, ordinary_user: Callable[[], Any]
) -> None:
    path = a_database(tmp_path / "closed" / "talk.db", rows=3)
    with closing(connect(path, None, mode="write")) as connection:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    close_cleanly(path)
    path.chmod(0o444)
    path.parent.chmod(0o555)
    before = contents(tmp_path)
    with ordinary_user():
        assert count_rows(path) == 3
        with pytest.raises(Unavailable, match=r"talk\.db"):
            connect(path, None, mode="write")
    assert contents(tmp_path) == before


def test_messages_in_a_wal_that_cannot_be_read_are_never_passed_over(
    tmp_path: Path, ordinary_user: Callable[[], Any]
) -> None:
    made = a_database(tmp_path / "made" / "talk.db")
    closed = tmp_path / "closed"
    closed.mkdir()
    with closing(connect(made, None, mode="write")) as connection:
        add_rows(connection, range(3))
        path = crash_copy(made, closed / "talk.db")
    closed.chmod(0o555)
    with ordinary_user(), pytest.raises(Unavailable, match=r"talk\.db-wal holds messages not yet in it"):
        connect(path, None, mode="read")
    closed.chmod(0o755)
    assert count_rows(path) == 3


def test_what_a_crash_left_in_the_wal_is_there(tmp_path: Path) -> None:
    made = a_database(tmp_path / "talk.db", raw_key())
    with closing(connect(made, raw_key(), mode="write")) as connection:
        add_rows(connection, range(7))
        path = crash_copy(made, tmp_path / "crashed.db")
    assert count_rows(path, raw_key()) == 7


def test_a_file_that_was_replaced_is_noticed(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db")
    with closing(connect(path, None, mode="read")) as connection:
        assert not has_moved(connection)
        path.rename(tmp_path / "other.db")
        assert has_moved(connection)


def test_another_processs_lock_is_waited_for_and_then_named(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db")
    with (
        closing(connect(path, None, mode="write")) as holder,
        closing(connect(path, None, mode="write", timeout=0)) as connection,
    ):
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(apsw.BusyError):
            connection.execute("BEGIN IMMEDIATE")


def test_opening_waits_for_a_program_that_locks_the_whole_file(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db")
    script = """
import apsw, sys
connection = apsw.Connection(sys.argv[1])
connection.pragma("journal_mode", "delete")
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
connection.close()
"""
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        release = threading.Timer(0.3, lambda: other.communicate("go\n"))
        release.start()
        connect(path, None, mode="write").close()
        release.join()


def test_looking_at_a_database_in_use_never_takes_it_for_damaged(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db", raw_key())
    done = threading.Event()

    def write() -> None:
        with closing(connect(path, raw_key(), mode="write")) as connection:
            connection.wal_autocheckpoint(20)
            for start in range(0, 2000, 20):
                add_rows(connection, range(start, start + 20))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    looked = 0
    while not done.is_set():
        assert inspect(path, raw_key())
        looked += 1
    writer.join()
    assert looked > 10


def test_a_database_kept_busy_by_others_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = a_database(tmp_path / "talk.db")
    monkeypatch.setattr("palaver.storage.sqlite.connection.BUSY_TIMEOUT", 0.05)
    with closing(apsw.Connection(str(path))) as holder:
        holder.pragma("journal_mode", "delete")
        holder.execute("BEGIN EXCLUSIVE")
        for opening in (schema.prepare, lambda p, k: connect(p, k, mode="write")):
            with pytest.raises(Busy, match="another process"):
                opening(path, None)
        holder.execute("ROLLBACK")
    assert not os.access(tmp_path / "talk.db-journal", os.F_OK)
