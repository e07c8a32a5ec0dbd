"""What the tests of the SQLite file share: databases with something in them, and folders as they were."""

import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from palaver.storage.sqlite import cipher, schema
from palaver.storage.sqlite.connection import connect
from palaver.storage.sqlite.inspection import beside

NEEDLE = "a needle in the haystack"
RAW_KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))

Folder = dict[str, tuple[int, bytes]]


def raw_key(secret: bytes = RAW_KEY) -> cipher.Key:
    return cipher.derive(None, secret)


def a_database(path: Path, key: cipher.Key | None = None, *, rows: int = 0) -> Path:
    """A database of this version, `rows` files of 1,000 bytes in it."""
    schema.prepare(path, key)
    if rows:
        with closing(connect(path, key, mode="write")) as connection:
            add_rows(connection, range(rows))
    return path


def add_rows(connection: apsw.Connection, numbers: Sequence[int]) -> None:
    with connection:
        for number in numbers:
            values = (number.to_bytes(32), 1000, 0)
            connection.execute("INSERT INTO file (digest, size, created_at) VALUES (?, ?, ?)", values)
            body = (NEEDLE * 50)[:1000].encode()
            connection.execute(
                "INSERT INTO file_chunk VALUES (?, 0, ?)", (connection.last_insert_rowid(), body)
            )


def count_rows(path: Path, key: cipher.Key | None = None) -> int:
    with closing(connect(path, key, mode="read")) as connection:
        return int(connection.execute("SELECT count(*) FROM file_chunk").get)


def execute(path: Path, key: cipher.Key | None, sql: str, *values: Any) -> Any:
    with closing(connect(path, key, mode="write")) as connection:
        return connection.execute(sql, values).get


def close_cleanly(path: Path) -> None:
    """Take away what the last connection leaves for the next, so that the file stands alone."""
    for suffix in ("-wal", "-shm"):
        beside(path, suffix).unlink(missing_ok=True)


def crash_copy(path: Path, target: Path) -> Path:
    """The database as a crash would leave it: file and WAL as they are now, no shared memory."""
    for suffix in ("", "-wal"):
        shutil.copyfile(beside(path, suffix), beside(target, suffix))
    return target


def contents(folder: Path) -> Folder:
    """Every name below a folder, with the size and the first megabyte of what it stands for."""
    found = {}
    for entry in sorted(folder.rglob("*")):
        regular = entry.is_file() and entry.stat().st_size
        data = _beginning(entry) if regular else b""
        found[str(entry.relative_to(folder))] = (entry.stat().st_size if regular else 0, data)
    return found


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1 << 20)
