"""Documents as `tsvector`s, made of our own words and read back again; no text-search configuration of PostgreSQL is used.

A `tsvector` holds places up to 16,383, fewer than 256 of a word, and 1 MB. So a long document is a row of chunks. The first
words of the next stand behind the last place a chunk owns, so that a phrase across the border is found, and is counted
where it begins. Columns are weights (`D` is the body, and is not written), and between two of them a place is left free.

Beside the words stand marks, which no word can be: `long:` here, others in the SQL that stores the vectors.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

OVERLAP = 32
"""Words of the next chunk: a phrase of one more is found whole."""

LAST_PLACE = 16_000
"""Places behind it belong to the next chunk."""

_MOST_PLACES = 256 - OVERLAP - 1
_MOST_BYTES = 900_000
_LONGEST_LEXEME = 1_900
_ENTRY = 10  # bytes of a lexeme beside its letters
_WIDEST = 4  # bytes of a character
_LETTERS = ("", "A", "B", "C")  # of body, title, tool, code

_NO_LETTERS = {ord(letter): None for letter in "ABC"}

LONG = "long:"
"""The mark of what has several chunks."""


class _Row(NamedTuple):
    """The words of a document in order, their places and the letters of their columns."""

    words: list[str]
    places: list[int]
    letters: list[str]


def vectors(columns: Sequence[Sequence[str]]) -> Iterator[str]:
    """The chunks of a document, from the words of body, title, tool and code, as PostgreSQL reads them."""
    row = _row(columns)
    for start, end in _cuts(row):
        whole = end - start == len(row.words)
        yield _vector(row, start, end) if whole else f"'{LONG}' {_vector(row, start, end)}"


def lexeme(word: str) -> str:
    """The word, or of one that is too long its beginning and a digest."""
    if len(word) <= _LONGEST_LEXEME // _WIDEST:
        return word
    raw = word.encode()
    if len(raw) <= _LONGEST_LEXEME:
        return word
    return beginning(word) + "~" + blake2b(raw, digest_size=16).hexdigest()


def beginning(word: str) -> str:
    """As much of the word as stands in its lexeme."""
    return word.encode()[:_LONGEST_LEXEME].decode("utf-8", "ignore")


def _row(columns: Sequence[Sequence[str]]) -> _Row:
    row = _Row([], [], [])
    place = 1
    for letter, words in zip(_LETTERS, columns, strict=True):
        if words:
            row.words.extend(words)
            row.places.extend(range(place, place + len(words)))
            row.letters.extend([letter] * len(words))
            place += len(words) + 1
    return row


def _cuts(row: _Row) -> Iterator[tuple[int, int]]:
    """Where the chunks begin and end."""
    start = 0
    while start < len(row.words):
        end = _end(row, start)
        yield start, end
        start = end


def _end(row: _Row, start: int) -> int:
    words, places, _ = row
    if len(words) - start <= _MOST_PLACES:
        return len(words)
    counts: Counter[str] = Counter()
    size = 0
    for at in range(start, len(words)):
        word = words[at]
        counts[word] += 1
        size += 2 if counts[word] > 1 else _ENTRY + len(word) * _WIDEST
        if counts[word] > _MOST_PLACES or size > _MOST_BYTES or places[at] - places[start] >= LAST_PLACE:
            return at
    return len(words)


def _vector(row: _Row, start: int, end: int) -> str:
    words, places, letters = row
    last = end == len(words)
    shift = 1 - places[start] if last else LAST_PLACE - places[end - 1]
    found: dict[str, str] = {}
    for at in range(start, end if last else min(end + OVERLAP, len(words))):
        word = words[at]
        place = f"{places[at] + shift}{letters[at]}"
        found[word] = f"{found[word]},{place}" if word in found else place
    return " ".join(f"'{lexeme(word)}':{found[word]}" for word in found)


class Vector:
    """A chunk as PostgreSQL writes it. Of a long document only the places it owns begin anything."""

    __slots__ = ("_entries", "_long", "_text")

    def __init__(self, text: str, *, many: bool) -> None:
        """`many` words are going to be looked for."""
        self._text = text
        self._long = f"'{LONG}'" in text
        self._entries = dict(each.rsplit(":", 1) for each in text.split(" ")) if many else None

    def letters(self, words: Sequence[str], prefix: bool) -> str:
        """What PostgreSQL writes of each place at which these words begin one after the other: numbers and letters."""
        if len(words) == 1 and not self._long:
            return self._places(words[0], prefix)
        *first, last = words
        found = [self._places(word, False) for word in first]
        found.append(self._places(last, prefix))
        return _joined(found) if all(found) else ""

    def _places(self, word: str, prefix: bool) -> str:
        if prefix:
            return ",".join(re.findall(f"'{re.escape(word)}[^':]*':([0-9A-C,]+)", self._text))
        entry = f"'{lexeme(word)}'"
        if self._entries is not None:
            return self._entries.get(entry, "")
        at = self._text.find(f"{entry}:")
        if at < 0:
            return ""
        end = self._text.find(" ", at)
        return self._text[at + len(entry) + 1 : end if end >= 0 else None]


def _joined(found: list[str]) -> str:
    """The places of the first that a place of each other one follows."""
    begin, *following = found
    places = [set(map(int, each.translate(_NO_LETTERS).split(","))) for each in following]
    kept = []
    for place in begin.split(","):
        number = int(place.rstrip("ABC"))
        if number <= LAST_PLACE and all(number + at in each for at, each in enumerate(places, 1)):
            kept.append(place)
    return ",".join(kept)
