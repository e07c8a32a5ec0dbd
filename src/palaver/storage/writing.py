"""What a writing transaction keeps beside its statements: change numbers, times, places, what follows the commit."""

import time
from typing import Any

from palaver.errors import Corrupt
from palaver.storage.wall import Walled

_MAX_PLACES = 256


class Effects:
    """What is to be done after the commit: mirrors to write, content to scrub."""

    __slots__ = ("forgotten", "scrub", "touched")

    def __init__(self) -> None:
        self.touched: dict[str, None] = {}
        self.forgotten: dict[str, None] = {}
        self.scrub = False


class WriteState(Walled):
    """One per store, entered and left by each verb that shares a commit. `now` is the wall clock in milliseconds."""

    def __init__(self, *, auto_title: bool, max_sessions: int | None) -> None:
        self.auto_title = auto_title
        self.max_sessions = max_sessions
        self.now = 0
        self._last = 0  # The number of the newest change.
        self._safe = 0  # The same before the verb that is running.
        self._latest = 0  # The greatest content time given out, in microseconds.
        self._effects = Effects()
        self._places: dict[str, tuple[str, Any]] = {}
        self._kept = False

    @property
    def last(self) -> int:
        """The number of the newest change this process has seen."""
        return self._last

    def enter(self, actor: str) -> None:
        self.actor = actor
        self.now = time.time_ns() // 1_000_000
        self._safe = self._last
        self._effects = Effects()
        self._kept = False

    def leave(self) -> Effects:
        if not self._kept:
            self._places.clear()
        return self._effects

    def undo(self) -> None:
        """The verb was rolled back: its numbers are free again."""
        self._last = self._safe
        self._places.clear()

    def end(self) -> None:
        self.actor = ""

    def content_time(self) -> int:
        # Microseconds, so that no two sessions tie and a fast import does not run ahead of the clock.
        self._latest = max(time.time_ns() // 1000, self._latest + 1)
        return self._latest

    def set_latest(self, microseconds: int) -> None:
        """What stands in the database already: a clock that was set back does not put new content behind old."""
        if not isinstance(microseconds, int):
            raise Corrupt(
                f"the time of the newest session is no number but {microseconds!r:.40}", where="session"
            )
        self._latest = max(self._latest, microseconds)

    def keep(self, session_id: str, place: Any) -> None:
        """Remember where the next message of the session goes, until a verb ends that keeps nothing.

        The id is in its canonical form, so that a session is kept once, whoever wrote to it last.
        """
        if len(self._places) >= _MAX_PLACES:
            self._places.clear()
        self._places[session_id] = self.actor, place
        self._kept = True

    def recall(self, session_id: str) -> Any:
        """What was kept for this actor; None where anything else has been written since. It is no longer kept."""
        actor, place = self._places.pop(session_id, ("", None))
        return place if actor == self.actor else None

    def touch(self, session_id: str) -> None:
        self._effects.touched[session_id] = None
        self._effects.forgotten.pop(session_id, None)

    def forget(self, session_id: str) -> None:
        self._effects.forgotten[session_id] = None
        self._effects.touched.pop(session_id, None)

    def scrub(self) -> None:
        self._effects.scrub = True
