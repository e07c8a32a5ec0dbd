"""Text as words, by the very tokenizer of the index, so that what Python finds and what the index finds is the same."""

from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate, chain, repeat
from typing import Any

import apsw

from palaver.storage.search import text

_TOKENIZER = ("unicode61", ["remove_diacritics", "2"])  # as `text_index` is declared in the schema

Span = tuple[int, int, str]
"""Start and end in characters, and the word as the index knows it."""


class Tokenizer:
    """Splits and folds as the index of this connection does."""

    __slots__ = ("_split",)

    def __init__(self, connection: apsw.Connection) -> None:
        self._split = connection.fts5_tokenizer(*_TOKENIZER)

    @classmethod
    def alone(cls) -> "Tokenizer":
        """Where the index is in another database: splits and folds as SQLite's does."""
        return cls(apsw.Connection(":memory:"))

    def words(self, column: str) -> list[str]:
        """The words of a column of the index."""
        flag = apsw.FTS5_TOKENIZE_DOCUMENT
        return self._split(column.encode(), flag, None, include_offsets=False, include_colocated=False)  # type: ignore[return-value]

    def columns(self, columns: text.Columns) -> list[list[str]]:
        """The words of each column."""
        return [self.words(column) if column else [] for column in columns]

    def spans(self, raw: str) -> list[Span]:
        """The words of a text as people wrote it, and where in it they stand."""
        column = text.spaced(raw)
        found: Iterable[Any] = self._split(
            column.encode(), apsw.FTS5_TOKENIZE_DOCUMENT, None, include_colocated=False
        )
        if raw.isascii():
            return list(found)
        places = _places(raw, spread=column is not raw)
        return [(places[start], places[end - 1] + 1, word) for start, end, word in found]

    def parts(self, raw: str) -> list[list[Span]]:
        """The parts of the identifiers in a text, and where they stand: what the column `code` holds."""
        encoded = raw.encode()
        spans = text.identifier_spans(encoded)
        if not spans:
            return []
        places = range(len(raw)) if raw.isascii() else _places(raw, spread=False)
        return [_part_spans(encoded[start:end].decode("ascii"), places[start]) for start, end in spans]


def _places(raw: str, *, spread: bool) -> list[int]:
    """For each byte of the column made of `raw`, the character it came from."""
    size = _spread_size if spread else _size
    return list(chain.from_iterable(map(repeat, range(len(raw)), map(size, raw))))


@lru_cache(4096)
def _size(character: str) -> int:
    return len(character.encode())


@lru_cache(4096)
def _spread_size(character: str) -> int:
    return len(text.spaced(character).encode())


def _part_spans(word: str, start: int) -> list[Span]:
    parts = text.split_identifier(word)
    ends = list(accumulate(map(len, parts), initial=start))
    return [(at, at + len(part), part.lower()) for at, part in zip(ends, parts, strict=False)]
