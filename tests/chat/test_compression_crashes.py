"""A process that dies anywhere in a compression leaves a session that goes on."""

import os
import signal
import subprocess
import sys

import pytest

from palaver import Store
from palaver.providers.demo import DemoProvider
from tests.chat.compressing import Person, say
from tests.conftest import OpenStore, Tried
from tests.support.factories import texts

LIMIT = 1740

PROGRAM = """
import os, signal, sys
import palaver
from palaver.providers.demo import DemoProvider
from tests.chat.compressing import Person, say

store = palaver.open_store(sys.argv[1])
person = Person(store, store.get_session(sys.argv[2]), DemoProvider())
steps = int(sys.argv[4])

class Told(list):
    def append(self, event):
        super().append(event)
        if len(self) == steps:
            os.kill(os.getpid(), signal.SIGKILL)

person.events = Told()
if sys.argv[3] == "after":
    person.compression.after_answer(person.scope())
else:
    person.compression.before_sending(person.scope())
"""


def run(url: str, session_id: str, hook: str, step: int) -> int:
    """How the process ended: 0 where it came to its end before the step."""
    command = [sys.executable, "-c", PROGRAM, url, session_id, hook, str(step)]
    return subprocess.run(
        command, check=False, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ).returncode


@pytest.mark.parametrize("hook", ["after", "before"])
def test_killed_at_every_step_of_a_compression_a_session_goes_on(
    store: Store, open_database: OpenStore, database_url: str, tried: Tried, hook: str
) -> None:
    steps = 0
    ended = -signal.SIGKILL
    while ended == -signal.SIGKILL:
        steps += 1
        session = store.create_session(model="demo", context_size=2048)
        say(store, session.id, *[50] * (28 if hook == "after" else 81))
        before = texts(store, session.id)
        ended = run(database_url, session.id, hook, steps)
        assert ended in {0, -signal.SIGKILL}
        person = Person(open_database(), session, DemoProvider())
        assert person.sees().tokens <= LIMIT
        assert texts(store, session.id)[: len(before)] == before
        for _ in range(5):
            prompt = person.asks(50)
            assert prompt.tokens <= LIMIT
            assert not prompt.truncated
            person.is_answered(50)
        assert len(store.list_checkpoints(session.id)) >= 1
    assert store.verify().problems == []
    assert steps > 3
    tried(f"killed at each of {steps - 1} steps of {hook}: every session went on")
