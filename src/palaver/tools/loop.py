"""A thread with an event loop, for what only coroutines can do."""

import asyncio
import logging
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Loop:
    """Runs coroutines on a thread of its own, which begins with the first. Safe from any thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def submit(self, work: Coroutine[Any, Any, T]) -> "Future[T] | None":
        """Begin it. None, and it does not begin, after `close`."""
        with self._lock:
            if self._closed:
                work.close()
                return None
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._loop.set_exception_handler(_note)
                # A daemon, so that the interpreter can end; what closes the loop is called before that.
                self._thread = threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True)
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self, last: Coroutine[Any, Any, None], timeout: float) -> None:
        """Run `last`, for at most so many seconds, end everything else, and the thread with it."""
        with self._lock:
            closed, self._closed = self._closed, True
            loop, thread = self._loop, self._thread
        if closed or loop is None:
            last.close()
        else:
            end = asyncio.run_coroutine_threadsafe(_finish(last, timeout), loop)
            end.add_done_callback(lambda _: loop.call_soon_threadsafe(loop.stop))
        if thread is not None and loop is not None:
            thread.join()
            loop.close()


async def _finish(last: Coroutine[Any, Any, None], seconds: float) -> None:
    loop = asyncio.get_running_loop()
    ending = asyncio.create_task(last)
    await asyncio.wait({ending}, timeout=seconds)
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    if rest:
        await asyncio.wait(rest, timeout=seconds)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


def _note(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody awaits goes to the log: asyncio would print it on the person's screen."""
    _log.info("%s", context.get("message"), exc_info=context.get("exception"))
