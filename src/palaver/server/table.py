"""All operations there are."""

from palaver.server.operations import Operation, Routes
from palaver.server.routes import (
    accounts,
    auth,
    changes,
    checkpoints,
    files,
    me,
    members,
    messages,
    models,
    projects,
    search,
    server,
    sessions,
    sso,
    transfers,
    turns,
)

ROUTES: tuple[Routes, ...] = (
    auth.routes,
    sso.routes,
    me.routes,
    accounts.routes,
    projects.routes,
    members.routes,
    sessions.routes,
    messages.routes,
    turns.routes,
    changes.routes,
    checkpoints.routes,
    search.routes,
    models.routes,
    files.routes,
    transfers.routes,
    search.preferences,
    server.routes,
)

OPERATIONS: tuple[Operation, ...] = tuple(one for routes in ROUTES for one in routes.operations)
