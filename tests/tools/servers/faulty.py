"""A server that does one thing wrong, the one its argument names. Hand-written: the mcp package would not let it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

FAULT = sys.argv[1]
calls: list[str] = []
GARBAGE = "\x1b[1mthis is no message\x1b[0m"


def main() -> None:
    before()
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message and "method" in message:
            answer(message)
    if FAULT == "stays":
        time.sleep(600)


def before() -> None:
    match FAULT:
        case "dies at once":
            sys.exit("no licence found")
        case "never answers":
            time.sleep(600)
        case "greets":
            write("Server listening!", "", "{}")
        case "speaks nonsense":
            while True:
                write(GARBAGE)
        case "floods stderr":
            for _ in range(4):
                os.write(2, b"\xff noise " * 100_000)
            os.write(2, b"\n")
        case "leaves a daemon":
            daemon = subprocess.Popen(
                [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
            )
            calls.append(str(daemon.pid))
        case "stays":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        case _:
            pass


def answer(message: dict[str, Any]) -> None:
    params = message.get("params", {})
    match message["method"]:
        case "initialize":
            reply(
                message,
                {
                    "protocolVersion": params["protocolVersion"],
                    "capabilities": {"tools": {"listChanged": True}},
                    "serverInfo": {"name": "faulty", "version": "1"},
                },
            )
        case "tools/list":
            reply(message, tools(params.get("cursor")))
        case "tools/call":
            call(message, params["name"])
        case _:
            write(
                json.dumps(
                    {"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "no"}}
                )
            )


def tools(cursor: str | None) -> dict[str, Any]:
    def tool(name: str, **fields: Any) -> dict[str, Any]:
        return {"name": name, "inputSchema": {"type": "object"}, **fields}

    match FAULT:
        case "lists what is no tool":
            return {"tools": [tool("do"), {"name": "lame", "inputSchema": {}}]}
        case "pages without end":
            page = int(cursor or 0)
            return {"tools": [tool(f"t{page}_{n}") for n in range(30)], "nextCursor": str(page + 1)}
        case "lists strangely":
            schema = {
                "type": "object",
                "$ref": "#/$defs/a",
                "$defs": {"a": {"anyOf": [{"type": "object"}, {"not": {}}]}},
            }
            return {
                "tools": [
                    tool("with spaces & ümlauts"),
                    tool("x" * 200),
                    tool("twin"),
                    tool("twin"),
                    tool("wordy", description="w" * 10_000),
                    {"name": "strange", "inputSchema": schema},
                    tool("huge", inputSchema={"type": "object", "description": "h" * 100_000}),
                ]
            }
        case _:
            return {"tools": [tool("do"), *([tool("more")] if calls else [])]}


def call(message: dict[str, Any], name: str) -> None:  # noqa: C901, PLR0912  (one case for each fault)
    calls.append(name)
    match FAULT:
        case "answers strangely":
            reply(message, {"content": "not a list"})
        case "answers no object":
            write(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": 42}))
        case "halves":
            text = (
                '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"a\\ud83d b\\u0000"}]}}'
            )
            write(text % json.dumps(message["id"]))
        case "latin":
            sys.stdout.buffer.write(
                b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"caf\xe9"}]}}\n'
                % message["id"]
            )
            sys.stdout.buffer.flush()
        case "endless line":
            for piece in endless():
                sys.stdout.write(piece)
        case "closes stdout":
            os.close(1)
            time.sleep(600)
        case "dies":
            os._exit(7)
        case "answers late":
            time.sleep(1)
            reply(message, {"content": [{"type": "text", "text": f"call {len(calls)}"}]})
        case "learns":
            write(json.dumps({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}))
            reply(message, {"content": []})
        case "tells the key":
            error = {"code": -32000 - 3, "message": f"the token {os.environ['TOKEN']} is wrong"}
            write(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}))
        case "asks back":
            write(json.dumps({"jsonrpc": "2.0", "id": 99, "method": "sampling/createMessage", "params": {}}))
            reply(message, {"content": [{"type": "text", "text": sys.stdin.readline()}]})
        case "leaves a daemon":
            reply(message, {"content": [{"type": "text", "text": calls[0]}]})
        case _:
            reply(message, {"content": [{"type": "text", "text": "done"}]})


def endless() -> Iterator[str]:
    while True:
        yield "x" * 1_000_000


def reply(message: dict[str, Any], result: dict[str, Any]) -> None:
    write(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}))


def write(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
