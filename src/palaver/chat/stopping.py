"""The wish that something ends soon, mostly a person's."""

import threading
from collections.abc import Callable


class Stopping:
    """Set once, from any thread. `event` is for whoever waits; hooks are called when it is set. `interrupted` says that
    it was no person's wish."""

    def __init__(self) -> None:
        self.interrupted = False
        self.event = threading.Event()
        self._lock = threading.Lock()
        self._hooks: list[Callable[[], None]] = []

    @property
    def wanted(self) -> bool:
        return self.event.is_set()

    def stop(self, *, interrupt: bool = False) -> None:
        self.interrupted = self.interrupted or (interrupt and not self.wanted)
        self.event.set()
        with self._lock:
            hooks, self._hooks = self._hooks, []
        for hook in hooks:
            hook()

    def on_stop(self, hook: Callable[[], None]) -> None:
        """Call `hook` when it is wished, at once where it is already. It must be quick and must not raise."""
        with self._lock:
            self._hooks.append(hook)
        if self.wanted:
            self.stop()
