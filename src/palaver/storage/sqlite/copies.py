"""Copies of the whole database: backups of one in use, and the change between plain and encrypted of one that is not."""

import re
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import apsw

from palaver.errors import Busy, Conflict, Invalid, Unavailable
from palaver.folders import make_folder, sync_folder
from palaver.storage import queries
from palaver.storage.sqlite import cipher, faults, temporary
from palaver.storage.sqlite.connection import PAGE_SIZE, connect
from palaver.storage.sqlite.inspection import beside, inspect, real, uri

_SQL = queries.load("sqlite")
_STEP = 4096  # pages
_STAMP = re.compile(r"-\d{8}-\d{6}-\d{3}\.db")


def backup(
    path: Path,
    key: cipher.Key | None,
    target: Path | None = None,
    *,
    keep: int | None = None,
    moment: datetime | None = None,
) -> Path:
    """A consistent copy of the database, while others write; an encrypted one has the same key. Returns its path.

    `target` is a new file or a folder that is there; None is the folder `backups` beside the database.
    In a folder the name is `<stem>-YYYYMMDD-HHMMSS-mmm.db`, in UTC, and `keep` leaves that many of exactly such names,
    this one included. Raises `Conflict` where the target is there already.
    """
    path = real(path)
    where = destination(path.parent / "backups", path.stem, target)
    # Opened before anything is made, so that a file that is refused gets no folder beside it.
    with closing(connect(path, key, mode="read")) as source:
        return keep_copy(where, partial(_copy, source, path, key), keep=keep, moment=moment)


class Destination(NamedTuple):
    """Where a copy goes: a file, or a folder in which it gets a dated name that begins with `stem`."""

    folder: Path
    file: Path | None
    stem: str


def keep_copy(
    where: Destination,
    write: Callable[[Path], None],
    *,
    keep: int | None = None,
    moment: datetime | None = None,
) -> Path:
    """What `write` writes into a temporary file, once it is whole. See `backup`."""
    if keep is not None and keep < 1:
        raise Invalid(f"at least 1 backup must be kept, not {keep}", field="keep")
    folder, file, stem = where
    with faults.translated(str(file or folder)):
        make_folder(folder, 0o700)
        with temporary.new_file(folder) as copy:
            write(copy)
            made = _publish(copy, file) if file else _publish_dated(copy, folder, stem, moment)
    if file is None and keep is not None:
        _thin(folder, stem, keep, made)
    return made


def backups(path: Path, folder: Path | None = None) -> list[Path]:
    """The dated backups of the database at `path`, oldest first. They are as plain or encrypted as it was then."""
    path = real(path)
    return _dated(folder or path.parent / "backups", path.stem)


def destination(usual: Path, stem: str, target: Path | None) -> Destination:
    """Where a backup goes: into the usual folder where nothing is named. Raises `Conflict` for a file that is there."""
    if target is None:
        return Destination(usual, None, stem)
    if target.is_dir():
        return Destination(target, None, stem)
    if target.exists():
        raise _taken(target)
    return Destination(target.absolute().parent, target, stem)


def _copy(source: apsw.Connection, path: Path, key: cipher.Key | None, copy: Path) -> None:
    with closing(_blank(copy, key, cipher.read_header(path))) as sink:
        source.execute(_SQL["begin_deferred"])  # one snapshot from the first page to the last
        try:
            source.pragma("schema_version")
            with sink.backup("main", source, "main") as work:
                while not work.done:
                    work.step(_STEP)
        except (apsw.CorruptError, apsw.NotADBError) as exc:
            raise faults.damaged(str(path), "a page of it cannot be read") from exc
        finally:
            source.execute(_SQL["rollback"])


def _blank(path: Path, key: cipher.Key | None, header: bytes) -> apsw.Connection:
    """A connection to a file nobody else knows of yet: no journal, and no sync until all is there."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI
    connection = apsw.Connection(uri(path), flags=flags)
    try:
        if key is not None:
            cipher.apply(connection, key, header)  # the same salt, so that nothing is stretched anew
        for name, setting in (("page_size", PAGE_SIZE), ("journal_mode", "off"), ("synchronous", "off")):
            connection.pragma(name, setting)
    except BaseException:
        connection.close()
        raise
    return connection


def _publish(copy: Path, target: Path) -> Path:
    try:
        temporary.publish(copy, target)
    except FileExistsError as exc:
        raise _taken(target) from exc
    return target


def _taken(target: Path) -> Conflict:
    return Conflict(f"{target} is there already: name a new file or a folder")


def _publish_dated(copy: Path, folder: Path, stem: str, moment: datetime | None) -> Path:
    stamp = (moment or datetime.now(UTC)).astimezone(UTC)
    while True:
        target = folder / f"{stem}-{stamp:%Y%m%d-%H%M%S}-{stamp.microsecond // 1000:03d}.db"
        try:
            temporary.publish(copy, target)
            return target
        except FileExistsError:
            stamp += timedelta(milliseconds=1)


def _thin(folder: Path, stem: str, keep: int, made: Path) -> None:
    others = [entry for entry in _dated(folder, stem) if entry != made]
    with faults.translated(str(folder)):
        for entry in others[: max(len(others) + 1 - keep, 0)]:
            entry.unlink(missing_ok=True)
        sync_folder(folder)


def _dated(folder: Path, stem: str) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        entry
        for entry in folder.iterdir()
        if entry.name.startswith(stem) and _STAMP.fullmatch(entry.name[len(stem) :]) and entry.is_file()
    )


def encrypt(path: Path, key: cipher.Key) -> None:
    """Make a plain database an encrypted one. Nobody else may have it open (`Busy`); a crash leaves the one or the other.

    Its backups stay as they are: `backups` names them.
    """
    if cipher.is_encrypted(path):
        raise Invalid(f"{path} is encrypted already", field="key")
    _convert(path, None, key)


def decrypt(path: Path, key: cipher.Key) -> None:
    """Make an encrypted database a plain one, as `encrypt` does the opposite."""
    if not cipher.is_encrypted(path):
        inspect(real(path), None)  # says what it is instead
        raise Invalid(f"{path} is not encrypted", field="key")
    _convert(path, key, None)


def _convert(path: Path, old: cipher.Key | None, new: cipher.Key | None) -> None:
    path = real(path)
    with faults.translated(str(path)), temporary.new_file(path.parent) as made:
        with closing(_open_alone(path, old)) as source:
            _vacuum_into(source, made, new, cipher.new_header())
            _finish(made, new)
            made.chmod(path.stat().st_mode & 0o777)
            if temporary.REPLACES_OPEN:
                temporary.replace(made, path)
        if not temporary.REPLACES_OPEN:
            temporary.replace(made, path)


def _open_alone(path: Path, key: cipher.Key | None) -> apsw.Connection:
    """A connection that has the file for itself, and its WAL, whose name the new file will have too, empty."""
    try:
        source = connect(path, key, mode="alone")
    except Busy as exc:
        raise Busy(f"{path} is open elsewhere: close every Palaver that uses it, then try again") from exc
    try:
        source.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        # SQLite does not sync that: what came back after a power cut would be read into the new file.
        temporary.sync(beside(path, "-wal"))
    except BaseException:
        source.close()
        raise
    return source


def _vacuum_into(source: apsw.Connection, made: Path, key: cipher.Key | None, header: bytes) -> None:
    target = uri(made, "?" + cipher.parameters(key, header))
    try:
        source.execute(_SQL["copy_into"], {"target": target})
    except apsw.Error as exc:
        # Not from exc: SQLite's message may quote the target, and so the key.
        raise (
            faults.translate(exc, str(made.parent))
            or Unavailable(f"{made.parent}: the copy could not be made")
        ) from None


def _finish(made: Path, key: cipher.Key | None) -> None:
    """Read the new file to its last page before it takes the place of the old one."""
    header = inspect(made, key)
    with closing(_blank(made, key, header)) as connection:
        found = connection.pragma("integrity_check")
        if found != "ok":
            raise faults.damaged(str(made.parent), f"the copy is not sound: {found}")
        connection.pragma("journal_mode", "wal")
