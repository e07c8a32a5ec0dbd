"""Listeners: told of commits after the fact, on a thread of their own, whichever process committed."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from palaver.errors import PalaverError
from palaver.model import Change
from palaver.storage.transaction import Reading
from palaver.storage.verbs import changes

POLL_SECONDS = 0.1
_PAGE = 1_000
_GATHER_SECONDS = 0.01
"""What is committed at once is told at once, and whoever committed goes on first, be it to the first word of an answer."""

_log = logging.getLogger(__name__)

Callback = Callable[[Sequence[Change]], None]


class _Listener:
    __slots__ = ("actor", "callback", "mark")

    def __init__(self, actor: str, callback: Callback, mark: str) -> None:
        self.actor = actor
        self.callback = callback
        self.mark = mark


class Watch:
    """A thread that begins with the first listener. Own commits wake it, other processes' are found by polling."""

    def __init__(self, read: Callable[[str], AbstractContextManager[Reading]]) -> None:
        self._read = read
        self._listeners: list[_Listener] = []
        self._mutex = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def listen(self, actor: str, callback: Callback) -> Callable[[], None]:
        with self._read(actor) as tx:
            listener = _Listener(actor, callback, changes.mark(tx))
        with self._mutex:
            self._listeners.append(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="palaver-listeners", daemon=True)
                self._thread.start()
        return lambda: self._remove(listener)

    def committed(self) -> None:
        """Called after each commit; costs nothing without listeners."""
        if self._listeners and not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _remove(self, listener: _Listener) -> None:
        with self._mutex:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def _run(self) -> None:
        while not self._closed:
            if self._wake.wait(POLL_SECONDS) and not self._closed:
                time.sleep(_GATHER_SECONDS)
            self._wake.clear()
            with self._mutex:
                listeners = list(self._listeners)
            for listener in listeners:
                if not self._closed:
                    self._tell(listener)

    def _tell(self, listener: _Listener) -> None:
        try:
            while True:
                with self._read(listener.actor) as tx:
                    found, is_all = changes.page(tx, listener.mark, _PAGE)
                listener.mark = found.mark
                if found.items:
                    listener.callback(found.items)
                if is_all:
                    return
        except PalaverError as exc:
            _log.warning("listeners could not be told: %s", exc)
        except Exception:  # noqa: BLE001  (somebody else's code must not take the others' news away)
            _log.exception("a listener failed")
