"""Any byte of the file is another one: that is said, or nothing is harmed; and the file is left as it is."""

import io
import logging
import random
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import apsw
import pytest

import palaver
from palaver import Corrupt, PalaverError, Store
from palaver.cli.exits import EXIT_CODES
from palaver.formats import bring_in, take_out
from palaver.ids import to_bytes
from palaver.storage import encrypt, rescued
from palaver.storage.sqlite import cipher
from palaver.storage.sqlite.connection import connect
from tests.conftest import Tried
from tests.faults.tries import Tries, at_most
from tests.support.factories import a_conversation
from tests.support.sound import fill

KEY = bytes(range(32))


class Sound(NamedTuple):
    """A closed database with something of everything, and what can be read from it."""

    key: bytes | None
    content: bytes
    read: bytes


@pytest.fixture(scope="module", params=[None, KEY], ids=["plain", "encrypted"])
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sound:
    path = tmp_path_factory.mktemp("sound") / "palaver.db"
    fill(path)
    if request.param:
        encrypt(path, request.param)
    content = path.read_bytes()
    with palaver.open_store(path, key=request.param) as store:
        return Sound(request.param, content, everything(store))


def everything(store: Store) -> bytes:
    out = io.BytesIO()
    take_out(store, out)
    found = [
        hit.message_id or hit.session_id for word in ("message", "here") for hit in store.search(word).items
    ]
    return out.getvalue().partition(b"\n")[2] + repr(found).encode()


@at_most(800, 1_000_000)
def test_a_flipped_byte_is_noticed_or_harmless(
    sound: Sound, tmp_path: Path, chance: random.Random, tries: Tries, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    seen: Counter[str] = Counter()
    for at in tries.among(range(len(sound.content)), chance):
        spoilt = bytearray(sound.content)
        spoilt[at] ^= chance.choice((0x01, 0x80, 0xFF, chance.randrange(1, 256)))
        folder = tmp_path / "spoilt"
        folder.mkdir()
        path = folder / "palaver.db"
        path.write_bytes(spoilt)
        seen[look(path, sound)] += 1
        assert path.read_bytes() == spoilt, f"byte {at} was flipped, and then others were written"
        shutil.rmtree(folder)
    kind = "an encrypted" if sound.key else "a plain"
    outcome = ", ".join(f"{count} {what}" for what, count in seen.most_common())
    tries.say(f"{tries.done} of {len(sound.content)} bytes of {kind} database flipped: {outcome}")


def look(path: Path, sound: Sound) -> str:
    try:
        store = palaver.open_store(path, key=sound.key)
    except PalaverError:
        return "refused"
    with store:
        problems = store.verify().problems
        lost: list[Corrupt] = []
        take_out(rescued(store, lost.append), io.BytesIO())
        assert problems or not lost
        try:
            read = everything(store)
        except PalaverError:
            assert problems
            return "cannot be read whole"
        assert problems or read == sound.read
        return "found by verify" if problems else "harmless"


MESSAGES = 400


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
def test_what_can_be_read_is_exported_and_imported_and_what_cannot_is_named(
    tmp_path: Path, key: bytes | None, tried: Tried
) -> None:
    path, rescued_path = tmp_path / "palaver.db", tmp_path / "rescued.jsonl"
    texts = [f"message {n} " + "word " * 50 for n in range(MESSAGES)]
    with palaver.open_store(path, key=key) as store:
        session = a_conversation(store, *texts[:-1], title="Talk")
        a_conversation(store, texts[-1], title="Other")
    pages = find_pages(path, key, "message")
    sound, whole = path.read_bytes(), 0
    for page in pages:
        spoilt = bytearray(sound)
        spoilt[(page - 1) * 4096 : page * 4096] = random.Random(page).randbytes(4096)
        path.write_bytes(spoilt)
        lost: list[Corrupt] = []
        with palaver.open_store(path, key=key) as store:
            take_out(rescued(store, lost.append), rescued_path)
        assert lost
        assert any(session.id in error.message or "message" in error.message for error in lost)
        with palaver.open_store(tmp_path / f"{page}.db") as store:
            assert bring_in(store, rescued_path).skipped == []
            there = {message.text for each in store.list_sessions().items for message in store.tree(each.id)}
            assert store.verify().problems == []
        assert there < set(texts)
        whole += len(there) > MESSAGES - 20
    assert whole >= len(pages) - 1  # the page that leads to the others takes them with it
    tried(f"{len(pages)} pages of messages lost, one at a time, and the others exported")


def test_the_command_exports_what_it_can_and_says_what_is_missing(tmp_path: Path) -> None:
    path, out = tmp_path / "palaver.db", tmp_path / "rescued.jsonl"
    with palaver.open_store(path) as store:
        a_conversation(store, *["word " * 100 for _ in range(100)])
    *_, page = find_pages(path, None, "message")
    spoilt = bytearray(path.read_bytes())
    spoilt[(page - 1) * 4096 : page * 4096] = bytes(4096)
    path.write_bytes(spoilt)
    command = [
        sys.executable,
        "-c",
        "from palaver.cli.main import main; main()",
        "--store",
        str(path),
        "export",
        "-o",
        str(out),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == EXIT_CODES["corrupt"]
    assert "left out: messages" in run.stderr
    assert out.read_bytes().count(b'"type":"message"') > 80


def find_pages(path: Path, key: bytes | None, table: str) -> list[int]:
    """The numbers of the pages a table is in."""
    derived = cipher.derive(path, key) if key else None
    with closing(connect(path, derived, mode="alone")) as connection:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        return [page for (page,) in connection.execute("SELECT pageno FROM dbstat WHERE name = ?", (table,))]


LEADING = (
    "project",
    "session",
    "session_detail",
    "sqlite_autoindex_session_1",
    "session_list",
    "project_owner",
)


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
@pytest.mark.parametrize("table", LEADING)
def test_every_message_is_exported_where_only_what_leads_to_it_is_lost(
    tmp_path: Path, key: bytes | None, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    path, rescued_path = tmp_path / "palaver.db", tmp_path / "rescued.jsonl"
    with palaver.open_store(path, key=key) as store:
        for talk in range(3):
            a_conversation(store, *[f"message {talk}.{n}" for n in range(5)], title=f"Talk {talk}")
        stranger = store.as_actor("stranger")
        a_conversation(stranger, "not yours")
    pages = find_pages(path, key, table)
    content = bytearray(path.read_bytes())
    for page in pages:
        content[(page - 1) * 4096 : page * 4096] = random.Random(page).randbytes(4096)
    path.write_bytes(content)
    with palaver.open_store(path, key=key) as store:
        take_out(rescued(store, lambda lost: None), rescued_path)
    with palaver.open_store(tmp_path / "again.db") as store:
        assert bring_in(store, rescued_path).skipped == []
        found = {message.text for each in store.list_sessions().items for message in store.messages(each.id)}
        assert store.verify().problems == []
    wanted = {f"message {talk}.{n}" for talk in range(3) for n in range(5)}
    assert found - {"not yours"} == wanted
    assert "not yours" not in found or table in ("project", "session")  # then nobody can tell whose it was


@pytest.mark.parametrize("table", ["project", "session"])
def test_an_index_of_ids_that_lies_keeps_nothing_back(tmp_path: Path, table: str) -> None:
    path, rescued_path = tmp_path / "palaver.db", tmp_path / "rescued.jsonl"
    with palaver.open_store(path) as store:
        session = a_conversation(store, "one", "two")
    id = to_bytes({"project": session.project_id, "session": session.id}[table])
    (page,) = find_pages(path, None, f"sqlite_autoindex_{table}_1")
    content = bytearray(path.read_bytes())
    content[content.index(id, (page - 1) * 4096) + 15] ^= 1
    path.write_bytes(content)
    with palaver.open_store(path) as store:
        assert store.verify().problems
        take_out(rescued(store, lambda lost: None), rescued_path)
    with palaver.open_store(tmp_path / "again.db") as store:
        bring_in(store, rescued_path)
        assert [message.text for message in store.messages(session.id)] == ["one", "two"]
