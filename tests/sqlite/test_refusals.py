"""A file that is not opened is not touched: not a byte of it, and nothing is left beside it."""

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from palaver.errors import Corrupt, Invalid, PalaverError, Unavailable
from palaver.storage.sqlite import cipher, copies, schema
from palaver.storage.sqlite.connection import connect
from tests.sqlite.support import (
    OTHER_KEY,
    a_database,
    add_rows,
    close_cleanly,
    contents,
    crash_copy,
    raw_key,
)

Opening = Callable[[Path, cipher.Key | None], Any]
KEY = raw_key()

OPENINGS: dict[str, Opening] = {
    "prepare": schema.prepare,
    "write": lambda path, key: connect(path, key, mode="write"),
    "read": lambda path, key: connect(path, key, mode="read"),
    "backup": copies.backup,
}


@pytest.fixture(params=OPENINGS)
def opening(request: pytest.FixtureRequest) -> Opening:
    return OPENINGS[request.param]


def refuse(
    opening: Opening, path: Path, key: cipher.Key | None, kind: type[PalaverError], words: str
) -> PalaverError:
    before = contents(path.parent)
    with pytest.raises(kind, match=words) as caught:
        opening(path, key)
    assert contents(path.parent) == before
    assert str(path) in caught.value.message
    return caught.value


def a_plain(folder: Path) -> Path:
    path = a_database(folder / "talk.db", rows=5)
    close_cleanly(path)
    return path


def an_encrypted(folder: Path) -> Path:
    path = a_database(folder / "talk.db", KEY, rows=5)
    close_cleanly(path)
    return path


def test_a_wrong_key(tmp_path: Path, opening: Opening) -> None:
    refuse(opening, an_encrypted(tmp_path), raw_key(OTHER_KEY), Invalid, "the key does not fit")


def test_a_wrong_passphrase(tmp_path: Path, opening: Opening) -> None:
    refuse(opening, an_encrypted(tmp_path), cipher.derive(None, "guess"), Invalid, "the key does not fit")


def test_a_wrong_key_where_a_crash_left_a_wal(tmp_path: Path, opening: Opening) -> None:
    made = a_database(tmp_path / "made" / "talk.db", KEY)
    (tmp_path / "crashed").mkdir()
    with closing(connect(made, KEY, mode="write")) as connection:
        add_rows(connection, range(50))
        path = crash_copy(made, tmp_path / "crashed" / "talk.db")
    refuse(opening, path, raw_key(OTHER_KEY), Invalid, "the key does not fit")
    with closing(connect(path, KEY, mode="read")) as connection:
        assert connection.execute("SELECT count(*) FROM file").get == 50


def test_no_key_for_an_encrypted_file(tmp_path: Path, opening: Opening) -> None:
    refuse(opening, an_encrypted(tmp_path), None, Invalid, "is encrypted: its key is needed")


def test_a_key_for_a_plain_file(tmp_path: Path, opening: Opening) -> None:
    refuse(opening, a_plain(tmp_path), KEY, Invalid, "is not encrypted")


def test_a_file_of_zeros(tmp_path: Path, opening: Opening) -> None:
    path = tmp_path / "talk.db"
    with path.open("wb") as file:
        file.truncate(2_000_000_000)
    refuse(opening, path, None, Corrupt, "begins with zeros")


@pytest.mark.parametrize("content", [b"hello", b"%PDF-1.7\n" * 1000, bytes(range(256)) * 64])
def test_a_file_of_another_kind(tmp_path: Path, opening: Opening, content: bytes) -> None:
    path = tmp_path / "talk.db"
    path.write_bytes(content)
    refuse(opening, path, None, Corrupt, "does not begin as a database")


@pytest.mark.parametrize(("at", "value"), [(0, 0), (16, 0x03), (18, 9), (21, 0xFF), (24 + 44, 1)])
def test_a_damaged_header(tmp_path: Path, opening: Opening, at: int, value: int) -> None:
    path = a_plain(tmp_path)
    data = bytearray(path.read_bytes())
    data[at] = value
    path.write_bytes(data)
    refuse(opening, path, None, PalaverError, "talk")


@pytest.mark.parametrize("size", [1, 60, 99, 100, 512])
def test_a_file_cut_within_its_first_page(tmp_path: Path, opening: Opening, size: int) -> None:
    path = a_plain(tmp_path)
    os.truncate(path, size)
    refuse(opening, path, None, PalaverError, "talk")


@pytest.mark.parametrize("size", [1, 60, 99, 100, 512])
def test_an_encrypted_file_cut_within_its_first_page(tmp_path: Path, opening: Opening, size: int) -> None:
    path = an_encrypted(tmp_path)
    os.truncate(path, size)
    refuse(opening, path, KEY, PalaverError, "talk")


def test_a_folder(tmp_path: Path, opening: Opening) -> None:
    (tmp_path / "talk.db").mkdir()
    refuse(opening, tmp_path / "talk.db", None, Unavailable, "is a folder")


def test_a_pipe(tmp_path: Path, opening: Opening) -> None:
    os.mkfifo(tmp_path / "talk.db")
    refuse(opening, tmp_path / "talk.db", None, Unavailable, "is not a file")


def test_a_file_in_place_of_the_folder(tmp_path: Path, opening: Opening) -> None:
    (tmp_path / "folder").write_text("a file")
    path = tmp_path / "folder" / "talk.db"
    before = contents(tmp_path)
    with pytest.raises(Unavailable, match=r"talk\.db"):
        opening(path, None)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("wal", [False, True])
def test_the_database_of_another_program(tmp_path: Path, opening: Opening, wal: bool) -> None:
    made = tmp_path / "made.db"
    path = tmp_path / "its" / "talk.db"
    path.parent.mkdir()
    with closing(apsw.Connection(str(made))) as connection:
        connection.pragma("journal_mode", "wal" if wal else "delete")
        connection.execute("CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine')")
        shutil.copyfile(made, path)
        if wal:
            crash_copy(made, path)
    refuse(opening, path, None, Invalid, "another program")


def test_an_absent_file_is_not_made_by_who_only_opens_it(tmp_path: Path) -> None:
    for name in ("write", "read", "backup"):
        refuse(OPENINGS[name], tmp_path / "talk.db", None, Unavailable, "there is no database")


def test_an_empty_file_is_no_database_to_who_only_opens_it(tmp_path: Path) -> None:
    (tmp_path / "talk.db").touch()
    for name in ("write", "read", "backup"):
        refuse(OPENINGS[name], tmp_path / "talk.db", None, Unavailable, "there is no database")


@pytest.mark.parametrize("left", ["gone", "empty"])
def test_a_wal_whose_database_is_lost_is_kept(tmp_path: Path, opening: Opening, left: str) -> None:
    path = tmp_path / "talk.db"
    a_database(path)
    with closing(connect(path, None, mode="write")) as connection:
        add_rows(connection, range(3))
        wal = (tmp_path / "talk.db-wal").read_bytes()
    close_cleanly(path)
    (tmp_path / "talk.db-wal").write_bytes(wal)
    path.unlink()
    if left == "empty":
        path.touch()
    refuse(opening, path, None, Corrupt, f"is {left}, but talk.db-wal")


@pytest.mark.parametrize("name", ["nul\0byte.db", "\udcff.db"])
def test_a_name_that_is_none(tmp_path: Path, opening: Opening, name: str) -> None:
    with pytest.raises(Invalid, match="not a usable file name"):
        opening(tmp_path / name, None)
    assert contents(tmp_path) == {}


def test_a_file_that_may_not_be_read(
    tmp_path: Path, opening: Opening, ordinary_user: Callable[[], Any]
) -> None:
    path = a_plain(tmp_path)
    before = contents(tmp_path)
    path.chmod(0)
    with ordinary_user(), pytest.raises(Unavailable, match=r"talk\.db"):
        opening(path, None)
    path.chmod(0o600)
    assert contents(tmp_path) == before


def test_a_file_that_may_not_be_written(tmp_path: Path, ordinary_user: Callable[[], Any]) -> None:
    path = a_plain(tmp_path)
    path.chmod(0o444)
    tmp_path.chmod(0o755)
    before = contents(tmp_path)
    with ordinary_user(), pytest.raises(Unavailable, match=r"talk\.db"):
        connect(path, None, mode="write")
    assert contents(tmp_path) == before


def test_a_folder_that_may_not_be_written(tmp_path: Path, ordinary_user: Callable[[], Any]) -> None:
    tmp_path.chmod(0o555)
    with ordinary_user(), pytest.raises(Unavailable, match=r"talk\.db"):
        schema.prepare(tmp_path / "new" / "talk.db", None)
    tmp_path.chmod(0o755)
    assert contents(tmp_path) == {}
