"""Finding out what a file is without touching it: not a byte of it, nothing beside it, none of SQLite's locks."""

import contextlib
import os
import stat
import time
from contextlib import closing
from pathlib import Path

import apsw

from palaver.errors import Corrupt, Invalid, PalaverError, Unavailable
from palaver.storage.sqlite import cipher, faults

APPLICATION_ID = 0x50616C61  # "Pala"

_SMALLEST = 4096  # bytes: one page
_PAUSE = 0.005  # seconds
_ONE_PAGE = 0.02
_LONGEST_RECOVERY = 2_000  # milliseconds for another process to read through the WAL


def real(path: Path) -> Path:
    """The file itself, where `path` is a link to it: what lies beside it lies beside the file."""
    try:
        str(path).encode("utf-8")
        return Path(os.path.realpath(path))
    except ValueError as exc:  # a name that is no Unicode, or holds NUL
        raise Invalid(f"{os.fspath(path)!r} is not a usable file name") from exc


def beside(path: Path, suffix: str) -> Path:
    """The file SQLite keeps beside the database: `-wal`, `-shm` or `-journal`."""
    return path.with_name(path.name + suffix)


def uri(path: Path, query: str = "") -> str:
    return path.absolute().as_uri() + query


def inspect(path: Path, key: cipher.Key | None, *, new: bool = False) -> bytes:
    """The header of a database that is Palaver's and that the key fits; empty for a new file where `new` allows one.

    Raises `Invalid` for another key or another program's file, `Corrupt` for what is damaged, `Unavailable` for what is
    not there.
    """
    with faults.translated(str(path)):
        header = _read(path, new=new)
    if not header:
        return header
    _check_key(path, key, header)
    if _find_application(path, key) != APPLICATION_ID:
        raise Invalid(f"{path} is a database of another program, not of Palaver: name another file")
    return header


def peek(path: Path, key: cipher.Key | None) -> apsw.Connection:
    """A connection that reads the file alone, past all locks and without what its WAL holds."""
    return _open(path, key, "?immutable=1")


def _open(path: Path, key: cipher.Key | None, query: str = "", *, write: bool = False) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READWRITE if write else apsw.SQLITE_OPEN_READONLY
    connection = apsw.Connection(uri(path, query), flags=flags | apsw.SQLITE_OPEN_URI)
    try:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        if key is not None:
            cipher.apply(connection, key, cipher.read_header(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _read(path: Path, *, new: bool) -> bytes:
    try:
        status = path.stat()
    except FileNotFoundError:
        return _check_absent(path, "gone", new=new)
    if stat.S_ISDIR(status.st_mode):
        raise Unavailable(f"{path} is a folder: name a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise Unavailable(f"{path} is not a file")
    if status.st_size == 0:
        return _check_absent(path, "empty", new=new)
    header = cipher.read_header(path)
    _check_form(path, header, status.st_size)
    return header


def _check_form(path: Path, header: bytes, size: int) -> None:
    what = None
    if not (header.startswith(cipher.MAGIC) or cipher.looks_encrypted(header)):
        what = "it does not begin as a database does" if any(header) else "it begins with zeros"
    elif size < _SMALLEST:
        what = "it ends within its first page"
    elif not {header[18], header[19]} <= {1, 2}:  # the versions of SQLite's format for writing and reading
        what = "its header names a format that does not exist"
    if what:
        raise faults.damaged(str(path), what)


def _check_absent(path: Path, state: str, *, new: bool) -> bytes:
    rest = beside(path, "-wal")
    if rest.exists() and rest.stat().st_size:
        raise Corrupt(
            f"{path} is {state}, but {rest.name} beside it may still hold messages: bring the database back from a "
            f"backup, or move {rest.name} away to begin anew",
            where=str(path),
        )
    if not new:
        raise Unavailable(f"there is no database at {path}")
    return b""


def _check_key(path: Path, key: cipher.Key | None, header: bytes) -> None:
    if header.startswith(cipher.MAGIC):
        if key is not None:
            raise Invalid(f"{path} is not encrypted: open it without a key, or encrypt it first", field="key")
    elif key is None:
        raise Invalid(f"{path} is encrypted: its key is needed to open it", field="key")


def _find_application(path: Path, key: cipher.Key | None) -> int:
    begun = time.monotonic()
    while True:
        try:
            with closing(peek(path, key)) as connection:
                return int(connection.pragma("application_id"))
        except (apsw.NotADBError, apsw.CorruptError) as exc:
            found = _find_with_wal(path, key)
            if found is not None:
                return found
            if time.monotonic() - begun > _ONE_PAGE:
                raise _unreadable(path, key, exc) from exc
            time.sleep(_PAUSE)
        except apsw.Error as exc:
            raise (faults.translate(exc, str(path)) or _unreadable(path, key, exc)) from exc


def _find_with_wal(path: Path, key: cipher.Key | None) -> int | None:
    """What the file says together with its WAL; None where that is nothing.

    Within a checkpoint, be it another process's or one that a power cut has ended, a sound file looks damaged by itself:
    half of its first page may be written, and a whole one may speak of later pages that are not there yet.
    """
    rest = beside(path, "-wal")
    if not (rest.exists() and rest.stat().st_size):
        return None
    try:
        if not beside(path, "-shm").exists():
            with contextlib.suppress(apsw.BusyError):  # by now somebody has it open, and has made it
                return _ask_with_wal(path, key, alone=True)
        return _ask_with_wal(path, key, alone=False)
    except apsw.Error:
        return None


def _ask_with_wal(path: Path, key: cipher.Key | None, *, alone: bool) -> int:
    with closing(_open(path, key, write=alone)) as connection:
        if alone:  # what is shared is then kept in memory: nothing is made beside a file that may not be ours
            connection.pragma("locking_mode", "exclusive")
        else:
            connection.set_busy_timeout(_LONGEST_RECOVERY)
        return int(connection.pragma("application_id"))


def _unreadable(path: Path, key: cipher.Key | None, exc: apsw.Error) -> PalaverError:
    if key is None or isinstance(exc, apsw.CorruptError):
        return faults.damaged(str(path), "its first page cannot be read")
    return Invalid(f"the key does not fit {path} (or its first page is damaged)", field="key")
