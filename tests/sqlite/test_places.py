"""What the writer remembers of a session between appends holds only while nobody else has written."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import palaver
from palaver.errors import Conflict, NotFound, PalaverError
from palaver.model import Message, Session
from palaver.store import Store

_ELSEWHERE = """
import sys
import palaver
with palaver.open_store(sys.argv[1]) as store:
    print(store.append(sys.argv[2], palaver.user("from elsewhere"))[0].id)
"""

Meanwhile = Callable[[Store, Session, list[Message]], str | None]
"""Does something and returns the id of the parent of what is appended next."""


def _nothing(store: Store, session: Session, said: list[Message]) -> str | None:
    return said[-1].id


def _head_moved(store: Store, session: Session, said: list[Message]) -> str | None:
    store.set_head(session.id, said[0].id)
    return said[0].id


def _cleared(store: Store, session: Session, said: list[Message]) -> str | None:
    store.clear_session(session.id)
    return None


def _other_spelling(store: Store, session: Session, said: list[Message]) -> str | None:
    return store.append(session.id.upper(), palaver.user("louder"))[0].id


def _another_actor(store: Store, session: Session, said: list[Message]) -> str | None:
    return store.as_actor("system").append(session.id, palaver.user("by another one"))[0].id


def _a_branch(store: Store, session: Session, said: list[Message]) -> str | None:
    store.append(session.id, palaver.user("beside it"), parent_id=said[0].id)
    return said[-1].id


def _a_branch_of_the_head(store: Store, session: Session, said: list[Message]) -> str | None:
    return store.append(session.id, palaver.user("below it"), parent_id=said[-1].id)[0].id


def _a_repeat(store: Store, session: Session, said: list[Message]) -> str | None:
    store.append(session.id, palaver.user("one", id=said[0].id))
    return said[-1].id


def _a_failure(store: Store, session: Session, said: list[Message]) -> str | None:
    with pytest.raises(Conflict):
        store.append(session.id, palaver.user("not kept"), palaver.user("another", id=said[0].id))
    return said[-1].id


def _a_draft(store: Store, session: Session, said: list[Message]) -> str | None:
    draft = store.open_draft(session.id)
    return store.close_draft(draft.id, parts=[palaver.Text("done")]).id


def _another_process(store: Store, session: Session, said: list[Message]) -> str | None:
    command = [sys.executable, "-c", _ELSEWHERE, store.location, session.id]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@pytest.mark.parametrize(
    "meanwhile",
    [
        _nothing,
        _head_moved,
        _cleared,
        _other_spelling,
        _another_actor,
        _a_branch,
        _a_branch_of_the_head,
        _a_repeat,
        _a_failure,
        _a_draft,
        _another_process,
    ],
)
def test_an_append_goes_to_the_head_as_it_is_whatever_happened_since_the_last_one(
    tmp_path: Path, meanwhile: Meanwhile
) -> None:
    with palaver.open_store(tmp_path / "talk.db") as store:
        session = store.create_session()
        said = [store.append(session.id, palaver.user(text))[0] for text in ("one", "two", "three")]
        parent = meanwhile(store, session, said)
        before = store.get_session(session.id)
        added = [store.append(session.id, palaver.user(text))[0] for text in ("four", "five")]
        assert [message.parent_id for message in added] == [parent, added[0].id]
        after = store.get_session(session.id)
        assert after.message_count == before.message_count + 2
        assert after.head_id == added[-1].id
        assert [message.position for message in store.tree(session.id)] == [
            *range(1, after.message_count + 1)
        ]
        assert not store.verify().problems


@pytest.mark.parametrize("verb", ["trash_session", "purge_session"])
def test_nothing_is_appended_to_a_session_that_went_since_the_last_append(tmp_path: Path, verb: str) -> None:
    with palaver.open_store(tmp_path / "talk.db") as store:
        session = store.create_session()
        store.append(session.id, palaver.user("one"))
        getattr(store, verb)(session.id)
        with pytest.raises((NotFound, Conflict)):
            store.append(session.id, palaver.user("two"))
        assert not store.verify().problems


def test_another_actor_finds_no_session_that_was_just_appended_to(tmp_path: Path) -> None:
    with palaver.open_store(tmp_path / "talk.db") as store:
        session = store.create_session()
        store.append(session.id, palaver.user("one"))
        with pytest.raises(NotFound):
            store.as_actor("somebody").append(session.id, palaver.user("two"))
        assert store.append(session.id, palaver.user("two"))[0].position == 2


def test_appends_that_fail_among_others_leave_no_gap(tmp_path: Path) -> None:
    with palaver.open_store(tmp_path / "talk.db") as store:
        sessions = [store.create_session() for _ in range(4)]
        taken = store.append(sessions[0].id, palaver.user("taken"))[0].id

        def write(session: Session) -> None:
            for number in range(60):
                try:
                    store.append(session.id, palaver.user(f"{number}"))
                    store.append(session.id, palaver.user("no"), palaver.user("other", id=taken))
                except PalaverError:
                    continue

        threads = [threading.Thread(target=write, args=(session,)) for session in sessions * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for session in sessions:
            count = 120 + (session is sessions[0])
            assert [message.position for message in store.messages(session.id)] == [*range(1, count + 1)]
        assert not store.verify().problems
