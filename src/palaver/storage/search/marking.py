"""Snippets: the stretch of a stored text around the best match, and what in it matched."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Protocol
from unicodedata import combining

from palaver.storage.search import text
from palaver.storage.search.matching import lowered, occurrences, plain_needles
from palaver.storage.search.phrases import Wanted
from palaver.storage.search.words import Span, Tokenizer

BEFORE = 48
AFTER = 96
_LONGEST_MATCH = 200
_WINDOW = 64  # characters looked at first for a single word, beside what overlaps
_WIDEST = 16_384
_OVERLAP = 64
_CONSIDERED = 50
_SEARCHED = 1 << 20  # characters of one text that are looked through for the place to show
_SNAP = 12
_LONGEST_CHARACTER = 32
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_JOINER = "\u200d"

Range = tuple[int, int]
Snippet = tuple[str, tuple[Range, ...]]


class Marker(Protocol):
    """Finds what a query is about in a text; `needs` counts what must all be met."""

    needs: int

    def find(self, raw: str) -> list[tuple[int, int, int]]:
        """Start and end of each match, in order, and the number of what it meets."""
        ...

    def first(self, raw: str) -> int:
        """Where to begin to look: found faster than the matches are, and no match worth more stands before it."""
        ...


class WordMarker:
    """Marks words and phrases as the index matches them."""

    def __init__(self, wanted: Wanted, tokenizer: Tokenizer) -> None:
        self._wanted = wanted
        self._tokenizer = tokenizer
        self._needles = plain_needles(wanted)
        self._whole = _unbroken(wanted)
        self.needs = len(wanted.needs)

    def first(self, raw: str) -> int:
        small = lowered(raw) if all(self._needles) else None
        if small is None:
            return 0
        if self._whole and (at := small.find(self._whole)) >= 0:
            return at
        return min((at for needle in self._needles if needle and (at := small.find(needle)) >= 0), default=0)

    def find(self, raw: str) -> list[tuple[int, int, int]]:
        rows = [self._tokenizer.spans(raw), *self._tokenizer.parts(raw)]
        return sorted(chain.from_iterable(map(self._find_in, rows)))

    def _find_in(self, spans: Sequence[Span]) -> Iterator[tuple[int, int, int]]:
        words = [word for _, _, word in spans]
        for number, need in enumerate(self._wanted.needs):
            for phrase in need:
                for at in occurrences(words, phrase):
                    yield spans[at][0], spans[at + len(phrase.words) - 1][1], number


def _unbroken(wanted: Wanted) -> str:
    """What is asked for, where that is one row of characters without spaces; else nothing."""
    if len(wanted.needs) != 1 or len(wanted.needs[0]) != 1:
        return ""
    words = wanted.needs[0][0].words
    return "".join(words) if all(map(text.is_unspaced, words)) else ""


class SubstringMarker:
    """Marks any of some strings, in capital or small letters."""

    def __init__(self, needles: Iterable[str]) -> None:
        self._patterns = [re.compile(re.escape(needle), re.IGNORECASE) for needle in needles]
        self.needs = len(self._patterns)

    def first(self, raw: str) -> int:
        return min((found.start() for each in self._patterns if (found := each.search(raw))), default=0)

    def find(self, raw: str) -> list[tuple[int, int, int]]:
        return sorted(
            (found.start(), found.end(), number)
            for number, pattern in enumerate(self._patterns)
            for found in pattern.finditer(raw)
        )


def snippet(raws: Sequence[str], marker: Marker) -> Snippet:
    """From the first of the texts that matches; the beginning of the first where none does."""
    for raw in raws:
        found = _best_match(raw, marker)
        if found is not None:
            return _cut(raw, found, marker)
    return _cut(next(filter(None, raws), ""), (0, 0), marker)


def _best_match(raw: str, marker: Marker) -> Range | None:
    """The match around which the most of the query stands; the earliest of those."""
    at = marker.first(raw)
    last = min(len(raw), at + _SEARCHED)
    window = _WINDOW if marker.needs == 1 else _WIDEST
    while at < last:
        start = _word_start(raw, at)
        found = marker.find(raw[start : _word_end(raw, at + window)])
        if found:
            first, end = _richest(found[:_CONSIDERED])
            return first + start, end + start
        at += window
        window = min(2 * window, _WIDEST)
    return None


def _word_start(raw: str, at: int) -> int:
    """A little before `at`, and not within a word if there are spaces."""
    earliest = max(at - _OVERLAP, 0)
    blank = _BLANKS.search(raw, earliest, at) if earliest else None
    return blank.end() if blank else earliest


def _word_end(raw: str, at: int) -> int:
    """A little after `at`, and not within a word if there are spaces."""
    blank = _BLANKS.search(raw, at, at + _OVERLAP)
    return blank.start() if blank else at + _OVERLAP


def _richest(found: list[tuple[int, int, int]]) -> Range:
    def met(at: int) -> int:
        start = found[at][0]
        return len({number for first, _, number in found[at : at + 20] if first < start + AFTER})

    best = max(range(len(found)), key=met)  # the earliest of equals
    return found[best][:2]


def _cut(raw: str, match: Range, marker: Marker) -> Snippet:
    """The text around the match on one line, with "…" where something is left out, and every match in it marked."""
    first, last = match[0], min(match[1], match[0] + _LONGEST_MATCH)
    start = _start(raw, max(first - BEFORE, 0), first)
    end = _end(raw, min(max(first + AFTER, last), len(raw)), last)
    shown = _BLANKS.sub(" ", raw[start:end]).strip()
    head = "…" if raw[max(start - _WIDEST, 0) : start].strip() else ""
    tail = "…" if raw[end : end + _WIDEST].strip() else ""
    shift = len(head)
    ranges = tuple((start + shift, end + shift) for start, end in _merged(marker.find(shown)))
    return head + shown + tail, ranges


def _start(raw: str, at: int, match: int) -> int:
    """Where a word begins soon after `at`, else where a character does at or before it."""
    if at == 0:
        return 0
    blank = _BLANKS.search(raw, at, min(at + _SNAP, match))
    return blank.end() if blank else _boundary(raw, at)


def _end(raw: str, at: int, match: int) -> int:
    if at == len(raw):
        return at
    blanks = list(_BLANKS.finditer(raw, max(at - _SNAP, match), at))
    return blanks[-1].start() if blanks else _boundary(raw, at)


def _boundary(raw: str, at: int) -> int:
    """Not between a letter and its accents or an emoji and what is joined to it."""
    least = max(at - _LONGEST_CHARACTER, 0)
    while least < at < len(raw) and (_extends(raw[at]) or raw[at - 1] == _JOINER):
        at -= 1
    return at


def _extends(character: str) -> bool:
    return (
        combining(character) > 0
        or character == _JOINER
        or "\ufe00" <= character <= "\ufe0f"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _merged(found: Iterable[tuple[int, int, int]]) -> list[Range]:
    """Matches in order, those that touch or overlap as one."""
    merged: list[Range] = []
    for start, end, _ in found:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif end > start:
            merged.append((start, end))
    return merged
