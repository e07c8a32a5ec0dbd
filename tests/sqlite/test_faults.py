"""Errors of SQLite and of the system, each by its type, become errors that say what to do."""

import errno

import apsw
import pytest

from palaver.errors import Busy, Corrupt, Invalid, PalaverError, Unavailable
from palaver.storage.sqlite.faults import translate, translate_os, translated

EXPECTED = [
    (apsw.SQLITE_BUSY, Busy, "another process"),
    (apsw.SQLITE_BUSY_SNAPSHOT, Busy, "another process"),
    (apsw.SQLITE_LOCKED, Busy, "another process"),
    (apsw.SQLITE_PROTOCOL, Busy, "another process"),
    (apsw.SQLITE_SCHEMA, Busy, "changed"),
    (apsw.SQLITE_FULL, Unavailable, "disk full"),
    (apsw.SQLITE_IOERR, Unavailable, "SQLITE_IOERR"),
    (apsw.SQLITE_IOERR_FSYNC, Unavailable, "SQLITE_IOERR_FSYNC"),
    (apsw.SQLITE_IOERR_NOMEM, Unavailable, "memory"),
    (apsw.SQLITE_IOERR_SHORT_READ, Corrupt, "SQLITE_IOERR_SHORT_READ"),
    (apsw.SQLITE_IOERR_CORRUPTFS, Corrupt, "damaged"),
    (apsw.SQLITE_READONLY, Unavailable, "may not be written"),
    (apsw.SQLITE_READONLY_DBMOVED, Unavailable, "moved or deleted"),
    (apsw.SQLITE_PERM, Unavailable, "may not be written"),
    (apsw.SQLITE_CANTOPEN, Unavailable, "cannot be opened"),
    (apsw.SQLITE_CORRUPT, Corrupt, "damaged"),
    (apsw.SQLITE_CORRUPT_INDEX, Corrupt, "damaged"),
    (apsw.SQLITE_NOTADB, Corrupt, "damaged"),
    (apsw.SQLITE_TOOBIG, Invalid, "1,000,000,000"),
    (apsw.SQLITE_NOMEM, Unavailable, "memory"),
]


def a_fault(code: int) -> apsw.Error:
    exc = apsw.exception_for(code)
    assert isinstance(exc, apsw.Error)
    return exc


@pytest.mark.parametrize(("code", "kind", "words"), EXPECTED)
def test_each_fault_names_the_file_and_what_happened(code: int, kind: type[PalaverError], words: str) -> None:
    found = translate(a_fault(code), "talk.db")
    assert type(found) is kind
    assert "talk.db" in found.message
    assert words in found.message


@pytest.mark.parametrize(
    "code", [apsw.SQLITE_CONSTRAINT, apsw.SQLITE_INTERRUPT, apsw.SQLITE_ERROR, apsw.SQLITE_MISUSE]
)
def test_what_is_no_fault_of_the_file_stays_what_it_is(code: int) -> None:
    exc = a_fault(code)
    assert translate(exc, "talk.db") is None
    with pytest.raises(type(exc)), translated("talk.db"):
        raise exc


def test_the_original_error_is_kept_as_the_cause() -> None:
    exc = a_fault(apsw.SQLITE_FULL)
    with pytest.raises(Unavailable) as caught, translated("talk.db"):
        raise exc
    assert caught.value.__cause__ is exc


def test_the_systems_own_words_are_kept() -> None:
    assert "disk full" in translate_os(OSError(errno.ENOSPC, "No space left on device"), "talk.db").message
    with (
        pytest.raises(Unavailable, match=r"talk\.db cannot be used: Permission denied"),
        translated("talk.db"),
    ):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_one_translation_serves_again_and_again() -> None:
    kept = translated("talk.db")
    for _ in range(2):
        with pytest.raises(Busy), kept:
            raise a_fault(apsw.SQLITE_BUSY)
    with kept:
        pass
