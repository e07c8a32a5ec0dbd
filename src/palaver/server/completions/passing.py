"""An answer on its way to two: to who records it, on a thread, and to who has asked, on the loop."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from palaver.chat.models import Chosen
from palaver.context.prompt import Sent
from palaver.context.tools import Tool
from palaver.errors import PalaverError
from palaver.providers.base import Answer, Delta, Relay, Request
from palaver.server.completions.asked import Asked
from palaver.server.completions.chunks import Chunk, Chunks

Said = Chunk | PalaverError | None
"""A chunk, what went wrong, or the end."""

_SETTINGS = ("temperature", "top_p", "stop", "seed", "reasoning_effort")


class Passing:
    """The pieces, in their order, for one reader on the loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._said: asyncio.Queue[Said] = asyncio.Queue()
        self.failure: PalaverError | None = None
        """What went wrong: told when it is recorded."""

    def tell(self, said: Said) -> None:
        """From any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._said.put_nowait, said)

    async def next(self, seconds: float) -> Said:
        """Raises `TimeoutError` where nothing has come within so many seconds."""
        async with asyncio.timeout(seconds):
            return await self._said.get()


class Both:
    """An `Answer` whose pieces are told on while they are recorded."""

    def __init__(self, answer: Answer, passing: Passing, chunks: Chunks | None = None) -> None:
        self._answer = answer
        self._passing = passing
        self._chunks = chunks

    def __iter__(self) -> Iterator[Delta]:
        try:
            for delta in self._answer:
                for chunk in self._chunks.read(delta) if self._chunks is not None else ():
                    self._passing.tell(chunk)
                yield delta
        except PalaverError as exc:
            self._passing.failure = exc
            raise

    def close(self) -> None:
        self._answer.close()


def ask(chosen: Chosen, asked: Asked, messages: Sequence[Sent], passing: Passing, id: str) -> Both:
    """Ask the model: in the program's own words where its provider speaks them, else in the provider's."""
    provider, model = chosen
    if isinstance(provider, Relay):
        return Both(provider.relay(model, asked.body, passing.tell), passing)
    request = Request(
        model=model, messages=messages, settings=_settings(asked.body), tools=tools_of(asked.body)
    )
    return Both(provider.stream(request), passing, Chunks(id, model))


def _settings(body: dict[str, Any]) -> dict[str, Any]:
    settings = {name: body[name] for name in _SETTINGS if body.get(name) is not None}
    most = body.get("max_completion_tokens", body.get("max_tokens"))
    return settings | ({"max_tokens": most} if most is not None else {})


def tools_of(body: dict[str, Any]) -> list[Tool]:
    found = body.get("tools")
    tools = []
    for one in found if isinstance(found, list) else []:
        function = one.get("function") if isinstance(one, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            parameters = function.get("parameters")
            tools.append(
                Tool(
                    function["name"],
                    str(function.get("description") or ""),
                    parameters if isinstance(parameters, dict) else {"type": "object", "properties": {}},
                )
            )
    return tools


def encode(chunk: Chunk) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"
