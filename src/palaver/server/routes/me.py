"""Who one is, and how one may come in."""

from palaver.accounts import Scope
from palaver.server.call import Call
from palaver.server.door import Mode
from palaver.server.operations import Routes
from palaver.server.shapes import Given

routes = Routes("Who", "Who one is, and how one may come in.")


class Me(Given, frozen=True, kw_only=True):
    actor: str
    mode: Mode
    account: None = None
    scope: Scope
    version: str


class Entrance(Given, frozen=True, kw_only=True):
    """`setup` says that there is no account yet."""

    mode: Mode
    setup: bool = False


@routes.operation("GET", "/api/me")
async def get_me(call: Call) -> Me:
    """Who asks, in which mode the server runs, and its version."""
    return Me(
        actor=call.caller.actor,
        mode=call.services.door.mode,
        scope=call.caller.scope,
        version=call.services.version,
    )


@routes.operation("GET", "/api/auth", who="anyone")
async def get_entrance(call: Call) -> Entrance:
    """How one may sign in here."""
    return Entrance(mode=call.services.door.mode)
