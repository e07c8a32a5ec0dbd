"""What the server works with, made once per application and handed to every operation."""

import asyncio
from collections.abc import Callable
from functools import cached_property, lru_cache

from palaver.aio import AsyncStore
from palaver.server.door import Door
from palaver.server.model_servers import ModelServers
from palaver.server.people import People
from palaver.server.places import Places
from palaver.server.rates import Rates
from palaver.settings import Settings
from palaver.storage.requests import open_requests
from palaver.store import Store

_ACTORS = 1_000


class Services:
    """The store (`plain_store` for what runs on threads anyway), the door and the settings of one application."""

    def __init__(
        self,
        store: Store,
        *,
        door: Door,
        settings: Settings,
        places: Places,
        version: str,
        describe: Callable[[], bytes],
        people: People | None = None,
    ) -> None:
        self.plain_store = store
        self.store = AsyncStore(store)
        self.door = door
        self.settings = settings
        self.places = places
        self.version = version
        self._describe = describe
        self.people = people
        self.requests = open_requests(store)
        self.servers = ModelServers(settings, places)
        self.rates = Rates(settings.server_rate)
        self.closing = asyncio.Event()
        """Set when the server ends: streams end then, for they would not by themselves."""
        # One view per actor: what several requests of an actor append at once is gathered in it.
        self.store_as = lru_cache(_ACTORS)(self.store.as_actor)

    @cached_property
    def document(self) -> bytes:
        """The OpenAPI document, made when it is first asked for."""
        return self._describe()
