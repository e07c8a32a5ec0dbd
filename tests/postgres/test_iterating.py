"""Rows that come one after the other, from cursors of the server: where they are left early, nothing is left open."""

import psycopg
import pytest

from palaver import Store
from palaver.storage.postgres.store import PostgresStore
from palaver.storage.postgres.transaction import ReadTransaction
from tests.support import postgres
from tests.support.factories import a_conversation

MANY = 250
"""More than are fetched at once."""


@pytest.fixture
def filled(store: Store) -> PostgresStore:
    assert isinstance(store, PostgresStore)
    a_conversation(store, *[f"{number}" for number in range(MANY)])
    return store


def test_left_when_the_connection_is_lost(filled: PostgresStore, postgres_url: str) -> None:
    with filled._database.read("system") as tx, psycopg.connect(postgres_url, autocommit=True) as other:
        changes = tx.iterate("index_changes", after=0, through=MANY, limit=MANY)
        next(changes)
        postgres.drop_connections(other)
        changes.close()  # type: ignore[attr-defined]
        assert tx.connection.closed


def test_held_beyond_its_transaction(filled: PostgresStore) -> None:
    with filled._database.read("system") as tx:
        changes = tx.iterate("index_changes", after=0, through=MANY, limit=MANY)
        next(changes)
    with filled._database.read("system") as again:
        assert again.connection is tx.connection
        before = count(again)
        changes.close()  # type: ignore[attr-defined]
        assert count(again) == before


def count(tx: ReadTransaction) -> int:
    return len(list(tx.iterate("index_changes", after=0, through=MANY, limit=MANY)))
