"""What every open database does beside reading and writing: drafts this process writes, what follows a commit, its end."""

import atexit
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from palaver.errors import NotFound, PalaverError
from palaver.storage import owner
from palaver.storage.transaction import Writing
from palaver.storage.verbs import drafts
from palaver.storage.writing import Effects
from palaver.store import DRAFT_LEASE_SECONDS, SYSTEM_ACTOR

T = TypeVar("T")


class OpenDatabase(ABC):
    """`after_commit` is told which sessions a verb touched and which are gone, `before_close` of the end.

    `mirror_path` names the plain file of a session where there are any.
    """

    def __init__(self) -> None:
        self.owner = owner.current()
        self.after_commit: Callable[[Effects], None] | None = None
        self.before_close: Callable[[], None] | None = None
        self.mirror_path: Callable[[str], Path] | None = None
        self._drafts: dict[str, float] = {}
        self._mutex = threading.Lock()
        self._closed = False
        self._at_exit: Callable[[], None] | None = None

    @abstractmethod
    def write(self, actor: str, work: Callable[[Writing], T]) -> T:
        """Do the work in a transaction that is committed on return."""

    @abstractmethod
    def _release(self) -> None:
        """Let go of everything; the last thing that is called."""

    @abstractmethod
    def _scrub(self) -> None:
        """Content was purged: see to it that nothing of it is left in the database's files."""

    def close(self) -> None:
        """Release everything. Closing twice is fine."""
        with self._mutex:
            if self._closed:
                return
            self._closed = True
        self._interrupt_drafts()
        if self.before_close is not None:
            self.before_close()
        self._release()
        if self._at_exit is not None:
            atexit.unregister(self._at_exit)

    def close_at_exit(self) -> None:
        """Close it when the interpreter ends, if it is still open then."""
        self._at_exit = _closing(self)
        atexit.register(self._at_exit)

    def _follow_up(self, effects: Effects) -> None:
        if effects.scrub:
            self._scrub()
        if self.after_commit is not None and (effects.touched or effects.forgotten):
            self.after_commit(effects)

    def hold_draft(self, message_id: str, lease: float) -> None:
        """This process writes that draft; when the store is closed it ends, interrupted."""
        with self._mutex:
            self._drafts[message_id] = lease

    def lease_of(self, message_id: str) -> float:
        """Seconds an extension renews the lease by."""
        return self._drafts.get(message_id, DRAFT_LEASE_SECONDS)

    def release_draft(self, message_id: str) -> None:
        with self._mutex:
            self._drafts.pop(message_id, None)

    def _interrupt_drafts(self) -> None:
        for message_id in sorted(self._drafts):
            try:
                self.write(SYSTEM_ACTOR, partial(drafts.interrupt, message_id=message_id))
            except NotFound:
                continue
            except PalaverError:
                # The next one who opens the file finds the owner dead and does it.
                return


def _closing(database: OpenDatabase) -> Callable[[], None]:
    reference = weakref.ref(database)

    def close() -> None:
        alive = reference()
        if alive is not None:
            alive.close()

    return close
