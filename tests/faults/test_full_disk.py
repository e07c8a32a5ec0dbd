"""No space, no rights: a clear error, nothing lost, and it works again afterwards.

A limit on the size of files stands for a full disk: it needs no rights to mount anything.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import palaver
from tests.support.factories import a_conversation, say, texts
from tests.support.files import fingerprints

FILL = """
import json, resource, signal, sys
import palaver
from palaver import PalaverError, Text

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path, room = sys.argv[1], int(sys.argv[2])
store = palaver.open_store(path)
session = store.create_session(title="Untitled")
draft = store.open_draft(store.create_session().id)
resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
acknowledged, refused = [], []
for n in range(20_000):
    try:
        acknowledged += [message.id for message in store.append(session.id, palaver.user(f"{n} " + "x" * 2_000))]
    except PalaverError as error:
        refused.append([error.code, str(error)])
        if len(refused) == 5:
            break
others = []
for verb in (
    lambda: store.create_session(),
    lambda: store.put_file(b"y" * 1_000_000, name="y.bin"),
    lambda: store.extend_draft(draft.id, Text("z" * 100_000), offset=0),
    lambda: store.backup(path + ".copy"),
    lambda: store.import_records([]),
    lambda: store.verify(repair=True),
    lambda: store.purge_session(session.id),
):
    try:
        verb()
        others.append("done")
    except PalaverError as error:
        others.append(error.code)
left = [message.id for message in store.tree(session.id)] if others[-1] != "done" else None
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
again = store.append(store.create_session().id, palaver.user("works again"))[0].id
store.close()
print(json.dumps([session.id, acknowledged, refused, others, left, again]))
"""


def fill(path: Path, room: int) -> list[Any]:
    ran = subprocess.run(
        [sys.executable, "-c", FILL, str(path), str(room)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    answer: list[Any] = json.loads(ran.stdout)
    return answer


@pytest.mark.parametrize("room", [400_000, 1_000_000, 4_000_000, 8_000_000])
def test_a_full_disk_is_said_clearly_and_loses_nothing(tmp_path: Path, room: int) -> None:
    path = tmp_path / "palaver.db"
    session, acknowledged, refused, others, left, again = fill(path, room)
    assert len(acknowledged) > 3
    assert {code for code, _ in refused} == {"unavailable"}
    assert all("full" in text or "space" in text or "large" in text for _, text in refused)
    assert set(others) <= {"done", "unavailable", "busy"}
    assert left in (None, acknowledged)
    with palaver.open_store(str(path)) as store:
        assert store.get_message(again).text == "works again"
        if left is not None:
            assert [message.id for message in store.messages(session)] == acknowledged
        assert store.verify().problems == []
    assert not (tmp_path / "palaver.db.copy").exists() or "done" in others[3]


@pytest.mark.parametrize("room", [0, 1_000, 5_000, 20_000, 60_000])
def test_a_store_that_finds_no_room_to_begin_says_so(tmp_path: Path, room: int) -> None:
    script = (
        "import resource, signal, sys, palaver\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))\n"
        "try:\n    palaver.open_store(sys.argv[1])\nexcept palaver.PalaverError as error:\n    print(error.code, error)"
    )
    path = tmp_path / "palaver.db"
    ran = subprocess.run(
        [sys.executable, "-c", script, str(path), str(room)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("unavailable ")
    with palaver.open_store(str(path)) as store:
        assert texts(store, a_conversation(store, "works").id) == ["works"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that an ordinary user can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


READS = """
import json, os, sys, palaver
import palaver.storage.sqlite.opening
if os.geteuid() == 0:  # as whom containers run tests, and whom no right of a file stops
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
try:
    store = palaver.open_store(sys.argv[1])
    try:
        store.append(sys.argv[2], palaver.user("x"))
        wrote = "wrote"
    except palaver.PalaverError as error:
        wrote = error.code
    found = [message.text for message in store.messages(sys.argv[2])]
    print(json.dumps([wrote, found, store.verify().problems == []]))
except palaver.PalaverError as error:
    print(json.dumps([error.code, str(error)]))
"""


def as_ordinary_user(*arguments: str) -> list[Any]:
    ran = subprocess.run(
        [sys.executable, "-c", READS, *arguments], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    answer: list[Any] = json.loads(ran.stdout)
    return answer


def test_a_database_in_a_read_only_folder_is_read_or_refused_and_never_written(folder: Path) -> None:
    path = folder / "palaver.db"
    with palaver.open_store(str(path)) as store:
        session = a_conversation(store, "one").id
    path.chmod(0o444)
    folder.chmod(0o555)
    before = fingerprints(folder)
    answer = as_ordinary_user(str(path), session)
    folder.chmod(0o755)
    assert fingerprints(folder) == before
    assert answer[0] == "unavailable"
    assert answer[1:] == [["one"], True] or "palaver.db" in answer[1]


def test_a_folder_one_may_not_write_into_is_a_clear_error(folder: Path) -> None:
    folder.chmod(0o555)
    code, text = as_ordinary_user(str(folder / "palaver.db"), "")
    folder.chmod(0o755)
    assert code == "unavailable"
    assert str(folder) in text
    assert list(folder.iterdir()) == []


def test_a_file_one_may_not_read_is_a_clear_error(folder: Path) -> None:
    path = folder / "palaver.db"
    palaver.open_store(str(path)).close()
    path.chmod(0o000)
    code, text = as_ordinary_user(str(path), "")
    assert code == "unavailable"
    assert "palaver.db" in text


LOCKS = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_lock_of_another_program_is_busy_and_no_loss(folder: Path) -> None:
    path = folder / "palaver.db"
    with palaver.open_store(str(path)) as store:
        session = a_conversation(store, "one").id
        with subprocess.Popen(
            [sys.executable, "-c", LOCKS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as other:
            assert other.stdout
            other.stdout.readline()
            assert texts(store, session) == ["one"]
            with pytest.raises(palaver.Busy):
                say(store, session, "two")
            other.communicate()
        say(store, session, "three")
        assert texts(store, session) == ["one", "three"]
