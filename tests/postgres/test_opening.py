"""Opening: what an address may be, what is refused, and what is not loaded before it is needed."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

import palaver
from palaver import Invalid, Store, Unavailable
from tests.support.factories import a_conversation
from tests.support.postgres import Databases, address_of


def test_the_location_names_host_and_database_and_no_secret() -> None:
    code = (
        "from palaver.storage.postgres.address import parse;"
        "print(parse('postgresql://ann:secret@db.example:5433/talks?sslpassword=hidden').location)"
    )
    assert say(code) == "postgresql://db.example:5433/talks"


def test_the_driver_is_loaded_for_a_server_alone(tmp_path: Path) -> None:
    code = (
        "import sys, palaver; from palaver.cli import main;"
        f"palaver.open_store({str(tmp_path / 'palaver.db')!r}).close();"
        "print([name for name in sys.modules if name.startswith('psycopg')])"
    )
    assert say(code) == "[]"


def say(code: str) -> str:
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def test_a_key_is_refused(postgres_url: str) -> None:
    with pytest.raises(Invalid) as caught:
        palaver.open_store(postgres_url, key="secret")
    assert caught.value.field == "key"


def test_an_address_that_is_none_is_refused_and_not_repeated() -> None:
    with pytest.raises(Invalid) as caught:
        palaver.open_store("postgres://?nonsense=secret")
    assert "secret" not in str(caught.value)
    assert caught.value.field == "url"


def test_a_server_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="cannot be reached"):
        palaver.open_store(f"postgresql:///talks?host={tmp_path}")
    assert time.monotonic() - begun < 5


def test_a_database_that_is_not_there_is_named(postgres_server: str) -> None:
    with pytest.raises(Unavailable, match="nowhere"):
        palaver.open_store(address_of(postgres_server, "nowhere"))


def test_a_database_of_another_encoding_is_refused(postgres_databases: Databases) -> None:
    latin = "ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'"
    with postgres_databases.empty(latin) as url, pytest.raises(Unavailable, match="UTF8"):
        palaver.open_store(url)


def test_a_mirror_follows(postgres_url: str, tmp_path: Path) -> None:
    with palaver.open_store(postgres_url, mirror=f"ollm:{tmp_path}") as store:
        session = a_conversation(store, "one")
    assert (tmp_path / f"{session.id}.json").is_file()


def test_the_oldest_sessions_make_room(postgres_url: str) -> None:
    with palaver.open_store(postgres_url, max_sessions=2) as store:
        made = [a_conversation(store, "one").id for _ in range(3)]
        assert {session.id for session in store.list_sessions().items} == set(made[1:])


def test_texts_sort_by_their_bytes(store: Store) -> None:
    for name in ("b", "Z", "a", "é", "_"):
        store.create_project(name)
    assert [project.name for project in store.list_projects().items] == ["Z", "_", "a", "b", "é"]
