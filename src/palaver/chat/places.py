"""Which sessions something of this process runs in."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from palaver.chat.compacting import Compacting
from palaver.chat.turn import Turn
from palaver.errors import Busy

ANSWERING = "An answer is being written in session {}: wait for its end or stop it"
COMPACTING = "Older messages of session {} are being summarised: wait for the end or stop it"


class Running(msgspec.Struct, frozen=True):
    """`look` is called where another process may have changed what is stored of it. `actor` began it."""

    work: Turn | Compacting
    thread: threading.Thread
    look: Callable[[], None]
    actor: str


class Places:
    """One thing runs in a session at a time. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[str, str] = {}
        self._running: dict[str, Running] = {}

    @contextmanager
    def take(self, session_id: str, why: str = ANSWERING) -> Iterator[None]:
        """Keep others out of the session; what is begun inside goes on keeping them out until it leaves.

        Raises `Busy`, with the reason of whoever is there.
        """
        with self._lock:
            if session_id in self._taken:
                raise Busy(self._taken[session_id].format(session_id), session_id=session_id)
            self._taken[session_id] = why
        try:
            yield
        except BaseException:
            self.leave(session_id)
            raise

    def say(self, session_id: str, why: str) -> None:
        """Why the session is taken, from now on."""
        with self._lock:
            if session_id in self._taken:
                self._taken[session_id] = why

    def begin(self, running: Running) -> None:
        """It runs in the session that was taken for it: start its thread."""
        with self._lock:
            self._running[running.work.session_id] = running
        running.thread.start()

    def leave(self, session_id: str) -> None:
        with self._lock:
            self._taken.pop(session_id, None)
            self._running.pop(session_id, None)

    def find(self, session_id: str) -> Running | None:
        with self._lock:
            return self._running.get(session_id)

    def all(self) -> list[Running]:
        with self._lock:
            return list(self._running.values())
