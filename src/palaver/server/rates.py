"""How many requests one person may send in a minute, counted in this process."""

import time
from collections import Counter

from starlette.requests import Request

from palaver.errors import TooFast
from palaver.server.door import Caller

_ANYBODY = 4
"""Who is not signed in may send this part of what a person may."""
_SECONDS = 60


class Rates:
    """`most` is per minute and person; None does not count. For one event loop.

    Not the library `limits`: its memory begins a thread for each request that it counts.
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._window = 0
        self._counts: Counter[str] = Counter()

    def count(self, caller: Caller | None, request: Request) -> None:
        """Count this request. Raises `TooFast` where it is one too many."""
        if not self._most:
            return
        if caller is not None:
            key, most = f"actor:{caller.actor}", self._most
        else:
            key, most = f"address:{request.client.host if request.client else ''}", self._most // _ANYBODY
        now = time.time()
        window = int(now // _SECONDS)
        if window != self._window:
            self._window = window
            self._counts.clear()
        self._counts[key] += 1
        if self._counts[key] > max(1, most):
            wait = (window + 1) * _SECONDS - now
            raise TooFast("Too many requests in a minute; wait.", retry_after=max(1.0, wait))
