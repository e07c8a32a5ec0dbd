"""Messages that could not be recorded: kept in order, tried again until they are saved."""

import logging
import threading
from collections.abc import Callable

import msgspec

from palaver.errors import Busy, Conflict, Corrupt, Invalid, NotFound, PalaverError, Unavailable
from palaver.model import Message, NewMessage

CANNOT_RECORD = (Unavailable, Corrupt, Busy)
"""The store cannot be written now; what is to be written is good."""
REFUSED = (NotFound, Conflict, Invalid)
"""What is to be written will never be taken: trying again is of no use."""

_log = logging.getLogger(__name__)

Save = Callable[[], Message]


class AnswerRuns(Busy):
    """Another answer is being written in the session: this is no failure to record."""


class _Waiting(msgspec.Struct, frozen=True):
    message: NewMessage
    save: Save


class Backlog:
    """Saves at once, or keeps for later what comes behind something that waits. Safe from any thread."""

    def __init__(self, *, retry_seconds: float = 1.0) -> None:
        self._retry_seconds = retry_seconds
        self._lock = threading.RLock()
        self._waiting: dict[str, list[_Waiting]] = {}
        self._failures: dict[str, PalaverError] = {}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, session_id: str, message: NewMessage, save: Save) -> Message | None:
        """What `save` returned, or None where it has to wait. What the store refuses for good is raised."""
        with self._lock:
            if self._drain(session_id):
                try:
                    return save()
                except AnswerRuns:
                    raise
                except CANNOT_RECORD as exc:
                    self._note(session_id, exc)
            self._waiting.setdefault(session_id, []).append(_Waiting(message, save))
            self._ensure_thread()
            return None

    def messages(self, session_id: str | None = None) -> list[NewMessage]:
        """What waits, oldest first within a session."""
        with self._lock:
            chosen = self._waiting.values() if session_id is None else [self._waiting.get(session_id, [])]
            return [entry.message for entries in chosen for entry in entries]

    def failure(self, session_id: str) -> str | None:
        """Why something of the session waits; None where nothing does."""
        with self._lock:
            return self._failures[session_id].message if self._waiting.get(session_id) else None

    def drain(self) -> bool:
        """Try everything once, now. True where nothing waits any more."""
        with self._lock:
            tried = [self._drain(session_id) for session_id in list(self._waiting)]
        return all(tried)

    def close(self) -> None:
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
        self.drain()

    def _drain(self, session_id: str) -> bool:
        waiting = self._waiting.get(session_id, [])
        while waiting:
            try:
                waiting[0].save()
            except CANNOT_RECORD as exc:
                self._note(session_id, exc)
                return False
            except REFUSED as exc:
                _log.error("A message of session %s cannot be saved: %s", session_id, exc.message)
            del waiting[0]
        self._waiting.pop(session_id, None)
        return True

    def _note(self, session_id: str, failure: PalaverError) -> None:
        self._failures[session_id] = failure
        _log.warning("Session %s cannot be recorded now and is tried again: %s", session_id, failure.message)

    def _ensure_thread(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._retry, name="palaver-backlog", daemon=True)
            self._thread.start()

    def _retry(self) -> None:
        while not self._closed.wait(self._retry_seconds):
            with self._lock:
                if self.drain():
                    self._thread = None
                    return
