"""The full-text index: it follows the changes in batches, its watermark in the same transaction.

Of every 16th change the words are counted in `word`, which tells how common a beginning is. Which changes those are
follows from their numbers, so that what is taken out of the index is taken out of the counts exactly.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Protocol

import apsw
import msgspec

from palaver.model import Part, Text
from palaver.storage import text
from palaver.storage.rows import decode_parts
from palaver.storage.sqlite.words import Tokenizer
from palaver.storage.text import Columns
from palaver.storage.transaction import Reading

SAMPLE = 16
LONGEST_WORD = 40
LEAST_TRACE = 6
"""A shorter beginning of a word tells nothing of it."""

LAST_CHARACTER = "\U0010ffff"

_CHUNK = 64  # documents made at a time: a message may have 100 MB
_BATCH = 4_000
_MASK = (1 << 64) - 1
_COLUMN_PLACES = (1, 6, 12, 17)  # of the names in "body title tool code"

Problem = tuple[str, str, str]
"""Kind, where, what."""


class IndexReading(Reading, Protocol):
    """A transaction on SQLite that only reads."""

    connection: apsw.Connection


class IndexWriting(IndexReading, Protocol):
    """A transaction on SQLite that writes."""

    def run(self, name: str, /, **parameters: Any) -> None: ...

    def run_many(self, name: str, /, parameters: list[dict[str, Any]]) -> None: ...


def watermark(tx: Reading) -> tuple[int, int]:
    """The number of the last change that is in the index, and that of the last one there is."""
    found = tx.row("index_watermark")
    return (found[0], found[1]) if found else (0, 0)


def index_batch(tx: IndexWriting, limit: int) -> int:
    """Index the next changes, at most `limit`, and move the watermark. Returns how many are left; 0 is caught up."""
    through, last = watermark(tx)
    if through >= last:
        return 0
    words: Counter[str] = Counter()
    tokenizer = Tokenizer(tx.connection)
    changes = tx.iterate("index_changes", after=through, through=last, limit=limit)
    through = min(through + limit, last)
    while chunk := list(islice(changes, _CHUNK)):
        documents = [(seq, columns) for seq, body, title in chunk if any(columns := columns_of(body, title))]
        tx.run_many("index_add", [_bind(seq, columns) for seq, columns in documents])
        words.update(_sampled_words(tokenizer, documents))
        through = max(through, chunk[-1][0])
    tx.run("word_add", counts=_json(dict(sorted(words.items()))))
    tx.run("index_moved", through=through)
    return last - through


def unindex(tx: IndexWriting, mark: int, columns: Columns) -> None:
    """Take what was indexed under this change out of the index, if the index has come that far."""
    if mark > watermark(tx)[0] or not any(columns):
        return
    tx.run("index_remove", **_bind(mark, columns))
    words = _distinct_words(Tokenizer(tx.connection), columns)
    tx.run("unindexed_open")
    tx.run("unindexed_add", words=_json(words))
    if mark % SAMPLE == 0:
        tx.run("word_take", words=_json(words))
        tx.run("word_drop", words=_json(words))


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
    nothing = _bind(0, ("a", "", "", ""))
    tx.run("index_add", **nothing)
    tx.run("index_optimize")
    tx.run("index_remove", **nothing)


def rebuild(tx: IndexWriting) -> None:
    """Make the index anew from the messages and titles."""
    tx.run("index_empty")
    tx.run("word_empty")
    tx.run("index_moved", through=0)
    tx.run("index_version_set", version=text.INDEX_VERSION)
    while index_batch(tx, _BATCH):
        pass


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


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _bind(seq: int, columns: Columns) -> dict[str, Any]:
    body, title, tool, code = columns
    return {"seq": seq, "body": body, "title": title, "tool": tool, "code": code}


def _sampled_words(tokenizer: Tokenizer, documents: Iterable[tuple[int, Columns]]) -> Iterator[str]:
    for seq, columns in documents:
        if seq % SAMPLE == 0:
            yield from (word for word in _distinct_words(tokenizer, columns) if len(word) <= LONGEST_WORD)


def _distinct_words(tokenizer: Tokenizer, columns: Columns) -> list[str]:
    return list({word for column in tokenizer.columns(columns) for word in column})


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
        words.update(_sampled_words(tokenizer, [(seq, columns)]))
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
