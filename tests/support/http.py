"""A server in this process for tests, and what a test asks of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from palaver import Store
from palaver.server.app import create_app
from palaver.server.local import LocalDoor
from palaver.server.places import Places
from palaver.settings import Settings

TOKEN = "the-token-of-this-start"
PORT = 8420
ADDRESS = f"http://127.0.0.1:{PORT}"


@contextmanager
def local_server(store: Store, folder: Path, **chosen: Any) -> Iterator[TestClient]:
    """A client of a local server over `store`, signed in with its token. `chosen` are settings."""
    places = Places(config=folder / "config.toml", credentials=folder / "credentials.toml")
    app = create_app(
        store,
        door=LocalDoor(actor=store.actor, token=TOKEN, port=PORT),
        settings=Settings(**chosen),
        places=places,
        version="0",
    )
    with TestClient(app, base_url=ADDRESS, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client
