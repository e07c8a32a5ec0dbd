"""A conversation step by step, for disks and locks that fail in the middle of it."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import palaver
from palaver import NewMessage, NotFound, PalaverError, Store, Text
from palaver.formats import take_out
from palaver.ids import new_id
from tests.faults.taps import Recorder
from tests.support.factories import a_conversation, say

NAME = "palaver.db"


class Ready(NamedTuple):
    """A closed database, and the sessions in it."""

    path: Path
    session_ids: list[str]


def make_ready(path: Path) -> Ready:
    with palaver.open_store(path) as store:
        return Ready(path, [a_conversation(store, *[f"before {n}" for n in range(5)]).id for _ in range(4)])


class Talk:
    """What is done to a store, step by step; a step that failed can be done again."""

    def __init__(self, root: Path, session_ids: list[str]) -> None:
        self.said: dict[str, NewMessage] = {}
        self.acknowledged: list[str] = []
        self.errors: list[PalaverError] = []
        self.recorder: Recorder | None = None
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
        self._acknowledge(stored.id)

    def _acknowledge(self, message_id: str) -> None:
        self.acknowledged.append(message_id)
        if self.recorder:
            self.recorder.say(message_id)

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
        self._acknowledge(store.close_draft(draft.id).id)

    def _purge(self, store: Store) -> None:
        if any(session.id == self._purged for session in store.list_sessions().items):
            store.purge_session(self._purged)


def prepare(root: Path, ready: Ready) -> Talk:
    """A folder of its own with a copy of that database."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    shutil.copy(ready.path, root / NAME)
    return Talk(root, ready.session_ids)


def check(root: Path, acknowledged: Iterable[object]) -> None:
    """It is sound, holds every message that somebody was told is stored, each once, and can be gone on with."""
    with palaver.open_store(root / NAME) as store:
        assert store.verify().problems == []
        for session in store.list_sessions().items:
            chain = list(store.messages(session.id))
            assert [message.position for message in chain] == list(range(1, len(chain) + 1))
        stored = [message.id for session in store.list_sessions().items for message in store.tree(session.id)]
        assert len(set(stored)) == len(stored)
        assert set(acknowledged) <= set(stored)
        say(store, store.create_session().id, "goes on")
