"""What every format shares: what a reader gives, what a writer is given, and the words for what did not come in."""

from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, NamedTuple

import msgspec

from palaver.errors import NotFound
from palaver.formats.decoding import decode
from palaver.formats.selection import Selection
from palaver.formats.slices import Source
from palaver.ids import new_id
from palaver.model import PERSONAL_PROJECT, Message, Project, Session, Time
from palaver.store import MAX_PAGE, Record, Store


class Skipped(msgspec.Struct, frozen=True):
    """Something in a file that was not brought in: `where` is its place there, `why` the reason."""

    where: str
    why: str


class Mended(msgspec.Struct, frozen=True):
    """Something in a file that was brought in otherwise than it stands there."""

    where: str
    why: str


class FileStream(msgspec.Struct, frozen=True):
    """Content too large to be held in memory; its digest has been checked. The importer closes it."""

    digest: str
    content: BinaryIO


Item = Record | FileStream | Skipped | Mended


class Context:
    """What a reader may know of the store it reads for, and where it counts what it had to mend.

    `replaced` counts characters that became U+FFFD, `weight` the bytes decoded so far. `own_projects` says that no
    project was named, so that a format with projects of its own brings them along.
    """

    def __init__(self, store: Store, project_id: str | None, *, dry_run: bool = False) -> None:
        self.store = store
        self.dry_run = dry_run
        self.own_projects = project_id is None
        self.now = Time.current()
        self.replaced = 0
        self.weight = 0
        self._project_id = store.get_project(project_id).id if project_id is not None else None

    @property
    def project_id(self) -> str:
        """Where sessions go: the project named, else the actor's own, which a dry run does not make."""
        if self._project_id is None:
            own = self.find_personal_project() if self.dry_run else self.store.personal_project()
            self._project_id = own.id if own else new_id()
        return self._project_id

    def find_personal_project(self) -> Project | None:
        """The actor's own project, None while it has not been needed yet."""
        after: str | None = None
        while True:
            page = self.store.list_projects(after=after, limit=MAX_PAGE)
            for project in page.items:
                if project.name == PERSONAL_PROJECT and project.owner_id == self.store.actor:
                    return project
            after = page.next_cursor
            if after is None:
                return None

    def decode(self, raw: bytes) -> Any:
        """One JSON value. Raises `Unusable`."""
        value, replaced = decode(raw)
        self.replaced += replaced
        self.weight += len(raw)
        return value

    def find_session(self, id: str) -> Session | None:
        """The stored session with exactly this id, None where there is none that the actor may see."""
        try:
            return self.store.get_session(id)
        except NotFound:
            return None

    def has_project(self, id: str) -> bool:
        """Whether the actor sees a project with exactly this id."""
        try:
            return bool(self.store.get_project(id))
        except NotFound:
            return False

    def find_message(self, id: str) -> Message | None:
        """The stored message with exactly this id, None where there is none that the actor may see."""
        try:
            return self.store.get_message(id)
        except NotFound:
            return None


class Format(NamedTuple):
    """A format by its two directions; None where there is no such way."""

    read: Callable[[Source, Context], Iterable[Item]] | None
    write: Callable[[Selection, BinaryIO], None] | None
    many: bool = True
    """Whether one file holds several sessions."""
    trash: bool = False
    """Whether what is in the trash is written where nothing else is said."""
