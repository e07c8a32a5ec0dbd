"""Any one call to the disk fails, or all from then on: a clear error, nothing acknowledged lost, and it works again."""

import errno
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import palaver
from palaver import NewMessage, NotFound, PalaverError, Store, Text
from palaver.formats import take_out
from palaver.ids import new_id
from tests.faults.shim import tapped
from tests.faults.taps import Call, Failing
from tests.faults.tries import Tries, at_most
from tests.support.factories import a_conversation, say


class Fault(NamedTuple):
    error: int
    calls: tuple[Call, ...]
    lasting: bool = False


WRITING: tuple[Call, ...] = ("make", "write", "resize", "folder", "link")
CHANGING: tuple[Call, ...] = (*WRITING, "open", "remove", "rename")
SYNCING: tuple[Call, ...] = ("sync", "sync_folder")
ANY: tuple[Call, ...] = (*CHANGING, "look", "read")

FAULTS = {
    "no space for one call": Fault(errno.ENOSPC, WRITING),
    "no space from a call on": Fault(errno.ENOSPC, WRITING, lasting=True),
    "one write fails": Fault(errno.EIO, ("write",)),
    "every write fails from one on": Fault(errno.EIO, ("write",), lasting=True),
    "one sync fails": Fault(errno.EIO, SYNCING),
    "every sync fails from one on": Fault(errno.EIO, SYNCING, lasting=True),
    "any one call fails": Fault(errno.EIO, CHANGING),
    "nothing may be written from a call on": Fault(errno.EROFS, CHANGING, lasting=True),
}


class Talk:
    """What is done to a store, step by step; a step that failed can be done again."""

    def __init__(self, root: Path, session_ids: list[str]) -> None:
        self.said: dict[str, NewMessage] = {}
        self.acknowledged: list[str] = []
        self.errors: list[PalaverError] = []
        self._root = root
        self._session_ids = session_ids
        self._draft_id = new_id()
        self._purged = session_ids[2]

    def steps(self) -> Iterator[Callable[[Store], object]]:
        for number in range(2):
            yield self._saying(0, f"{number} short")
            yield self._saying(1, f"{number} long " + "text " * 4_000)
            yield lambda store: store.create_session()
            yield lambda store: take_out(store, self._root / "all.jsonl")
        yield self._answer
        yield lambda store: store.put_file(b"content" * 2_000, name="f.txt")
        yield lambda store: store.backup()
        yield self._purge
        yield self._saying(0, "last")

    def run(self, store: Store) -> None:
        for step in self.steps():
            self.attempt(lambda step=step: step(store))  # type: ignore[misc]

    def attempt(self, step: Callable[[], object]) -> None:
        try:
            step()
        except PalaverError as exc:
            self.errors.append(exc)

    def append(self, store: Store, session_id: str, message: NewMessage) -> None:
        (stored,) = store.append(session_id, message)
        self.acknowledged.append(stored.id)

    def _saying(self, session: int, text: str) -> Callable[[Store], None]:
        message = self.said.setdefault(text, palaver.user(text, id=new_id()))
        return lambda store: self.append(store, self._session_ids[session], message)

    def _answer(self, store: Store) -> None:
        try:
            draft = store.get_message(self._draft_id)
        except NotFound:
            draft = store.open_draft(self._session_ids[3], id=self._draft_id)
        if draft.status == "streaming":
            store.extend_draft(draft.id, Text("in "), offset=0)
            store.extend_draft(draft.id, Text("pieces"), offset=3)
        self.acknowledged.append(store.close_draft(draft.id).id)

    def _purge(self, store: Store) -> None:
        if any(session.id == self._purged for session in store.list_sessions().items):
            store.purge_session(self._purged)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A closed database with four sessions in it."""
    path = tmp_path_factory.mktemp("ready") / "palaver.db"
    with palaver.open_store(path) as store:
        return path, [a_conversation(store, *[f"before {n}" for n in range(5)]).id for _ in range(4)]


def prepare(root: Path, ready: tuple[Path, list[str]]) -> Talk:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    path, session_ids = ready
    shutil.copy(path, root / path.name)
    return Talk(root, session_ids)


def talk_through(root: Path, talk: Talk, failing: Failing) -> None:
    """While it fails, then with the same open store when it no longer does."""
    store: Store | None = None
    try:
        store = palaver.open_store(root / "palaver.db")
        talk.run(store)
    except PalaverError as exc:
        talk.errors.append(exc)
    failing.mend()
    store = store or palaver.open_store(root / "palaver.db")
    with store:
        for step in talk.steps():
            step(store)
        assert store.verify().problems == []


def check(root: Path, talk: Talk) -> None:
    with palaver.open_store(root / "palaver.db") as store:
        assert store.verify().problems == []
        for session in store.list_sessions().items:
            chain = list(store.messages(session.id))
            assert [message.position for message in chain] == list(range(1, len(chain) + 1))
        stored = [message.id for session in store.list_sessions().items for message in store.tree(session.id)]
        assert len(set(stored)) == len(stored)
        assert set(talk.acknowledged) <= set(stored)
        say(store, store.create_session().id, "goes on")


def count_calls(root: Path, ready: tuple[Path, list[str]], fault: Fault) -> int:
    talk, counting = prepare(root, ready), Failing(fault.error, fault.calls, at=-1)
    with tapped(root, counting, shared=True):
        talk_through(root, talk, counting)
    assert talk.errors == []
    return counting.count


@pytest.mark.parametrize("name", FAULTS)
@at_most(25, 10_000)
def test_whatever_call_fails_nothing_is_lost_and_it_works_again(
    ready: tuple[Path, list[str]], tmp_path: Path, chance: random.Random, tries: Tries, name: str
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
        check(root, talk)
    assert refused
    tries.say(f"{name}: at {tries.done} of {calls} calls in turn, {refused} times with an error")
