"""Making the database and bringing it up to date: all or nothing, once, and never backwards."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from palaver import ids
from palaver.errors import Unavailable
from palaver.storage import migrate
from palaver.storage.migrate import Applied, Migration
from palaver.storage.sqlite import cipher, copies, schema
from palaver.storage.sqlite.connection import connect
from palaver.storage.sqlite.inspection import APPLICATION_ID, beside
from tests.sqlite.support import (
    a_database,
    close_cleanly,
    contents,
    count_rows,
    crash_copy,
    execute,
    raw_key,
)

KNOWN = migrate.load("sqlite")
SECOND = Migration(
    len(KNOWN) + 1,
    "labels",
    "CREATE TABLE label (key INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;\n"
    "ALTER TABLE file ADD COLUMN label TEXT;\n"
    "CREATE INDEX file_label ON file (label);",
)
KILLS = 20


def prepare(path: Path, *migrations: Migration, key: cipher.Key | None = None) -> None:
    schema.prepare(path, key, migrations=migrations)


def catalog(path: Path) -> dict[str, Any]:
    """What the schema is, however it came about: every table's and index's columns, and all other definitions."""
    with closing(connect(path, None, mode="read")) as connection:
        rows = list(connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name"))
        tables = [name for kind, name, _ in rows if kind == "table"]
        indexes = [name for kind, name, _ in rows if kind == "index"]
        return {
            "names": [(kind, name) for kind, name, _ in rows],
            "tables": {name: connection.pragma("table_xinfo", name) for name in tables},
            "keys": {name: connection.pragma("foreign_key_list", name) for name in tables},
            "indexes": {name: connection.pragma("index_xinfo", name) for name in indexes},
            "others": [(name, sql) for kind, name, sql in rows if kind not in ("table", "index")],
        }


def test_a_new_database_has_its_mark_its_ledger_and_its_own_id(tmp_path: Path) -> None:
    path = a_database(tmp_path / "new" / "folder" / "talk.db")
    with closing(connect(path, None, mode="read")) as connection:
        assert connection.pragma("application_id") == APPLICATION_ID
        assert schema.applied(connection) == [Applied(m.number, m.name, m.digest) for m in KNOWN]
        ((id, created_at, through, version),) = connection.execute(
            "SELECT id, created_at, indexed_through, index_version FROM store"
        )
    assert ids.to_bytes(ids.from_bytes(id)) == id
    assert abs(created_at - time.time() * 1000) < 60_000
    assert (through, version) == (0, 1)


def test_only_its_owner_may_read_a_new_database(tmp_path: Path) -> None:
    path = a_database(tmp_path / "new" / "talk.db", rows=1)
    modes = [entry.stat().st_mode & 0o777 for entry in (path.parent, *sorted(path.parent.iterdir()))]
    assert modes == [0o700, 0o600, 0o600, 0o600]


def test_nothing_else_is_left_beside_a_new_database(tmp_path: Path) -> None:
    a_database(tmp_path / "talk.db", raw_key())
    assert sorted(contents(tmp_path)) == ["talk.db", "talk.db-shm", "talk.db-wal"]


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "talk.db"
    path.touch()
    a_database(path, rows=1)
    assert count_rows(path) == 1


def test_what_another_program_was_killed_in_is_undone(tmp_path: Path) -> None:
    made = a_database(tmp_path / "made.db", rows=3)
    (tmp_path / "crashed").mkdir()
    path = tmp_path / "crashed" / "talk.db"
    with closing(apsw.Connection(str(made))) as connection:
        connection.pragma("journal_mode", "delete")
        connection.pragma("cache_spill", 1)
        connection.pragma("cache_size", 1)
        connection.execute("BEGIN; UPDATE file_chunk SET data = zeroblob(100000)")
        for suffix in ("", "-journal"):
            beside(path, suffix).write_bytes(beside(made, suffix).read_bytes())
    schema.prepare(path, None)
    assert execute(path, None, "SELECT max(length(data)) FROM file_chunk") == 1000
    assert execute(path, None, "PRAGMA integrity_check") == "ok"


def test_preparing_again_changes_nothing(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db", rows=3)
    before = path.read_bytes()
    schema.prepare(path, None)
    assert path.read_bytes() == before
    assert copies.backups(path) == []


def _open_new(path: Path, start: Any, results: Any, secret: str | None) -> None:
    key = cipher.derive(path, secret) if secret else None
    start.wait()
    schema.prepare(path, key)
    with closing(connect(path, key, mode="write")) as connection:
        results.put(connection.execute("SELECT id FROM store").get)


@pytest.mark.parametrize("secret", [None, "correct horse"], ids=["plain", "encrypted"])
def test_of_several_processes_that_open_a_new_file_one_makes_it_and_all_find_it(
    tmp_path: Path, secret: str | None
) -> None:
    spawn = multiprocessing.get_context("spawn")
    start, results = spawn.Barrier(4), spawn.Queue()
    others = [
        spawn.Process(target=_open_new, args=(tmp_path / "talk.db", start, results, secret)) for _ in range(4)
    ]
    for process in others:
        process.start()
    found = {results.get(timeout=60) for _ in others}
    for process in others:
        process.join()
    assert len(found) == 1
    assert sorted(contents(tmp_path)) == ["talk.db", "talk.db-shm", "talk.db-wal"]


def test_threads_that_open_a_new_file_find_one_database(tmp_path: Path) -> None:
    for number in range(10):
        path = tmp_path / f"{number}.db"
        threads = [threading.Thread(target=schema.prepare, args=(path, None)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert count_rows(path) == 0


def test_killed_while_it_is_made_a_database_is_there_in_whole_or_not_at_all(tmp_path: Path) -> None:
    script = "import sys, pathlib; from palaver.storage.sqlite import schema; print(flush=True); "
    script += "schema.prepare(pathlib.Path(sys.argv[1]), None)"
    chance = random.Random(7)
    for number in range(KILLS):
        path = tmp_path / str(number) / "talk.db"
        _kill_within([sys.executable, "-c", script, str(path)], chance.uniform(0, 0.03))
        assert not path.exists() or path.stat().st_size in (0, _size_of_new(tmp_path))
        a_database(path, rows=1)
        assert count_rows(path) == 1


def _size_of_new(folder: Path) -> int:
    return a_database(folder / "reference.db").stat().st_size


def _kill_within(command: list[str], seconds: float) -> None:
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)


def test_what_a_killed_process_left_is_cleared_away_later(tmp_path: Path) -> None:
    left = tmp_path / ".palaver-0123456789abcdef.new"
    fresh = tmp_path / ".palaver-fedcba9876543210.new"
    for path in (left, fresh, tmp_path / f"{left.name}-journal"):
        path.write_bytes(b"x")
    os.utime(left, (0, 0))
    a_database(tmp_path / "talk.db")
    assert sorted(contents(tmp_path)) == [fresh.name, "talk.db", "talk.db-shm", "talk.db-wal"]


def test_a_migrated_schema_equals_a_fresh_one(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    prepare(old, KNOWN[0])
    prepare(old, *KNOWN, SECOND)
    prepare(new, *KNOWN, SECOND)
    assert catalog(old) == catalog(new)
    assert schema.applied(connect(old, None, mode="read")) == schema.applied(connect(new, None, mode="read"))


@pytest.mark.parametrize("key", [None, raw_key()], ids=["plain", "encrypted"])
def test_a_backup_is_made_before_a_migration(tmp_path: Path, key: cipher.Key | None) -> None:
    path = a_database(tmp_path / "talk.db", key, rows=3)
    prepare(path, *KNOWN, SECOND, key=key)
    (made,) = copies.backups(path)
    with closing(connect(made, key, mode="read")) as connection:
        assert len(schema.applied(connection)) == len(KNOWN)
        assert connection.execute("SELECT count(*) FROM file").get == 3
    assert execute(path, key, "SELECT count(*) FROM label") == 0


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db", rows=3)
    before = catalog(path)
    third = Migration(SECOND.number + 1, "wrong", "CREATE TABLE extra (x); SELECT no_such_column FROM file")
    with pytest.raises(apsw.SQLError, match="no_such_column"):
        prepare(path, *KNOWN, third._replace(number=SECOND.number))
    assert catalog(path) == before
    with pytest.raises(apsw.SQLError, match="no_such_column"):
        prepare(path, *KNOWN, SECOND, third)
    with closing(connect(path, None, mode="read")) as connection:
        assert [row.name for row in schema.applied(connection)][-1] == "labels"


def test_a_migration_may_rebuild_a_table_others_refer_to_but_not_lose_its_rows(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db", rows=3)
    rebuild = (
        "CREATE TABLE file_new (key INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, "
        "created_at INTEGER NOT NULL, note TEXT) STRICT; "
        "INSERT INTO file_new SELECT key, digest, size, created_at, NULL FROM file {where}; "
        "DROP TABLE file; ALTER TABLE file_new RENAME TO file;"
    )
    losing = Migration(SECOND.number, "rebuild", rebuild.format(where="WHERE key > 1"))
    with pytest.raises(AssertionError, match="refer to nothing"):
        prepare(path, *KNOWN, losing)
    assert count_rows(path) == 3
    prepare(path, *KNOWN, losing._replace(sql=rebuild.format(where="")))
    assert execute(path, None, "SELECT count(*) FROM file JOIN file_chunk ON file_key = key") == 3
    assert execute(path, None, "SELECT count(note) FROM file") == 0


def test_processes_that_migrate_at_once_run_each_step_once(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db", rows=3)
    failed: list[BaseException] = []

    def migrate_it() -> None:
        try:
            prepare(path, *KNOWN, SECOND)
        except BaseException as exc:  # noqa: BLE001  (shown below)
            failed.append(exc)

    threads = [threading.Thread(target=migrate_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert execute(path, None, "SELECT count(*) FROM migration") == len(KNOWN) + 1


@pytest.mark.parametrize("key", [None, raw_key()], ids=["plain", "encrypted"])
def test_a_newer_database_is_refused_untouched(tmp_path: Path, key: cipher.Key | None) -> None:
    path = tmp_path / "talk.db"
    prepare(path, *KNOWN, SECOND, key=key)
    close_cleanly(path)
    before = contents(tmp_path)
    words = rf"newer Palaver \(schema {SECOND.number}, this one knows {SECOND.number - 1}\): update Palaver"
    with pytest.raises(Unavailable, match=words):
        prepare(path, *KNOWN, key=key)
    assert contents(tmp_path) == before


def test_a_newer_database_is_noticed_where_only_the_wal_says_so(tmp_path: Path) -> None:
    made = a_database(tmp_path / "made.db")
    (tmp_path / "crashed").mkdir()
    with closing(connect(made, None, mode="write")) as connection:
        connection.execute("INSERT INTO migration VALUES (99, 'later', 'digest', 0)")
        path = crash_copy(made, tmp_path / "crashed" / "talk.db")
    before = {name: path.with_name(name).read_bytes() for name in ("talk.db", "talk.db-wal")}
    with pytest.raises(Unavailable, match="newer Palaver"):
        schema.prepare(path, None)
    assert {name: path.with_name(name).read_bytes() for name in before} == before


def test_a_database_of_another_history_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "talk.db"
    prepare(path, *KNOWN, SECOND)
    close_cleanly(path)
    before = contents(tmp_path)
    with pytest.raises(Unavailable, match=r"migration \d+_labels differs"):
        prepare(path, *KNOWN, SECOND._replace(sql="CREATE TABLE other (x)"))
    assert contents(tmp_path) == before


def test_who_only_reads_is_told_of_an_older_schema(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db")
    with closing(connect(path, None, mode="read")) as connection:
        schema.check(connection, str(path))
        with pytest.raises(Unavailable, match=r"older Palaver.*open it once for writing"):
            schema.check(connection, str(path), [*KNOWN, SECOND])
        with pytest.raises(Unavailable, match="newer Palaver"):
            schema.check(connection, str(path), [])


def test_line_ends_do_not_change_a_migration() -> None:
    assert SECOND._replace(sql=SECOND.sql.replace("\n", "\r\n")).digest == SECOND.digest
    assert SECOND._replace(sql=SECOND.sql + " ").digest != SECOND.digest


def test_migrations_are_numbered_from_one_without_a_gap() -> None:
    assert [migration.number for migration in KNOWN] == list(range(1, len(KNOWN) + 1))


def test_no_space_for_a_new_database_leaves_nothing(tmp_path: Path, full_disk: Callable[[int], Any]) -> None:
    path = tmp_path / "talk.db"
    with full_disk(50_000), pytest.raises(Unavailable, match=r"talk\.db"):
        schema.prepare(path, None)
    assert contents(tmp_path) == {}
    a_database(path)
