"""Connections: every one with the same settings, to a file that was found to be ours before it was touched."""

import errno
import os
import sys
from array import array
from pathlib import Path
from typing import Literal

import apsw

from palaver.errors import Busy, Unavailable
from palaver.storage.sqlite import cipher, faults, place
from palaver.storage.sqlite.inspection import beside, inspect, real, uri

Mode = Literal["create", "write", "read", "alone"]

PAGE_SIZE = 4096
BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process's write."""

_STATEMENTS = 256
_WRITER_CACHE = -32_768  # KiB
_READER_CACHE = -8_192
_CHECKPOINT_PAGES = 4_000
_TRIES = 5

_FLAGS: dict[Mode, int] = {
    "create": apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE,
    "write": apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE,
    "read": apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READONLY,
    "alone": apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE,
}
_CONFIG = (
    (apsw.SQLITE_DBCONFIG_DEFENSIVE, 1),
    (apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
    (apsw.SQLITE_DBCONFIG_DQS_DML, 0),
    (apsw.SQLITE_DBCONFIG_DQS_DDL, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1),
    (apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0),
    # Else every new value of a parameter has its statement planned anew, which takes longer than most statements.
    (apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1),
    # Whoever waited for `encrypt` may have opened the file that was replaced, beside the WAL of the one that replaced it:
    # closing must not copy the one into the other. `_settle` lifts it.
    (apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1),
)


def connect(
    path: Path, key: cipher.Key | None, *, mode: Mode, timeout: float = BUSY_TIMEOUT
) -> apsw.Connection:
    """A connection to Palaver's database at `path`, which `schema.prepare` has made.

    `read` takes one in a folder that may not be written, too; `create` takes an absent or empty file and leaves it empty;
    `alone` keeps everybody else out until it is closed, and is `Busy` at once where somebody has the file open.
    `timeout` is how many seconds it waits for another process's write afterwards. Raises `Invalid` for a key that does
    not fit or a file of another program, `Corrupt` for a damaged one, `Busy` where another process does not let go of it,
    `Unavailable` where it cannot be reached.
    """
    path = real(path)
    place.check(path)
    for _ in range(_TRIES):
        header = inspect(path, key, new=mode == "create")
        with faults.translated(str(path), known=True):
            connection = _open(path, key, header, mode)
        if mode == "create" or not has_moved(connection):
            _settle(connection, mode, timeout)
            return connection
        connection.close()
    raise Busy(f"{path} is being replaced again and again: try later")


def has_moved(connection: apsw.Connection) -> bool:
    """Whether the file's name now stands for another file, or for none."""
    flag = array("i", [0])
    connection.file_control("main", apsw.SQLITE_FCNTL_HAS_MOVED, flag.buffer_info()[0])
    return bool(flag[0])


def _open(path: Path, key: cipher.Key | None, header: bytes, mode: Mode) -> apsw.Connection:
    if mode in ("write", "alone") and not _may_write(
        path
    ):  # SQLite would fall back to reading, without a word
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    query = "?immutable=1" if mode == "read" and _is_still(path) else ""
    connection = apsw.Connection(uri(path, query), flags=_FLAGS[mode], statementcachesize=_STATEMENTS)
    try:
        connection.set_busy_timeout(0 if mode == "alone" else round(BUSY_TIMEOUT * 1000))
        if key is not None:
            cipher.apply(connection, key, header)
        _configure(connection, mode)
    except BaseException:
        connection.close()
        raise
    return connection


def _settle(connection: apsw.Connection, mode: Mode, timeout: float) -> None:
    """The connection holds a lock on the file that has the name, so that nobody can replace it any more."""
    connection.set_busy_timeout(round(timeout * 1000))
    if mode == "write":
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)


def _is_still(path: Path) -> bool:
    """Nobody can be writing: the folder is closed to us, and nothing beside the file says that somebody has it open."""
    if _may_write(path.parent) or beside(path, "-shm").exists():
        return False
    rest = beside(path, "-wal")
    if rest.exists() and rest.stat().st_size:
        raise Unavailable(
            f"{path} is in a folder that may not be written, and {rest.name} holds messages not yet in it: copy both to "
            "a folder of your own and open the copy"
        )
    return True


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _configure(connection: apsw.Connection, mode: Mode) -> None:
    for option, value in _CONFIG:
        connection.config(option, value)
    if mode == "create":
        connection.pragma("page_size", PAGE_SIZE)
    if mode == "alone":
        connection.pragma("locking_mode", "exclusive")  # before the WAL is opened, so that nobody shares it
    if mode in ("write", "alone"):
        _enter_wal(connection)
    for name, setting in _pragmas(mode):
        connection.pragma(name, setting)
    if mode != "create":
        keep_wal(connection, True)
        connection.pragma("application_id")  # the first read takes the lock that is held until close
    if mode == "write":
        _check_writable(connection)


def _check_writable(connection: apsw.Connection) -> None:
    """Raise `apsw.ReadOnlyError` where SQLite fell back to reading the file or its WAL, which it does without a word."""
    if connection.readonly("main"):
        raise apsw.ReadOnlyError("it was opened, but only to be read")
    connection.set_busy_timeout(0)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except apsw.BusyError:
        return  # somebody is writing


def _enter_wal(connection: apsw.Connection) -> None:
    if connection.pragma("journal_mode", "wal") != "wal":
        raise Busy("another program has the database open with another kind of journal: close it")


def _pragmas(mode: Mode) -> list[tuple[str, str | int]]:
    common: list[tuple[str, str | int]] = [
        ("synchronous", "full"),
        ("foreign_keys", 1),
        ("secure_delete", 1),
        ("temp_store", "memory"),
        ("trusted_schema", 0),
        ("cell_size_check", 1),
        # A file that shrinks or a disk that fails under a mapping kills the process; a read only fails.
        ("mmap_size", 0),
        ("journal_size_limit", -1),
        ("cache_size", _READER_CACHE if mode == "read" else _WRITER_CACHE),
        ("wal_autocheckpoint", 0 if mode == "read" else _CHECKPOINT_PAGES),
    ]
    if sys.platform == "darwin":
        common += [("fullfsync", 1), ("checkpoint_fullfsync", 1)]
    return common


def keep_wal(connection: apsw.Connection, keep: bool) -> None:
    """Whether the last connection leaves the WAL for the next: one written over in place costs half of one that grows."""
    flag = array("i", [int(keep)])
    connection.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, flag.buffer_info()[0])
