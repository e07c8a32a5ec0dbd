"""Other processes that take part in a turn."""

import subprocess
import sys
from pathlib import Path
from typing import IO

START = """
import sys
import palaver
from palaver.chat.engine import Engine
from palaver.providers.openai import OpenAIProvider

store = palaver.open_store(sys.argv[1])
engine = Engine(store, [OpenAIProvider("scripted", sys.argv[2])])
turn = engine.start_turn(sys.argv[3], sys.argv[4])
print(turn.id, turn.answer_id, flush=True)
turn.wait()
engine.close()
store.close()
"""

FOLLOW = """
import sys
import palaver
from palaver import wire
from palaver.chat.engine import Engine
from palaver.providers.demo import DemoProvider

store = palaver.open_store(sys.argv[1])
engine = Engine(store, [DemoProvider()])
print("following", flush=True)
for event in engine.follow(sys.argv[2], sys.argv[3], sys.argv[4] or None):
    print(wire.encode(event).decode(), flush=True)
engine.close()
store.close()
"""

STOP = """
import sys
import palaver
from palaver.chat.engine import Engine
from palaver.providers.demo import DemoProvider

store = palaver.open_store(sys.argv[1])
engine = Engine(store, [DemoProvider()])
print(engine.stop(sys.argv[2]), flush=True)
engine.close()
store.close()
"""


class Process(subprocess.Popen[str]):
    """Runs one of the programs above; its output is read line by line."""

    stdout: IO[str]

    def __init__(self, program: str, *arguments: str | Path) -> None:
        super().__init__(
            [sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        """The next line it prints, empty at its end."""
        return self.stdout.readline().strip()
