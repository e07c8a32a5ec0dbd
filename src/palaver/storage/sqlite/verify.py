"""Looking at every page and every row, and putting right what can be derived from the messages."""

from collections.abc import Callable
from contextlib import closing
from functools import partial

import apsw
from msgspec.structs import replace

from palaver.errors import Corrupt
from palaver.model import Problem, Report
from palaver.storage.checks import others, sessions
from palaver.storage.checks.findings import Finding, Findings
from palaver.storage.search import following
from palaver.storage.sqlite import faults, index, schema
from palaver.storage.sqlite.connection import connect
from palaver.storage.sqlite.database import Database
from palaver.storage.sqlite.transaction import ReadTransaction, WriteTransaction
from palaver.store import SYSTEM_ACTOR

_UNREADABLE = (apsw.CorruptError, apsw.NotADBError, apsw.IOError, apsw.SQLError, Corrupt)
_NO_VALUE = (TypeError, ValueError, LookupError, AttributeError, OverflowError)
_PAGE = "page_damaged"
_MARK = "mark_missing"
_LOOKUP = ("missing from index", "wrong # of entries in index", "non-unique entry in index")


class Inspection:
    """What was found within sessions and elsewhere, and the keys of the sessions in which something is wrong."""

    def __init__(self) -> None:
        self.inside = Findings()
        self.outside = Findings()
        self.touched: list[int] = []

    @property
    def items(self) -> list[Finding]:
        return [*self.outside.items, *self.inside.items]

    def report(self) -> Report:
        problems = [*self.outside.problems(), *self.inside.problems()]
        return Report(problems=problems, checked=dict(self.outside.checked + self.inside.checked))


def verify_database(database: Database, repair: bool) -> Report:
    """All problems. With `repair`, what is derived is put right in one transaction, unless pages are damaged."""
    with database.read(SYSTEM_ACTOR):  # raises where it is closed
        pass
    found = _inspect(database)
    report = found.report()
    if not repair or any(finding.problem.kind == _PAGE for finding in found.items):
        return report
    if any(finding.mend for finding in found.items):
        return replace(report, problems=database.write(SYSTEM_ACTOR, partial(_mend, found=found)))
    return report


def _inspect(database: Database) -> Inspection:
    # A connection of its own: one that has read the text index before remembers what has changed since.
    where = faults.translated(str(database.path))
    with where, closing(connect(database.path, database.key, mode="read")) as connection:
        ReadTransaction(connection).begin()
        found = inspect(connection)
    if database.damage is not None and not found.items:
        found.outside.add(_PAGE, "database", database.damage.message)
    return found


def inspect(connection: apsw.Connection) -> Inspection:
    """Look at everything there is, within the transaction that has begun."""
    found = Inspection()
    outside = found.outside
    steps: dict[str, list[Callable[[ReadTransaction], None]]] = {
        "database": [partial(_check_pages, found=outside), partial(_check_references, found=outside)],
        "migration": [_check_ledger],
        "project": [partial(others.check_projects, found=outside)],
        "session": [partial(_check_sessions, found=found)],
        "message": [partial(sessions.check_orphans, found=outside)],
        "preference": [partial(others.check_preferences, found=outside)],
        "account": [partial(others.check_accounts, found=outside)],
        "file": [partial(others.check_files, found=outside)],
        "change": [partial(others.check_changes, found=outside)],
        "text_index": [partial(_check_index, found=outside)],
    }
    for where, works in steps.items():
        for work in works:
            _step(connection, outside, where, work)
    return found


def _step(
    connection: apsw.Connection, found: Findings, where: str, work: Callable[[ReadTransaction], None]
) -> None:
    """What cannot be read is a problem like others, and does not keep the rest from being looked at."""
    try:
        work(ReadTransaction(connection, SYSTEM_ACTOR))
    except _UNREADABLE as exc:
        found.add(_PAGE, where, f"it cannot be read to its end: {exc}; restore a backup")
    except _NO_VALUE as exc:
        found.add(_PAGE, where, f"what stands there is of no kind that is stored ({exc}); restore a backup")


def _check_pages(tx: ReadTransaction, found: Findings) -> None:
    for (text,) in tx.iterate("verify_pages"):
        if any(words in text for words in _LOOKUP):
            found.add("lookup_damaged", "database", text, _reindex)
        elif text != "ok" and "text_index" not in text:
            found.add(_PAGE, "database", f"{text}; restore a backup")


def _check_ledger(tx: ReadTransaction) -> None:
    schema.check(tx.connection, "the database")


def _reindex(tx: WriteTransaction) -> None:
    tx.run("verify_reindex")


def _check_references(tx: ReadTransaction, found: Findings) -> None:
    for table, row, parent, _ in tx.iterate("verify_references"):
        what = f"it refers to a row of {parent} that is not there"
        found.add("reference_broken", f"{table} row {row}", what)


def _check_sessions(tx: ReadTransaction, found: Inspection) -> None:
    for key in sessions.list_keys(tx):
        before = len(found.inside.items)
        work = partial(sessions.check_session, key=key, found=found.inside)
        _step(tx.connection, found.inside, f"session number {key}", work)
        if len(found.inside.items) > before:
            found.touched.append(key)


def _check_index(tx: ReadTransaction, found: Findings) -> None:
    try:
        for kind, where, what in index.check(tx):
            found.add(kind, where, what, following.rebuild)
    except apsw.CorruptError as exc:
        if getattr(exc, "extendedresult", 0) != apsw.SQLITE_CORRUPT_VTAB:
            raise
        found.add("index_damaged", "text_index", f"the search index cannot be read: {exc}", following.rebuild)


def _mend(tx: WriteTransaction, *, found: Inspection) -> list[Problem]:
    """Look again at the sessions in which something was wrong, now that nobody else writes, and put it right."""
    inside = Findings()
    for key in found.touched:
        sessions.check_session(tx, key, inside)
    items = [*found.outside.items, *inside.items]
    mends = {id(finding.mend): finding.mend for finding in items if finding.mend}
    for mend in mends.values():
        mend(tx)
    if any(finding.problem.kind == _MARK for finding in items):
        following.rebuild(tx)  # What was indexed under the old mark would not be found.
    return [replace(finding.problem, repaired=finding.mend is not None) for finding in items]
