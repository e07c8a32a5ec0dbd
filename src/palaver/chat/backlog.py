"""Messages that could not be recorded: kept in order, tried again until they are saved."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from palaver.errors import Busy, Conflict, Corrupt, Forbidden, Invalid, NotFound, PalaverError, Unavailable
from palaver.model import NewMessage
from palaver.store import HEAD, Head

CANNOT_RECORD = (Unavailable, Corrupt, Busy)
"""The store cannot be written now; what is to be written is good."""
REFUSED = (NotFound, Forbidden, Conflict, Invalid)
"""What is to be written will never be taken: trying again is of no use."""

_log = logging.getLogger(__name__)

T = TypeVar("T")


class AnswerRuns(Busy):
    """Another answer is being written in the session: this is no failure to record."""


class _Waiting(msgspec.Struct, frozen=True):
    """Messages that are saved together, each the parent of the next; the first hangs below `parent_id`."""

    messages: Sequence[NewMessage]
    parent_id: str | None | Head
    save: Callable[[], object]


class Backlog:
    """Saves at once, or later and in order where the store cannot be written. Safe from any thread, waits for none."""

    def __init__(self, *, retry_seconds: float = 1.0) -> None:
        self._retry_seconds = retry_seconds
        self._lock = threading.Lock()
        self._waiting: dict[str, list[_Waiting]] = {}
        self._failures: dict[str, PalaverError] = {}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def put(
        self,
        session_id: str,
        messages: Sequence[NewMessage],
        save: Callable[[], T],
        *,
        parent_id: str | None | Head = HEAD,
    ) -> T | None:
        """What `save` returned, or None where it has to wait: then it is tried again behind what waits already.

        What the store refuses for good is raised.
        """
        if self.failure(session_id) is None:
            try:
                return save()
            except AnswerRuns:
                raise
            except CANNOT_RECORD as exc:
                self._note(session_id, exc)
        with self._lock:
            self._waiting.setdefault(session_id, []).append(_Waiting(messages, parent_id, save))
            if self._thread is None:
                self._thread = threading.Thread(target=self._retry, name="palaver-backlog", daemon=True)
                self._thread.start()
        return None

    def messages(self, session_id: str | None = None) -> list[NewMessage]:
        """What waits, oldest first within a session."""
        with self._lock:
            chosen = self._waiting.values() if session_id is None else [self._waiting.get(session_id, [])]
            return [message for entries in chosen for entry in entries for message in entry.messages]

    def find(self, message_id: str) -> tuple[str, NewMessage, str | None | Head] | None:
        """A message that waits: its session, itself, and what it is to stand below."""
        with self._lock:
            for session_id, entries in self._waiting.items():
                for entry in entries:
                    parent_id = entry.parent_id
                    for message in entry.messages:
                        if message.id == message_id:
                            return session_id, message, parent_id
                        parent_id = message.id
        return None

    def chain(
        self, session_id: str, leaf_id: str | None | Head
    ) -> tuple[str | None | Head, list[NewMessage]]:
        """What of it leads to `leaf_id`, oldest first, and before it the leaf of what is stored."""
        with self._lock:
            entries = list(self._waiting.get(session_id, ()))
        leading: list[NewMessage] = []
        for entry in reversed(entries):
            ids = [message.id for message in entry.messages]
            if leaf_id is HEAD or leaf_id in ids:
                end = len(ids) if leaf_id is HEAD else ids.index(str(leaf_id)) + 1
                leading[:0] = entry.messages[:end]
                leaf_id = entry.parent_id
        return leaf_id, leading

    def failure(self, session_id: str) -> str | None:
        """Why something of the session waits; None where nothing does."""
        with self._lock:
            return self._failures[session_id].message if session_id in self._waiting else None

    def close(self) -> None:
        """Try everything once more. What cannot be saved even then is logged, and lost with this process."""
        self._closed.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()
        self._drain()
        for message in self.messages():
            _log.error("Message %s could not be saved", message.id)

    def _retry(self) -> None:
        while not self._closed.wait(self._retry_seconds):
            self._drain()
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return

    def _drain(self) -> None:
        with self._lock:
            session_ids = list(self._waiting)
        for session_id in session_ids:
            while self._save_first(session_id):
                pass

    def _save_first(self, session_id: str) -> bool:
        """Try what waits longest in the session. True where more waits behind it that may be tried."""
        with self._lock:
            first = self._waiting[session_id][0]
        try:
            first.save()
        except CANNOT_RECORD as exc:
            self._note(session_id, exc)
            return False
        except REFUSED as exc:
            _log.error("A message of session %s cannot be saved: %s", session_id, exc.message)
        with self._lock:
            del self._waiting[session_id][0]
            if not self._waiting[session_id]:
                del self._waiting[session_id]
            return session_id in self._waiting

    def _note(self, session_id: str, failure: PalaverError) -> None:
        with self._lock:
            self._failures[session_id] = failure
        _log.warning("Session %s cannot be recorded now and is tried again: %s", session_id, failure.message)
