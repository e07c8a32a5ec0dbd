"""Looking at every row on PostgreSQL, and putting right what can be derived from the messages.

Pages, indexes and references are the server's to look after; a row whose page it finds damaged cannot be read.
"""

from functools import partial

import psycopg
from msgspec.structs import replace
from psycopg.pq import TransactionStatus

from palaver.model import Problem, Report
from palaver.storage.checks.findings import Findings
from palaver.storage.checks.inspection import Inspection
from palaver.storage.migrate import load, pending
from palaver.storage.postgres import index, schema
from palaver.storage.postgres.database import Database
from palaver.storage.postgres.statements import DIALECT
from palaver.storage.postgres.transaction import ReadTransaction, WriteTransaction
from palaver.storage.search import blocks, following
from palaver.storage.transaction import POSITION_BITS
from palaver.storage.verbs.kinds import SESSION_CHANGED
from palaver.store import SYSTEM_ACTOR

_UNREADABLE = (psycopg.InternalError, psycopg.ProgrammingError, psycopg.DataError)


def verify_database(database: Database, repair: bool) -> Report:
    """All problems. With `repair`, what is derived is put right in one transaction, unless pages are damaged."""
    with database.read(SYSTEM_ACTOR) as tx:
        found = Inspection(partial(_usable, tx), _UNREADABLE)
        found.look(
            ("migration", _check_ledger),
            ("text_index", partial(_check_index, found=found.outside)),
            ("text_block", partial(_check_blocks, found=found)),
        )
    report = found.report()
    if not repair or not found.can_be_mended():
        return report
    return replace(report, problems=database.write(SYSTEM_ACTOR, partial(_mend, found=found)))


def _usable(tx: ReadTransaction) -> ReadTransaction:
    """The transaction; begun anew where a statement has failed in it, as nothing can be read in it any more."""
    if tx.connection.pgconn.transaction_status == TransactionStatus.INERROR:
        tx.connection.rollback()
        tx.begin()
    return tx


def _check_ledger(tx: ReadTransaction) -> None:
    pending(schema.applied(tx.connection), load(DIALECT), "the database")


def _check_blocks(tx: ReadTransaction, found: Inspection) -> None:
    if found.touched:
        return  # A row that was changed says something else than when its block was written.
    for kind, where, what in blocks.check(tx):
        found.outside.add(kind, where, what, following.rebuild)


def _check_index(tx: ReadTransaction, found: Findings) -> None:
    for kind, where, what in index.check(tx):
        found.add(kind, where, what, following.rebuild)


def _mend(tx: WriteTransaction, *, found: Inspection) -> list[Problem]:
    problems = found.mend(tx, following.rebuild)
    for key in found.touched:
        # What another process remembers of the session may be wrong: by a change it notices.
        tx.mark(SESSION_CHANGED, key << POSITION_BITS)
    return problems
