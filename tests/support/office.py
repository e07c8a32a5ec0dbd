"""A team's servers over one database, as processes of their own, and a person who asks them."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

import palaver
from palaver import Session, Store
from palaver.accounts import Accounts
from tests.support.people import Person, a_person, accounts_of
from tests.support.serving import Serving, serving
from tests.support.streams import Window

CONFIG = """\
discover = false
model = "scripted"
model_title = false
server_rate = 1000000

[[provider]]
name = "scripted"
address = "{address}/v1"

[[provider]]
name = "demo"
kind = "demo"
"""


@dataclass
class Worker:
    """A person with an account, and a token that their programs show."""

    person: Person
    headers: dict[str, str]

    @property
    def store(self) -> Store:
        return self.person.store


class Desk:
    """One worker at one of the servers."""

    def __init__(self, place: Serving, worker: Worker) -> None:
        self.place = place
        self.worker = worker
        self.client = httpx2.Client(base_url=place.address, headers=worker.headers, timeout=60)

    def ask(self, session_id: str, content: str, **more: Any) -> str:
        """Start a turn; its id."""
        answer = self.post(f"/api/chat-sessions/{session_id}/turns", content=content, **more)
        assert answer.status_code == 201, answer.text
        id: str = answer.json()["turn"]["id"]
        return id

    def post(self, path: str, **body: Any) -> httpx2.Response:
        return self.client.post(path, json=body)

    def running(self, session_id: str) -> Any:
        return self.client.get(f"/api/chat-sessions/{session_id}/turns").json()["turn"]

    def choose(self, session_id: str, turn_id: str, request_id: str, choice: str) -> int:
        path = f"/api/chat-sessions/{session_id}/turns/{turn_id}/answers"
        return self.post(path, requestId=request_id, choice=choice).status_code

    def stop(self, session_id: str, turn_id: str) -> int:
        return self.client.delete(f"/api/chat-sessions/{session_id}/turns/{turn_id}").status_code

    def follow(self, session_id: str, turn_id: str, after: str | None = None) -> Window:
        path = f"{self.place.address}/api/chat-sessions/{session_id}/turns/{turn_id}/events"
        return Window(path, self.worker.headers, after)

    def changes(self, after: str | None = None) -> Window:
        return Window(f"{self.place.address}/api/changes", self.worker.headers, after)


@dataclass
class Office:
    """`store` is that of the actor `system`; `places` are the servers."""

    store: Store
    accounts: Accounts
    places: Sequence[Serving]
    _open: ExitStack

    def hire(self, name: str) -> Worker:
        person = a_person(self.store, self.accounts, name)
        issued = person.accounts.create_token("test", scope="write")
        return Worker(person, {"Authorization": f"Bearer {issued.secret!s}"})

    def desk(self, worker: Worker, at: int = 0) -> Desk:
        desk = Desk(self.places[at], worker)
        self._open.callback(desk.client.close)
        return desk

    def session(self, worker: Worker, **fields: Any) -> Session:
        return worker.store.create_session(**{"model": "scripted", "provider": "scripted", **fields})


@contextmanager
def office(url: str, folder: Path, model: str, *, servers: int = 2, more: str = "") -> Iterator[Office]:
    """Servers over the database at `url`, whose chats are answered by the model server at `model`."""
    config = CONFIG.format(address=model) + more
    with ExitStack() as opened:
        store = opened.enter_context(palaver.open_store(url))
        places = [
            opened.enter_context(
                serving(url, folder / f"server{number}", "--team", "--no-log", config=config)
            )
            for number in range(servers)
        ]
        yield Office(store.as_actor("system"), accounts_of(store), places, opened)
