"""How many requests one person may send in a minute, counted in this process."""

import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.requests import Request

from palaver.errors import TooFast
from palaver.server.door import Caller

_ANYBODY = 4
"""Who is not signed in may send this part of what a person may."""


class Rates:
    """`most` is per minute and person; None does not count."""

    def __init__(self, most: int | None) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._person = RateLimitItemPerMinute(most) if most else None
        self._nobody = RateLimitItemPerMinute(max(1, most // _ANYBODY)) if most else None

    def count(self, caller: Caller | None, request: Request) -> None:
        """Count this request. Raises `TooFast` where it is one too many."""
        if self._person is None or self._nobody is None:
            return
        if caller is not None:
            item, key = self._person, f"actor:{caller.actor}"
        else:
            item, key = self._nobody, f"address:{request.client.host if request.client else ''}"
        if not self._limiter.hit(item, key):
            reset = self._limiter.get_window_stats(item, key).reset_time
            raise TooFast("Too many requests in a minute; wait.", retry_after=max(1.0, reset - time.time()))
