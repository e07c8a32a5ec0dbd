"""How full the context is, below the line that is typed: worked out once per question, beside the typing."""

import logging
import threading
from collections.abc import Callable

from palaver.chat import modes
from palaver.chat.commands import Context, weigh_now
from palaver.cli.terms import number, one_line
from palaver.cli.weights import is_filled, meter
from palaver.errors import PalaverError
from palaver.settings import NO_MODE

_log = logging.getLogger(__name__)


class Meter:
    """Says model, mode, fill and attached files. `changed` is called, from any thread, when there is more to say."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._text = ""
        self._filled = False
        self._number = 0

    @property
    def text(self) -> str:
        return self._text

    @property
    def filled(self) -> bool:
        """Whether it is time to think of the window."""
        return self._filled

    def refresh(self, changed: Callable[[], None]) -> None:
        """Look again, on a thread of its own: a server may have to be asked for its window."""
        with self._lock:
            self._number += 1
            number = self._number
        try:
            self._show(number, self._known())
        except PalaverError as exc:
            _log.info("The meter is left as it was: %s", exc.message)
            return
        threading.Thread(target=self._look, args=(number, changed), name="palaver-meter", daemon=True).start()

    def _look(self, number: int, changed: Callable[[], None]) -> None:
        try:
            known = self._known()
            weighed = weigh_now(self._context)
        except PalaverError as exc:
            _log.info("The context cannot be weighed: %s", exc.message)
            return
        self._show(number, [meter(weighed), *known], filled=is_filled(weighed))
        changed()

    def _show(self, number: int, facts: list[str], *, filled: bool = False) -> None:
        with self._lock:
            if number == self._number:
                self._text, self._filled = " · ".join(facts), filled

    def _known(self) -> list[str]:
        """What the session itself says."""
        session = self._context.session
        mode = modes.name_of(session)
        files = len(self._context.attached)
        facts = [
            one_line(session.model or "no model"),
            f"mode {mode}" if mode != NO_MODE else "",
            number(files, "file") + " attached" if files else "",
        ]
        return list(filter(None, facts))
