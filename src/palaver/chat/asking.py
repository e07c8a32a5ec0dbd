"""What is asked of the person while something runs, and what was chosen."""

import threading
from collections.abc import Callable

from palaver.chat.events import InputRequired
from palaver.chat.stopping import Stopping
from palaver.errors import Invalid, NotFound

LOOK_FIRST = "history"
"""A choice that decides nothing yet: the person wants to see the conversation, and is asked on."""


class Desk:
    """One question at a time. Where nobody can be asked, and when a stop is wished, the default is the answer."""

    def __init__(self, stopping: Stopping, *, asks: bool) -> None:
        self.asks = asks
        self._stopping = stopping
        self._changed = threading.Condition()
        self._open: InputRequired | None = None
        self._choice: str | None = None
        stopping.on_stop(self._wake)

    @property
    def open(self) -> InputRequired | None:
        """What waits for a choice now."""
        return self._open

    def ask(self, required: InputRequired, tell: Callable[[InputRequired], None]) -> str:
        """Tell the question and wait for the choice, however long it takes."""
        if not self.asks or self._stopping.wanted:
            return required.default
        with self._changed:
            self._open, self._choice = required, None
        tell(required)
        with self._changed:
            self._changed.wait_for(lambda: self._choice is not None or self._stopping.wanted)
            self._open = None
            return self._choice or required.default

    def answer(self, request_id: str, choice: str) -> None:
        """Raises `NotFound` for a question that does not wait, `Invalid` for a choice it does not offer."""
        with self._changed:
            required = self._open
            if required is None or required.request_id != request_id or self._choice is not None:
                raise NotFound("request", request_id)
            if choice not in required.choices:
                raise Invalid(
                    f"{choice[:40]!r} is no choice here; there are: {', '.join(required.choices)}",
                    field="choice",
                )
            if choice != LOOK_FIRST:
                self._choice = choice
                self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
