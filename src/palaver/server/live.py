"""What happens, told to as many open windows as there are: a turn is read once, its events are encoded once.

A stream keeps no events of its own: it knows how far it is in what all share, so a slow client holds up nobody and costs
what one write may hold.
"""

import asyncio
import logging
import threading
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial

from palaver import wire
from palaver.chat.engine import Engine
from palaver.chat.events import Place, Seen, TurnEvent
from palaver.chat.stream import behind
from palaver.errors import Busy, PalaverError, Unavailable
from palaver.server import streams

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 15.0
RECONNECT_MS = 1_000
"""How long a client waits before it comes back."""
MOST_BYTES = 64 * 1024
"""So much is written at once to one client."""
_AGAIN_SECONDS, _AGAIN_TRIES = 0.5, 120
"""A store that cannot be read for a while ends no turn."""

HEARTBEAT = b": still here\n\n"
CLOSING = streams.event("closing", b"{}")
OPENING = f"retry: {RECONNECT_MS}\n\n".encode()


class News:
    """Wakes whoever waits on the loop, from any thread, once for all that has come meanwhile.

    Who waits takes `next`, looks whether there is something, and only then waits for it: nothing is missed between.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.next = asyncio.Event()
        self._told = threading.Lock()
        self._due = False

    def tell(self) -> None:
        with self._told:
            if self._due:
                return
            self._due = True
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    def _wake(self) -> None:
        with self._told:
            self._due = False
        woken, self.next = self.next, asyncio.Event()
        woken.set()


async def within(news: asyncio.Event, seconds: float) -> bool:
    """Wait for it; False where it has not come so soon."""
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return False
    return True


class Channel:
    """The events of one turn, which streams share. Whoever has them puts them in, from any thread, and ends it."""

    def __init__(self, over: Callable[[], None]) -> None:
        self.news = News()
        self.ended = False
        self.failure: PalaverError | None = None
        self._over = over
        self._events: list[TurnEvent] = []
        self._frames: list[bytes] = []
        self._answers: list[str] = []
        self._spots: list[tuple[int, Place]] = []

    @property
    def length(self) -> int:
        return len(self._frames)

    def knows(self, answer_id: str) -> bool:
        return answer_id in self._answers

    def take(self, number: int, seen: Seen | None) -> tuple[bytes, int]:
        """What is there from this number on and not seen, as much as is written at once, and the number behind it."""
        number = max(number, self._number_behind(seen))
        taken: list[bytes] = []
        size, end = 0, self.length
        while number < end and size < MOST_BYTES:
            one = self._frames[number] if taken else self._first(number, seen)
            taken.append(one)
            size += len(one)
            number += 1
        return b"".join(taken), number

    def _number_behind(self, seen: Seen | None) -> int:
        """How many of the events that were read lie before those that the reader has not seen."""
        if seen is None or seen.answer_id not in self._answers:
            return 0
        return bisect_right(self._spots, (self._answers.index(seen.answer_id), seen.place), hi=self.length)

    def _first(self, number: int, seen: Seen | None) -> bytes:
        event = self._events[number]
        cut = behind(event, seen)
        return self._frames[number] if cut is event else _encode(cut)

    def tell(self, event: TurnEvent) -> None:
        """`put` for who runs the turn: what goes wrong here is no concern of theirs."""
        try:
            if not self.ended:
                self.put(event)
        except Exception as exc:
            logger.exception("A turn cannot be told")
            self.end(PalaverError(f"the turn cannot be told: {type(exc).__name__}"))

    def put(self, event: TurnEvent) -> None:
        seen = Seen.parse(event.id)
        if seen.answer_id not in self._answers:
            self._answers.append(seen.answer_id)
        spot = (self._answers.index(seen.answer_id), seen.place)
        self._spots.append(max(spot, self._spots[-1]) if self._spots else spot)
        self._events.append(event)
        self._frames.append(_encode(event))
        self.news.tell()

    def end(self, failure: PalaverError | None = None) -> None:
        if self.ended:
            return
        self.failure = failure
        self.ended = True
        self.news.tell()
        self._over()


def _fill(channel: Channel, read: Callable[[str | None], Iterator[TurnEvent]], after: str | None) -> None:
    """Put in what is read behind the event `after`, to its end. A store that is away for a while is waited for."""
    tries = 0
    failure: PalaverError | None = None
    while True:
        try:
            for event in read(after):
                channel.put(event)
                after, tries = event.id, 0
            break
        except (Unavailable, Busy) as exc:
            tries += 1
            if tries > _AGAIN_TRIES or not channel.length:
                failure = exc
                break
            time.sleep(_AGAIN_SECONDS)
        except PalaverError as exc:
            failure = exc
            break
        except Exception as exc:  # the end of a thread: whoever reads must hear of it
            logger.exception("A turn cannot be read")
            failure = PalaverError(f"the turn cannot be read: {type(exc).__name__}")
            break
    channel.end(failure)


def _encode(event: TurnEvent) -> bytes:
    return streams.event(str(event.__struct_config__.tag), wire.encode(event), id=event.id)


Key = tuple[str, str, str | None]


class Live:
    """The turns of an engine that are read now. For one event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._channels: dict[Key, Channel] = {}
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def close(self) -> None:
        """On the loop: every stream says that the server ends, and ends."""
        self._closed = True
        for channel in self._channels.values():
            channel.news.tell()

    async def follow(
        self, session_id: str, turn_id: str, after: str | None, allowed: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[bytes]:
        """The frames of a turn behind the event `after`, with a sign of life now and then, when `allowed` is asked again.

        Raises `NotFound` for a turn there is not and `Invalid` for an `after` that is no event's id, before the first
        frame.
        """
        seen = Seen.parse(after) if after is not None else None
        channel = await self._find(session_id, turn_id, seen)
        return self._frames(channel, seen, allowed)

    async def _find(self, session_id: str, turn_id: str, seen: Seen | None) -> Channel:
        channel = await self._open((session_id, turn_id, None), None)
        if seen is None or channel.knows(seen.answer_id):
            return channel
        # Of another asking of the same question, or further on than this process has come.
        answer_id = seen.answer_id
        return await self._open((session_id, turn_id, answer_id), Place(0, 0).id(answer_id))

    async def _open(self, key: Key, after: str | None) -> Channel:
        channel = self._channels.get(key)
        if channel is None:
            self._loop = asyncio.get_running_loop()
            channel = self._channels[key] = Channel(lambda: self._forget_later(key))
            self._supply(channel, key, after)
        news = channel.news.next
        while not (channel.length or channel.ended):
            await news.wait()
            news = channel.news.next
        if channel.failure is not None and not channel.length:
            raise channel.failure
        return channel

    def _supply(self, channel: Channel, key: Key, after: str | None) -> None:
        """What this process runs tells by itself; anything else, and what happened before, is read on a thread."""
        session_id, turn_id, _ = key
        running = self._engine.find_stream(session_id, turn_id) if after is None else None
        if running is not None:
            running.listen(channel.tell)
            running.on_end(channel.end)
        else:
            read = partial(self._engine.follow, session_id, turn_id)
            thread = threading.Thread(
                target=_fill, args=(channel, read, after), name="palaver-reader", daemon=True
            )
            thread.start()

    async def _frames(
        self, channel: Channel, seen: Seen | None, allowed: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[bytes]:
        number = 0
        yield OPENING
        while not self._closed:
            news = channel.news.next
            if number < channel.length:
                data, number = channel.take(number, seen)
                if data:
                    yield data
            elif channel.ended:
                return
            elif not await within(news, HEARTBEAT_SECONDS):
                if not await allowed():
                    return
                yield HEARTBEAT

        yield CLOSING

    def _forget_later(self, key: Key) -> None:
        """From the reader's thread: who reads goes on with what the channel holds, who comes anew asks the store."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._channels.pop, key, None)
