"""Which sessions of a store are written, in an order that depends on them alone."""

from collections.abc import Iterator

from palaver import ids
from palaver.errors import NotFound
from palaver.model import Project, Session, to_ms
from palaver.store import MAX_PAGE, Filter, Store


class Selection:
    """The sessions named, or those of a project, or all the actor sees; `trash` adds what is in the trash.

    `written` counts those that were handed out.
    """

    def __init__(
        self,
        store: Store,
        *,
        session_ids: tuple[str, ...] | None = None,
        project_id: str | None = None,
        trash: bool = False,
    ) -> None:
        self.store = store
        self.session_ids = session_ids
        self.project_id = project_id
        self.trash = trash
        self.written = 0

    def projects(self) -> Iterator[Project]:
        """The projects the sessions are in: all of them, those without any session too, where none are named."""
        if self.session_ids is not None:
            for id in dict.fromkeys(session.project_id for session in self._named()):
                yield self.store.get_project(id)
        elif self.project_id is not None:
            yield self.store.get_project(self.project_id)
        else:
            yield from self._all_projects()

    def sessions(self, project_id: str | None = None) -> Iterator[Session]:
        """The sessions, of one project where it is named, newest content first."""
        for session in self._named() if self.session_ids is not None else self._listed(project_id):
            if project_id in (None, session.project_id):
                self.written += 1
                yield session

    def _named(self) -> Iterator[Session]:
        for id in self.session_ids or ():
            yield self.store.get_session(id)

    def _listed(self, project_id: str | None) -> Iterator[Session]:
        # Ids first: a session that is written to meanwhile moves to the front of the list and would be missed.
        # Within one millisecond, which is all a file shows, the id decides.
        keys = [
            (to_ms(session.updated_at), ids.to_bytes(session.id))
            for session in self._pages(project_id or self.project_id)
            if self.trash or session.trashed_at is None
        ]
        keys.sort(reverse=True)
        for _, id in keys:
            try:
                yield self.store.get_session(ids.from_bytes(id))
            except NotFound:
                continue  # Purged since the list was made.

    def _pages(self, project_id: str | None) -> Iterator[Session]:
        filter = Filter(state="any", empty=True)
        after: str | None = None
        while True:
            page = self.store.list_sessions(project_id=project_id, filter=filter, after=after, limit=MAX_PAGE)
            yield from page.items
            after = page.next_cursor
            if after is None:
                return

    def _all_projects(self) -> Iterator[Project]:
        for trashed in (False, True) if self.trash else (False,):
            after: str | None = None
            while True:
                page = self.store.list_projects(trashed=trashed, after=after, limit=MAX_PAGE)
                yield from page.items
                after = page.next_cursor
                if after is None:
                    break
