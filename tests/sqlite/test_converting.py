"""From plain to encrypted and back: whole, alone, and never half."""

import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from palaver.errors import Busy, Invalid, PalaverError, Unavailable
from palaver.storage.sqlite import cipher, copies, schema
from palaver.storage.sqlite.connection import connect
from palaver.storage.sqlite.inspection import beside
from tests.sqlite.support import (
    NEEDLE,
    OTHER_KEY,
    RAW_KEY,
    a_database,
    add_rows,
    close_cleanly,
    contents,
    count_rows,
    crash_copy,
    raw_key,
)

KEY = raw_key()
KILLS = 20


def wal_size(path: Path) -> int:
    wal = beside(path, "-wal")
    return wal.stat().st_size if wal.exists() else 0


def test_an_encrypted_database_holds_the_same_and_no_plain_byte(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db", rows=300)
    copies.encrypt(path, KEY)
    assert set(contents(tmp_path)) <= {"talk.db", "talk.db-wal", "talk.db-shm"}
    assert wal_size(path) == 0
    assert NEEDLE.encode() not in path.read_bytes()
    assert count_rows(path, KEY) == 300
    schema.prepare(path, KEY)


def test_a_decrypted_database_holds_the_same(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db", KEY, rows=300)
    copies.decrypt(path, KEY)
    assert set(contents(tmp_path)) <= {"talk.db", "talk.db-wal", "talk.db-shm"}
    assert wal_size(path) == 0
    assert NEEDLE.encode() in path.read_bytes()
    schema.prepare(path, None)
    assert count_rows(path) == 300
    assert count_rows(copies.backup(path, None)) == 300


def test_there_and_back_again_and_on(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db", rows=20)
    path.chmod(0o640)
    for _ in range(2):
        copies.encrypt(path, KEY)
        assert path.stat().st_mode & 0o777 == 0o640
        copies.decrypt(path, KEY)
    with closing(connect(path, None, mode="write")) as connection:
        add_rows(connection, range(20, 40))
        assert connection.pragma("integrity_check") == "ok"
    copies.encrypt(path, cipher.derive(None, "correct horse"))
    assert count_rows(path, cipher.derive(path, "correct horse")) == 40


def test_what_stood_only_in_the_wal_comes_along(tmp_path: Path) -> None:
    made = a_database(tmp_path / "made.db")
    (tmp_path / "crashed").mkdir()
    with closing(connect(made, None, mode="write")) as connection:
        add_rows(connection, range(50))
        path = crash_copy(made, tmp_path / "crashed" / "talk.db")
    copies.encrypt(path, KEY)
    assert wal_size(path) == 0
    assert count_rows(path, KEY) == 50


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_database_somebody_has_open_is_left_alone(tmp_path: Path, mode: str) -> None:
    path = a_database(tmp_path / "talk.db", rows=5)
    script = """
import pathlib, sys
from palaver.storage.sqlite.connection import connect
from palaver.storage.sqlite.inspection import beside
connection = connect(pathlib.Path(sys.argv[1]), None, mode=sys.argv[2])
print("open", flush=True)
sys.stdin.readline()
print(connection.execute("SELECT count(*) FROM file").get)
"""
    command = [sys.executable, "-c", script, str(path), mode]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(Busy, match="is open elsewhere"):
            copies.encrypt(path, KEY)
        assert other.communicate("\n")[0] == "5\n"
    assert count_rows(path) == 5
    copies.encrypt(path, KEY)


def test_a_database_this_process_has_open_is_left_alone(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db", rows=5)
    for mode in ("read", "write"):
        with closing(connect(path, None, mode=mode)) as connection:
            with pytest.raises(Busy, match="is open elsewhere"):
                copies.encrypt(path, KEY)
            assert connection.execute("SELECT count(*) FROM file").get == 5
    assert not cipher.is_encrypted(path)


def test_the_wrong_way_round_is_refused_untouched(tmp_path: Path) -> None:
    plain, encrypted = a_database(tmp_path / "a.db", rows=1), a_database(tmp_path / "b.db", KEY, rows=1)
    close_cleanly(plain)
    close_cleanly(encrypted)
    before = contents(tmp_path)
    with pytest.raises(Invalid, match="is encrypted already"):
        copies.encrypt(encrypted, KEY)
    with pytest.raises(Invalid, match="is not encrypted"):
        copies.decrypt(plain, KEY)
    with pytest.raises(Invalid, match="the key does not fit"):
        copies.decrypt(encrypted, raw_key(OTHER_KEY))
    with pytest.raises(Unavailable, match="there is no database"):
        copies.decrypt(tmp_path / "absent.db", KEY)
    with pytest.raises(Unavailable, match="there is no database"):
        copies.encrypt(tmp_path / "absent.db", KEY)
    assert contents(tmp_path) == before


def test_the_key_is_in_no_message(tmp_path: Path) -> None:
    path = a_database(tmp_path / "talk.db", rows=1)
    (tmp_path / "x").mkdir()
    with closing(connect(path, None, mode="write")) as source, pytest.raises(PalaverError) as caught:
        copies._vacuum_into(source, tmp_path / "x", KEY, cipher.new_header())
    assert RAW_KEY.hex() not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("before", [None, KEY], ids=["encrypt", "decrypt"])
def test_killed_at_any_moment_it_is_the_one_or_the_other(tmp_path: Path, before: cipher.Key | None) -> None:
    script = """
import pathlib, sys
from palaver.storage.sqlite import cipher, copies
key = cipher.derive(None, bytes.fromhex(sys.argv[2]))
print(flush=True)
getattr(copies, sys.argv[3])(pathlib.Path(sys.argv[1]), key)
"""
    verb = "encrypt" if before is None else "decrypt"
    model = a_database(tmp_path / "model.db", before, rows=1500)
    chance = random.Random(11)
    seen = set()
    with closing(connect(model, before, mode="write")):
        for number in range(KILLS):
            (tmp_path / str(number)).mkdir()
            path = crash_copy(model, tmp_path / str(number) / "talk.db")
            command = [sys.executable, "-c", script, str(path), RAW_KEY.hex(), verb]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                process.stdout.readline()
                time.sleep(chance.uniform(0, 0.08))
                process.send_signal(signal.SIGKILL)
            key = KEY if cipher.is_encrypted(path) else None
            seen.add(key)
            check_usable(path, key)
    assert seen == {None, KEY}, "the kills were all too early or all too late"


def check_usable(path: Path, key: cipher.Key | None) -> None:
    schema.prepare(path, key)
    with closing(connect(path, key, mode="write")) as connection:
        assert connection.pragma("integrity_check") == "ok"
        add_rows(connection, [5000])
    assert count_rows(path, key) == 1501
    copies.encrypt(path, KEY) if key is None else copies.decrypt(path, KEY)
    assert count_rows(path, KEY if key is None else None) == 1501


def test_whoever_waits_meanwhile_loses_nothing(tmp_path: Path) -> None:
    """Threads keep opening and writing while the file is replaced under them: what was acknowledged is there."""
    path = a_database(tmp_path / "talk.db", rows=200)
    stop = threading.Event()
    acknowledged: list[int] = []
    unexpected: list[BaseException] = []
    keys = (None, KEY)

    def write(which: int) -> None:
        number = 10_000 * (which + 1)
        while not stop.is_set():
            for key in keys:
                try:
                    with closing(connect(path, key, mode="write", timeout=5)) as connection:
                        add_rows(connection, [number])
                    acknowledged.append(number)
                    number += 1
                except (PalaverError, apsw.BusyError):
                    pass
                except BaseException as exc:  # noqa: BLE001  (shown below)
                    unexpected.append(exc)
            time.sleep(0.002)

    threads = [threading.Thread(target=write, args=(which,)) for which in range(2)]
    for thread in threads:
        thread.start()
    done = 0
    deadline = time.monotonic() + 20
    while done < 6 and time.monotonic() < deadline:
        try:
            copies.decrypt(path, KEY) if cipher.is_encrypted(path) else copies.encrypt(path, KEY)
            done += 1
        except Busy:
            time.sleep(0.001)
    stop.set()
    for thread in threads:
        thread.join()
    key = KEY if cipher.is_encrypted(path) else None
    assert unexpected == []
    assert done >= 2
    with closing(connect(path, key, mode="read")) as connection:
        assert connection.pragma("integrity_check") == "ok"
        kept = {int.from_bytes(digest) for (digest,) in connection.execute("SELECT digest FROM file")}
    assert set(acknowledged) <= kept
