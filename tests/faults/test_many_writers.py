"""Sixteen threads and two processes write one session: positions without a gap, no error, every append once."""

import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

import palaver
from tests.conftest import Tried

THREADS = 16

OTHER_PROCESS = """
    import sys, threading, palaver
    path, session_id, threads, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    store = palaver.open_store(path)
    failed = []
    def write(number):
        try:
            for at in range(count):
                store.append(session_id, palaver.user(f"{sys.argv[5]}/{number}/{at}"))
        except BaseException as exc:
            failed.append(exc)
    workers = [threading.Thread(target=write, args=(number,)) for number in range(threads)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    store.close()
    sys.exit(f"failed: {failed!r}" if failed else 0)
"""


@pytest.mark.parametrize("appends", [250, pytest.param(5_000, marks=pytest.mark.long)])
def test_threads_and_processes_write_one_session_without_a_gap(
    tmp_path: Path, appends: int, tried: Tried
) -> None:
    path = tmp_path / "palaver.db"
    with palaver.open_store(path) as store:
        session = store.create_session(title="one for all")
        each = appends // THREADS
        others = [
            subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    textwrap.dedent(OTHER_PROCESS),
                    str(path),
                    session.id,
                    str(THREADS),
                    str(each),
                    name,
                ]
            )
            for name in ("a", "b")
        ]
        threads = [
            threading.Thread(target=write, args=(store, session.id, f"here/{number}", each))
            for number in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [other.wait(timeout=600) for other in others] == [0, 0]
        chain = list(store.messages(session.id))
        assert [message.position for message in chain] == list(range(1, 3 * THREADS * each + 1))
        assert len({message.text for message in chain}) == len(chain)
        for writer in {message.text.rpartition("/")[0] for message in chain}:
            mine = [
                int(message.text.rpartition("/")[2])
                for message in chain
                if message.text.startswith(f"{writer}/")
            ]
            assert mine == list(range(each))
        assert store.verify().problems == []
    tried(f"{3 * THREADS * each} appends of {THREADS} threads in each of 3 processes to one session")


def write(store: palaver.Store, session_id: str, name: str, count: int) -> None:
    for at in range(count):
        store.append(session_id, palaver.user(f"{name}/{at}"))
