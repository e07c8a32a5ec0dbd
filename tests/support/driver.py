"""A `Store` that runs every verb through `AsyncStore` on an event loop, so that each test is written once."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from palaver import AsyncStore, Change, Message, Store
from palaver.aio import STREAMS, VERBS

T = TypeVar("T")


class Loop:
    """An event loop on a thread of its own."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-loop", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


def drive(store: AsyncStore, loop: Loop) -> Store:
    """`store` as the contract that the tests speak to."""
    driven: Store = _Driven(store, loop)
    return driven


class _Driving(Store):
    def __init__(self, store: AsyncStore, loop: Loop) -> None:
        self.actor = store.actor
        self._store = store
        self._loop = loop

    @property
    def location(self) -> str:
        return self._store.location

    def as_actor(self, id: str) -> Store:
        return drive(self._store.as_actor(id), self._loop)

    def listen(self, callback: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        return self._store.listen(callback)


def _awaiting(name: str) -> Callable[..., Any]:
    def verb(self: _Driving, *args: Any, **kwargs: Any) -> Any:
        return self._loop.run(getattr(self._store, name)(*args, **kwargs))

    return verb


def _streaming(name: str) -> Callable[..., Iterator[Message]]:
    def stream(self: _Driving, *args: Any, **kwargs: Any) -> Iterator[Message]:
        messages = getattr(self._store, name)(*args, **kwargs)
        while (message := self._loop.run(_next(messages))) is not None:
            yield message

    return stream


async def _next(messages: Any) -> Message | None:
    return await anext(messages, None)


_Driven = type(
    "_Driven",
    (_Driving,),
    {name: _awaiting(name) for name in (*VERBS, "close")} | {name: _streaming(name) for name in STREAMS},
)
