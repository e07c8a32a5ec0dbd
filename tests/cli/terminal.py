"""A command on a terminal of its own, typed into and read like a person would."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cli.processes import environment

ANSI = re.compile(r"\x1b\][^\x07]*\x07|\x1b[\[(][0-9;?>=]*[A-Za-z]|\x1b[=>78]|\r")
WHERE = b"\x1b[6n"
TIMEOUT = 30.0
# The terminal becomes the child's own, so that Ctrl+C reaches it as a signal.
CALL = (
    "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); from palaver.cli.main import main; main()"
)


class Terminal:
    """Runs `palaver ARGUMENTS` on a pseudo-terminal. `located`: it says where its cursor is, as most terminals do."""

    def __init__(
        self,
        database: Path,
        *arguments: str,
        columns: int = 80,
        rows: int = 24,
        located: bool = False,
        **variables: str,
    ) -> None:
        self._located = located
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (rows, columns))
        self.process = subprocess.Popen(
            [sys.executable, "-c", CALL, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=environment(database, **{"TERM": "xterm-256color", **variables}),
        )
        os.close(slave)
        self._seen = b""
        self._read_to = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self._master)

    @property
    def raw(self) -> bytes:
        """Everything that was written, escape sequences included."""
        return self._seen

    @property
    def text(self) -> str:
        """Everything that was written, without escape sequences."""
        return ANSI.sub("", self._seen.decode("utf-8", "replace"))

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def say(self, line: str) -> None:
        """Type a line and send it, once the prompt is there."""
        self.expect("› ")
        self.type(line + "\r")

    def expect(self, text: str) -> str:
        """Wait until this appears behind what was expected before; gives everything up to its end."""
        deadline = time.monotonic() + TIMEOUT
        while (at := self.text.find(text, self._read_to)) < 0:
            if not self._read(deadline):
                raise AssertionError(f"{text!r} did not come; since then came:\n{self.text[self._read_to :]}")
        before, self._read_to = self._read_to, at + len(text)
        return self.text[before : self._read_to]

    def interrupt(self) -> int:
        """Press Ctrl+C until it ends: `input()` overlooks one that comes just before it sleeps. Gives the exit code."""
        for _ in range(int(TIMEOUT)):
            self.type("\x03")
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(2)
        return self.process.wait(0)

    def end(self) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + TIMEOUT
        while self._read(deadline):
            pass
        return self.process.wait(TIMEOUT)

    def _read(self, deadline: float) -> bool:
        """Read what is there; False at the end or when the time is over."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        try:
            data = os.read(self._master, 65536) if ready else b""
        except OSError:
            data = b""  # what a terminal gives when its last process has gone
        self._seen += data
        if self._located and WHERE in data:
            os.write(self._master, b"\x1b[1;1R")
        return bool(data)
