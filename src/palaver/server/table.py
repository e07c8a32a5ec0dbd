"""All operations there are."""

from palaver.server.operations import Operation, Routes
from palaver.server.routes import me, messages, projects, server, sessions

ROUTES: tuple[Routes, ...] = (me.routes, projects.routes, sessions.routes, messages.routes, server.routes)

OPERATIONS: tuple[Operation, ...] = tuple(one for routes in ROUTES for one in routes.operations)
