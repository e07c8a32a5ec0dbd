"""A server in this process for tests, and the people who ask it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.testclient import TestClient

from palaver import Store
from palaver.accounts import Accounts, Scope
from palaver.server.app import create_app
from palaver.server.door import Door
from palaver.server.local import LocalDoor
from palaver.server.people import People
from palaver.server.places import Places
from palaver.server.team import TeamDoor
from palaver.settings import Settings
from tests.support.people import Person, a_person, accounts_of

TOKEN = "the-token-of-this-start"
PORT = 8420
ADDRESS = f"http://127.0.0.1:{PORT}"
TEAM_ADDRESS = "http://palaver.example"


def an_app(
    store: Store, folder: Path, *, door: Door | None = None, people: People | None = None, **chosen: Any
) -> Starlette:
    """The application over `store`, a person's own where no door is named. `chosen` are settings."""
    return create_app(
        store,
        door=door or LocalDoor(actor=store.actor, token=TOKEN, port=PORT),
        settings=Settings(**{"discover": False, **chosen}),
        places=Places(config=folder / "config.toml", credentials=folder / "credentials.toml"),
        version="0",
        people=people,
    )


@contextmanager
def local_server(store: Store, folder: Path, **chosen: Any) -> Iterator[TestClient]:
    """A client of a local server over `store`, signed in with its token. `chosen` are settings."""
    app = an_app(store, folder, **chosen)
    with TestClient(app, base_url=ADDRESS, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


@dataclass
class Team:
    """A team's server and its accounts; `client` is nobody."""

    client: TestClient
    accounts: Accounts
    store: Store

    def join(self, name: str, *, administrator: bool = False, password: str | None = None) -> Person:
        """Somebody with an account."""
        return a_person(self.store, self.accounts, name, administrator=administrator, password=password)


def a_token(person: Person, scope: Scope = "write", **fields: Any) -> dict[str, str]:
    """The header with a new token of this person."""
    issued = person.accounts.create_token("test", scope=scope, **fields)
    return {"Authorization": f"Bearer {issued.secret!s}"}


@contextmanager
def team_server(store: Store, folder: Path, **chosen: Any) -> Iterator[Team]:
    """A team's server over `store`."""
    accounts = accounts_of(store)
    people = People(accounts)
    app = an_app(
        store, folder, door=TeamDoor(people, address=chosen.get("server_address")), people=people, **chosen
    )
    with TestClient(app, base_url=TEAM_ADDRESS) as client:
        yield Team(client, accounts, store)
