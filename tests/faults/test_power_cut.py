"""The power fails at any moment: what was acknowledged is there, and `verify` is clean, whatever became of the rest."""

import itertools
import random
import threading
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

import palaver
from palaver import Store, Text
from tests.faults.cutting import Recording, cuts, files, record
from tests.faults.disk import KINDS, SHARED, Fate
from tests.faults.taps import Recorder
from tests.faults.tries import Tries, at_most
from tests.support.factories import say

DATABASE = Path("folder/new/palaver.db")
TOGETHER = 4


class Appended(NamedTuple):
    session_id: str
    message_id: str
    text: str


class Gone(NamedTuple):
    session_id: str


def append(store: Store, recorder: Recorder, session_id: str, *texts: str) -> None:
    for message in say(store, session_id, *texts):
        recorder.say(Appended(session_id, message.id, message.text))


def append_together(store: Store, recorder: Recorder, session_ids: list[str], name: str) -> None:
    """Many threads at once, whose appends share commits."""

    def work(number: int) -> None:
        for n in range(5):
            append(store, recorder, session_ids[number % 2], f"{name} {number} {n}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(TOGETHER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def answer(store: Store, recorder: Recorder, session_id: str, text: str) -> None:
    """As an answer comes: in pieces, then as a whole."""
    draft = store.open_draft(session_id)
    for at, piece in enumerate(text):
        store.extend_draft(draft.id, Text(piece), offset=at)
    closed = store.close_draft(draft.id)
    recorder.say(Appended(session_id, closed.id, text))


def talk(root: Path, recorder: Recorder, key: bytes | None = None) -> None:
    """A store is made, used, closed and used again; some of it is purged, which empties the WAL."""
    for opening in range(3):
        with palaver.open_store(root / DATABASE, key=key) as store:
            session_ids = [store.create_session().id for _ in range(2)]
            for n in range(12):
                append(store, recorder, session_ids[n % 2], f"{opening} {n}")
            append(store, recorder, session_ids[0], *[f"{opening} of many {n}" for n in range(8)])
            append_together(store, recorder, session_ids, f"{opening} together")
            answer(store, recorder, session_ids[1], "in pieces")
            append(store, recorder, session_ids[0], "large " * 3_000)
            gone = store.create_session().id
            append(store, recorder, gone, "to be purged")
            recorder.say(Gone(gone))
            store.purge_session(gone)
            append(store, recorder, session_ids[1], f"{opening} after a purge")


KEY = bytes(range(32))


@pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
def key(request: pytest.FixtureRequest) -> bytes | None:
    found: bytes | None = request.param
    return found


@pytest.fixture
def recording(tmp_path: Path, key: bytes | None) -> Recording:
    return record(tmp_path / "disk", partial(talk, key=key))


def test_what_was_recorded_is_what_is_on_the_disk(recording: Recording, tmp_path: Path) -> None:
    for event in recording.events:
        recording.disk.take(event)
    recording.disk.write_out(tmp_path / "again", Fate("kept", random.Random(0)))
    assert files(tmp_path / "again") == files(recording.root)


@at_most(150, 2_500)
def test_every_acknowledged_append_survives_a_power_cut(
    recording: Recording, key: bytes | None, tmp_path: Path, chance: random.Random, tries: Tries
) -> None:
    for found in cuts(recording, tmp_path / "restored", chance, tries):
        leave_shared_memory(found.root / DATABASE, chance)
        check(found.root / DATABASE, key, found.told)
    what = "an encrypted" if key else "a plain"
    tries.say(f"{tries.done} power cuts of {what} database, each with what was not synced {', '.join(KINDS)}")


def leave_shared_memory(path: Path, chance: random.Random) -> None:
    """What processes shared is a file too, which may hold anything by now."""
    if path.exists() and chance.random() < 0.5:
        path.with_name(path.name + SHARED).write_bytes(chance.randbytes(32_768))


def check(path: Path, key: bytes | None, told: list[object]) -> None:
    gone = {item.session_id for item in told if isinstance(item, Gone)}
    appended = [item for item in told if isinstance(item, Appended) and item.session_id not in gone]
    if not appended and not path.exists():
        return
    assert path.exists()
    with palaver.open_store(path, key=key) as store:
        assert store.verify().problems == []
        for session_id in {item.session_id for item in appended}:
            chain = list(store.messages(session_id))
            assert [message.position for message in chain] == list(range(1, len(chain) + 1))
            assert all(left.id == right.parent_id for left, right in itertools.pairwise(chain))
            stored = [(message.id, message.text) for message in chain]
            expected = [(item.message_id, item.text) for item in appended if item.session_id == session_id]
            assert len(set(stored)) == len(stored)
            assert set(expected) <= set(stored)
        say(store, store.create_session().id, "goes on")
