"""The client and the bare server as `bench` holds them, and the texts of requests."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

_ROOT = Path(__file__).parents[2]


class Client:
    """A running `bench.web.client`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Raises `RuntimeError` for what the client could not do."""
        asking, answering = self._process.stdin, self._process.stdout
        if asking is None or answering is None:
            raise RuntimeError("the client has no pipes")
        asking.write(json.dumps({"call": name, "arguments": arguments}) + "\n")
        asking.flush()
        answer = json.loads(answering.readline() or '{"error": "the client ended"}')
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]


@contextmanager
def client() -> Iterator[Client]:
    with _python("bench.web.client") as process:
        try:
            yield Client(process)
        finally:
            process.kill()


@contextmanager
def bare_server(folder: Path, bodies: Mapping[str, str]) -> Iterator[int]:
    """The port of a server that answers `/NAME` with a body."""
    folder.mkdir()
    for name, body in bodies.items():
        (folder / f"{name}.json").write_text(body, encoding="utf-8")
    with _python("bench.web.bare", str(folder)) as process:
        try:
            yield int(process.stdout.readline() if process.stdout else "")
        finally:
            process.terminate()


@contextmanager
def model() -> Iterator[int]:
    """The port of a running `bench.web.model`."""
    with _python("bench.web.model") as process:
        try:
            yield int(process.stdout.readline() if process.stdout else "")
        finally:
            process.kill()


def _python(module: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


class Place(NamedTuple):
    """A server, and what it is shown by whoever asks."""

    port: int
    headers: Mapping[str, str]

    def request(self, method: str, path: str, body: object = None) -> str:
        """A whole request."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Accept: */*"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        # Of ASCII alone, so that its length in bytes is that in characters.
        text = "" if body is None else json.dumps(body)
        if text:
            lines += ["Content-Type: application/json", f"Content-Length: {len(text)}"]
        return "\r\n".join(lines) + "\r\n\r\n" + text
