"""Toolboxes of real servers, closed when the test ends."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from palaver.settings import ToolServerSettings
from palaver.tools.mcp import McpToolbox

SERVERS = Path(__file__).parent / "servers"


class MakeBox(Protocol):
    def __call__(self, *servers: ToolServerSettings, **options: Any) -> McpToolbox: ...


def plain(name: str = "plain", **fields: Any) -> ToolServerSettings:
    return ToolServerSettings(name=name, command=sys.executable, args=(str(SERVERS / "plain.py"),), **fields)


def faulty(fault: str, name: str = "faulty", **fields: Any) -> ToolServerSettings:
    """A server with the fault of that name in servers/faulty.py."""
    return ToolServerSettings(
        name=name, command=sys.executable, args=(str(SERVERS / "faulty.py"), fault), **fields
    )


@pytest.fixture
def make_box() -> Iterator[MakeBox]:
    boxes: list[McpToolbox] = []

    def make(*servers: ToolServerSettings, **options: Any) -> McpToolbox:
        box = McpToolbox(servers, **{"environment": dict(os.environ), "patience": 60.0, **options})
        boxes.append(box)
        return box

    yield make
    for box in boxes:
        box.close()


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def open_files() -> int:
    """How many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def loops() -> list[str]:
    """The threads of toolboxes that still run."""
    return [thread.name for thread in threading.enumerate() if "palaver-tools" in thread.name]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Web:
    """servers/plain.py over HTTP, on one port; with a `key` it wants that. May be closed and started again."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self.key = ""
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            sys.executable,
            str(SERVERS / "plain.py"),
            str(self.port),
            *([self.key] if self.key else []),
        ]
        self._server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._listens)

    def close(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
