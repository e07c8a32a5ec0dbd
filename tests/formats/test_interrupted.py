"""An import that was killed is made whole by importing again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import palaver
from palaver import Store, open_store
from palaver.formats import bring_in, take_out
from tests.formats.conftest import NewStore
from tests.formats.files import everything

KILLS = 6
SCRIPT = (
    "import sys, palaver, palaver.formats.arrivals as arrivals\n"
    "from palaver.formats import bring_in\n"
    "arrivals.BATCH_RECORDS = 3\n"
    "with palaver.open_store(sys.argv[1]) as store:\n"
    "    print('ready', flush=True)\n"
    "    bring_in(store, sys.argv[2])\n"
    "print('done', flush=True)\n"
)


@pytest.fixture
def conversation(store: Store) -> str:
    """A session long enough to be killed within."""
    session = store.create_session(model="m", title="Long")
    for number in range(150):
        store.append(session.id, palaver.user(f"question {number}"), palaver.assistant(f"answer {number}"))
        store.record_tool_call(
            session.id, id=f"c{number}", name="ls", args={}, result={"llmContent": "a.log"}
        )
    return session.id


@pytest.mark.parametrize("format", ["palaver", "ollm", "enteract", "markdown"])
def test_an_import_killed_at_any_moment_is_completed_by_the_next(
    store: Store, new_store: NewStore, conversation: str, format: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    take_out(store, file, format=format, session_ids=[conversation])
    whole = new_store()
    bring_in(whole, file)
    url = str(tmp_path / "killed.db")
    for number in range(KILLS):
        process = _start(url, file)
        time.sleep(0.03 * number)  # Each later in the import than the one before.
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    with open_store(url) as killed:
        bring_in(killed, file)
        assert killed.verify().problems == []
        assert _told(killed, conversation) == _told(whole, conversation)
        assert killed.get_session(conversation).title == whole.get_session(conversation).title
        before = everything(killed)
        assert bring_in(killed, file).added == {}
        assert everything(killed) == before


def _start(url: str, file: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, url, str(file)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _told(store: Store, session_id: str) -> list[object]:
    return [(message.role, message.parts, message.created_at) for message in store.messages(session_id)]
