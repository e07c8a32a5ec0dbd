"""What appends leave behind, as the columns of one statement."""

from collections.abc import Iterable
from itertools import chain, repeat

from palaver.storage.postgres.statements import Statement
from palaver.storage.postgres.values import Blobs, Numbers, Texts
from palaver.storage.transaction import Row

_COLUMNS = {"bigint[]": Numbers, "bytea[]": Blobs, "text[]": Texts}


class Appended:
    """Rows that are still to be written: new changes, what moves on in sessions by their key, new messages."""

    __slots__ = ("_kinds", "changes", "messages", "sessions", "statement")

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self.changes: list[Row] = []
        self.sessions: dict[int, Row] = {}
        self.messages: list[Row] = []
        # The epoch comes first, then the columns of changes, sessions and messages.
        self._kinds = [_COLUMNS[kind] for kind in list(statement.types.values())[1:]]

    def __bool__(self) -> bool:
        return bool(self.changes or self.sessions or self.messages)

    def clear(self) -> None:
        self.changes.clear()
        self.sessions.clear()
        self.messages.clear()

    def values(self, epoch: int) -> list[object]:
        """The statement's parameters."""
        columns = chain(
            _columns(self.changes, 4), _columns(self.sessions.values(), 10), _columns(self.messages, 22)
        )
        return [epoch, *(kind(column) for kind, column in zip(self._kinds, columns, strict=True))]


def _columns(rows: Iterable[Row], width: int) -> Iterable[Row]:
    return zip(*rows, strict=True) if rows else repeat((), width)
