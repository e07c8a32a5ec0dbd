"""Projects: what sessions belong to."""

from msgspec import UNSET, UnsetType

from palaver.errors import NotFound
from palaver.model import Project
from palaver.server.call import Call
from palaver.server.operations import Routes
from palaver.server.shapes import (
    Asked,
    ChatProject,
    Given,
    Id,
    Name,
    PageQuery,
    PathId,
    Success,
    chat_project,
)

routes = Routes("Projects", "What sessions belong to.")


class ProjectPath(Asked, frozen=True, kw_only=True):
    project_id: PathId


class ProjectsQuery(PageQuery, frozen=True, kw_only=True):
    trashed: bool = False


class PurgeQuery(Asked, frozen=True, kw_only=True):
    """`purge` removes for good what otherwise goes into the trash."""

    purge: bool = False


class CreateProject(Asked, frozen=True, kw_only=True):
    name: Name
    description: str = ""
    id: Id | None = None


class UpdateProject(Asked, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET
    description: str | UnsetType = UNSET


class ProjectAnswer(Given, frozen=True, kw_only=True):
    project: ChatProject


class ProjectsAnswer(Given, frozen=True, kw_only=True):
    projects: list[ChatProject]
    next_cursor: str | None


@routes.operation("GET", "/api/projects")
async def list_projects(call: Call, query: ProjectsQuery) -> ProjectsAnswer:
    """The projects one can see, by name."""
    page = await call.store.list_projects(trashed=query.trashed, after=query.cursor, limit=query.limit)
    roles = await call.store.roles([one.id for one in page.items])
    listed = [chat_project(one, roles[one.id]) for one in page.items if one.id in roles]
    return ProjectsAnswer(projects=listed, next_cursor=page.next_cursor)


@routes.operation(
    "POST",
    "/api/projects",
    status=201,
    errors=("conflict",),
    example={"name": "Travel", "description": "Where to go next."},
    location="/api/projects/{0.project.id}",
    gives={"projectId": "/project/id"},
)
async def create_project(call: Call, body: CreateProject) -> ProjectAnswer:
    """Make a project of one's own."""
    made = await call.store.create_project(
        body.name, description=body.description, id=body.id or call.made_id
    )
    return await _answer(call, made)


@routes.operation("GET", "/api/projects/{projectId}", role="viewer")
async def get_project(call: Call, path: ProjectPath) -> ProjectAnswer:
    """One project."""
    return await _answer(call, await call.store.get_project(path.project_id))


@routes.operation(
    "PATCH", "/api/projects/{projectId}", role="owner", errors=("conflict",), example={"name": "Journeys"}
)
async def update_project(call: Call, path: ProjectPath, body: UpdateProject) -> ProjectAnswer:
    """Change its name or its description."""
    changed = await call.store.update_project(path.project_id, name=body.name, description=body.description)
    return await _answer(call, changed)


@routes.operation("DELETE", "/api/projects/{projectId}", role="owner", errors=("busy", "conflict"))
async def delete_project(call: Call, path: ProjectPath, query: PurgeQuery) -> Success:
    """Put it into the trash with its sessions, or remove all of it for good."""
    if query.purge:
        await call.store.purge_project(path.project_id)
    else:
        await call.store.trash_project(path.project_id)
    return Success()


@routes.operation("POST", "/api/projects/{projectId}/untrash", role="owner")
async def untrash_project(call: Call, path: ProjectPath) -> ProjectAnswer:
    """Bring it back from the trash, with the sessions that went in with it."""
    return await _answer(call, await call.store.untrash_project(path.project_id))


async def _answer(call: Call, project: Project) -> ProjectAnswer:
    roles = await call.store.roles([project.id])
    if project.id not in roles:  # somebody has taken it away meanwhile
        raise NotFound("project", project.id)
    return ProjectAnswer(project=chat_project(project, roles[project.id]))
