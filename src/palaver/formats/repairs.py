"""What has to be done to records because of earlier ones that the store did not take."""

from typing import TypeVar

import msgspec

from palaver.formats.foreign import derive_id
from palaver.model import Checkpoint, Message, Session, Snapshot
from palaver.store import Record, SessionEnd

_R = TypeVar("_R", bound=Session | Message | Checkpoint | Snapshot)


class Repairs:
    """Remembers what was refused, and fits later records to that."""

    def __init__(self) -> None:
        self._renamed: dict[str, str] = {}
        self._dead: set[str] = set()
        self._lost: dict[str, str | None] = {}

    def apply(self, record: Record) -> Record | None:
        """The record as it can be stored; None where its session was refused."""
        if isinstance(record, Session):
            return _with(record, "id", self._renamed.get(record.id))
        if isinstance(record, SessionEnd):
            renamed = _with(record.session, "id", self._renamed.get(record.session.id))
            return None if record.session.id in self._dead else SessionEnd(renamed)
        if isinstance(record, Message):
            parent = record.parent_id
            while parent in self._lost:
                parent = self._lost[parent]
            record = msgspec.structs.replace(record, parent_id=parent)
        if isinstance(record, Message | Checkpoint | Snapshot):
            renamed_id = self._renamed.get(record.session_id)
            return None if record.session_id in self._dead else _with(record, "session_id", renamed_id)
        return record

    def rename(self, record: Record) -> bool:
        """Whether a session whose id is taken by somebody else's can come in under one that follows from its origin."""
        if not isinstance(record, Session) or record.origin is None or record.id in self._renamed.values():
            return False
        self._renamed[record.id] = derive_id(record.project_id, record.origin.source, record.origin.id)
        return True

    def give_up(self, record: Record) -> None:
        """The messages of a refused session go with it; those below a refused message go to its parent."""
        if isinstance(record, Session):
            self._dead.add(record.id)
        elif isinstance(record, Message):
            self._lost[record.id] = record.parent_id


def _with(record: _R, field: str, value: str | None) -> _R:
    return record if value is None else msgspec.structs.replace(record, **{field: value})
