"""What the server works with, made once per application and handed to every operation."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from palaver.aio import AsyncStore
from palaver.server.door import Door
from palaver.server.people import People
from palaver.server.rates import Rates
from palaver.settings import Settings

_ACTORS = 1_000


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where this server's own settings lie, and the environment it was started in."""

    config: Path
    credentials: Path
    environment: Mapping[str, str] = field(default_factory=dict)


class Services:
    """The store, the door and the settings of one application."""

    def __init__(
        self,
        store: AsyncStore,
        *,
        door: Door,
        settings: Settings,
        places: Places,
        version: str,
        describe: Callable[[], bytes],
        people: People | None = None,
    ) -> None:
        self.store = store
        self.door = door
        self.settings = settings
        self.places = places
        self.version = version
        self._describe = describe
        self.people = people
        self.rates = Rates(settings.server_rate)
        self.closing = asyncio.Event()
        """Set when the server ends: streams end then, for they would not by themselves."""
        # One view per actor: what several requests of an actor append at once is gathered in it.
        self.store_as = lru_cache(_ACTORS)(store.as_actor)

    @cached_property
    def document(self) -> bytes:
        """The OpenAPI document, made when it is first asked for."""
        return self._describe()
