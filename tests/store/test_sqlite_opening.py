"""Opening what is no database of ours: a clear error, and not a byte is touched."""

import logging
import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

import palaver
from palaver import Corrupt, PalaverError
from palaver.formats import bring_in, take_out
from palaver.storage import encrypt, rescued
from palaver.storage.sqlite import cipher
from palaver.storage.sqlite.connection import connect
from tests.support.factories import texts
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


def test_a_damaged_schema_is_reported_and_untouched(path: Path) -> None:
    _run(path, "DROP TABLE message")
    before = path.read_bytes()
    with pytest.raises(PalaverError, match=r"palaver\.db"):
        _read_all(path)
    assert path.read_bytes() == before


LEDGERS = {
    "a name that is no Unicode": "UPDATE migration SET name = CAST(x'ff' AS TEXT)",
    "another name": "UPDATE migration SET name = 'initiam'",
    "another number": "UPDATE migration SET number = 129 WHERE number = 1",
    "a digit of the digest": "UPDATE migration SET digest = iif(digest LIKE 'f%', '0', 'f') || substr(digest, 2)",
    "a digest that is none": "UPDATE migration SET digest = 'z' || substr(digest, 2)",
    "no rows": "DELETE FROM migration",
}


@pytest.mark.parametrize("kind", LEDGERS)
def test_with_a_damaged_ledger_it_says_so_and_can_be_read_but_not_written(
    path: Path, sound: bytes, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    _run(path, LEDGERS[kind])
    before = path.read_bytes()
    with palaver.open_store(str(path)) as store:
        read = {text for session in store.list_sessions().items for text in texts(store, session.id)}
        with pytest.raises(Corrupt, match=r"palaver\.db is damaged.*Nothing more is written"):
            store.create_session()
        assert store.verify().problems
        assert kind == "a name that is no Unicode" or store.stats().sessions
        assert not any(problem.repaired for problem in store.verify(repair=True).problems)
    assert path.read_bytes() == before
    path.write_bytes(sound)
    with palaver.open_store(str(path)) as store:
        assert read == {text for session in store.list_sessions().items for text in texts(store, session.id)}


NEWEST = {
    "the newest session's time": "session_list",
    "the newest change": "change",
    "the watermark": "store",
}


@pytest.mark.parametrize("key", [None, bytes(range(32))], ids=["plain", "encrypted"])
@pytest.mark.parametrize("kind", NEWEST)
def test_what_only_writing_needs_keeps_nobody_from_reading(
    path: Path, tmp_path: Path, kind: str, key: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    with palaver.open_store(str(path)) as store:
        whole = {message.id for session in store.list_sessions().items for message in store.tree(session.id)}
    if key is not None:
        encrypt(path, key)
    spoil(path, key, NEWEST[kind])
    before = path.read_bytes()
    with palaver.open_store(str(path), key=key) as store:
        with pytest.raises(Corrupt, match=r"palaver\.db is damaged.*Nothing more is written"):
            store.create_session()
        assert store.verify().problems
        lost: list[Corrupt] = []
        take_out(rescued(store, lost.append), tmp_path / "rescued.jsonl")
    assert path.read_bytes() == before
    with palaver.open_store(str(tmp_path / "again.db")) as store:
        bring_in(store, tmp_path / "rescued.jsonl")
        assert whole == {
            message.id for session in store.list_sessions().items for message in store.tree(session.id)
        }


def spoil(path: Path, key: bytes | None, table: str) -> None:
    """The page a small table or index is in is noise."""
    derived = cipher.derive(path, key) if key else None
    with closing(connect(path, derived, mode="alone")) as connection:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        page = connection.execute("SELECT max(pageno) FROM dbstat WHERE name = ?", (table,)).get
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = random.Random(page).randbytes(4096)
    path.write_bytes(content)


def test_an_opening_that_was_refused_leaves_no_file_open(path: Path) -> None:
    spoil(path, None, "sqlite_schema")
    before = _open_files()
    for _ in range(3):
        with pytest.raises(PalaverError):
            palaver.open_store(str(path))
    assert _open_files() == before


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


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
