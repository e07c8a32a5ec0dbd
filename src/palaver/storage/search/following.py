"""The index follows the changes in batches, its watermark in the same transaction."""

from collections import Counter
from itertools import islice

from palaver.storage.search import frequency, text
from palaver.storage.search.index import Document, Indexing, documents_of, watermark
from palaver.storage.search.text import Columns

_CHUNK = 64  # documents made at a time: a message may have 100 MB
_BATCH = 4_000


def index_batch(tx: Indexing, limit: int) -> int:
    """Index the next changes, at most `limit`, and move the watermark. Returns how many are left; 0 is caught up."""
    index = tx.index()
    index.lock()
    through, last = watermark(tx)
    if through >= last:
        return 0
    words: Counter[str] = Counter()
    after = through
    changes = tx.iterate("index_changes", after=through, through=last, limit=limit)
    through = min(through + limit, last)
    while chunk := list(islice(changes, _CHUNK)):
        documents = list(documents_of(chunk))
        index.add(documents)
        words.update(frequency.sampled_words(index.tokenizer, documents))
        through = max(through, chunk[-1][0])
    frequency.count(tx, words)
    tx.run("block_add", after=after, through=through)
    tx.run("index_moved", through=through)
    return last - through


def unindex(tx: Indexing, mark: int, columns: Columns) -> None:
    """Take what was indexed under this change out of the index, if the index has come that far."""
    index = tx.index()
    index.lock()
    if mark > watermark(tx)[0] or not any(columns):
        return
    words = frequency.distinct_words(index.tokenizer, columns)
    index.remove(Document(mark, columns), words)
    frequency.discount(tx, mark, words)


def rebuild(tx: Indexing) -> None:
    """Make the index anew from the messages and titles."""
    index = tx.index()
    index.lock()
    index.empty()
    tx.run("word_empty")
    tx.run("block_empty")
    tx.run("index_moved", through=0)
    tx.run("index_version_set", version=text.INDEX_VERSION)
    while index_batch(tx, _BATCH):
        pass
