"""Opening the file: what it is is found out without touching it, then every connection gets the same settings.

A file that is refused keeps every byte, and nothing is left beside it.
"""

import errno
import os
import stat
import sys
import time
from array import array
from contextlib import closing
from pathlib import Path
from typing import Literal

import apsw

from palaver.errors import Busy, Corrupt, Invalid, PalaverError, Unavailable
from palaver.storage.sqlite import cipher, faults, place

Mode = Literal["create", "write", "read"]

APPLICATION_ID = 0x50616C61  # "Pala"
PAGE_SIZE = 4096
BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process's write."""

_STATEMENTS = 256
_WRITER_CACHE = -32_768  # KiB
_READER_CACHE = -8_192
_CHECKPOINT_PAGES = 4_000
_PROBES = 4

_FLAGS: dict[Mode, int] = {
    "create": apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE,
    "write": apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE,
    "read": apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READONLY,
}
_CONFIG = (
    (apsw.SQLITE_DBCONFIG_DEFENSIVE, 1),
    (apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
    (apsw.SQLITE_DBCONFIG_DQS_DML, 0),
    (apsw.SQLITE_DBCONFIG_DQS_DDL, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1),
    (apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0),
)


def connect(
    path: Path, key: cipher.Key | None, *, mode: Mode, timeout: float = BUSY_TIMEOUT
) -> apsw.Connection:
    """A connection to Palaver's database at `path`.

    `write` and `read` take an existing one; `read` also one in a folder that may not be written. `create` also takes an
    absent or empty file and leaves it empty; `schema.prepare` uses it. Raises `Invalid` for a key that does not fit or a
    file that is not Palaver's, `Corrupt` for a damaged one, `Unavailable` where it cannot be reached.
    """
    where = str(path)
    header = inspect(path, key, mode)
    place.check(path)
    with faults.translated(where):
        connection = _open(path, mode, key, header)
        try:
            _configure(connection, mode, timeout, new=not header)
        except BaseException:
            connection.close()
            raise
    return connection


def inspect(path: Path, key: cipher.Key | None, mode: Mode) -> bytes:
    """The file's header, empty for a new file. Raises where this file may not be opened so; touches nothing."""
    with faults.translated(str(path)):
        header = _read(path, mode)
    if not header:
        return header
    if header.startswith(cipher.MAGIC):
        if key is not None:
            raise Invalid(f"{path} is not encrypted: open it without a key, or encrypt it first", field="key")
    elif not cipher.looks_encrypted(header):
        raise faults.damaged(str(path), _describe(header))
    elif key is None:
        raise Invalid(f"{path} is encrypted: its key is needed to open it", field="key")
    _probe(path, key, header)
    return header


def _read(path: Path, mode: Mode) -> bytes:
    try:
        kind = path.stat()
    except FileNotFoundError:
        kind = None
    if kind is None or (kind.st_size == 0 and stat.S_ISREG(kind.st_mode)):
        _check_absent(path, mode, exists=kind is not None)
        return b""
    if stat.S_ISDIR(kind.st_mode):
        raise Unavailable(f"{path} is a folder: name a file in it")
    if not stat.S_ISREG(kind.st_mode):
        raise Unavailable(f"{path} is not a file")
    return cipher.read_header(path)


def _check_absent(path: Path, mode: Mode, *, exists: bool) -> None:
    rest = beside(path, "-wal")
    if rest.exists() and rest.stat().st_size:
        what = "empty" if exists else "gone"
        raise Corrupt(
            f"{path} is {what}, but {rest.name} beside it still holds messages: bring the database back from a backup, "
            f"or move {rest.name} away to begin anew",
            where=str(path),
        )
    if mode != "create":
        raise Unavailable(f"there is no database at {path}")


def beside(path: Path, suffix: str) -> Path:
    """The file SQLite keeps beside the database: `-wal`, `-shm` or `-journal`."""
    return path.with_name(path.name + suffix)


def _describe(header: bytes) -> str:
    return "it begins with zeros" if not any(header) else "it does not begin as a database does"


def _probe(path: Path, key: cipher.Key | None, header: bytes) -> None:
    """Read the first page past all locks and journals, so that nothing is written for a wrong key."""
    for attempt in range(_PROBES):
        try:
            found = _application_id(path, key, header)
            break
        except apsw.NotADBError as exc:
            # A checkpoint may be writing this very page; it takes microseconds.
            if attempt == _PROBES - 1:
                raise _unreadable(path, key) from exc
            time.sleep(0.005)
        except apsw.Error as exc:
            raise (faults.translate(exc, str(path)) or _unreadable(path, key)) from exc
    else:
        raise AssertionError
    if found != APPLICATION_ID:
        raise Invalid(f"{path} is a database of another program, not of Palaver: name another file")


def _application_id(path: Path, key: cipher.Key | None, header: bytes) -> int:
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    with closing(apsw.Connection(_uri(path) + "?immutable=1", flags=flags)) as connection:
        if key is not None:
            cipher.apply(connection, key, header)
        return int(connection.pragma("application_id"))


def _unreadable(path: Path, key: cipher.Key | None) -> PalaverError:
    if key is None:
        return faults.damaged(str(path), "its first page cannot be read")
    return Invalid(f"the key does not fit {path} (or the file's first page is damaged)", field="key")


def _open(path: Path, mode: Mode, key: cipher.Key | None, header: bytes) -> apsw.Connection:
    if mode != "read" and header and not os.access(path, os.W_OK):
        # SQLite would silently fall back to reading.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    query = "?immutable=1" if mode == "read" and _is_still(path) else ""
    connection = apsw.Connection(_uri(path) + query, flags=_FLAGS[mode], statementcachesize=_STATEMENTS)
    if key is not None:
        cipher.apply(connection, key, header)
    return connection


def _is_still(path: Path) -> bool:
    """Nobody can be writing: the folder is closed to us, and no journal says that somebody has it open."""
    if os.access(path.parent, os.W_OK) or beside(path, "-shm").exists():
        return False
    rest = beside(path, "-wal")
    if rest.exists() and rest.stat().st_size:
        raise Unavailable(
            f"{path} lies in a folder that may not be written, and {rest.name} holds messages not yet in it: copy both "
            "to a folder of your own and open the copy"
        )
    return True


def _uri(path: Path) -> str:
    return path.absolute().as_uri()


def _configure(connection: apsw.Connection, mode: Mode, timeout: float, *, new: bool) -> None:
    connection.set_busy_timeout(round(timeout * 1000))
    for option, value in _CONFIG:
        connection.config(option, value)
    if new:
        connection.pragma("page_size", PAGE_SIZE)
    elif mode != "read":
        _enter_wal(connection)
    for name, setting in _pragmas(mode):
        connection.pragma(name, setting)
    _keep_wal(connection)


def _enter_wal(connection: apsw.Connection) -> None:
    if connection.pragma("journal_mode") != "wal" and connection.pragma("journal_mode", "wal") != "wal":
        raise Busy("the database is in use by a program that keeps another kind of journal")


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


def _keep_wal(connection: apsw.Connection) -> None:
    # A WAL written over in place costs half of one that grows, so the last connection leaves it for the next.
    flag = array("i", [1])
    connection.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, flag.buffer_info()[0])
