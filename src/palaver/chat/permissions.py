"""Which calls of tools are allowed, and by whom."""

import logging
import threading
from collections.abc import Callable
from typing import Literal

import msgspec

from palaver.errors import PalaverError
from palaver.store import Store
from palaver.tools.base import Offer

Choice = Literal["once", "session", "always", "no"]
CHOICES: tuple[str, ...] = ("once", "session", "always", "no")
REFUSAL = "no"
_PREFIX = "tools/"
Standing = Literal["ask", "session", "always", "never"]
By = Literal["settings", "preference", "session", "person", "nobody"]

_log = logging.getLogger(__name__)


class Permission(msgspec.Struct, frozen=True):
    """`by`: the settings of the server, what the person chose for good or for the session, the person now, or that there
    was nobody to ask."""

    allowed: bool
    by: By


class Permissions:
    """Remembers what a person chose: for a session as long as this lives, for good in the store. Safe from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._sessions: set[tuple[str, str, str]] = set()

    def decide(self, session_id: str, offer: Offer, ask: Callable[[], str] | None) -> Permission:
        """Whether the tool may be called now. `ask` returns one of `CHOICES`; None: nobody can be asked."""
        if offer.allow != "ask":
            return Permission(offer.allow == "always", "settings")
        if (session_id, offer.server, offer.name) in self._sessions:
            return Permission(allowed=True, by="session")
        if self._is_preferred(offer):
            return Permission(allowed=True, by="preference")
        if ask is None:
            return Permission(allowed=False, by="nobody")
        choice = ask()
        self._remember(session_id, offer, choice)
        return Permission(choice in ("once", "session", "always"), "person")

    def standing(self, session_id: str, offer: Offer) -> Standing:
        """What would happen to a call now."""
        if offer.allow != "ask":
            return offer.allow
        if self._is_preferred(offer):
            return "always"
        with self._lock:
            return "session" if (session_id, offer.server, offer.name) in self._sessions else "ask"

    def forget(self, session_id: str, name: str | None = None) -> list[str]:
        """Ask again before the tool of this name is used, None: before any. Returns what was allowed, `server/tool`."""
        with self._lock:
            gone = {
                kept
                for kept in self._sessions
                if kept[0] == session_id and name in (None, kept[2], f"{kept[1]}/{kept[2]}")
            }
            self._sessions -= gone
        preferred = [
            kept
            for kept in self._store.list_preferences(_PREFIX)
            if name in (None, kept.removeprefix(_PREFIX), kept.rpartition("/")[2])
        ]
        for kept in preferred:
            self._store.put_preference(kept, None)
        names = [f"{server}/{tool}" for _, server, tool in gone]
        return sorted({*names, *(kept.removeprefix(_PREFIX) for kept in preferred)})

    def _remember(self, session_id: str, offer: Offer, choice: str) -> None:
        if choice == "always" and self._prefer(offer):
            return
        if choice in ("session", "always"):
            with self._lock:
                self._sessions.add((session_id, offer.server, offer.name))

    def _is_preferred(self, offer: Offer) -> bool:
        try:
            return self._store.get_preference(_name(offer)) == "always"
        except PalaverError as exc:
            _log.warning("Whether %s is allowed cannot be read: %s", offer.name, exc.message)
            return False

    def _prefer(self, offer: Offer) -> bool:
        """False where it cannot be written: then it holds for the session."""
        try:
            self._store.put_preference(_name(offer), "always")
        except PalaverError as exc:
            _log.warning("That %s is always allowed cannot be kept: %s", offer.name, exc.message)
            return False
        return True


def _name(offer: Offer) -> str:
    return f"{_PREFIX}{offer.server}/{offer.name}"
