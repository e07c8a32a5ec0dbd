"""How questions come into the store, and how what they belong to is found again, saved or not yet."""

from collections.abc import Callable

from palaver.chat.backlog import CANNOT_RECORD, AnswerRuns, Backlog
from palaver.errors import Busy
from palaver.model import Message, NewMessage
from palaver.store import HEAD, Head, Store


def _begin(begin: Callable[[], object]) -> object:
    try:
        return begin()
    except Busy as exc:
        if exc.session_id is not None:
            raise AnswerRuns(exc.message, session_id=exc.session_id) from exc
        raise


class Questions:
    """The questions of one store. Safe from any thread."""

    def __init__(self, store: Store, backlog: Backlog) -> None:
        self._store = store
        self._backlog = backlog

    def record(
        self, session_id: str, new: NewMessage, parent_id: str | None | Head, begin: Callable[[], object]
    ) -> bool:
        """Have `begin` record it; False where it is saved later, with an explicit parent as the branch that is shown.

        Raises `Busy` where another turn runs, and what the store refuses for good.
        """
        now = self._backlog.failure(session_id) is None

        def save() -> object:
            nonlocal now
            if now:
                now = False
                return _begin(begin)
            [stored] = self._store.append(session_id, new, parent_id=parent_id)
            if parent_id is not HEAD:
                self._store.set_head(session_id, stored.id)
            return stored

        return self._backlog.put(session_id, [new], save, parent_id=parent_id) is not None

    def show(self, session_id: str, begin: Callable[[], object]) -> bool:
        """Have `begin` answer what is stored already. False where that cannot be written now. Raises `Busy`."""
        if self._backlog.failure(session_id) is not None:
            return False
        try:
            _begin(begin)
        except AnswerRuns:
            raise
        except CANNOT_RECORD:
            return False
        return True

    def find(self, message_id: str) -> tuple[str, Message | NewMessage, str | None | Head]:
        """A message with its session and its parent. Raises `NotFound`."""
        waiting = self._backlog.find(message_id)
        if waiting is not None:
            return waiting
        message = self._store.get_message(message_id)
        return message.session_id, message, message.parent_id

    def find_turn(self, message_id: str) -> str:
        """The question whose turn a message belongs to; the first message there is where nobody asked."""
        while True:
            _, message, parent_id = self.find(message_id)
            if message.role == "user" or not isinstance(parent_id, str):
                return message_id
            message_id = parent_id
