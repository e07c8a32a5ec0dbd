"""The way round damage between a session and its messages: its project, its own row, its detail, the index of ids.

Whoever reads this way has the file. So what cannot be told of any more whose it was is theirs.
"""

from hashlib import blake2b

import apsw
from msgspec.structs import astuple

from palaver.ids import from_bytes
from palaver.model import TITLE_SOURCES, Project, Time
from palaver.storage.rows import OPEN, OWNER, SessionRow
from palaver.storage.sqlite.transaction import ReadTransaction
from palaver.storage.transaction import POSITION_BITS, POSITION_MASK, Row
from palaver.store import SYSTEM_ACTOR

_UNREADABLE = (apsw.CorruptError, apsw.NotADBError, apsw.IOError, apsw.SQLError, UnicodeDecodeError)
_WIDTH = len(SessionRow.__struct_fields__)
_USER = TITLE_SOURCES.index("user")
_CREATED, _ID, _AT = 8, 1, 0


class Detour(ReadTransaction):
    """The same transaction; the queries that lead to a session find another way where theirs is damaged."""

    __slots__ = ("_keys",)

    def __init__(self, tx: ReadTransaction, keys: dict[bytes, int]) -> None:
        super().__init__(tx.connection, tx.actor)
        self.lift()
        self._keys = keys  # of sessions by id; empty until it is needed

    def row(self, name: str, /, **parameters: object) -> Row | None:
        if name == "find_session":
            return self._try(name, **parameters) or self._find_by_id(parameters["id"])
        if name == "find_session_by_key":
            return self._try(name, **parameters) or self.find_session(parameters["key"])
        if name == "find_session_detail":
            return self._try(name, **parameters)
        return super().row(name, **parameters)

    def list_keys(self) -> list[int]:
        """The keys of all sessions there are or of which there are messages."""
        last = [self._try("last_key", table="session"), self._try("last_message")]
        return list(range(1, max(row[0] or 0 for row in (*last, (0,)) if row) + 1))

    def find_session(self, key: object) -> Row | None:
        """Its columns and its project's id. Where its own row is lost, one made from its messages."""
        columns = self._try("verify_session", key=key)
        if columns is None:
            return self._make_up(int(str(key)))
        project = self._find_project(columns[2])
        return (*columns, project, OWNER) if project else None

    def last_position(self, key: int) -> int:
        found = self._try(
            "last_position", low=key << POSITION_BITS, high=key << POSITION_BITS | POSITION_MASK
        )
        return (found[0] or 0) & POSITION_MASK if found else 0

    def _find_by_id(self, id: object) -> Row | None:
        if not self._keys:
            found = ((key, self.find_session(key)) for key in self.list_keys())
            self._keys.update({columns[_ID]: key for key, columns in found if columns})
        key = self._keys.get(bytes(id)) if isinstance(id, bytes) else None
        return self.find_session(key) if key is not None else None

    def _find_project(self, key: int) -> bytes | None:
        """None for one that is somebody else's; that of what is rescued for one that is lost."""
        found = self._try("find_project_by_key", project=key)
        if found is None:
            return LOST_PROJECT
        return bytes(found[_ID]) if self.actor in (found[4], SYSTEM_ACTOR) else None

    def _make_up(self, key: int) -> Row | None:
        low = key << POSITION_BITS
        after = self._try("verify_next_message", after=low)
        first = self._try("find_message_at", ref=after[0]) if after else None
        if first is None or first[_AT] >> POSITION_BITS != key:
            return None
        last = self.last_position(key)
        head = self._try("find_message_id", ref=low | last) if last else None
        row = SessionRow(
            key=key, id=_digest(first[_ID]), project_key=0, state=OPEN, title=f"Rescued conversation {key}",
            title_source=_USER, title_mark=0, model=None, provider=None, context_size=None, tags=None, pinned=0,
            archived_at=None, trashed_at=None, trashed_with=0, head=last if head else 0,
            head_id=head[0] if head else None, last_position=last, message_count=last, token_count=0,
            compression_count=0, parent_id=None, relation=None, created_at=first[_CREATED],
            updated_at=first[_CREATED] * 1000, revision=1, origin_source=None, origin_id=None,
        )  # fmt: skip
        return (*astuple(row), LOST_PROJECT, OWNER)

    def _try(self, name: str, /, **parameters: object) -> Row | None:
        try:
            return super().row(name, **parameters)
        except _UNREADABLE:
            # Until it ends, a transaction that has met an encrypted page that is damaged reads no other one either.
            self._cursor = self.connection.cursor()
            self.end()
            self.begin()
            return None


def _digest(what: bytes) -> bytes:
    """The same each time, so that what is rescued twice is brought in once."""
    return blake2b(what, digest_size=16).digest()


LOST_PROJECT = _digest(b"rescued")


def lost_project(actor: str) -> Project:
    """Where sessions go whose own project cannot be read."""
    now = Time.current()
    return Project(
        id=from_bytes(LOST_PROJECT),
        name="Rescued",
        description="",
        owner_id=actor,
        created_at=now,
        updated_at=now,
    )
