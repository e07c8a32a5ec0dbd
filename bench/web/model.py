"""A model's server that speaks at a set pace: `python -m bench.web.model` prints its port.

It speaks the protocol of OpenAI. The question says how: `300 tokens, 100 a second`. Any other, as that for a summary of
earlier messages, gets a short answer at once.
"""

import asyncio
import json
import re
import socket
import sys
import time
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bench.data import token

MODEL = "paced"
_WINDOW = 131_072
_BEAT = 0.01
_SHORT = (100, 3_000)


def main() -> None:
    app = Starlette(
        routes=[Route("/v1/models", _models), Route("/v1/chat/completions", _complete, methods=["POST"])]
    )
    with socket.create_server(("127.0.0.1", 0)) as at:
        sys.stdout.write(f"{at.getsockname()[1]}\n")
        sys.stdout.flush()
        uvicorn.Server(uvicorn.Config(app, ws="none", log_config=None, access_log=False)).run(sockets=[at])


async def _models(_request: Request) -> Response:
    return JSONResponse({"data": [{"id": MODEL, "max_model_len": _WINDOW}]})


async def _complete(request: Request) -> Response:
    asked = (await request.json())["messages"][-1]["content"]
    found = re.fullmatch(r"(\d+) tokens, (\d+) a second", str(asked))
    count, rate = (int(found[1]), int(found[2])) if found else _SHORT
    return StreamingResponse(_paced(count, rate), media_type="text/event-stream")


async def _paced(count: int, rate: int) -> AsyncIterator[bytes]:
    """So many tokens, each an event of its own; what is due is sent every ten milliseconds."""
    begin, sent = time.monotonic(), 0
    while sent < count:
        await asyncio.sleep(_BEAT)
        due = min(count, int((time.monotonic() - begin) * rate))
        yield b"".join(_event({"content": token(number)}) for number in range(sent, due))
        sent = due
    yield _event({}, "stop") + b"data: [DONE]\n\n"


def _event(delta: dict[str, str], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


if __name__ == "__main__":
    main()
