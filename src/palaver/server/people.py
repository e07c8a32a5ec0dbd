"""The verbs of `Accounts` as coroutines."""

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

from palaver.accounts import Accounts

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 16
_HASHES = 2
"""A password's hash takes 64 MiB and a core: more at once would be a way to bring the server down."""


class People:
    """`ask` runs a verb on a thread; `ask_slowly` one that takes a password, few of them at a time."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self._threads = CapacityLimiter(_THREADS)
        self._hashing = CapacityLimiter(_HASHES)

    async def ask(self, verb: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        return await to_thread.run_sync(partial(verb, *arguments, **named), limiter=self._threads)

    async def ask_slowly(self, verb: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        return await to_thread.run_sync(partial(verb, *arguments, **named), limiter=self._hashing)
