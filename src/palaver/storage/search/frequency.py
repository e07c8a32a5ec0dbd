"""How common words are. Of every 16th change the words are counted in `word`. Which changes those are follows from their
numbers, so that what is taken out of the index is taken out of the counts exactly.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from palaver.storage.search.index import Document, Indexing
from palaver.storage.search.phrases import Need, Phrase
from palaver.storage.search.text import Columns
from palaver.storage.search.words import Tokenizer
from palaver.storage.transaction import Reading

SAMPLE = 16
LONGEST_WORD = 40
LAST_CHARACTER = "\U0010ffff"

COMMON = 2_000
"""Documents a beginning may be in before its most frequent words stand for it: the index would merge all their lists."""
SUBSTITUTES = 30


def frequency(tx: Reading, phrase: Phrase) -> int:
    """About how many documents hold the rarest word of the phrase, or its beginning where it is a prefix alone."""
    last = phrase.words[-1]
    if phrase.prefix:
        found = tx.row("word_count_beginning", low=last, high=last + LAST_CHARACTER)
    else:
        counts = [tx.row("word_count", word=word) for word in phrase.words]
        found = min((count for count in counts if count), default=None)
    return found[0] * SAMPLE if found else 0


def spread(tx: Reading, need: Need) -> Need:
    """The same with frequent words in place of a beginning that is too common."""
    phrases: dict[Phrase, None] = {}
    for phrase in need:
        if phrase.prefix and frequency(tx, phrase) > COMMON:
            phrases.update(dict.fromkeys(_substitutes(tx, phrase)))
        else:
            phrases[phrase] = None
    return tuple(phrases)


def _substitutes(tx: Reading, phrase: Phrase) -> list[Phrase]:
    *before, last = phrase.words
    found = tx.rows("word_most_frequent", low=last, high=last + LAST_CHARACTER, limit=SUBSTITUTES)
    return [Phrase((*before, word)) for (word,) in found]


def count(tx: Indexing, words: Counter[str]) -> None:
    tx.run("word_add", counts=_json(dict(sorted(words.items()))))


def discount(tx: Indexing, mark: int, words: Sequence[str]) -> None:
    """Take the words of what was indexed under this change out of the counts, where it was counted."""
    if mark % SAMPLE == 0:
        tx.run("word_take", words=_json(words))
        tx.run("word_drop", words=_json(words))


def sampled_words(tokenizer: Tokenizer, documents: Iterable[Document]) -> Iterator[str]:
    for seq, columns, _ in documents:
        if seq % SAMPLE == 0:
            yield from (word for word in distinct_words(tokenizer, columns) if len(word) <= LONGEST_WORD)


def distinct_words(tokenizer: Tokenizer, columns: Columns) -> list[str]:
    return list({word for column in tokenizer.columns(columns) for word in column})


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
