"""Damage planted into a database file: found by `verify`, never passed over, never overwritten."""

import random
import re
from pathlib import Path

import pytest

import palaver
from palaver import Corrupt, Filter, PalaverError, Store, Text
from palaver.wire import encode
from tests.support.factories import a_conversation, say
from tests.support.files import damage, rows

DAMAGE = Path(__file__).with_name("damage.sql").read_text(encoding="utf-8")
PLANTED = dict(re.findall(r"^-- (.+)\n(\w[^;]+);$", DAMAGE, re.MULTILINE))


def everything(store: Store) -> bytes:
    """All that can be read, to compare."""
    sessions = store.list_sessions(filter=Filter(state="any", empty=True), limit=200).items
    read: list[object] = [store.list_projects().items, sessions]
    for session in sessions:
        read += [list(store.tree(session.id)), list(store.messages(session.id))]
        read += [store.list_checkpoints(session.id, active=False), store.list_snapshots(session.id)]
        for message in store.tree(session.id):
            for part in message.parts:
                if isinstance(part, palaver.File):
                    read.append(store.open_file(part.digest).read().hex())
    read += [
        [hit.message_id for hit in store.search(word).items] for word in ("message", "here", "other", "side")
    ]
    return encode(read)


def test_the_sound_database_is_sound(path: Path) -> None:
    with palaver.open_store(str(path)) as store:
        assert store.verify().problems == []


@pytest.mark.parametrize("kind", PLANTED)
def test_verify_finds(path: Path, kind: str) -> None:
    damage(path, PLANTED[kind])
    with palaver.open_store(str(path)) as store:
        problems = store.verify().problems
        assert problems, f"{kind} was not found"
        assert all(
            problem.kind and problem.where and problem.what and not problem.repaired for problem in problems
        )
        assert store.verify().problems == problems


@pytest.mark.parametrize("kind", PLANTED)
def test_repair_drops_no_message(path: Path, kind: str) -> None:
    damage(path, PLANTED[kind])
    kept = "SELECT id, CAST(body AS BLOB) FROM message WHERE body IS NOT NULL ORDER BY id"
    before = rows(path, kept)
    with palaver.open_store(str(path)) as store:
        store.verify(repair=True)
    assert rows(path, kept) == before


MENDED = [
    "wrong tokens of a message",
    "a wrong message count",
    "a wrong token count",
    "a wrong last position",
    "a lost tag",
    "a tag too many",
    "a lost reference to a file",
    "a state that is not the session's",
    "a checkpoint marked as replaced",
    "a checkpoint marked as in use",
    "a compression count below what is there",
]


@pytest.mark.parametrize("kind", MENDED)
def test_repair_mends_what_can_be_derived(path: Path, kind: str) -> None:
    with palaver.open_store(str(path)) as store:
        whole = everything(store)
    damage(path, PLANTED[kind])
    with palaver.open_store(str(path)) as store:
        assert any(problem.repaired for problem in store.verify(repair=True).problems)
        assert store.verify().problems == []
        assert everything(store) == whole


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO text_index (text_index) VALUES ('delete-all')",
        "DELETE FROM text_index_data WHERE id > 10",
        "UPDATE text_index_data SET block = zeroblob(length(block)) WHERE id = (SELECT max(id) FROM text_index_data)",
        "UPDATE store SET indexed_through = 0",
    ],
    ids=["emptied", "without its words", "with a page of zeros", "said to be behind"],
)
def test_a_damaged_index_is_found_and_built_anew(indexed: bytes, tmp_path: Path, statement: str) -> None:
    path = tmp_path / "palaver.db"
    path.write_bytes(indexed)
    damage(path, statement)
    with palaver.open_store(str(path)) as store:
        assert store.verify().problems
        assert all(problem.repaired for problem in store.verify(repair=True).problems)
        assert store.verify().problems == []
        assert {hit.message_id for hit in store.search("marigold").items} == {
            message.id
            for session in store.list_sessions().items
            for message in store.tree(session.id)
            if "marigold" in message.text
        }


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database whose messages are in the full-text index, not only in the tail behind it."""
    path = tmp_path_factory.mktemp("indexed") / "palaver.db"
    with palaver.open_store(str(path)) as store:
        session = a_conversation(store, "the marigold", title="Untitled")
        for _ in range(5):
            say(store, session.id, *["number and word"] * 1_000)
        say(store, session.id, "another marigold")
    assert rows(path, "SELECT indexed_through > 1000 FROM store") == [(1,)]
    damage(path, "UPDATE store SET one = 1")
    return path.read_bytes()


def test_a_damaged_row_is_reported_when_it_is_read(path: Path) -> None:
    damage(path, PLANTED["parts that are no JSON"])
    with palaver.open_store(str(path)) as store:
        session = next(item for item in store.list_sessions().items if item.model == "m")
        with pytest.raises(Corrupt):
            list(store.messages(session.id))


def test_a_cycle_does_not_hang_a_reader(path: Path) -> None:
    damage(path, PLANTED["a cycle"], PLANTED["a message below itself"])
    with palaver.open_store(str(path)) as store:
        for session in store.list_sessions().items:
            try:
                assert len(list(store.messages(session.id))) < 100
            except Corrupt as error:
                assert error.where  # noqa: PT017 - an error or a bounded branch, both are right


FLIPS = 150


def test_no_flipped_byte_passes_for_sound_data(path: Path, sound: bytes) -> None:
    with palaver.open_store(str(path)) as store:
        whole = everything(store)
    chance = random.Random(2)
    for _ in range(FLIPS):
        spoilt = bytearray(sound)
        at = chance.randrange(len(sound))
        spoilt[at] ^= 1 << chance.randrange(8)
        path.with_name("palaver.db-wal").unlink(missing_ok=True)
        path.with_name("palaver.db-shm").unlink(missing_ok=True)
        path.write_bytes(spoilt)
        assert _is_noticed(path) or _reads(path) == whole, f"byte {at}"


def _is_noticed(path: Path) -> bool:
    try:
        with palaver.open_store(str(path)) as store:
            return bool(store.verify().problems)
    except PalaverError:
        return True


def _reads(path: Path) -> bytes:
    with palaver.open_store(str(path)) as store:
        return everything(store)


def test_a_torn_wal_loses_nothing_that_was_checkpointed(path: Path) -> None:
    with palaver.open_store(str(path)) as store:
        whole = everything(store)
    path.with_name("palaver.db-wal").write_bytes(random.Random(3).randbytes(10_000))
    with palaver.open_store(str(path)) as store:
        assert everything(store) == whole
        assert store.verify().problems == []


def test_a_conversation_goes_on_in_an_undamaged_session(path: Path) -> None:
    damage(path, PLANTED["a changed text"])
    with palaver.open_store(str(path)) as store:
        other = next(item for item in store.list_sessions().items if item.title == "Other")
        assert say(store, other.id, "goes on")
        assert store.append(other.id, palaver.assistant("", parts=(Text("and on"),)))
