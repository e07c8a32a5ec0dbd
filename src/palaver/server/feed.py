"""What was committed, told to as many open windows as there are: one question to the store per actor, not per window."""

import asyncio
import logging
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from palaver import wire
from palaver.aio import AsyncStore
from palaver.errors import PalaverError
from palaver.model import Change
from palaver.server.live import CLOSING, HEARTBEAT_SECONDS, OPENING, News, within
from palaver.server.streams import event
from palaver.store import SYSTEM_ACTOR, mark_order

logger = logging.getLogger(__name__)

KEPT = 4_000
"""Changes that are kept for who is a little behind; who is further behind asks the store."""
PAGE = 500
AT_ONCE = 200
"""Changes that are written at once to one client."""
_PAUSE_SECONDS = 0.05
"""Between two questions for one actor: what is committed meanwhile comes in one answer."""
_AGAIN_SECONDS = 1.0

Order = tuple[int, str]


class Feed:
    """The changes that one actor may see, from `mark` on."""

    def __init__(self, store: AsyncStore, mark: str) -> None:
        self.news = News()
        self.readers = 0
        self.mark = mark
        self.start = mark
        self._store = store
        self._frames: list[bytes] = []
        self._orders: list[Order] = []
        self._due = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def look(self) -> None:
        """There may be more."""
        self._due.set()

    def close(self) -> None:
        self._task.cancel()

    def take(self, mark: str) -> tuple[bytes, str]:
        """What has come behind the mark, and the mark to go on from."""
        begin = bisect_right(self._orders, mark_order(mark))
        end = begin + AT_ONCE
        if end < len(self._orders):
            return b"".join(self._frames[begin:end]), self._orders[end - 1][1]
        return b"".join(self._frames[begin:]), max(self.mark, mark, key=mark_order)

    async def _run(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await self._fetch()
            except PalaverError as exc:
                logger.info("the changes of an actor cannot be read now: %s", exc.message)
                self._due.set()
                await asyncio.sleep(_AGAIN_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _fetch(self) -> None:
        full = True
        while full:
            page = await self._store.changes(self.mark, limit=PAGE)
            full = len(page.items) == PAGE
            for change in page.items:
                self._frames.append(frame(change))
                self._orders.append(mark_order(change.mark))
            self.mark = page.mark
            self._drop_old()
            if page.items:
                self.news.tell()

    def _drop_old(self) -> None:
        over = len(self._frames) - KEPT
        if over > 0:
            _, self.start = self._orders[over - 1]
            del self._frames[:over], self._orders[:over]


def frame(change: Change) -> bytes:
    return event("change", wire.encode(change), id=change.mark)


class Feeds:
    """The feeds that are read now. For one event loop; one listener of the store wakes them all."""

    def __init__(self, store: AsyncStore, store_as: Callable[[str], AsyncStore]) -> None:
        self._store = store
        self._store_as = store_as
        self._feeds: dict[str, Feed] = {}
        self._closed = False
        self._unlisten: Callable[[], None] | None = None

    def close(self) -> None:
        """On the loop: every stream says that the server ends, and ends."""
        self._closed = True
        for feed in self._feeds.values():
            feed.news.tell()
        if self._unlisten is not None:
            self._unlisten()

    async def follow(
        self, actor: str, after: str | None, allowed: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[bytes]:
        """The frames of what `actor` may see behind the mark, None: from now on. Raises `Invalid` for no mark."""
        store = self._store_as(actor)
        if after is None:
            after = await store.mark()
        else:
            await store.changes(after, limit=1)
        return self._frames(actor, after, allowed)

    async def _frames(
        self, actor: str, mark: str, allowed: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[bytes]:
        feed = await self._join(actor)
        try:
            # So that who is cut off before the first change goes on from here.
            yield OPENING + f"id: {mark}\n\n".encode()
            while not self._closed:
                news = feed.news.next
                if mark_order(mark) < mark_order(feed.start):
                    try:
                        data, mark = await self._catch_up(actor, mark)
                    except PalaverError as exc:
                        logger.info("an actor's changes cannot be read now: %s", exc.message)
                        return  # the client comes back with the mark it has
                else:
                    data, mark = feed.take(mark)
                if data:
                    yield data
                elif not await within(news, HEARTBEAT_SECONDS):
                    if not await allowed():
                        return
                    yield f"id: {mark}\n\n".encode()
            yield CLOSING
        finally:
            self._leave(actor, feed)

    async def _catch_up(self, actor: str, mark: str) -> tuple[bytes, str]:
        page = await self._store_as(actor).changes(mark, limit=PAGE)
        return b"".join(map(frame, page.items)), page.mark

    async def _join(self, actor: str) -> Feed:
        if self._unlisten is None:
            self._listen()
        feed = self._feeds.get(actor)
        if feed is None:
            store = self._store_as(actor)
            mark = await store.mark()
            feed = self._feeds.get(actor) or Feed(store, mark)
            self._feeds[actor] = feed
            feed.look()
        feed.readers += 1
        return feed

    def _leave(self, actor: str, feed: Feed) -> None:
        feed.readers -= 1
        if not feed.readers and self._feeds.get(actor) is feed:
            del self._feeds[actor]
            feed.close()

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()

        def committed(_: Sequence[Change]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._look)

        self._unlisten = self._store.as_actor(SYSTEM_ACTOR).listen(committed)

    def _look(self) -> None:
        for feed in self._feeds.values():
            feed.look()
