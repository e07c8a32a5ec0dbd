"""A query as the index understands it: needs, each met by any of some phrases, each a row of words."""

from collections.abc import Sequence
from typing import NamedTuple

from palaver.storage import text
from palaver.storage.search_query import Query, Term
from palaver.storage.sqlite.index import LAST_CHARACTER, SAMPLE
from palaver.storage.sqlite.words import Tokenizer
from palaver.storage.transaction import Reading

COMMON = 2_000
"""Documents a beginning may be in before its most frequent words stand for it: the index would merge all their lists."""
SUBSTITUTES = 30

COLUMN_WEIGHTS = (1.0, 4.0, 0.5, 0.5)
"""What a word counts in body, title, tool and code."""

_USUAL_LENGTH = 1_000  # bytes


class Phrase(NamedTuple):
    """Words one after the other in one column; of a prefix the last word may go on."""

    words: tuple[str, ...]
    prefix: bool = False

    def expression(self) -> str:
        return f'"{" ".join(self.words)}"' + (" *" if self.prefix else "")


Need = tuple[Phrase, ...]
"""Any of these must be there."""


class Wanted(NamedTuple):
    """All of `needs` and none of `excluded`."""

    needs: list[Need]
    excluded: list[Need]


def understand(query: Query, tokenizer: Tokenizer) -> Wanted:
    """The words of a query; a term without any, such as an emoji, is left out."""
    needs = [_need(term, tokenizer) for term in query.terms]
    excluded = [_need(term, tokenizer) for term in query.excluded]
    return Wanted([need for need in needs if need], [need for need in excluded if need])


def _need(term: Term, tokenizer: Tokenizer) -> Need:
    words = tuple(tokenizer.words(text.spaced(term.text)))
    if not words:
        return ()
    # The word itself beside the beginning: whoever typed all of it wants that first.
    phrases = [Phrase(words)]
    prefix = term.prefix and not text.is_unspaced(words[-1])
    if prefix:
        phrases.append(Phrase(words, prefix=True))
    if term.text.isascii() and term.text.isalnum():
        parts = tuple(part.lower() for part in text.split_identifier(term.text))
        phrases += [Phrase(parts, prefix)] if parts else []
    return tuple(phrases)


def expression(tx: Reading, wanted: Wanted) -> tuple[str, str]:
    """What to match in the index, and how many of its phrases belong to each need, for `relevance`."""
    needs = [_spread(tx, need) for need in wanted.needs]
    matched = " AND ".join(_any_of(need) for need in needs)
    if wanted.excluded:
        excluded = " OR ".join(_any_of(_spread(tx, need)) for need in wanted.excluded)
        matched = f"({matched}) NOT ({excluded})"
    return matched, ",".join(str(len(need)) for need in needs)


def _any_of(need: Need) -> str:
    return "(" + " OR ".join(phrase.expression() for phrase in need) + ")"


def _spread(tx: Reading, need: Need) -> Need:
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


def frequency(tx: Reading, phrase: Phrase) -> int:
    """About how many documents hold the rarest word of the phrase, or its beginning where it is a prefix alone."""
    last = phrase.words[-1]
    if phrase.prefix:
        found = tx.row("word_count_beginning", low=last, high=last + LAST_CHARACTER)
    else:
        counts = [tx.row("word_count", word=word) for word in phrase.words]
        found = min((count for count in counts if count), default=None)
    return found[0] * SAMPLE if found else 0


def relevance(weights: Sequence[float], length: int) -> float:
    """How well a document of so many bytes fits, from the weighted number of times each need is met."""
    return sum(saturated(weight, length) for weight in weights)


def saturated(weight: float, length: int) -> float:
    """The saturation of bm25, without what would take a look at every document: the rarity of words, the mean length."""
    return weight * 2.2 / (weight + 0.3 + 0.9 * length / _USUAL_LENGTH)
