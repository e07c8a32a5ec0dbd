"""Looking at every page and every row, and putting right what can be derived from the messages."""

from contextlib import closing
from functools import partial

import apsw
from msgspec.structs import replace

from palaver.model import Problem, Report
from palaver.storage.checks.findings import Findings
from palaver.storage.checks.inspection import PAGE, Inspection
from palaver.storage.search import blocks, following
from palaver.storage.sqlite import faults, index, schema
from palaver.storage.sqlite.connection import connect
from palaver.storage.sqlite.database import Database
from palaver.storage.sqlite.transaction import ReadTransaction, WriteTransaction
from palaver.store import SYSTEM_ACTOR

_UNREADABLE = (apsw.CorruptError, apsw.NotADBError, apsw.IOError, apsw.SQLError)
_LOOKUP = ("missing from index", "wrong # of entries in index", "non-unique entry in index")


def verify_database(database: Database, repair: bool) -> Report:
    """All problems. With `repair`, what is derived is put right in one transaction, unless pages are damaged."""
    with database.read(SYSTEM_ACTOR):  # raises where it is closed
        pass
    found = _inspect(database)
    report = found.report()
    if not repair or not found.can_be_mended():
        return report
    return replace(report, problems=database.write(SYSTEM_ACTOR, partial(_mend, found=found)))


def _inspect(database: Database) -> Inspection:
    # A connection of its own: one that has read the text index before remembers what has changed since.
    where = faults.translated(str(database.path))
    with where, closing(connect(database.path, database.key, mode="read")) as connection:
        ReadTransaction(connection).begin()
        found = inspect(connection)
    if database.damage is not None and not found.items:
        found.outside.add(PAGE, "database", database.damage.message)
    return found


def inspect(connection: apsw.Connection) -> Inspection:
    """Look at everything there is, within the transaction that has begun."""
    found = Inspection(lambda: ReadTransaction(connection, SYSTEM_ACTOR), _UNREADABLE)
    found.look(
        ("database", partial(_check_pages, found=found.outside)),
        ("database", partial(_check_references, found=found.outside)),
        ("migration", _check_ledger),
        ("text_index", partial(_check_index, found=found.outside)),
        ("text_block", partial(_check_blocks, found=found)),
    )
    return found


def _mend(tx: WriteTransaction, *, found: Inspection) -> list[Problem]:
    return found.mend(tx, following.rebuild)


def _check_pages(tx: ReadTransaction, found: Findings) -> None:
    for (text,) in tx.iterate("verify_pages"):
        if any(words in text for words in _LOOKUP):
            found.add("lookup_damaged", "database", text, _reindex)
        elif text != "ok" and "text_index" not in text:
            found.add(PAGE, "database", f"{text}; restore a backup")


def _check_ledger(tx: ReadTransaction) -> None:
    schema.check(tx.connection, "the database")


def _reindex(tx: WriteTransaction) -> None:
    tx.run("verify_reindex")


def _check_references(tx: ReadTransaction, found: Findings) -> None:
    for table, row, parent, _ in tx.iterate("verify_references"):
        what = f"it refers to a row of {parent} that is not there"
        found.add("reference_broken", f"{table} row {row}", what)


def _check_blocks(tx: ReadTransaction, found: Inspection) -> None:
    if found.touched:
        return  # A row that was changed says something else than when its block was written.
    for kind, where, what in blocks.check(tx):
        found.outside.add(kind, where, what, following.rebuild)


def _check_index(tx: ReadTransaction, found: Findings) -> None:
    try:
        for kind, where, what in index.check(tx):
            found.add(kind, where, what, following.rebuild)
    except apsw.CorruptError as exc:
        if getattr(exc, "extendedresult", 0) != apsw.SQLITE_CORRUPT_VTAB:
            raise
        found.add("index_damaged", "text_index", f"the search index cannot be read: {exc}", following.rebuild)
