"""What a database's full-text index offers, and what of a change goes into it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from palaver.model import Part, Text
from palaver.storage.rows import decode_parts
from palaver.storage.search import text
from palaver.storage.search.phrases import Wanted
from palaver.storage.search.scope import Scope
from palaver.storage.search.text import Columns
from palaver.storage.search.words import Tokenizer
from palaver.storage.transaction import Reading, Row

T = TypeVar("T")

Problem = tuple[str, str, str]
"""Kind, where, what."""


Found = tuple[int, int, int, float]
"""Of a hit the change, the reference, when it was said, and its relevance."""


class Document(NamedTuple):
    """What a change puts into the index; `size` is that of a message's body in bytes."""

    seq: int
    columns: Columns
    size: int = 0


class Deadline(AbstractContextManager[object], Protocol):
    """Ends what the database does within it once its time is over; `cut` tells that it did."""

    cut: bool

    def is_over(self) -> bool: ...

    def bounded(self, rows: Iterator[T]) -> Iterator[T]:
        """The rows, as far as there is time, where the database does not see to that itself."""
        ...


class Index(Protocol):
    """The full-text index as one transaction sees it. A document's number is that of its change."""

    tokenizer: Tokenizer

    def deadline(self, seconds: float) -> Deadline: ...

    def matching(self, wanted: Wanted, scope: Scope, runs: Sequence[tuple[int, int]]) -> Iterator[Found]:
        """What matches, fits and is within any of these runs of changes, which come newest first, in that order.

        Its relevance is what `matching.Matcher` makes of the stored text. Only within a deadline.
        """
        ...

    def lock(self) -> None:
        """From here on nobody else changes the index until the transaction ends."""
        ...

    def add(self, documents: Sequence[Document]) -> None: ...

    def remove(self, document: Document, words: Sequence[str]) -> None:
        """What is in the index under that number; `words` are those it consists of."""
        ...

    def empty(self) -> None: ...


class Indexed(Reading, Protocol):
    """A transaction in which the index can be read."""

    def index(self) -> Index: ...


class Indexing(Indexed, Protocol):
    """A transaction in which the index can be changed."""

    def run(self, name: str, /, **parameters: Any) -> None: ...


def watermark(tx: Reading) -> tuple[int, int]:
    """The number of the last change that is in the index, and that of the last one there is."""
    found = tx.row("index_watermark")
    return (found[0], found[1]) if found else (0, 0)


def documents_of(changes: Iterable[Row]) -> Iterator[Document]:
    """What changes put into the index, of each its number, its message's body and its session's title."""
    for seq, body, title in changes:
        columns = columns_of(body, title)
        if any(columns):
            yield Document(seq, columns, size_of(body))


def size_of(body: str | bytes | None) -> int:
    if isinstance(body, str):
        return len(body) if body.isascii() else len(body.encode())
    return len(body) if body else 0


def columns_of(body: str | bytes | None, title: str | None) -> Columns:
    """What a change puts into the index, from the columns of its message or of its session."""
    if body is not None:
        return text.columns_of_message(readable_parts(body))
    return text.columns_of_title(title) if title is not None else ("", "", "", "")


def readable_parts(body: str | bytes) -> tuple[Part, ...]:
    """A message's parts; none where they are damaged, which `verify` tells, so that the others are still found."""
    if isinstance(body, str):
        return (Text(body),)
    try:
        return decode_parts(body)
    except (msgspec.MsgspecError, TypeError):
        return ()
