"""The number of a turn in its branch."""

from palaver.chat.branches import newest_first
from palaver.store import Head, Store


class TurnCounter:
    """Counts the questions of a branch; what it has counted once it does not read again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[str, int]] = {}

    def count(self, session_id: str, leaf_id: str | Head) -> int:
        known_id, known_count = self._known.get(session_id, ("", 0))
        counted, newest = 0, ""
        for message in newest_first(self._store, session_id, leaf_id):
            newest = newest or message.id
            if message.id == known_id:
                counted += known_count
                break
            counted += message.role == "user"
        self._known[session_id] = (newest, counted)
        return counted
