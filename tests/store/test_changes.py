"""Changes: what was committed, by whomever, none missed."""

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from queue import Empty, Queue

import pytest

from palaver import Change, Invalid, Store
from tests.conftest import OpenStore
from tests.support.factories import a_conversation, a_question, ids, say

KNOWN = Change.KINDS


def kinds(store: Store, mark: str | None = None) -> list[str]:
    return [change.kind for change in store.changes(mark).items]


def test_a_fresh_store_has_no_changes(store: Store) -> None:
    assert store.changes().items == []


def test_nothing_comes_after_the_mark_of_now(store: Store) -> None:
    a_conversation(store)
    changes = store.changes(store.mark())
    assert changes.items == []
    assert store.changes(changes.mark).items == []


def test_each_message_is_a_change_in_order(store: Store) -> None:
    session = a_conversation(store)
    mark = store.mark()
    stored = say(store, session.id, "one", "two", "three")
    added = [change for change in store.changes(mark).items if change.kind == "message.added"]
    assert [change.message_id for change in added] == ids(stored)
    assert {(change.session_id, change.project_id) for change in added} == {(session.id, session.project_id)}


STEPS: dict[str, Callable[[Store, str, str], object]] = {
    "session.added": lambda store, session, message: store.create_session(),
    "session.changed": lambda store, session, message: store.update_session(session, title="New"),
    "message.added": lambda store, session, message: store.append(session, a_question()),
    "message.changed": lambda store, session, message: store.trash_message(message),
    "message.purged": lambda store, session, message: store.purge_message(message),
    "draft.opened": lambda store, session, message: store.open_draft(session),
    "session.purged": lambda store, session, message: store.purge_session(session),
    "project.added": lambda store, session, message: store.create_project("Garden"),
    "project.changed": lambda store, session, message: store.update_project(
        store.personal_project().id, description="x"
    ),
    "checkpoint.changed": lambda store, session, message: store.add_checkpoint(
        session, from_id=message, through_id=message, summary="x"
    ),
    "snapshot.changed": lambda store, session, message: store.take_snapshot(session),
    "turn.changed": lambda store, session, message: store.begin_turn(session, a_question()),
}


@pytest.mark.parametrize("kind", STEPS)
def test_every_kind_of_change_is_told(store: Store, kind: str) -> None:
    session = a_conversation(store)
    mark = store.mark()
    STEPS[kind](store, session.id, str(session.head_id))
    told = kinds(store, mark)
    assert kind in told
    assert set(told) <= set(KNOWN)


def test_a_purged_project_is_told(store: Store) -> None:
    project = store.create_project("Garden")
    mark = store.mark()
    store.purge_project(project.id)
    (change,) = [item for item in store.changes(mark).items if item.kind == "project.purged"]
    assert change.project_id == project.id


MOVES: dict[str, Callable[[Store, str, str], object]] = {
    "set_head": lambda store, session, message: store.set_head(session, None),
    "clear_session": lambda store, session, message: store.clear_session(session),
    "trash_session": lambda store, session, message: store.trash_session(session),
    "keep_newest": lambda store, session, message: store.keep_newest(0),
    "set_in_context": lambda store, session, message: store.set_in_context(message, False),
    "fork_session": lambda store, session, message: store.fork_session(session),
}


@pytest.mark.parametrize("verb", MOVES)
def test_no_verb_that_changes_something_goes_untold(store: Store, verb: str) -> None:
    session = a_conversation(store)
    mark = store.mark()
    MOVES[verb](store, session.id, str(session.head_id))
    assert kinds(store, mark)


def test_a_finished_draft_is_told_under_its_id(store: Store) -> None:
    session = a_conversation(store)
    draft = store.open_draft(session.id)
    mark = store.mark()
    store.close_draft(draft.id)
    assert draft.id in {change.message_id for change in store.changes(mark).items}


def test_a_failed_verb_is_not_told(store: Store) -> None:
    session = a_conversation(store)
    mark = store.mark()
    with pytest.raises(Invalid):
        store.append(session.id, a_question("good"), a_question("\ud800"))
    assert store.changes(mark).items == []


def test_a_repeated_append_is_not_told_again(store: Store) -> None:
    session = a_conversation(store)
    question = a_question()
    store.append(session.id, question)
    mark = store.mark()
    store.append(session.id, question)
    assert store.changes(mark).items == []


def test_changes_in_pages_are_the_same_changes(store: Store) -> None:
    for n in range(10):
        a_conversation(store, f"{n}", "answer")
    whole = store.changes().items
    collected, mark = [], None
    for _ in range(len(whole)):
        page = store.changes(mark, limit=3)
        collected += page.items
        mark = page.mark
    assert collected == whole
    assert store.changes(mark).items == []


def test_every_change_carries_the_mark_to_go_on_from(store: Store) -> None:
    a_conversation(store, "one", "two")
    whole = store.changes().items
    for at, change in enumerate(whole):
        rest = store.changes(change.mark).items
        assert rest == [later for later in whole[at + 1 :] if later.mark != change.mark]


@pytest.mark.parametrize("mark", ["x", "../x", "\0", "-1", "9" * 100, "\ud800", "1.5"])
def test_a_mark_that_is_none_is_invalid(store: Store, mark: str) -> None:
    with pytest.raises(Invalid):
        store.changes(mark)


def test_others_changes_are_not_told(store: Store, stranger: Store) -> None:
    mark = store.mark()
    a_conversation(stranger)
    assert store.changes(mark).items == []
    assert "message.added" in kinds(stranger)


def test_another_handles_changes_are_told(store: Store, open_store: OpenStore) -> None:
    mark = store.mark()
    session = a_conversation(open_store())
    assert session.id in {change.session_id for change in store.changes(mark).items}


class Heard:
    """A listener that keeps what it heard."""

    def __init__(self) -> None:
        self.changes: Queue[Change] = Queue()

    def __call__(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self.changes.put(change)

    def until(self, kind: str, seconds: float = 10) -> Change:
        while True:
            change = self.changes.get(timeout=seconds)
            if change.kind == kind:
                return change

    def nothing_more(self, seconds: float = 0.3) -> bool:
        try:
            self.changes.get(timeout=seconds)
        except Empty:
            return True
        return False


def test_a_listener_hears_what_was_committed_in_order(store: Store) -> None:
    heard = Heard()
    store.listen(heard)
    session = a_conversation(store)
    stored = say(store, session.id, *[f"{n}" for n in range(50)])
    wanted = [str(session.head_id), *ids(stored)]
    assert [heard.until("message.added").message_id for _ in wanted] == wanted


def test_a_listener_can_read_what_it_hears_of(store: Store) -> None:
    read: Queue[str] = Queue()

    def look(changes: Sequence[Change]) -> None:
        for change in changes:
            if change.kind == "message.added" and change.message_id:
                read.put(store.get_message(change.message_id).text)

    store.listen(look)
    a_conversation(store, "marigold")
    assert read.get(timeout=10) == "marigold"


def test_a_listener_runs_on_a_thread_of_its_own(store: Store) -> None:
    on: Queue[int] = Queue()
    store.listen(lambda changes: on.put(threading.get_ident()))
    a_conversation(store)
    assert on.get(timeout=10) != threading.get_ident()


def test_a_slow_listener_does_not_hold_up_the_writer(store: Store) -> None:
    began, go_on = threading.Event(), threading.Event()

    def slow(changes: Sequence[Change]) -> None:
        began.set()
        go_on.wait(timeout=30)

    store.listen(slow)
    session = a_conversation(store)
    assert began.wait(timeout=10)
    say(store, session.id, "written while the listener is busy")
    go_on.set()


def test_a_listener_that_was_ended_hears_no_more(store: Store) -> None:
    heard = Heard()
    end = store.listen(heard)
    a_conversation(store)
    heard.until("message.added")
    end()
    end()
    while not heard.nothing_more():
        continue
    a_conversation(store)
    assert heard.nothing_more()


def test_a_listener_that_raises_disturbs_nobody(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard()

    def broken(changes: Sequence[Change]) -> None:
        raise RuntimeError("a fault of the listener")

    store.listen(broken)
    store.listen(heard)
    first = a_conversation(store)
    assert heard.until("message.added").session_id == first.id
    second = a_conversation(store)
    assert heard.until("message.added").session_id == second.id
    assert "a fault of the listener" in caplog.text


def test_a_listener_does_not_hear_others(store: Store, stranger: Store) -> None:
    heard = Heard()
    store.listen(heard)
    theirs = a_conversation(stranger)
    mine = a_conversation(store)
    assert heard.until("message.added").session_id == mine.id != theirs.id


WRITES = """
import sys, palaver
with palaver.open_store(sys.argv[1]) as store:
    store.append(sys.argv[2], palaver.user("from another process"))
"""


def test_another_processs_changes_are_heard(store: Store, database_url: str) -> None:
    heard = Heard()
    session = a_conversation(store)
    store.listen(heard)
    subprocess.run([sys.executable, "-c", WRITES, database_url, session.id], check=True)
    change = heard.until("message.added", seconds=2)
    assert store.get_message(str(change.message_id)).text == "from another process"


def test_closing_ends_the_listeners(open_store: OpenStore) -> None:
    store = open_store()
    store.listen(Heard())
    store.close()
    assert not [thread for thread in threading.enumerate() if "listen" in thread.name.lower()]
