"""A clock that jumps, and ids of two machines: what was said later stands later."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import palaver
from palaver import Store
from tests.conftest import Tried
from tests.support.factories import say

DAY = 24 * 60 * 60
JUMPS = {"a day back": -DAY, "a year forward": 365 * DAY, "a second back": -1}

# The clock is foreign to Palaver: here it is changed before anything of Palaver is loaded.
TALK = """
    import sys, time
    real = time.time_ns
    time.time_ns = lambda: real() + int(sys.argv[2]) * 10**9
    import palaver
    with palaver.open_store(sys.argv[1]) as store:
        for session_id in sys.argv[3:]:
            store.append(session_id, palaver.user(f"after the jump of {sys.argv[2]}"))
"""


def talk_with_clock(path: Path, seconds: int, *session_ids: str) -> None:
    """Another process, whose clock is off by so many seconds, says a word in each session in turn."""
    command = [sys.executable, "-c", textwrap.dedent(TALK), str(path), str(seconds), *session_ids]
    subprocess.run(command, check=True, timeout=60)


def order(store: Store) -> list[str]:
    return [session.id for session in store.list_sessions().items]


@pytest.mark.parametrize("jump", JUMPS)
def test_order_stays_right_when_the_clock_jumps(tmp_path: Path, jump: str, tried: Tried) -> None:
    path = tmp_path / "palaver.db"
    with palaver.open_store(path) as store:
        ids = [store.create_session().id for _ in range(4)]
        for session_id in ids:
            say(store, session_id, "before the jump")
    spoken = [ids[2], ids[0], ids[3]]
    talk_with_clock(path, JUMPS[jump], *spoken)
    with palaver.open_store(path) as store:
        assert order(store) == [*reversed(spoken), ids[1]]
        say(store, ids[1], "when the clock is right again")
        assert order(store) == [ids[1], *reversed(spoken)]
        for session_id in ids:
            positions = [message.position for message in store.messages(session_id)]
            assert positions == list(range(1, len(positions) + 1))
        assert [change.mark for change in store.changes().items] == [
            f"c{number}" for number in range(1, len(store.changes().items) + 1)
        ]
        assert store.verify().problems == []
    tried(f"1 clock set {jump}")


def test_ids_of_two_machines_do_not_decide_the_order(tmp_path: Path, tried: Tried) -> None:
    path = tmp_path / "palaver.db"
    with palaver.open_store(path) as store:
        session = store.create_session()
        say(store, session.id, "first")
        # Three hours behind and ahead: ids that sort before and after everything of this machine.
        early, late = "00000000-0000-7000-8000-000000000001", "ffffffff-ffff-7000-bfff-ffffffffffff"
        store.append(session.id, palaver.user("second", id=late))
        store.append(session.id, palaver.user("third", id=early))
        say(store, session.id, "fourth")
        assert [message.text for message in store.messages(session.id)] == [
            "first",
            "second",
            "third",
            "fourth",
        ]
        assert [message.text for message in store.list_messages(session.id, limit=2).items] == [
            "third",
            "fourth",
        ]
        assert store.verify().problems == []
    tried("2 ids of other machines in one session")
