"""A server as people write them, with the mcp package: over stdio, or over HTTP on the port that is its argument."""

import asyncio
import base64
import os
import signal
import sys
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.types import (
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

server = MCPServer("plain", log_level="WARNING")


def _leave(mark: str) -> None:
    Path(mark).touch()


@server.tool()
def echo(text: str) -> str:
    """Say it again."""
    return text


@server.tool()
def add(a: int, b: int) -> int:
    return a + b


@server.tool()
def look_up(word: str) -> dict[str, Any]:
    return {"word": word, "found": [1, 2.5, None, True]}


@server.tool()
def lines() -> list[str]:
    return ["one", "two"]


@server.tool()
def refuse() -> str:
    raise ValueError("I will not.")


@server.tool()
def say_all() -> CallToolResult:
    return CallToolResult(
        content=[
            TextContent(text="first"),
            ImageContent(data=base64.b64encode(b"\x89PNG" * 3).decode(), mime_type="image/png"),
            EmbeddedResource(resource=TextResourceContents(uri="file:///a.txt", text="inside")),
            EmbeddedResource(resource=BlobResourceContents(uri="file:///b.bin", blob="AAEC")),
            ResourceLink(name="c", uri="file:///c.txt"),
        ]
    )


@server.tool()
def long_text(characters: int) -> str:
    return "x" * characters


@server.tool()
async def wait(seconds: float, mark: str) -> str:
    """Takes its time; when it is told to stop, it leaves a mark."""
    _leave(mark + ".begun")
    try:
        await asyncio.sleep(seconds)
    except BaseException:
        _leave(mark)
        raise
    return "waited"


@server.tool()
def environment() -> dict[str, str]:
    return dict(os.environ)


@server.tool()
def process() -> dict[str, int]:
    return {"pid": os.getpid(), "group": os.getpgrp(), "session": os.getsid(0)}


@server.tool()
def die(code: int) -> str:
    sys.stderr.write("I was told to die\n")
    sys.stderr.flush()
    os._exit(code)


@server.tool()
def be_killed() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


@server.tool()
def shout(megabytes: int) -> str:
    """Flood stderr."""
    for _ in range(megabytes):
        os.write(2, b"noise noise noise\n" * (1_000_000 // 18))
    return "shouted"


@server.tool()
async def learn(context: Context) -> str:
    """From now on there is one more tool."""
    server.add_tool(lambda: "new", name="learned")
    await context.notify_tools_changed()
    return "learned"


def locked(app: ASGIApp, key: str) -> ASGIApp:
    """Whoever does not have the key is sent away."""

    async def check(scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope.get("headers", [])).get(b"authorization") if scope["type"] == "http" else None
        refuse = scope["type"] == "http" and given != f"Bearer {key}".encode()
        await (Response("no", 401) if refuse else app)(scope, receive, send)

    return check


if __name__ == "__main__":
    match sys.argv[1:]:
        case [port, key]:
            uvicorn.run(locked(server.streamable_http_app(), key), port=int(port), log_level="warning")
        case [port]:
            server.run("streamable-http", port=int(port))
        case _:
            server.run()
