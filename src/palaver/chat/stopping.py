"""A person's wish that something ends soon."""

import threading
from collections.abc import Callable


class Stopping:
    """Set once, from any thread. `event` is for whoever waits; hooks are called when it is set."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._lock = threading.Lock()
        self._hooks: list[Callable[[], None]] = []

    @property
    def wanted(self) -> bool:
        return self.event.is_set()

    def stop(self) -> None:
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
