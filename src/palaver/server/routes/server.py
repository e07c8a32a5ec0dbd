"""The server itself: whether it lives, whether it can work, and what can be asked of it."""

from starlette.responses import Response

from palaver.errors import Unavailable
from palaver.server.caching import answer_cached
from palaver.server.call import Call
from palaver.server.operations import Routes
from palaver.server.shapes import Given

routes = Routes("Server", "The server itself: whether it can work, and what can be asked of it.")


class Health(Given, frozen=True, kw_only=True):
    status: str = "ok"


@routes.operation("GET", "/health/live", who="anyone")
async def get_live(call: Call) -> Health:  # noqa: ARG001 (every operation gets its call)
    """Whether the process answers at all."""
    return Health()


@routes.operation("GET", "/health/ready", who="anyone")
async def get_ready(call: Call) -> Health:
    """Whether it can work: its database answers, and it is not about to end."""
    if call.services.closing:
        raise Unavailable("This process is about to end.")
    await call.services.store.mark()
    return Health()


@routes.operation("GET", "/api/openapi.json", who="anyone", answers=("application/json",))
async def get_openapi(call: Call) -> Response:
    """This description of everything, as OpenAPI 3.1."""
    return answer_cached(call.request, call.services.document, "application/json")
