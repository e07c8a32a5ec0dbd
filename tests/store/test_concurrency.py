"""Many at once: threads, handles, processes."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import TypeVar

from palaver import Conflict, Message, Store
from tests.conftest import OpenStore
from tests.support.factories import a_conversation, a_question, ids, texts

T = TypeVar("T")


def all_at_once(*calls: Callable[[], T]) -> list[T]:
    """Run the calls on threads that begin together."""
    start = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait(timeout=30)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def is_one_chain(messages: Sequence[Message]) -> bool:
    parents = [None, *ids(messages)]
    return [message.parent_id for message in messages] == parents[: len(messages)]


def test_ensure_session_by_many_makes_one(store: Store) -> None:
    made = all_at_once(*[store.ensure_session] * 16)
    assert len({session.id for session in made}) == 1


def test_ensure_session_by_many_handles_makes_one(open_store: OpenStore) -> None:
    handles = [open_store() for _ in range(6)]
    made = all_at_once(*[handle.ensure_session for handle in handles])
    assert len({session.id for session in made}) == 1


def test_the_personal_project_is_made_once_by_many(store: Store) -> None:
    made = all_at_once(*[store.personal_project] * 16)
    assert len({project.id for project in made}) == 1
    assert len(store.list_projects().items) == 1


def test_sixteen_writers_of_one_session_make_one_chain(store: Store) -> None:
    session = store.create_session()

    def write(name: int) -> list[str]:
        return [store.append(session.id, a_question(f"{name} {n}"))[0].id for n in range(25)]

    written = all_at_once(*[partial(write, name) for name in range(16)])
    chain = list(store.messages(session.id))
    assert [message.position for message in chain] == list(range(1, 401))
    assert is_one_chain(chain)
    assert {message for own in written for message in own} == set(ids(chain))
    for name in range(16):
        own = [message.text for message in chain if message.text.split()[0] == str(name)]
        assert own == [f"{name} {n}" for n in range(25)]
    assert store.verify().problems == []


def test_sixteen_writers_of_sixteen_sessions_do_not_mix(store: Store) -> None:
    sessions = [store.create_session().id for _ in range(16)]

    def write(session: str) -> None:
        for n in range(20):
            store.append(session, a_question(f"{session} {n}"))

    all_at_once(*[partial(write, session) for session in sessions])
    for session in sessions:
        assert texts(store, session) == [f"{session} {n}" for n in range(20)]


def test_one_append_sent_by_many_is_stored_once(store: Store) -> None:
    session = store.create_session()
    question = a_question("once")
    stored = all_at_once(*[lambda: store.append(session.id, question)] * 12)
    assert all(result == stored[0] for result in stored)
    assert texts(store, session.id) == ["once"]


def test_one_bad_verb_does_not_fail_those_that_share_its_commit(store: Store) -> None:
    session = store.create_session()

    def good(n: int) -> str:
        return store.append(session.id, a_question(f"{n}"))[0].id

    def bad() -> str:
        taken = a_conversation(store)
        try:
            store.create_session(id=taken.id)
        except Conflict:
            return ""
        raise AssertionError("an id in use was taken")

    calls = [bad if n % 3 == 0 else partial(good, n) for n in range(24)]
    written = filter(None, all_at_once(*calls))
    assert set(written) == set(ids(list(store.messages(session.id))))


def test_only_one_of_many_with_the_same_revision_wins(store: Store) -> None:
    session = a_conversation(store)

    def rename(n: int) -> bool:
        try:
            store.update_session(session.id, title=f"{n}", expected_revision=session.revision)
        except Conflict:
            return False
        return True

    assert sum(all_at_once(*[partial(rename, n) for n in range(12)])) == 1


def test_readers_see_whole_appends_while_others_write(store: Store) -> None:
    session = store.create_session()

    def write() -> bool:
        for n in range(30):
            store.append(session.id, *[a_question(f"{n}.{part}") for part in range(5)])
        return True

    def read() -> bool:
        for _ in range(40):
            seen = list(store.messages(session.id))
            assert len(seen) % 5 == 0
            assert is_one_chain(seen)
        return True

    assert all(all_at_once(write, write, read, read, read))
    assert len(texts(store, session.id)) == 300


def test_what_returned_is_seen_by_every_other_handle_at_once(open_store: OpenStore) -> None:
    writer, reader = open_store(), open_store()
    session = writer.create_session()
    for n in range(50):
        (message,) = writer.append(session.id, a_question(f"{n}"))
        assert reader.get_message(message.id) == message
        assert reader.get_session(session.id).head_id == message.id


WRITES = """
import sys, palaver
with palaver.open_store(sys.argv[1]) as store:
    for n in range(int(sys.argv[4])):
        store.append(sys.argv[2], palaver.user(f"{sys.argv[3]} {n}"))
"""


def test_several_processes_write_one_session(store: Store, database_url: str) -> None:
    session = store.create_session()
    children = [
        subprocess.Popen([sys.executable, "-c", WRITES, database_url, session.id, name, "50"])
        for name in "abc"
    ]
    for n in range(50):
        store.append(session.id, a_question(f"me {n}"))
    assert [child.wait(timeout=120) for child in children] == [0, 0, 0]
    chain = list(store.messages(session.id))
    assert [message.position for message in chain] == list(range(1, 201))
    assert is_one_chain(chain)
    for name in ("a", "b", "c", "me"):
        assert [item.text for item in chain if item.text.split()[0] == name] == [
            f"{name} {n}" for n in range(50)
        ]
    assert store.verify().problems == []


def test_writers_take_turns(store: Store) -> None:
    session = store.create_session()

    def write(name: str) -> None:
        for n in range(60):
            store.append(session.id, a_question(f"{name} {n}"))

    all_at_once(*[partial(write, name) for name in "abcd"])
    half = [message.text[0] for message in store.messages(session.id)][:120]
    assert all(half.count(name) >= 10 for name in "abcd")
