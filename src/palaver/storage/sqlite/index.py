"""The full-text index as SQLite's FTS5 keeps it: without the texts, its rowid the number of the change."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Protocol

import apsw
import msgspec

from palaver.storage.search import frequency
from palaver.storage.search.frequency import LAST_CHARACTER
from palaver.storage.search.index import Document, Found, Indexing, Problem, columns_of, watermark
from palaver.storage.search.phrases import Need, Phrase, Wanted
from palaver.storage.search.scope import Scope
from palaver.storage.search.words import Tokenizer
from palaver.storage.sqlite.deadline import Deadline
from palaver.storage.transaction import Reading

LEAST_TRACE = 6
"""A shorter beginning of a word tells nothing of it."""

_MASK = (1 << 64) - 1
_COLUMN_PLACES = (1, 6, 12, 17)  # of the names in "body title tool code"


class IndexReading(Reading, Protocol):
    """A transaction on SQLite that only reads."""

    connection: apsw.Connection


class IndexWriting(IndexReading, Indexing, Protocol):
    """A transaction on SQLite that writes."""

    def run_many(self, name: str, /, parameters: list[dict[str, Any]]) -> None: ...


class Fts5Index:
    """See `search.index.Index`."""

    __slots__ = ("_tx", "tokenizer")

    def __init__(self, tx: IndexWriting) -> None:
        self._tx = tx
        self.tokenizer = Tokenizer(tx.connection)

    def deadline(self, seconds: float) -> Deadline:
        return Deadline(self._tx.connection, seconds)

    def matching(self, wanted: Wanted, scope: Scope, runs: Sequence[tuple[int, int]]) -> Iterator[Found]:
        match, shape = expression(self._tx, wanted)
        named = {"match": match, "shape": shape, **scope.parameters}
        return chain.from_iterable(
            self._tx.iterate("search_index", low=low, high=high, **named) for low, high in runs
        )

    def lock(self) -> None:
        """Nothing: only one writes to the file."""

    def add(self, documents: Sequence[Document]) -> None:
        self._tx.run_many("index_add", [_bind(document) for document in documents])

    def remove(self, document: Document, words: Sequence[str]) -> None:
        self._tx.run("index_remove", **_bind(document))
        self._tx.run("unindexed_open")
        self._tx.run("unindexed_add", words=_json(words))

    def empty(self) -> None:
        self._tx.run("index_empty")


def expression(tx: Reading, wanted: Wanted) -> tuple[str, str]:
    """What to match, and how many of its phrases belong to each need, for `relevance`."""
    needs = [frequency.spread(tx, need) for need in wanted.needs]
    matched = " AND ".join(_any_of(need) for need in needs)
    if wanted.excluded:
        excluded = " OR ".join(_any_of(frequency.spread(tx, need)) for need in wanted.excluded)
        matched = f"({matched}) NOT ({excluded})"
    return matched, ",".join(str(len(need)) for need in needs)


def _any_of(need: Need) -> str:
    return "(" + " OR ".join(map(_phrase, need)) + ")"


def _phrase(phrase: Phrase) -> str:
    return f'"{" ".join(phrase.words)}"' + (" *" if phrase.prefix else "")


def purify(tx: IndexWriting) -> None:
    """After a purge: what is left of its words where the index keeps beginnings of words to find its pages by.

    That is rare, and the one way is to write the index anew, which takes 5 µs a message.
    """
    tx.run("unindexed_open")
    words = [word for (word,) in tx.rows("unindexed_list")]
    tx.run("unindexed_clear")
    beginnings = _separators_of(tx, words) if words else []
    tx.run("index_terms_open")
    if not all(_has_beginning(tx, beginning) for beginning in beginnings):
        _write_anew(tx)


def _write_anew(tx: IndexWriting) -> None:
    """All of the index. What is one piece already SQLite leaves as it is: so there is a second one, while it is done."""
    nothing = _bind(Document(0, ("a", "", "", "")))
    tx.run("index_add", **nothing)
    tx.run("index_optimize")
    tx.run("index_remove", **nothing)


def check(tx: IndexReading) -> list[Problem]:
    """Prove that the index holds what messages and titles say, word for word and place for place, and nothing else.

    Takes about twice as long as indexing. In memory are the counted words alone.
    """
    damage = [found for (found,) in tx.rows("index_integrity") if found != "ok"]
    if damage:
        return [
            (
                "index_damaged",
                "text_index",
                f"the search index cannot be read: {damage[0]}; verify with repair",
            )
        ]
    tx.rows("index_tokenizer")
    problems: list[Problem] = []
    words: Counter[str] = Counter()
    expected = _expected_sum(tx, words)
    if expected != _indexed_sum(tx):
        what = "the search index does not hold what the messages say; verify with repair makes it anew"
        problems.append(("index_differs", "text_index", what))
    if words != Counter(dict(tx.iterate("word_list"))):
        what = "the counts of words do not fit the messages; verify with repair makes them anew"
        problems.append(("words_differ", "word", what))
    return problems


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _bind(document: Document) -> dict[str, Any]:
    body, title, tool, code = document.columns
    return {"seq": document.seq, "body": body, "title": title, "tool": tool, "code": code}


def _separators_of(tx: IndexReading, words: list[str]) -> list[str]:
    """The beginnings the index keeps that are those of any of the words, which are in order."""
    found = (
        bytes(raw).decode("utf-8", "ignore") for (raw,) in tx.iterate("index_separators", least=LEAST_TRACE)
    )
    return [beginning for beginning in found if _first_from(words, beginning).startswith(beginning)]


def _first_from(words: list[str], low: str) -> str:
    at = bisect_left(words, low)
    return words[at] if at < len(words) else ""


def _has_beginning(tx: IndexReading, beginning: str) -> bool:
    return tx.row("index_has_beginning", low=beginning, high=beginning + LAST_CHARACTER) is not None


def _expected_sum(tx: IndexReading, words: Counter[str]) -> int:
    """The sum over every word of every text behind the watermark; `words` are counted on the way."""
    tokenizer = Tokenizer(tx.connection)
    through, _ = watermark(tx)
    total: int = 0
    for seq, body, title in tx.iterate("index_changes", after=0, through=through, limit=-1):
        columns = columns_of(body, title)
        words.update(frequency.sampled_words(tokenizer, [Document(seq, columns)]))
        for place, found in zip(_COLUMN_PLACES, tokenizer.columns(columns), strict=True):
            base = seq * 40503 + place * 1000003
            for offset, word in enumerate(found):
                at = (base + offset * 65599) & 0x7FFFFFFF
                total += hash(word) * (at * at & 0xFFFFFFFF)
    return total & _MASK


def _indexed_sum(tx: IndexReading) -> int:
    tx.rows("index_instances_open")
    try:
        total: int = sum(hash(word) * at for word, at in tx.iterate("index_sums"))
    finally:
        tx.rows("index_instances_close")
    return total & _MASK
