"""Signals and locks: what was interrupted goes on, and whoever waits for another process is told so."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import palaver
from palaver import Busy
from palaver.storage.sqlite.database import Database
from palaver.storage.sqlite.store import SqliteStore
from tests.conftest import Tried
from tests.faults.shim import tapped
from tests.faults.talking import NAME, Ready, check, prepare
from tests.faults.taps import Interrupting


def test_a_call_that_a_signal_interrupts_is_repeated(ready: Ready, tmp_path: Path, tried: Tried) -> None:
    root, tap = tmp_path / "disk", Interrupting()
    talk = prepare(root, ready)
    with tapped(root, tap, shared=True), palaver.open_store(root / NAME) as store:
        talk.run(store)
    assert talk.errors == []
    check(root, talk.acknowledged)
    tried(f"{tap.count} interrupted calls")


def test_signals_that_come_all_the_time_disturb_nothing(ready: Ready, tmp_path: Path, tried: Tried) -> None:
    root, talk = tmp_path / "disk", prepare(tmp_path / "disk", ready)
    with palaver.open_store(root / NAME) as store, alarms() as heard:
        for _ in range(40):
            talk.run(store)
    assert talk.errors == []
    check(root, talk.acknowledged)
    tried(f"{len(heard)} signals")


@contextmanager
def alarms() -> Iterator[list[int]]:
    """A signal about every millisecond."""
    heard: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: heard.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        yield heard
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


HOLD = """
import sys
from pathlib import Path
import apsw
from palaver.storage.sqlite.turnstile import Turnstile

connection = apsw.Connection(sys.argv[1])
if sys.argv[2] == "turn":
    held = Turnstile(Path(sys.argv[1])).hold(1)
    held.__enter__()
else:
    connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("lock", ["write", "turn"])
def test_a_lock_another_process_holds_is_busy_until_it_lets_go(
    ready: Ready, tmp_path: Path, lock: str
) -> None:
    root = tmp_path / "disk"
    talk, path = prepare(root, ready), root / NAME
    with SqliteStore(Database(path, None, timeout=0.2), "local") as store, held(path, lock):
        talk.run(store)
        assert len(list(store.messages(ready.session_ids[0]))) >= 5
        assert (not talk.errors) == (lock == "turn")
        assert all(isinstance(error, Busy) for error in talk.errors)
        talk.errors.clear()
    with SqliteStore(Database(path, None, timeout=0.2), "local") as store:
        with held(path, lock):
            talk.run(store)
        talk.errors.clear()
        talk.run(store)
        assert talk.errors == []
    check(root, talk.acknowledged)


@contextmanager
def held(path: Path, lock: str) -> Iterator[None]:
    """Another process holds it meanwhile."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin
        assert other.stdout
        assert other.stdout.readline()
        yield
        other.stdin.close()
