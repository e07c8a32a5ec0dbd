"""Making the tables and bringing them up to date: all or nothing, once, and never backwards."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

import palaver
from palaver.errors import Unavailable
from palaver.storage import migrate
from palaver.storage.migrate import Migration
from palaver.storage.postgres import schema
from palaver.storage.postgres.address import parse
from palaver.storage.postgres.connection import connect
from tests.faults.work import open_and_report
from tests.support.killing import Child
from tests.support.postgres import Databases

KNOWN = migrate.load("postgres")
SECOND = Migration(
    len(KNOWN) + 1, "labels", "CREATE TABLE label (key bigint PRIMARY KEY, text text NOT NULL)"
)


def prepare(url: str, *migrations: Migration) -> None:
    with connect(parse(url)) as connection:
        schema.prepare(connection, url, migrations=migrations)


def ask(url: str, sql: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(sql.encode()).fetchall()


CATALOG = (
    """SELECT table_name, ordinal_position, column_name, data_type, collation_name, is_nullable, column_default, is_identity
    FROM information_schema.columns WHERE table_schema = 'palaver' ORDER BY 1, 2""",
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'palaver' ORDER BY 1",
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'palaver'::regnamespace ORDER BY 1, 2""",
    "SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'palaver'::regnamespace ORDER BY 1",
)


def catalog(url: str) -> list[list[Any]]:
    """What the schema is, however it came about."""
    return [ask(url, sql) for sql in CATALOG]


def test_a_migrated_schema_equals_a_fresh_one(postgres_databases: Databases) -> None:
    with postgres_databases.empty() as fresh, postgres_databases.empty() as migrated:
        prepare(fresh, *KNOWN)
        for number in range(1, len(KNOWN) + 1):
            prepare(migrated, *KNOWN[:number])
        assert catalog(migrated) == catalog(fresh)


def test_both_databases_have_the_same_migrations() -> None:
    names = [(each.number, each.name) for each in migrate.load("sqlite")]
    assert [(each.number, each.name) for each in KNOWN] == names


def test_texts_are_compared_by_their_bytes(postgres_url: str) -> None:
    found = ask(
        postgres_url,
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'palaver' "
        "AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'",
    )
    assert found == []


def test_a_migration_that_fails_leaves_the_tables_as_they_were(postgres_databases: Databases) -> None:
    with postgres_databases.empty() as url:
        prepare(url, *KNOWN)
        before = catalog(url)
        with pytest.raises(psycopg.Error):
            prepare(url, *KNOWN, SECOND._replace(sql=SECOND.sql + "; SELECT nonsense"))
        assert catalog(url) == before
        palaver.open_store(url).close()


def test_newer_tables_are_refused_untouched(postgres_databases: Databases) -> None:
    with postgres_databases.empty() as url:
        prepare(url, *KNOWN, SECOND)
        before = catalog(url)
        with pytest.raises(Unavailable, match="newer Palaver"):
            palaver.open_store(url)
        assert catalog(url) == before


def test_tables_of_another_history_are_refused(postgres_databases: Databases) -> None:
    with postgres_databases.empty() as url:
        prepare(url, *KNOWN, SECOND)
        with pytest.raises(Unavailable, match=r"migration \d+_labels differs"):
            prepare(url, *KNOWN, SECOND._replace(sql="CREATE TABLE other (x bigint)"))


def test_of_several_processes_that_open_a_new_database_one_makes_the_tables(
    postgres_databases: Databases,
) -> None:
    with postgres_databases.empty() as url, ThreadPoolExecutor(4) as pool:
        children = list(pool.map(lambda _: Child(open_and_report, url), range(4)))
        assert {line for child in children for line in child.wait()} == {"opened"}
        assert ask(url, "SELECT count(*) FROM palaver.migration") == [(len(KNOWN),)]
        assert ask(url, "SELECT count(*) FROM palaver.store") == [(1,)]
