"""Opening what is no database of ours: a clear error, and not a byte is touched."""

import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

import palaver
from palaver import PalaverError
from tests.support.files import fingerprints

SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "zeros": lambda data: bytes(len(data)),
    "noise": lambda data: random.Random(1).randbytes(len(data)),
    "a text": lambda data: b"Dear diary, " * 1000,
    "a torn header": lambda data: data[:50],
    "a header alone": lambda data: data[:100],
    "a torn end": lambda data: data[: len(data) // 2 + 100],
    "a lost header": lambda data: bytes(100) + data[100:],
    "a lost first page": lambda data: bytes(4096) + data[4096:],
    "one byte": lambda data: b"x",
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_file_that_is_no_database_is_reported_and_untouched(path: Path, sound: bytes, kind: str) -> None:
    path.write_bytes(SPOILT[kind](sound))
    before = fingerprints(path.parent)
    with pytest.raises(PalaverError, match=r"palaver\.db"):
        _read_all(path)
    assert fingerprints(path.parent)["palaver.db"] == before["palaver.db"]
    assert kind == "a torn end" or fingerprints(path.parent) == before


def _read_all(path: Path) -> None:
    with palaver.open_store(str(path)) as store:
        for session in store.list_sessions().items:
            list(store.tree(session.id))


def test_two_gigabytes_of_zeros_are_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "palaver.db"
    with path.open("wb") as file:
        file.truncate(2 << 30)
    with pytest.raises(PalaverError, match=r"palaver\.db"):
        palaver.open_store(str(path))
    assert path.stat().st_size == 2 << 30
    assert path.stat().st_blocks == 0
    assert [item.name for item in tmp_path.iterdir()] == ["palaver.db"]


def test_a_newer_schema_is_refused_and_untouched(path: Path) -> None:
    _run(
        path,
        "PRAGMA user_version = 9999",
        "INSERT INTO migration SELECT 9999, name, digest, applied_at FROM migration LIMIT 1",
    )
    before = fingerprints(path.parent)
    with pytest.raises(palaver.Unavailable, match="newer"):
        palaver.open_store(str(path))
    assert fingerprints(path.parent) == before


@pytest.mark.parametrize(
    "statement", ["UPDATE migration SET name = CAST(x'ff' AS TEXT)", "DROP TABLE message"]
)
def test_a_damaged_schema_is_reported_and_untouched(path: Path, statement: str) -> None:
    _run(path, statement)
    before = path.read_bytes()
    with pytest.raises(PalaverError, match=r"palaver\.db"):
        _read_all(path)
    assert path.read_bytes() == before


def _run(path: Path, *statements: str) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        for statement in statements:
            connection.execute(statement).fetchall()
        connection.pragma("wal_checkpoint", "TRUNCATE")


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    _run(path, "CREATE TABLE bookmark (url TEXT)", "INSERT INTO bookmark VALUES ('x')")
    before = fingerprints(tmp_path)
    with pytest.raises(PalaverError, match=r"other\.db"):
        palaver.open_store(str(path))
    assert fingerprints(tmp_path) == before


def test_a_folder_in_the_files_place_is_reported(tmp_path: Path) -> None:
    (tmp_path / "palaver.db").mkdir()
    with pytest.raises(PalaverError, match=r"palaver\.db"):
        palaver.open_store(str(tmp_path / "palaver.db"))
    assert list((tmp_path / "palaver.db").iterdir()) == []


@pytest.mark.parametrize("url", ["", "mysql://host/db", "sqlite://host/x.db", "\0", "a\0b.db", "postgres://"])
def test_an_address_that_is_none_is_invalid(url: str) -> None:
    with pytest.raises(PalaverError):
        palaver.open_store(url)
