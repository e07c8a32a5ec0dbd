"""`AsyncStore`: the verbs of a `Store` as coroutines, made from the contract and never written twice.

A call crosses threads once. Its types stand in `aio.pyi`, which `python -m tests.support.stubs` writes from the contract.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import update_wrapper
from itertools import islice
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from palaver.errors import Unavailable
from palaver.model import Change, Message
from palaver.store import Store

THREADS = 32
"""So many writes can share one commit: as many as wait in the store at once."""

BATCH = 200
"""Messages that `messages` and `tree` bring over in one step."""


class AsyncStore:
    """The verbs of `store` as coroutines, for asyncio. `messages` and `tree` are async iterators.

    A cancelled call that has not begun is withdrawn; one that has is awaited to its outcome before the cancellation
    goes on. Closing it closes the store.
    """

    def __init__(self, store: Store, *, threads: int = THREADS) -> None:
        self._store = store
        self._pool = _Pool(threads)

    @property
    def actor(self) -> str:
        return self._store.actor

    @property
    def location(self) -> str:
        """Where the database is, without secrets."""
        return self._store.location

    def as_actor(self, id: str) -> "AsyncStore":
        """The same store and the same threads for another actor; closing either closes both."""
        other = object.__new__(AsyncStore)
        other._store = self._store.as_actor(id)
        other._pool = self._pool
        return other

    def listen(self, callback: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        """Call back with new changes after their commit, on a thread of the store; returns what ends it."""
        return self._store.listen(callback)

    async def close(self) -> None:
        """Release everything. Closing twice is fine."""
        if not self._pool.closed:
            await self._pool.run(self._store.close, (), {})
            self._pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


class _Job:
    """One call on its way through a thread: claimed once, by the thread that runs it or by the cancellation."""

    __slots__ = ("_claim", "_error", "_result", "_verb", "done", "outbox", "waiter")

    def __init__(self, outbox: "_Outbox", verb: Callable[[], Any]) -> None:
        self.outbox = outbox
        self.waiter: asyncio.Future[None] = outbox.loop.create_future()
        self.done = False
        self._verb = verb
        self._claim = threading.Lock()
        self._result: Any = None
        self._error: BaseException | None = None

    def claim(self) -> bool:
        return self._claim.acquire(blocking=False)

    def run(self) -> None:
        try:
            self._result = self._verb()
        except BaseException as exc:  # noqa: BLE001 - it is raised again where the verb was called
            self._error = exc

    def finish(self) -> None:
        """On the loop's thread: wake whoever waits now, which after a cancellation is not who waited first."""
        self.done = True
        if not self.waiter.done():
            self.waiter.set_result(None)

    def outcome(self) -> Any:
        if self._error is None:
            return self._result
        try:
            raise self._error
        finally:
            self._error = None  # the traceback leads back here: a knot that only the collector would undo

    async def outlast_cancellation(self) -> None:
        while not self.done:
            self.waiter = self.outbox.loop.create_future()
            try:
                await self.waiter
            except asyncio.CancelledError:
                continue  # the first one goes on when the outcome is known


class _Outbox:
    """What one event loop is still to hear. One wake-up tells it of all that has finished by then."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.running = 0
        self._finished: deque[_Job] = deque()
        self._woken = False

    def put(self, job: _Job) -> None:
        self._finished.append(job)
        if self._woken:
            return
        self._woken = True
        try:
            self.loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:  # the loop is closed: nobody waits any more
            self._finished.clear()

    def _deliver(self) -> None:
        self._woken = False  # before looking, so that what comes after the last look wakes again
        finished = self._finished
        while finished:
            self.running -= 1
            finished.popleft().finish()


class _Pool:
    """A bounded number of threads, started when there is work for them."""

    def __init__(self, threads: int) -> None:
        self.closed = False
        self._limit = threads
        self._threads: list[threading.Thread] = []
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._outbox: _Outbox | None = None

    async def run(self, verb: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        job = self._submit(lambda: verb(*args, **kwargs))
        try:
            await job.waiter
        except asyncio.CancelledError:
            if job.claim():
                job.outbox.running -= 1
            else:
                await job.outlast_cancellation()
            raise
        return job.outcome()

    def close(self) -> None:
        self.closed = True
        for _ in self._threads:
            self._queue.put(None)

    def _submit(self, verb: Callable[[], Any]) -> _Job:
        if self.closed:
            raise Unavailable("This store is closed; open it again to go on.")
        outbox = self._outbox
        loop = asyncio.get_running_loop()
        if outbox is None or outbox.loop is not loop:
            self._outbox = outbox = _Outbox(loop)
        outbox.running += 1
        if outbox.running > len(self._threads) and len(self._threads) < self._limit:
            self._start_thread()
        job = _Job(outbox, verb)
        self._queue.put(job)
        return job

    def _start_thread(self) -> None:
        # Daemons: a verb that has not returned has promised nothing, and so need not hold up the end of the process.
        thread = threading.Thread(target=_work, args=(self._queue,), name="palaver-verb", daemon=True)
        self._threads.append(thread)
        thread.start()


def _work(queue: "SimpleQueue[_Job | None]") -> None:
    while (job := queue.get()) is not None:
        if job.claim():
            job.run()
            job.outbox.put(job)
        del job  # while waiting for the next one, keep nothing of the last one alive


def _coroutine(name: str) -> Callable[..., Any]:
    async def verb(self: AsyncStore, *args: Any, **kwargs: Any) -> Any:
        return await self._pool.run(getattr(self._store, name), args, kwargs)

    return verb


def _stream(name: str) -> Callable[..., Any]:
    async def stream(self: AsyncStore, *args: Any, **kwargs: Any) -> AsyncIterator[Message]:
        messages: Iterator[Message] = await self._pool.run(getattr(self._store, name), args, kwargs)
        while batch := await self._pool.run(_take, (messages,), {}):
            for message in batch:
                yield message

    return stream


def _take(messages: Iterator[Message]) -> list[Message]:
    return list(islice(messages, BATCH))


STREAMS = ("messages", "tree")
DIRECT = ("location", "as_actor", "listen", "close")
VERBS = tuple(sorted(Store.__abstractmethods__.difference(STREAMS, DIRECT)))


def _add_verbs() -> None:
    for name in (*VERBS, *STREAMS):
        made = _stream(name) if name in STREAMS else _coroutine(name)
        made = update_wrapper(made, getattr(Store, name), assigned=("__name__", "__doc__"), updated=())
        made.__qualname__ = f"AsyncStore.{name}"
        setattr(AsyncStore, name, made)


_add_verbs()
