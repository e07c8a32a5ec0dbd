"""`create_app`: the application of all its parts."""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route

from palaver import wire
from palaver.server.completions.endpoints import completion_routes
from palaver.server.compression import Compression
from palaver.server.door import Door
from palaver.server.endpoint import Endpoint
from palaver.server.gate import Gate
from palaver.server.openapi import describe
from palaver.server.operations import Operation
from palaver.server.page import Page
from palaver.server.people import People
from palaver.server.places import Places
from palaver.server.services import Services
from palaver.server.table import OPERATIONS, ROUTES
from palaver.server.trace import Tracing
from palaver.settings import Settings
from palaver.store import Store
from palaver.tools.base import Toolbox


def create_app(
    store: Store,
    *,
    door: Door,
    settings: Settings,
    places: Places,
    version: str,
    people: People | None = None,
    toolbox: Toolbox | None = None,
) -> Starlette:
    """The server over `store`, which stays whose it was: closing it is for who opened it. A team's has `people`.

    Models may call the tools of `toolbox`, which stays whose it was as well.
    """
    services = Services(
        store,
        door=door,
        settings=settings,
        places=places,
        version=version,
        describe=lambda: wire.encode(describe(ROUTES, version=version, cookie=door.cookie)),
        people=people,
        toolbox=toolbox,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with services.running():
            yield

    app = Starlette(
        routes=[*_routes(services), *completion_routes(services), Mount("/", Page(door))],
        middleware=[Middleware(Tracing), Middleware(Gate, door=door), Middleware(Compression)],
        lifespan=lifespan,
    )
    app.state.close_streams = services.close_streams
    return app


def _routes(services: Services) -> list[Route]:
    """One route per path: with two, the `Allow` of a 405 would name only half of what there is.

    The first that fits is taken, so words come before parameters.
    """
    by_path: dict[str, list[Operation]] = defaultdict(list)
    for operation in OPERATIONS:
        by_path[operation.path].append(operation)
    words_first = sorted(by_path, key=lambda path: [part.startswith("{") for part in path.split("/")])
    return [Route(path, Endpoint(by_path[path], services)) for path in words_first]
