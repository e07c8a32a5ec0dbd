"""Reading server-sent events as a page does, over real HTTP."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2


@dataclass(frozen=True)
class Told:
    """One event. `data` is None where it has none."""

    id: str
    event: str
    data: Any


def parse(lines: Iterator[str]) -> Iterator[Told]:
    """The events of a stream, those without data included."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value
            continue
        if "id" in fields or "data" in fields:
            data = json.loads(fields["data"]) if "data" in fields else None
            yield Told(fields.get("id", ""), fields.get("event", ""), data)
        fields = {}


class Window(threading.Thread):
    """An open stream: what it was told so far. It ends with the stream, or with `leave`."""

    def __init__(self, url: str, headers: dict[str, str], after: str | None = None) -> None:
        super().__init__(daemon=True)
        self.told: list[Told] = []
        self.status = 0
        self.error: BaseException | None = None
        self._url = url
        self._headers = headers | ({"Last-Event-ID": after} if after else {})
        self._left = False
        self._response: httpx2.Response | None = None
        self.start()

    @property
    def last_id(self) -> str:
        return [one.id for one in self.told if one.id][-1]

    @property
    def tags(self) -> list[str]:
        """The names of what it was told, a run of the same one named once."""
        names = [one.event for one in self.told if one.event]
        return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]

    @property
    def text(self) -> str:
        return "".join(one.data["text"] for one in self.told if one.event == "text_delta")

    def run(self) -> None:
        try:
            with (
                httpx2.Client(timeout=60) as client,
                client.stream("GET", self._url, headers=self._headers) as response,
            ):
                self._response = response
                self.status = response.status_code
                for one in parse(response.iter_lines()):
                    if self._left:
                        return
                    self.told.append(one)
        except httpx2.HTTPError as exc:
            self.error = exc

    def until(self, holds: Callable[["Window"], Any], seconds: float = 20) -> "Window":
        """Wait until something is true of what it was told; fails after so many seconds."""
        deadline = time.monotonic() + seconds
        while not holds(self):
            assert time.monotonic() < deadline, (self.status, self.error, self.told[-5:])
            time.sleep(0.005)
        return self

    def until_end(self, seconds: float = 30) -> "Window":
        self.join(seconds)
        assert not self.is_alive(), self.told[-5:]
        return self

    def leave(self) -> None:
        """Close it as somebody does who goes away: what comes from now on is not taken."""
        self._left = True
