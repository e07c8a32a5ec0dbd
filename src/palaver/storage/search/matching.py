"""Finding what the index would find, in texts it does not hold yet."""

import re
from collections.abc import Iterator

from palaver.storage.search import text
from palaver.storage.search.index import columns_of
from palaver.storage.search.phrases import COLUMN_WEIGHTS, Need, Phrase, Wanted, relevance
from palaver.storage.search.words import Tokenizer

# What the tokenizer folds into ASCII, and the marks it drops within a word. In a text without them the ASCII words of the
# index can be seen as they are once case is folded.
_FOLDED = re.compile("[\u00c0-\u024f\u0300-\u036f\u1e00-\u1eff\u212a\u212b]")


def plain_needles(wanted: Wanted) -> list[str | None]:
    """Of each need a word that `lowered` shows wherever the need is met; None where there is no such word."""
    needles = [_needle(need) for need in wanted.needs]
    return [each if each and (each.isascii() or text.is_unspaced(each)) else None for each in needles]


def lowered(raw: str) -> str | None:
    """The text with the words of the index standing in it as they are, if that can be had so cheaply."""
    return raw.lower() if raw.isascii() or not _FOLDED.search(raw) else None


class Matcher:
    """Decides as the index does, by the same words, for one query."""

    __slots__ = ("_needles", "_tokenizer", "_wanted", "needle")

    def __init__(self, wanted: Wanted, tokenizer: Tokenizer) -> None:
        self._wanted = wanted
        self._tokenizer = tokenizer
        self._needles = [needle for needle in plain_needles(wanted) if needle]
        self.needle = max(filter(None, map(_needle, wanted.needs)), key=len, default=None)
        """Something every matching text of plain ASCII holds in small letters, for a first look in SQL."""

    def score(self, body: str | bytes | None, title: str | None, length: int) -> float | None:
        """How relevant a message or title is; None where it does not match."""
        if not self._may_match(body if body is not None else title):
            return None
        return self.score_columns(columns_of(body, title), length)

    def score_columns(self, columns: text.Columns, length: int) -> float | None:
        words = self._tokenizer.columns(columns)
        weights = [_weight(words, need) for need in self._wanted.needs]
        if not all(weights) or any(_weight(words, need) for need in self._wanted.excluded):
            return None
        return relevance(weights, length)

    def _may_match(self, raw: str | bytes | None) -> bool:
        """A cheap no. It may only say no to what cannot match."""
        if isinstance(raw, str):
            small = lowered(raw)
            return small is None or all(needle in small for needle in self._needles)
        if raw is not None and b"\\u" not in raw:
            bytes_ = raw.lower()
            return all(needle.encode() in bytes_ for needle in self._needles)
        return True


def _needle(need: Need) -> str | None:
    """A word that each of the phrases holds, perhaps within another; the longest one."""
    words = {word for phrase in need for word in phrase.words}
    common = [word for word in words if all(_holds(phrase, word) for phrase in need)]
    return max(common, key=len, default=None)


def _holds(phrase: Phrase, needle: str) -> bool:
    return any(needle in word for word in phrase.words)


def _weight(columns: list[list[str]], need: Need) -> float:
    """How often the need is met, weighted by column."""
    return sum(
        weight * _count(words, phrase)
        for weight, words in zip(COLUMN_WEIGHTS, columns, strict=True)
        if words
        for phrase in need
    )


def _count(words: list[str], phrase: Phrase) -> int:
    if len(phrase.words) > 1:
        return sum(1 for _ in occurrences(words, phrase))
    (word,) = phrase.words
    if phrase.prefix:
        return "\n".join(("", *words)).count(f"\n{word}")
    return words.count(word)


def occurrences(words: list[str], phrase: Phrase) -> Iterator[int]:
    """Where in a row of words the phrase begins."""
    *whole, last = phrase.words
    size = len(whole)
    for at in _places(words, whole[0]) if whole else range(len(words)):
        if words[at : at + size] == whole and at + size < len(words):
            word = words[at + size]
            if word.startswith(last) if phrase.prefix else word == last:
                yield at


def _places(words: list[str], word: str) -> Iterator[int]:
    at = -1
    for _ in range(words.count(word)):
        at = words.index(word, at + 1)
        yield at
