"""A foreign model server that does what a test wrote down: real HTTP on 127.0.0.1, with every fault a server can have."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

DONE = b"data: [DONE]\n\n"


class Wait(msgspec.Struct, frozen=True):
    """Send nothing more until the event is set."""

    event: threading.Event


class Drop(msgspec.Struct, frozen=True):
    """Cut the connection without an end."""


Step = bytes | Wait | Drop


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. Each step that is bytes is sent at once, as a chunk of its own."""

    steps: Sequence[Step] = ()
    status: int = 200
    headers: dict[str, str] = {}


class ScriptedServer:
    """`address` is where it listens. Each POST takes the next script; the last one serves again and again."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.scripts: list[Script] = []
        self.models: Any = {"data": [{"id": "scripted", "max_model_len": 4096}]}
        self.replies: dict[str, Any] = {}
        """What a POST to a path is answered with, whatever the scripts say; None: that there is no such thing."""
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.asked = threading.Semaphore(0)
        self.gone = threading.Event()
        """Set when a client has closed its connection while a script was waiting."""

    def will(self, *steps: Step, status: int = 200, **headers: str) -> None:
        """Answer the next request so. A header `Retry_After` is sent as `Retry-After`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.scripts.append(
            Script(steps=steps, status=status, headers={"Content-Type": "text/event-stream", **named})
        )

    def next_script(self) -> Script:
        return self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]


def event(data: Any) -> bytes:
    """One server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data)
    return f"data: {text}\n\n".encode()


def delta(**fields: Any) -> bytes:
    """An event with a piece of an answer."""
    return event({"choices": [{"index": 0, "delta": fields, "finish_reason": None}]})


def text(content: str) -> bytes:
    return delta(content=content)


def finish(reason: str = "stop") -> bytes:
    return event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})


def whole(*contents: str) -> tuple[bytes, ...]:
    """The steps of an answer that comes complete."""
    return (*map(text, contents), finish(), DONE)


@contextmanager
def serve() -> Iterator[ScriptedServer]:
    server = _Server(("127.0.0.1", 0), _Handler)
    scripted = server.scripted
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield scripted
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    @cached_property
    def scripted(self) -> ScriptedServer:
        return ScriptedServer(f"http://127.0.0.1:{self.server_port}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send_json(self._scripted.models)

    def _send_json(self, answer: Any) -> None:
        body = json.dumps({"error": "not found"} if answer is None else answer).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        scripted = self._scripted
        scripted.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        scripted.headers.append(dict(self.headers))
        scripted.paths.append(self.path)
        if self.path in scripted.replies:
            self._send_json(scripted.replies[self.path])
            return
        script = scripted.next_script()
        scripted.asked.release()
        self.close_connection = True
        try:
            self._play(script)
        except (BrokenPipeError, ConnectionResetError):
            scripted.gone.set()

    def _play(self, script: Script) -> None:
        self.send_response(script.status)
        for name, value in script.headers.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for step in script.steps:
            match step:
                case bytes():
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(step), step))
                case Wait(event=event):
                    self._wait(event)
                case Drop():
                    return
        self.wfile.write(b"0\r\n\r\n")

    def _wait(self, event: threading.Event) -> None:
        """Until the event, or until the client is gone."""
        self.connection.settimeout(0.02)
        while not event.is_set():
            try:
                if self.connection.recv(1) == b"":
                    self._scripted.gone.set()
                    return
            except TimeoutError:
                continue
        self.connection.settimeout(None)

    @property
    def _scripted(self) -> ScriptedServer:
        assert isinstance(self.server, _Server)
        return self.server.scripted

    def log_message(self, format: str, *args: Any) -> None:
        """Tests read no log."""
