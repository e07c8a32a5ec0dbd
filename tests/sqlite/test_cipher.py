"""Keys, and what stands in an encrypted file."""

import hashlib
import pickle
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from palaver.errors import Corrupt, Invalid
from palaver.storage.sqlite import cipher, copies
from palaver.storage.sqlite.connection import connect
from palaver.storage.sqlite.inspection import uri
from tests.sqlite.support import (
    NEEDLE,
    RAW_KEY,
    a_database,
    add_rows,
    close_cleanly,
    contents,
    count_rows,
    raw_key,
)


def test_a_passphrase_opens_what_it_made(tmp_path: Path) -> None:
    path = tmp_path / "talk.db"
    a_database(path, cipher.derive(path, "correct horse"), rows=1)
    assert count_rows(path, cipher.derive(path, "correct horse")) == 1


def test_a_passphrase_is_stretched_once_for_all_connections(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db", cipher.derive(None, "correct horse"))
    begun = time.process_time()
    key = cipher.derive(path, "correct horse")
    stretching = time.process_time() - begun
    begun = time.process_time()
    for _ in range(5):
        connect(path, key, mode="read").close()
    assert time.process_time() - begun < stretching


def test_a_passphrase_composed_differently_is_the_same() -> None:
    salt = bytes(16)
    assert cipher.derive(None, "caf\u00e9").raw(salt) == cipher.derive(None, "cafe\u0301").raw(salt)


def test_two_files_with_one_passphrase_have_different_keys(tmp_path: Path) -> None:
    key = cipher.derive(None, "correct horse")
    first, second = (cipher.read_header(a_database(tmp_path / name, key))[:16] for name in ("a.db", "b.db"))
    assert first != second
    assert key.raw(first) != key.raw(second)


def test_any_sqlite_with_ciphers_opens_the_file_by_its_passphrase(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db", cipher.derive(None, "correct horse"), rows=1)
    with closing(apsw.Connection(str(path))) as connection:
        connection.pragma("cipher", "chacha20")
        connection.pragma("kdf_iter", 600_000)
        connection.pragma("key", "correct horse")
        assert connection.execute("SELECT count(*) FROM file").get == 1


def test_thirty_two_bytes_are_the_key_itself_and_others_a_passphrase() -> None:
    salt = bytes(16)
    assert cipher.derive(None, RAW_KEY).raw(salt) == RAW_KEY
    stretched = hashlib.pbkdf2_hmac("sha256", b"short", salt, 600_000)
    assert cipher.derive(None, b"short").raw(salt) == stretched


@pytest.mark.parametrize("key", ["", b""], ids=["text", "bytes"])
def test_an_empty_key_is_refused(key: str | bytes) -> None:
    with pytest.raises(Invalid, match="empty"):
        cipher.derive(None, key)


def test_half_a_surrogate_pair_is_no_key() -> None:
    with pytest.raises(Invalid, match="surrogate"):
        cipher.derive(None, "\ud800")


def test_a_key_is_never_shown_nor_pickled() -> None:
    key = cipher.derive(None, "correct horse")
    key.raw(bytes(16))
    assert repr(key) == str(key) == "Key(…)"
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_an_encrypted_file_is_told_from_a_plain_one_and_from_none(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage"
    garbage.write_bytes(bytes(range(256)))
    assert cipher.is_encrypted(a_database(tmp_path / "a.db", raw_key()))
    assert not cipher.is_encrypted(a_database(tmp_path / "b.db"))
    assert not cipher.is_encrypted(garbage)
    assert not cipher.is_encrypted(tmp_path / "absent.db")
    assert not cipher.is_encrypted(tmp_path)


def test_nothing_of_what_was_written_stands_in_an_encrypted_file_its_wal_or_its_backup(
    tmp_path: Path,
) -> None:
    key = raw_key()
    path = a_database(tmp_path / "talk.db", key)
    with closing(connect(path, key, mode="write")) as connection:
        add_rows(connection, range(20))
        connection.wal_checkpoint()
        add_rows(connection, range(20, 40))
        copies.backup(path, key)
        found = contents(tmp_path)
    names = sorted(found)
    assert [name.split("-2")[0] for name in names] == [
        "backups",
        "backups/talk",
        "talk.db",
        "talk.db-shm",
        "talk.db-wal",
    ]
    for name, (size, data) in found.items():
        assert size == len(data), name
        for word in (NEEDLE.encode(), b"SQLite format", b"CREATE TABLE", b"text_index"):
            assert word not in data, name
    with closing(connect(a_database(tmp_path / "plain.db", rows=40), None, mode="read")):
        assert NEEDLE.encode() in contents(tmp_path)["plain.db-wal"][1]


@pytest.mark.parametrize("page", [2, 5, 9, -1])
def test_a_flipped_bit_in_any_page_of_an_encrypted_file_is_noticed(tmp_path: Path, page: int) -> None:
    key = raw_key()
    path = a_database(tmp_path / "talk.db", key, rows=40)
    with closing(connect(path, key, mode="write")) as connection:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    close_cleanly(path)
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 + 1000 if page > 0 else -1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(Corrupt, match=r"talk\.db is damaged"):
        copies.backup(path, key)


def test_reading_the_header_leaves_the_locks_of_this_process(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db")
    with closing(
        apsw.Connection(uri(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI)
    ) as holder:
        holder.pragma("journal_mode", "delete")
        holder.execute("BEGIN EXCLUSIVE")
        cipher.is_encrypted(path)
        script = "import apsw, sys; apsw.Connection(sys.argv[1]).execute('SELECT * FROM store').get"
        command = [sys.executable, "-c", script, str(path)]
        other = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "BusyError" in other.stderr
