"""What the server works with, made once per application and handed to every operation."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING

from anyio import to_thread

from palaver.aio import AsyncStore
from palaver.chat.engine import Engine
from palaver.errors import Invalid, PalaverError
from palaver.providers.credentials import Keys
from palaver.server.door import Door
from palaver.server.feed import Feeds
from palaver.server.live import Live
from palaver.server.model_servers import ModelServers
from palaver.server.people import People
from palaver.server.places import Places
from palaver.server.rates import Rates
from palaver.settings import Settings
from palaver.storage.requests import open_requests
from palaver.store import SYSTEM_ACTOR, Store
from palaver.tools.base import Toolbox

if TYPE_CHECKING:
    from palaver.server.sso import SingleSignOn

logger = logging.getLogger(__name__)

_ACTORS = 1_000
_ENGINES = 256
_SWEEP_SECONDS = 15.0
_PATIENCE_SECONDS = 5.0


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
        toolbox: Toolbox | None = None,
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
        self.sso = _find_sso(settings, places) if people is not None else None
        self.servers = ModelServers(settings, places)
        self.rates = Rates(settings.server_rate)
        self.closing = False
        # As "system" it hears of every stop and of every choice; requests have theirs as the one who asks.
        self.engine = Engine(
            store.as_actor(SYSTEM_ACTOR), self.servers.find, settings=settings, toolbox=toolbox, asks=True
        )
        self.engine_as = lru_cache(_ENGINES)(self.engine.as_actor)
        self.live = Live(self.engine)
        # One view per actor: what several requests of an actor append at once is gathered in it.
        self.store_as = lru_cache(_ACTORS)(self.store.as_actor)
        self.feeds = Feeds(self.store, self.store_as)

    def close_streams(self) -> None:
        """The server ends: streams end now, for they would not by themselves."""
        self.closing = True
        self.live.close()
        self.feeds.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the application runs, what processes that died have left is ended; turns have a moment at its end."""
        sweeping = asyncio.create_task(self._sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            self.close_streams()
            if self.sso is not None:
                await self.sso.close()
            await to_thread.run_sync(partial(self.engine.close, patience=_PATIENCE_SECONDS, interrupt=True))

    async def _sweep(self) -> None:
        system = self.store_as(SYSTEM_ACTOR)
        while True:
            try:
                await system.recover_drafts()
            except PalaverError as exc:
                logger.info("abandoned turns cannot be looked for now: %s", exc.message)
            await asyncio.sleep(_SWEEP_SECONDS)

    @cached_property
    def document(self) -> bytes:
        """The OpenAPI document, made when it is first asked for."""
        return self._describe()


def _find_sso(settings: Settings, places: Places) -> "SingleSignOn | None":
    """None where no provider is set up. Raises `Invalid` for one that cannot be used."""
    if not settings.sso:
        return None
    try:
        from palaver.server.sso import SingleSignOn  # noqa: PLC0415 - an extra
    except ImportError as exc:
        raise Invalid("[[sso]] needs more packages: pip install 'palaver[sso]'", field="sso") from exc
    return SingleSignOn(settings.sso, Keys(places.environment, places.credentials))
