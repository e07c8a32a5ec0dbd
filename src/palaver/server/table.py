"""All operations there are."""

from palaver.server.operations import Operation, Routes
from palaver.server.routes import accounts, auth, me, members, messages, projects, server, sessions

ROUTES: tuple[Routes, ...] = (
    auth.routes,
    me.routes,
    accounts.routes,
    projects.routes,
    members.routes,
    sessions.routes,
    messages.routes,
    server.routes,
)

OPERATIONS: tuple[Operation, ...] = tuple(one for routes in ROUTES for one in routes.operations)
