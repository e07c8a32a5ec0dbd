"""`AsyncStore`: the verbs of a `Store` as coroutines, made from the contract and never written twice.

A call crosses threads once. Its types stand in `aio.pyi`, which `python -m tests.support.stubs` writes from the contract.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial, update_wrapper
from itertools import islice
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Protocol, Self

from palaver.errors import Unavailable
from palaver.model import Change, Message, NewMessage
from palaver.store import HEAD, Append, Head, Store

THREADS = 32
"""So many writes can share one commit: as many as wait in the store at once."""

BATCH = 200
"""Messages that `messages` and `tree` bring over in one step."""

READING = 4
"""Short reads at once: more of them only take turns at the interpreter, and at 64 readers that takes half of the time."""

APPENDS = 128
"""Appends that a thread hands over together."""

_GATHER_TRIES = 8
_GATHER_SECONDS = 15e-6


class AsyncStore:
    """The verbs of `store` as coroutines, for asyncio. `messages` and `tree` are async iterators.

    A cancelled call that has not begun is withdrawn; one that has is awaited to its outcome before the cancellation
    goes on. Closing it closes the store.
    """

    def __init__(self, store: Store, *, threads: int = THREADS) -> None:
        self._enter(store, _Pool(threads))

    def _enter(self, store: Store, pool: "_Pool") -> None:
        self._store = store
        self._pool = pool
        self._appends = _Appends(store, pool)

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
        other._enter(self._store.as_actor(id), self._pool)
        return other

    def listen(self, callback: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        """Call back with new changes after their commit, on a thread of the store; returns what ends it."""
        return self._store.listen(callback)

    async def close(self) -> None:
        """Release everything. Closing twice is fine."""
        if not self._pool.closed:
            await _call(self._pool, self._store.close)
            self._pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


class _Job:
    """One call on its way through a thread: claimed once, by the thread that runs it or by the cancellation."""

    __slots__ = ("_claim", "_error", "_result", "call", "done", "outbox", "waiter")

    def __init__(self, outbox: "_Outbox", call: Any) -> None:
        self.outbox = outbox
        self.waiter: asyncio.Future[None] = outbox.loop.create_future()
        self.done = False
        self.call = call
        self._claim = [None]
        self._result: Any = None
        self._error: BaseException | None = None

    def claim(self) -> bool:
        try:
            self._claim.pop()
        except IndexError:
            return False
        return True

    def run(self) -> None:
        """Call what there is to call, if nobody has withdrawn it."""
        if not self.claim():
            return
        try:
            self._result = self.call()
        except BaseException as exc:  # noqa: BLE001 - it is raised again where the verb was called
            self._error = exc
        self.outbox.put(self)

    def end(self, outcome: Any) -> None:
        """What came of it: a result, or the error it ended with."""
        if isinstance(outcome, BaseException):
            self._error = outcome
        else:
            self._result = outcome
        self.outbox.put(self)

    def finish(self) -> None:
        """On the loop's thread: wake whoever waits now, which after a cancellation is not who waited first."""
        self.done = True
        if not self.waiter.done():
            self.waiter.set_result(None)

    async def outcome(self) -> Any:
        try:
            await self.waiter
        except asyncio.CancelledError:
            if not self.claim():
                await self._outlast_cancellation()
            raise
        if self._error is None:
            return self._result
        try:
            raise self._error
        finally:
            self._error = None  # the traceback leads back here: a knot that only the collector would undo

    async def _outlast_cancellation(self) -> None:
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
            finished.popleft().finish()


class _Task(Protocol):
    def run(self) -> None: ...


class _Pool:
    """A bounded number of threads, started when there is work for them."""

    def __init__(self, threads: int) -> None:
        self.closed = False
        self._limit = threads
        self._threads: list[threading.Thread] = []
        self._queue: SimpleQueue[_Task | None] = SimpleQueue()
        self._mutex = threading.Lock()
        self._unfinished = 0
        self._outbox: _Outbox | None = None
        self.reading = _Reading(self)

    def outbox(self) -> _Outbox:
        """That of the running loop."""
        if self.closed:
            raise Unavailable("This store is closed; open it again to go on.")
        outbox = self._outbox
        loop = asyncio.get_running_loop()
        if outbox is None or outbox.loop is not loop:
            self._outbox = outbox = _Outbox(loop)
        return outbox

    def put(self, task: _Task) -> None:
        with self._mutex:
            self._unfinished += 1
            if self._unfinished > len(self._threads) and len(self._threads) < self._limit:
                self._start_thread()
        self._queue.put(task)

    def close(self) -> None:
        self.closed = True
        for _ in self._threads:
            self._queue.put(None)

    def crowded(self) -> bool:
        """Whether something waits for a thread. At the end nothing does: what waits is done by who has it."""
        return not self.closed and not self._queue.empty()

    def _start_thread(self) -> None:
        # Daemons: a verb that has not returned has promised nothing, and so need not hold up the end of the process.
        thread = threading.Thread(target=self._work, name="palaver-verb", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (task := self._queue.get()) is not None:
            task.run()
            del task  # while waiting for the next one, keep nothing of the last one alive
            with self._mutex:
                self._unfinished -= 1


class _Reading:
    """Short reads: a few threads of the pool take one after the other."""

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
        self._mutex = threading.Lock()
        self._waiting: deque[_Task] = deque()
        self._serving = 0

    def put(self, task: _Task) -> None:
        with self._mutex:
            self._waiting.append(task)
            if self._serving == READING:
                return
            self._serving += 1
        self._pool.put(self)

    def run(self) -> None:
        """On a thread of the pool: until nothing is left, or something else waits for a thread."""
        while (task := self._take()) is not None:
            task.run()
            del task  # while waiting for the next one, keep nothing of the last one alive
            if self._pool.crowded():
                self._pool.put(self)
                return

    def _take(self) -> _Task | None:
        with self._mutex:
            if self._waiting:
                return self._waiting.popleft()
            self._serving -= 1
            return None


class _Appends:
    """Appends of one store: the thread that takes one takes those that wait with it, so that all cross in one hop."""

    def __init__(self, store: Store, pool: _Pool) -> None:
        self._store = store
        self._pool = pool
        self._mutex = threading.Lock()
        self._waiting: deque[_Job] = deque()
        self._served = False

    def submit(self, append: Append) -> _Job:
        job = _Job(self._pool.outbox(), append)
        with self._mutex:
            self._waiting.append(job)
            served, self._served = self._served, True
        if not served:
            self._pool.put(self)
        return job

    def run(self) -> None:
        """On a thread of the pool: until nothing is left, or something else waits for a thread."""
        while jobs := self._take():
            self._append([job for job in jobs if job.claim()])
            if len(jobs) > 1:
                self._gather(len(jobs))
            if self._pool.crowded():
                self._pool.put(self)
                return

    def _take(self) -> list[_Job]:
        with self._mutex:
            jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), APPENDS))]
            self._served = bool(jobs)
        return jobs

    def _append(self, jobs: list[_Job]) -> None:
        if not jobs:
            return
        try:
            outcomes: Sequence[Any] = self._store.append_each([job.call for job in jobs])
        except BaseException as exc:  # noqa: BLE001 - it is raised again where each of them was called
            outcomes = [exc] * len(jobs)
        for job, outcome in zip(jobs, outcomes, strict=True):
            job.end(outcome)

    def _gather(self, last: int) -> None:
        """The loop is about to send on those who have just been answered: a moment fills the next step."""
        for _ in range(_GATHER_TRIES):
            if len(self._waiting) * 4 >= last * 3:
                return
            time.sleep(_GATHER_SECONDS)


async def _call(pool: _Pool, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    job = _Job(pool.outbox(), partial(verb, *args, **kwargs))
    pool.put(job)
    return await job.outcome()


async def _append(
    self: AsyncStore, session_id: str, *messages: NewMessage, parent_id: str | None | Head = HEAD
) -> Any:
    return await self._appends.submit(Append(session_id, messages, parent_id)).outcome()


def _coroutine(name: str) -> Callable[..., Any]:
    async def verb(self: AsyncStore, *args: Any, **kwargs: Any) -> Any:
        return await _call(self._pool, getattr(self._store, name), *args, **kwargs)

    async def short(self: AsyncStore, *args: Any, **kwargs: Any) -> Any:
        job = _Job(self._pool.outbox(), partial(getattr(self._store, name), *args, **kwargs))
        self._pool.reading.put(job)
        return await job.outcome()

    return short if name in SHORT else verb


def _stream(name: str) -> Callable[..., Any]:
    async def stream(self: AsyncStore, *args: Any, **kwargs: Any) -> AsyncIterator[Message]:
        messages: Iterator[Message] = await _call(self._pool, getattr(self._store, name), *args, **kwargs)
        while batch := await _call(self._pool, _take, messages):
            for message in batch:
                yield message

    return stream


def _take(messages: Iterator[Message]) -> list[Message]:
    return list(islice(messages, BATCH))


STREAMS = ("messages", "tree")
SHORT = frozenset(
    {
        *("get_project", "list_projects", "roles", "get_preference", "list_preferences", "changes", "mark"),
        *("get_session", "list_sessions", "list_last_texts", "list_turns"),
        *("get_message", "list_messages", "list_siblings", "list_sibling_ids", "list_checkpoints"),
    }
)
"""Verbs that read a page at most, by an index."""
DIRECT = ("location", "as_actor", "listen", "close")
_MADE = {"append": _append} | {name: _stream(name) for name in STREAMS}
VERBS = tuple(sorted(Store.__abstractmethods__.difference(STREAMS, DIRECT)))


def _add_verbs() -> None:
    for name in (*VERBS, *STREAMS):
        made = _MADE[name] if name in _MADE else _coroutine(name)
        made = update_wrapper(made, getattr(Store, name), assigned=("__name__", "__doc__"), updated=())
        made.__qualname__ = f"AsyncStore.{name}"
        setattr(AsyncStore, name, made)


_add_verbs()
