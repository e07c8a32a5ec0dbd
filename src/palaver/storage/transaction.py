"""What a verb works with: named queries within one transaction, whichever database runs them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

Row = tuple[Any, ...]

POSITION_BITS = 32
POSITION_MASK = (1 << POSITION_BITS) - 1


Known = dict[tuple[bytes, bytes], dict[str, Any]]
"""Of sessions that were listed, by check value and id, what a value is made of. Not the value: who has it may change it."""


class Reading(Protocol):
    """A consistent view of the database for one actor. Queries are named, parameters are bound by name."""

    actor: str
    known_sessions: Known

    def admit(self, session_key: int, role: int) -> None:
        """The actor has been found to have this role in the session's project: see `wall`."""
        ...

    def admit_project(self, project_key: int, role: int) -> None: ...

    def rows(self, name: str, /, **parameters: Any) -> list[Row]: ...

    def row(self, name: str, /, **parameters: Any) -> Row | None: ...

    def iterate(self, name: str, /, **parameters: Any) -> Iterator[Row]: ...


class Writing(Reading, Protocol):
    """A transaction that writes. `now` is the wall clock in milliseconds."""

    now: int
    auto_title: bool
    max_sessions: int | None

    def admit_new(self, session_key: int, project_key: int) -> None:
        """A session that was just made in a project the actor has been let to."""
        ...

    def by_itself(self) -> AbstractContextManager[None]:
        """Inside, what the database does for itself runs: tidying, and content that is stored once for all."""
        ...

    def run(self, name: str, /, **parameters: Any) -> None: ...

    def put(self, name: str, values: Row, /) -> None:
        """Run a statement with values in the order in which it names them: for what runs with every message."""
        ...

    def insert(self, name: str, values: Row, /) -> bool:
        """The same for a statement that does nothing on a conflict; False where it did nothing."""
        ...

    def content_time(self) -> int:
        """Microseconds, greater than every earlier one of this store, for `updated_at` of a session."""
        ...

    @property
    def last(self) -> int:
        """The number of the newest change; that of the next mark is one more."""
        ...

    def mark(self, kind: int, ref: int, detail: bytes | None = None) -> int:
        """Note a change and return its number."""
        ...

    def keep(self, session_id: str, place: Any) -> None:
        """Remember where the next message of the session goes, for this actor and until a verb ends that keeps nothing.

        The id is in its canonical form, so that a session is kept once, whoever wrote to it last.
        """
        ...

    def recall(self, session_id: str) -> Any:
        """What was kept, where nothing else has been written since, by whomever; else None. It is no longer kept."""
        ...

    def touch(self, session_id: str) -> None:
        """The session's content changed: its mirror is due."""
        ...

    def forget(self, session_id: str) -> None:
        """The session is gone or in the trash: so is its mirrored file."""
        ...

    def scrub(self) -> None:
        """Content was purged: after the commit nothing of it may be left in the database's files."""
        ...

    def unindex(self, mark: int, columns: tuple[str, str, str, str]) -> None:
        """Take what was indexed under this change out of the full-text index; `columns` are as they went in."""
        ...

    def move_indexed(self, session: int, source: int, target: int) -> None:
        """Tell the full-text index that a session has gone from one project to another; by their keys."""
        ...
