"""Sixteen threads and two processes write one session: positions without a gap, no error, every append once."""

from collections import defaultdict
from contextlib import ExitStack

import palaver
from palaver import Message
from tests.faults.conftest import NewDatabase
from tests.faults.tries import Tries, at_most
from tests.faults.work import Much, Writers, append_so_much
from tests.support.killing import Child

THREADS = 16


@at_most(15, 5_000)
def test_threads_and_processes_write_one_session_without_a_gap(
    new_database: NewDatabase, tries: Tries
) -> None:
    """Sixteen threads here and sixteen in each of two other processes, each of them as often as the test tries."""
    much = Much(THREADS, tries.most, tries.seconds_left / 2)  # the other half is for looking at it all
    with new_database() as url, palaver.open_store(url) as store, ExitStack() as children:
        session_id = store.create_session(title="one for all").id
        others = [
            children.enter_context(Child(append_so_much, url, session_id, name, much)) for name in ("a", "b")
        ]
        here = Writers(store, session_id, "here", much)
        here.wait()
        assert here.failed == []
        reports = [other.wait() for other in others]
        done = sum(here.done) + sum(int(number) for (number,) in reports)
        chain = list(store.messages(session_id))
        assert [message.position for message in chain] == list(range(1, done + 1))
        numbers = by_writer(chain)
        assert len(numbers) == 3 * THREADS
        assert all(found == list(range(len(found))) for found in numbers.values())
        assert store.verify().problems == []
    tries.say(f"{done} appends of {THREADS} threads in each of 3 processes to one session")


def by_writer(chain: list[Message]) -> dict[str, list[int]]:
    """The numbers each has given its appends, in the order they are stored."""
    found: dict[str, list[int]] = defaultdict(list)
    for message in chain:
        writer, _, number = message.text.rpartition("/")
        found[writer].append(int(number))
    return found
