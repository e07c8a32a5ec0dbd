"""Callbacks of strangers."""

import logging
from collections.abc import Callable
from typing import Any, Generic, ParamSpec

P = ParamSpec("P")

_log = logging.getLogger(__name__)


class Listeners(Generic[P]):
    """Callbacks, each called whatever the others do."""

    def __init__(self) -> None:
        self._callbacks: dict[object, Callable[P, Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    def add(self, callback: Callable[P, Any]) -> Callable[[], None]:
        place = object()
        self._callbacks[place] = callback

        def remove() -> None:
            self._callbacks.pop(place, None)

        return remove

    def call(self, *args: P.args, **kwargs: P.kwargs) -> None:
        for callback in list(self._callbacks.values()):
            try:
                callback(*args, **kwargs)
            except Exception:  # noqa: BLE001  (a stranger's code must not stop the others or the change)
                _log.exception("A listener of the session failed")
