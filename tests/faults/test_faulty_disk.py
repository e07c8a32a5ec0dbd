"""Any one call to the disk fails, or all from then on: a clear error, nothing acknowledged lost, and it works again."""

import errno
import json
import random
from pathlib import Path
from typing import NamedTuple

import pytest

import palaver
from palaver import PalaverError, Store
from tests.faults.cutting import Recording, cuts
from tests.faults.disk import KINDS, Disk
from tests.faults.shim import tapped
from tests.faults.talking import NAME, Ready, Talk, check, prepare
from tests.faults.taps import Both, Call, Failing, Recorder
from tests.faults.tries import Tries, at_most
from tests.support.factories import a_conversation, say


class Fault(NamedTuple):
    error: int
    calls: tuple[Call, ...]
    lasting: bool = False


WRITING: tuple[Call, ...] = ("make", "write", "resize", "folder", "link")
CHANGING: tuple[Call, ...] = (*WRITING, "open", "remove", "rename")
READING: tuple[Call, ...] = ("look", "read")
SYNCING: tuple[Call, ...] = ("sync", "sync_folder")
ANY: tuple[Call, ...] = (*CHANGING, "look", "read")

FAULTS = {
    "no space for one call": Fault(errno.ENOSPC, WRITING),
    "no space from a call on": Fault(errno.ENOSPC, WRITING, lasting=True),
    "one write fails": Fault(errno.EIO, ("write",)),
    "every write fails from one on": Fault(errno.EIO, ("write",), lasting=True),
    "one read fails": Fault(errno.EIO, READING),
    "every read fails from one on": Fault(errno.EIO, READING, lasting=True),
    "one sync fails": Fault(errno.EIO, SYNCING),
    "every sync fails from one on": Fault(errno.EIO, SYNCING, lasting=True),
    "any one call fails": Fault(errno.EIO, CHANGING),
    "nothing may be written from a call on": Fault(errno.EROFS, CHANGING, lasting=True),
}


def talk_through(root: Path, talk: Talk, failing: Failing) -> None:
    """While it fails, then with the same open store when it no longer does."""
    store: Store | None = None
    try:
        store = palaver.open_store(root / NAME)
        talk.run(store)
    except PalaverError as exc:
        talk.errors.append(exc)
    failing.mend()
    store = store or palaver.open_store(root / NAME)
    with store:
        for step in talk.steps():
            step(store)
        assert store.verify().problems == []


def count_calls(root: Path, ready: Ready, fault: Fault) -> int:
    talk, counting = prepare(root, ready), Failing(fault.error, fault.calls, at=-1)
    with tapped(root, counting, shared=True):
        talk_through(root, talk, counting)
    assert talk.errors == []
    return counting.count


@pytest.mark.parametrize("name", FAULTS)
@at_most(25, 10_000)
def test_whatever_call_fails_nothing_is_lost_and_it_works_again(
    ready: Ready, tmp_path: Path, chance: random.Random, tries: Tries, name: str
) -> None:
    fault, root = FAULTS[name], tmp_path / "disk"
    calls, refused = count_calls(root, ready, fault), 0
    for at in tries.among(range(calls), chance):
        talk, failing = prepare(root, ready), Failing(fault.error, fault.calls, at, lasting=fault.lasting)
        with tapped(root, failing, shared=True):
            talk_through(root, talk, failing)
        assert failing.hit
        assert all(error.message for error in talk.errors)
        refused += bool(talk.errors)
        check(root, talk.acknowledged)
    assert refused
    tries.say(f"{name}: at {tries.done} of {calls} calls in turn, {refused} times with an error")


@pytest.mark.parametrize("lasting", [False, True], ids=["one sync", "every sync from one on"])
@at_most(12, 10_000)
def test_what_is_acknowledged_after_a_failed_sync_survives_a_power_cut(
    ready: Ready, tmp_path: Path, chance: random.Random, tries: Tries, lasting: bool
) -> None:
    """A disk that failed to sync may have thrown away what it was to write, and a later sync does not bring it back."""
    fault, root = Fault(errno.EIO, SYNCING, lasting=lasting), tmp_path / "disk"
    for at in tries.among(range(count_calls(root, ready, fault)), chance):
        talk, failing = prepare(root, ready), Failing(fault.error, fault.calls, at, lasting=lasting)
        disk, recorder = Disk(root), Recorder()
        talk.recorder = recorder
        with tapped(root, Both(recorder, failing)):
            talk_through(root, talk, failing)
        recording = Recording(root, disk, recorder.events)
        for found in cuts(recording, tmp_path / "restored", chance, Tries(3, tries.say)):
            check(found.root, found.told)
    tries.say(
        f"{tries.done} failed syncs, each before 3 power cuts with what was not synced {', '.join(KINDS)}"
    )


@at_most(25, 10_000)
def test_a_store_that_could_not_be_made_can_be_made_afterwards(
    tmp_path: Path, chance: random.Random, tries: Tries
) -> None:
    root = tmp_path / "disk"
    root.mkdir()
    counting = Failing(errno.EIO, (*ANY, *SYNCING), at=-1)
    with tapped(root, counting, shared=True):
        palaver.open_store(root / "counted.db").close()
    for at in tries.among([(n, lasting) for n in range(counting.count) for lasting in (False, True)], chance):
        make_with_a_fault(root / f"{tries.done}.db", *at)
    tries.say(f"a store being made: at {tries.done} of {2 * counting.count} calls in turn")


def make_with_a_fault(path: Path, at: int, lasting: bool) -> None:
    failing = Failing(errno.ENOSPC if lasting else errno.EIO, (*ANY, *SYNCING), at, lasting=lasting)
    with tapped(path.parent, failing, shared=True):
        try:
            palaver.open_store(path).close()
        except PalaverError as exc:
            assert str(path.parent) in exc.message  # noqa: PT017  (or it was made all the same)
        failing.mend()
        with palaver.open_store(path) as store:
            assert store.verify().problems == []
            say(store, store.create_session().id, "works")


@at_most(40, 10_000)
def test_a_mirror_that_fails_fails_no_verb_and_is_caught_up(
    tmp_path: Path, chance: random.Random, tries: Tries
) -> None:
    calls = mirror_with_a_fault(tmp_path / "counted", -1, lasting=False)
    for at, lasting in tries.among([(n, lasting) for n in range(calls) for lasting in (False, True)], chance):
        mirror_with_a_fault(tmp_path / f"{tries.done}", at, lasting=lasting)
    tries.say(f"a mirror: at {tries.done} of {2 * calls} calls in turn")


def mirror_with_a_fault(root: Path, at: int, *, lasting: bool) -> int:
    folder = root / "mirror"
    root.mkdir()
    failing = Failing(errno.ENOSPC, (*ANY, *SYNCING), at, lasting=lasting, within=folder)
    with tapped(root, failing):
        with palaver.open_store(root / NAME, mirror=f"ollm:{folder}") as store:
            session, other = a_conversation(store, "one"), a_conversation(store, "two")
            say(store, session.id, "three")
            store.trash_session(other.id)
            failing.mend()
            say(store, session.id, "four")
            loaded = json.loads((folder / f"{session.id}.json").read_bytes())
            assert [message["parts"][0]["text"] for message in loaded["messages"]] == ["one", "three", "four"]
        assert [path.stem for path in folder.glob("*.json")] == [session.id]
    return failing.count
