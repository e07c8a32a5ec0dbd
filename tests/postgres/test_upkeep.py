"""What the server is asked to do at once that it would do by itself some time later."""

import psycopg

import palaver
from palaver import Store
from palaver.store import Record
from tests.support.factories import a_conversation
from tests.support.postgres import Databases

MANY = 1_000


def counted(url: str) -> float:
    """Messages there are, as the server thinks that plans its queries; -1 before it has looked."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT reltuples FROM pg_class WHERE oid = to_regclass('palaver.message')"
        ).fetchone()
    assert found is not None
    return float(found[0])


def bring_in(source: Store, url: str) -> None:
    records: list[Record] = [source.personal_project()]
    for session in source.list_sessions().items:
        records += [session, *source.messages(session.id)]
    with palaver.open_store(url) as target:
        target.import_records(records)


def test_after_an_import_the_server_knows_how_much_there_is(
    store: Store, postgres_databases: Databases
) -> None:
    a_conversation(store, *[f"{number}" for number in range(MANY)])
    with postgres_databases.empty() as url:
        bring_in(store, url)
        assert counted(url) == MANY


def test_a_few_records_are_left_to_the_server(store: Store, postgres_databases: Databases) -> None:
    a_conversation(store, *[f"{number}" for number in range(10)])
    with postgres_databases.empty() as url:
        bring_in(store, url)
        assert counted(url) == -1
