"""The one place where errors of SQLite and of the file system become errors of Palaver."""

import errno
from collections.abc import Callable
from types import TracebackType

import apsw

from palaver.errors import Busy, Corrupt, Invalid, PalaverError, Unavailable

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


class translated:  # noqa: N801  (used like a function, as those of contextlib are)
    """`with translated("talk.db"):` raises what SQLite or the system raises inside as an error that names the file.

    Holds no state, so one may be kept and entered again, from any thread.
    """

    __slots__ = ("known", "where")

    def __init__(self, where: str, *, known: bool = False) -> None:
        self.where = where
        self.known = known  # Every statement is one that worked before: what SQLite does not understand of it is damage.

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exc is not None:
            self._translate(exc)

    def _translate(self, exc: BaseException) -> None:
        found: PalaverError | None = None
        if isinstance(exc, apsw.Error):
            found = translate(exc, self.where)
            if found is None and self.known and isinstance(exc, apsw.SQLError):
                found = damaged(self.where, f"SQLite does not understand it: {exc}")
        elif isinstance(exc, OSError):
            found = translate_os(exc, self.where)
        elif isinstance(exc, UnicodeDecodeError):
            found = damaged(self.where, "a text in it is not UTF-8")
        if found is not None:
            raise found from exc


def translate(exc: apsw.Error, where: str) -> PalaverError | None:
    """The error for what SQLite says of the file `where`; None for what is no fault of file or machine."""
    code = getattr(exc, "extendedresult", 0)
    make = _BY_CODE.get(code)
    if make is None:
        make = next((entry for kinds, entry in _BY_TYPE if isinstance(exc, kinds)), None)
    return make(where, _name(code)) if make is not None else None


def translate_os(exc: OSError, where: str) -> PalaverError:
    """The error for what the operating system says of the file `where`."""
    if exc.errno in _NO_SPACE:
        return disk_full(where)
    return Unavailable(f"{where} cannot be used: {exc.strerror or exc}")


def proves_damage(exc: BaseException | None) -> bool:
    """Whether pages were read and were not what was written; a read that failed may succeed the next time."""
    if isinstance(exc, apsw.IOError):
        return getattr(exc, "extendedresult", 0) == apsw.SQLITE_IOERR_DATA
    return isinstance(exc, apsw.Error | UnicodeDecodeError)


def damaged(where: str, what: str) -> Corrupt:
    return Corrupt(
        f"{where} is damaged ({what}). It was left as it is: keep a copy, then restore a backup", where=where
    )


def disk_full(where: str, _: str = "") -> Unavailable:
    return Unavailable(f"disk full: {where} was not written and keeps what it had; make room and try again")


def _name(code: int) -> str:
    return str(
        apsw.mapping_extended_result_codes.get(code) or apsw.mapping_result_codes.get(code & 0xFF, code)
    )


def _damaged_page(where: str, name: str) -> PalaverError:
    return damaged(where, f"a page of it cannot be read: {name}")


def _busy(where: str, _: str) -> PalaverError:
    return Busy(f"{where} is being used by another process: try again when that has finished")


def _changed(where: str, _: str) -> PalaverError:
    return Busy(f"{where} was changed by another program meanwhile: try again")


def _too_big(where: str, _: str) -> PalaverError:
    return Invalid(f"{where}: one text may have at most 1,000,000,000 bytes")


def _failed(where: str, name: str) -> PalaverError:
    return Unavailable(f"{where} could not be read or written ({name}): check the disk and try again")


def _moved(where: str, _: str) -> PalaverError:
    return Unavailable(f"{where} was moved or deleted while it was open: put it back and open it again")


def _not_writable(where: str, _: str) -> PalaverError:
    return Unavailable(f"{where} may not be written: change the rights of the file and its folder")


def _closed(where: str, _: str) -> PalaverError:
    return Unavailable(f"{where} cannot be opened: check that it exists, and the rights of it and its folder")


def _no_memory(where: str, _: str) -> PalaverError:
    return Unavailable(f"{where}: there is not enough memory")


_Make = Callable[[str, str], PalaverError]

_BY_CODE: dict[int, _Make] = {
    apsw.SQLITE_IOERR_DATA: _damaged_page,
    apsw.SQLITE_IOERR_CORRUPTFS: _damaged_page,
    apsw.SQLITE_IOERR_SHORT_READ: _damaged_page,
    apsw.SQLITE_IOERR_NOMEM: _no_memory,
    apsw.SQLITE_READONLY_DBMOVED: _moved,
}

_BY_TYPE: tuple[tuple[tuple[type[apsw.Error], ...], _Make], ...] = (
    ((apsw.BusyError, apsw.LockedError, apsw.ProtocolError), _busy),
    ((apsw.FullError,), disk_full),
    ((apsw.CorruptError, apsw.NotADBError), _damaged_page),
    ((apsw.IOError,), _failed),
    ((apsw.ReadOnlyError, apsw.PermissionsError), _not_writable),
    ((apsw.CantOpenError,), _closed),
    ((apsw.NoMemError,), _no_memory),
    ((apsw.TooBigError,), _too_big),
    ((apsw.SchemaChangeError,), _changed),
)
