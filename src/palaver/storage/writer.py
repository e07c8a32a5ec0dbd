"""The one way to write: leader and followers.

Whoever finds nobody committing leads: it runs everything queued in one transaction and wakes the others. Where one of
several fails, they are run again, each in a savepoint, so that only that one does. A lone writer pays no thread hop;
sixteen share a sync. Leading passes on after each commit.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

from palaver.errors import Busy, Unavailable
from palaver.storage.writing import WriteState

T = TypeVar("T")
Tx = TypeVar("Tx", bound=WriteState)

MAX_BATCH = 256
_LOOK_SECONDS = 1.0
_CROWD = 2
_CROWD_SECONDS = 0.05
_GATHER_TRIES = 8
_GATHER_SECONDS = 15e-6

_WAITING, _PROMOTED, _DONE, _WITHDRAWN = range(4)


class Job(Generic[T]):
    """One verb's work, and how it ended."""

    __slots__ = ("actor", "alone", "along", "effects", "error", "gate", "next", "result", "state", "work")

    def __init__(self, actor: str, work: Callable[[Any], T], *, alone: bool) -> None:
        self.actor = actor
        self.work = work
        self.alone = alone
        self.along = False  # Another job's thread has brought it and waits for it, too.
        self.gate: Any = None
        self.next: Job[Any] | None = None
        self.state = _WAITING
        self.result: T | None = None
        self.error: BaseException | None = None
        self.effects: Any = None


class Writer(ABC, Generic[Tx]):
    """The queue before the one connection that writes; a database's own writer knows how that begins and ends.

    `translated` turns the driver's errors into those of the house, `committed` is called after each commit.
    """

    def __init__(
        self,
        transaction: Tx,
        *,
        where: str,
        translated: AbstractContextManager[None],
        committed: Callable[[], None],
    ) -> None:
        self._tx = transaction
        self._where = where
        self._translated = translated
        self._committed = committed
        self._mutex = threading.Lock()
        self._queue: deque[Job[Any]] = deque()
        self._leading = False
        self._closed = False
        self._last_batch = 1
        self._crowd_at = 0.0
        self._begun = False

    @abstractmethod
    def _begin(self) -> None:
        """Begin a transaction that nobody else writes beside. Raises `Busy`."""

    @abstractmethod
    def _end(self) -> None:
        """Commit."""

    @abstractmethod
    def _roll_back(self) -> None:
        """Nothing of the transaction happened; fine where none has begun."""

    @abstractmethod
    def _is_open(self) -> bool:
        """Whether a transaction has begun and is neither committed nor rolled back."""

    @abstractmethod
    def _set_savepoint(self) -> None: ...

    @abstractmethod
    def _undo_to_savepoint(self) -> None:
        """What came after the savepoint did not happen; the savepoint is gone, too."""

    @abstractmethod
    def _release_savepoint(self) -> None: ...

    def run(self, actor: str, work: Callable[[Tx], T]) -> Job[T]:
        """Do the work in a transaction that is committed on return. Raises what it raises, or what the commit met."""
        return self._submit(Job(actor, work, alone=False))

    def maintain(self, work: Callable[[Tx], T]) -> Job[T]:
        """Do the work while nobody writes, outside any transaction."""
        return self._submit(Job("", work, alone=True))

    def run_each(self, actor: str, works: Sequence[Callable[[Tx], T]]) -> list[Job[T]]:
        """Do several works, each for itself, as if each came on a thread of its own; their jobs tell how they ended."""
        jobs: list[Job[T]] = [Job(actor, work, alone=False) for work in works]
        for job in jobs[1:]:
            job.along = True
        try:
            self._enter(jobs)
            for job in jobs[1:]:
                self._follow(job)
        except BaseException:
            for job in jobs:
                self._withdraw(job)
            raise
        return jobs

    def _submit(self, job: Job[T]) -> Job[T]:
        self._enter([job])
        if job.error is not None:
            raise job.error
        return job

    def _enter(self, jobs: Sequence[Job[Any]]) -> None:
        """Queue the jobs and see to the first one's end."""
        first = jobs[0]
        with self._mutex:
            if self._closed:
                raise Unavailable(f"{self._where} is closed")
            self._queue.extend(jobs)
            leads = not self._leading
            self._leading = True
            for job in jobs if not leads else jobs[1:]:
                job.gate = threading.Lock()
                job.gate.acquire()
        if leads:
            self._lead(first)
        else:
            self._follow(first)

    def crowded(self) -> bool:
        """Whether several write at this time."""
        return time.monotonic() - self._crowd_at < _CROWD_SECONDS

    def close(self) -> None:
        """Take no more work; what is queued is done first."""
        with self._mutex:
            self._closed = True
        while self._leading or self._queue:
            time.sleep(0.001)

    def _follow(self, job: Job[Any]) -> None:
        interrupt: BaseException | None = None
        while job.state == _WAITING:
            try:
                job.gate.acquire(timeout=_LOOK_SECONDS)
            except BaseException as exc:  # A signal: what has begun is waited for, what has not is withdrawn.
                if self._withdraw(job):
                    raise
                interrupt = exc
        if job.state == _PROMOTED:
            self._lead(job)
        else:
            _wake(job.next)
        if interrupt is not None:
            raise interrupt

    def _withdraw(self, job: Job[Any]) -> bool:
        with self._mutex:
            if job.state != _WAITING or job not in self._queue:
                return False
            self._queue.remove(job)
            job.state = _WITHDRAWN
            return True

    def _lead(self, job: Job[Any]) -> None:
        batch: list[Job[Any]] = []
        try:
            if self._last_batch > 1:
                self._gather()
            with self._mutex:
                self._fill(batch)
            if batch[0].alone:
                self._run_outside(batch[0])
            else:
                self._commit(batch)
        finally:
            self._last_batch = len(batch) - sum(each.along for each in batch)
            if len(batch) > _CROWD:
                self._crowd_at = time.monotonic()
            self._hand_over()
            _wake(_chain(batch, job))

    def _fill(self, batch: list[Job[Any]]) -> None:
        while self._queue and len(batch) < MAX_BATCH and not (batch and self._queue[0].alone):
            batch.append(self._queue.popleft())
            if batch[-1].alone:
                return

    def _run_outside(self, job: Job[Any]) -> None:
        self._roll_back()
        try:
            job.result = job.work(self._tx)
        except Exception as exc:  # noqa: BLE001  (raised again in the caller's thread)
            job.error = self._translate(exc)

    def _gather(self) -> None:
        """Others who have just been woken are about to come back: a few microseconds fill the batch."""
        for _ in range(_GATHER_TRIES):
            # Waiting for the last ones costs more than it brings.
            if len(self._queue) * 4 >= self._last_batch * 3:
                return
            time.sleep(_GATHER_SECONDS)

    def _hand_over(self) -> None:
        with self._mutex:
            if not self._queue:
                self._leading = False
                return
            successor = self._queue[0]
            successor.state = _PROMOTED
        successor.gate.release()

    def _commit(self, batch: list[Job[Any]]) -> None:
        self._begun = False
        try:
            self._try(batch)
        except Exception as exc:  # noqa: BLE001  (raised again in the thread of each who shared the commit)
            self._roll_back()
            _fail(batch, self._translate(exc))
            return
        except BaseException:  # A signal. What is committed stays so; else nobody's work was done.
            if not self._begun or self._is_open():
                self._roll_back()
                _fail(batch, Busy(f"{self._where}: the write was interrupted before it was done; try again"))
            raise
        finally:
            self._tx.end()
        self._committed()

    def _try(self, batch: list[Job[Any]]) -> None:
        """All as one; only where one of several fails are they run again, each in a savepoint, so that the others go on."""
        self._begin()
        self._begun = True
        try:
            for job in batch:
                self._run(job)
        except Exception:
            if len(batch) == 1:
                raise
            self._roll_back()
            self._begin()
            for job in batch:
                self._run_in_savepoint(job)
        self._end()

    def _run(self, job: Job[Any]) -> None:
        self._tx.enter(job.actor)
        job.result = job.work(self._tx)
        job.effects = self._tx.leave()

    def _run_in_savepoint(self, job: Job[Any]) -> None:
        self._tx.enter(job.actor)
        self._set_savepoint()
        try:
            job.result = job.work(self._tx)
        except Exception as exc:
            if not self._is_open():
                raise  # The database gave up the whole transaction: everybody in it has failed.
            self._undo_to_savepoint()
            self._tx.undo()
            job.error = self._translate(exc)
            return
        self._release_savepoint()
        job.effects = self._tx.leave()

    def _translate(self, exc: BaseException) -> BaseException:
        try:
            with self._translated:
                raise exc
        except BaseException as found:  # noqa: BLE001  (the same, or the house's word for it)
            return found


def _chain(batch: list[Job[Any]], leader: Job[Any]) -> Job[Any] | None:
    """All are done. Each wakes the next, so that they do not all ask for the interpreter at once; returns the first."""
    first: Job[Any] | None = None
    for done in reversed(batch):
        if done is not leader:
            done.next, first = first, done
    for done in batch:
        done.state = _DONE
    return first


def _wake(job: Job[Any] | None) -> None:
    if job is not None:
        job.gate.release()


def _fail(batch: list[Job[Any]], exc: BaseException) -> None:
    for job in batch:
        job.error = job.error or exc
        job.result = None
