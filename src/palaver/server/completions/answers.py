"""What comes of one request: asked and recorded, then told in chunks or in one answer."""

from collections.abc import AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from palaver import wire
from palaver.chat.endings import INTERRUPTED
from palaver.chat.engine import Engine
from palaver.chat.models import Chosen
from palaver.chat.turn import Turn
from palaver.context.prompt import Sent
from palaver.errors import ContextOverflow, Invalid, PalaverError, ProviderError
from palaver.ids import new_id
from palaver.model import File, system
from palaver.providers.base import ModelInfo
from palaver.server.completions.asked import SESSION_HEADER, Asked
from palaver.server.completions.chunks import Chunk, Chunks, Whole, is_last, without_usage
from palaver.server.completions.conversations import record
from palaver.server.completions.failures import NoModel, error_of
from palaver.server.completions.history import read_history
from palaver.server.completions.passing import Passing, Said, ask, encode
from palaver.server.streams import MEDIA_TYPE
from palaver.store import Store

DONE = b"data: [DONE]\n\n"
ALIVE = b": still here\n\n"
_ALIVE_SECONDS = 15.0
_LOOK_SECONDS = 0.5


class Gone(Exception):
    """Nobody waits for the answer any more."""


class Answering:
    """One request on its way: `begin` blocks, the rest is for the loop."""

    def __init__(self, store: Store, engine: Engine, asked: Asked) -> None:
        self._store = store
        self._engine = engine
        self._asked = asked
        self._passing = Passing()
        self._id = f"chatcmpl-{new_id()}"
        self._turn: Turn | None = None
        self._ended = False
        self._said: Said = None

    def begin(self) -> None:
        """Record what was asked, and ask. Raises what is told to the client."""
        try:
            chosen, info = self._engine.find_model(self._asked.model)
        except Invalid as exc:
            raise NoModel(self._asked.model or "", exc.message) from exc
        history = read_history(self._asked.messages, self._put)
        told = [system(history.system_prompt)] if history.system_prompt else []
        sent = self._engine.as_sent([*told, *history.messages], chosen)
        self._check(sent, chosen, info)
        turn = record(
            self._store,
            self._engine,
            history,
            session=self._asked.session,
            chosen=chosen,
            ask=lambda: ask(chosen, self._asked, sent, self._passing, self._id),
        )
        self._turn = turn
        turn.on_end(lambda: self._passing.tell(self._failure_of(turn)))

    def _failure_of(self, turn: Turn) -> PalaverError | None:
        """Why there is no whole answer; None where there is, and where somebody has stopped it."""
        message = turn.wait()
        if message.status in ("complete", "cancelled"):
            return None
        return self._passing.failure or ProviderError(message.error or INTERRUPTED)

    def _put(self, content: bytes, name: str, mime: str) -> File:
        return self._store.put_file(content, name=name, mime=mime)

    def _check(self, sent: list[Sent], chosen: Chosen, info: ModelInfo | None) -> None:
        """What the program sends is its own to choose: it is passed on whole, or refused."""
        if info is None or info.window is None:
            return
        tokens = sum(message.tokens for message in sent)
        if tokens > info.window:
            raise ContextOverflow(
                f"The messages take about {tokens:,} tokens, and {chosen[1]} takes {info.window:,}: send fewer of them",
                tokens=tokens,
                limit=info.window,
            )

    @property
    def headers(self) -> dict[str, str]:
        session_id = self._turn.session_id if self._turn is not None else ""
        return {"Cache-Control": "no-store", "X-Accel-Buffering": "no", SESSION_HEADER: session_id}

    async def answer(self, request: Request) -> Response:
        """The response, when its first piece is there. Raises what went wrong before it, `Gone` where nobody waits."""
        try:
            first = await self._next(request)
            if self._asked.stream:
                return _Stream(self._told(first), self.stop, self.headers)
            return await self._whole(first, request)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Whoever asked has gone: what came is kept."""
        if self._turn is not None and not self._ended:
            self._turn.stop()

    async def _next(self, request: Request) -> Chunk | None:
        """The next chunk, None at the end. Raises what went wrong."""
        while True:
            try:
                said = await self._passing.next(_LOOK_SECONDS)
            except TimeoutError:
                if await request.is_disconnected():
                    raise Gone from None
                continue
            if isinstance(said, PalaverError):
                raise said
            return said

    async def _whole(self, first: Chunk | None, request: Request) -> Response:
        whole, said, ends = Whole(), first, False
        while said is not None:
            whole.add(said)
            ends = ends or is_last(said)
            said = await self._next(request)
        self._ended = True
        if not ends:
            whole.add(self._broken_off())
        return Response(wire.encode(whole.answer()), 200, self.headers, "application/json")

    async def _told(self, first: Chunk | None) -> AsyncIterator[bytes]:
        """The chunks. The last of them wait until the answer is recorded: the next request may go on with it."""
        held: list[bytes] = []
        said: Said = first
        ends = False
        while said is not None:
            if isinstance(said, PalaverError):
                self._ended = True
                yield encode(error_of(said))
                return
            ends = ends or is_last(said)
            chunk = said if self._asked.wants_usage else without_usage(said)
            if chunk is not None and ends:
                held.append(encode(chunk))
            elif chunk is not None:
                yield encode(chunk)
            async for alive in self._waited():
                yield alive
            said = self._said
        self._ended = True
        if not ends:
            held.append(encode(self._broken_off()))
        yield b"".join(held) + DONE

    async def _waited(self) -> AsyncIterator[bytes]:
        """Signs of life until there is something; it is `_said` then."""
        while True:
            try:
                self._said = await self._passing.next(_ALIVE_SECONDS)
            except TimeoutError:
                yield ALIVE
            else:
                return

    def _broken_off(self) -> Chunk:
        """The end of an answer that somebody has stopped."""
        return Chunks(self._id, self._asked.model or "").end("stop")


class _Stream(StreamingResponse):
    """A stream whose reader may go away at any moment."""

    def __init__(
        self, chunks: AsyncIterator[bytes], stop: Callable[[], None], headers: dict[str, str]
    ) -> None:
        super().__init__(chunks, 200, headers, MEDIA_TYPE)
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stop()
