"""The one place where errors of PostgreSQL and its driver become errors of Palaver, by SQLSTATE."""

from collections.abc import Callable
from types import TracebackType

import psycopg
from psycopg import errors

from palaver.errors import Busy, Corrupt, Invalid, PalaverError, Unavailable


class translated:  # noqa: N801  (used like a function, as those of contextlib are)
    """`with translated(where):` raises what the driver raises inside as an error that names the place.

    Holds no state, so one may be kept and entered again, from any thread.
    """

    __slots__ = ("where",)

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        found: PalaverError | None = None
        if isinstance(exc, psycopg.Error):
            found = translate(exc, self.where)
        elif isinstance(exc, UnicodeDecodeError):
            found = _damaged(self.where, "a text in it is not UTF-8")
        if found is not None:
            raise found from exc


def translate(exc: psycopg.Error, where: str) -> PalaverError | None:
    """The error for what the server at `where` says; None for what is no fault of server or data."""
    state = exc.sqlstate
    if state is None:
        return away(where) if is_lost(exc) else None
    make = _BY_STATE.get(state) or _BY_CLASS.get(state[:2])
    return make(where, exc.diag.message_primary or state) if make is not None else None


def is_lost(exc: BaseException | None) -> bool:
    """Whether the connection is gone, and with it what was under way on it."""
    if not isinstance(exc, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    return exc.sqlstate is None or exc.sqlstate[:2] == "08" or exc.sqlstate in _ENDED


def refused(exc: psycopg.Error, where: str) -> PalaverError:
    """The error for a connection that did not come about."""
    said = " ".join(str(exc).split())
    return Unavailable(f"{where} cannot be reached: {said}")


def away(where: str, _: str = "") -> Unavailable:
    return Unavailable(f"{where}: the connection was lost; try again when the server is back")


def _damaged(where: str, said: str) -> Corrupt:
    return Corrupt(f"{where} is damaged ({said}). It was left as it is: restore a backup", where=where)


def _disk_full(where: str, _: str) -> PalaverError:
    return Unavailable(
        f"disk full: the server of {where} wrote nothing and keeps what it had; make room and try again"
    )


def _no_room(where: str, said: str) -> PalaverError:
    return Unavailable(f"{where}: the server has no room for this ({said}); try again later")


def _busy(where: str, said: str) -> PalaverError:
    return Busy(f"{where}: others are in the way ({said}); try again")


def _too_long(where: str, said: str) -> PalaverError:
    return Busy(f"{where}: it took too long and was given up ({said}); try again")


def _not_writable(where: str, said: str) -> PalaverError:
    return Unavailable(
        f"{where} may not be used so ({said}): use a server that takes writes, and a role with rights"
    )


def _too_big(where: str, said: str) -> PalaverError:
    return Invalid(f"{where} cannot hold this: {said}")


_Make = Callable[[str, str], PalaverError]

_ENDED = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "57P04"})
_BY_STATE: dict[str, _Make] = {
    **dict.fromkeys(_ENDED, away),
    "25006": _not_writable,
    "42501": _not_writable,
    "3D000": _not_writable,
    "53100": _disk_full,
    "55P03": _busy,
    "57014": _too_long,
    "42P01": _damaged,  # Every statement is one that worked before: what it names was there.
    "42703": _damaged,
    "42883": _damaged,
}
_BY_CLASS: dict[str, _Make] = {
    "08": away,
    "22": _too_big,
    "28": _not_writable,
    "40": _busy,
    "53": _no_room,
    "54": _too_big,
    "58": _no_room,
    "XX": _damaged,
}

UniqueViolation = errors.UniqueViolation
