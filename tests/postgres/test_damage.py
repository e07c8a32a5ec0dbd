"""Rows that somebody changed behind Palaver's back are found, and what can be derived is put right."""

import psycopg
import pytest

import palaver
from palaver import Corrupt, Store
from tests.support.factories import a_conversation, texts
from tests.support.postgres import Databases


def change(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(b"SET search_path TO palaver; " + sql.encode(), prepare=False)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE message SET body = 'something else' WHERE parent = 0",
        "UPDATE message SET model = 'another'",
        "UPDATE session SET title = 'another'",
        "UPDATE project SET owner_id = 'another'",
        "DELETE FROM change WHERE seq = 2",
        "DELETE FROM message WHERE parent = 1",
    ],
)
def test_what_was_changed_is_found_and_no_message_is_dropped_for_it(
    store: Store, postgres_url: str, sql: str
) -> None:
    a_conversation(store, "one", "two", "three")
    change(postgres_url, sql)
    assert store.verify().problems
    assert store.verify(repair=True).problems
    with psycopg.connect(postgres_url) as connection:
        left = connection.execute(b"SELECT count(*) FROM palaver.message").fetchone()
    assert left == (2 if sql.startswith("DELETE FROM message") else 3,)


def test_what_can_be_derived_is_put_right(store: Store, postgres_url: str) -> None:
    session = a_conversation(store, "one", "two")
    change(postgres_url, "UPDATE session SET message_count = 7, token_count = 9")
    assert all(problem.repaired for problem in store.verify(repair=True).problems)
    assert store.verify().problems == []
    store.append(session.id, palaver.user("three"))
    assert store.get_session(session.id).message_count == 3


def test_columns_that_make_no_value_are_corrupt(store: Store, postgres_url: str) -> None:
    session = a_conversation(store, "one")
    change(postgres_url, "UPDATE message SET body = E'\\x10jnonsense'")
    with pytest.raises(Corrupt):
        texts(store, session.id)


def test_a_table_that_is_gone_is_damage(postgres_databases: Databases) -> None:
    with postgres_databases.empty() as url, palaver.open_store(url) as other:
        change(url, "DROP TABLE preference")
        with pytest.raises(Corrupt):
            other.list_preferences()
