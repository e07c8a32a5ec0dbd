"""A query as the index understands it: needs, each met by any of some phrases, each a row of words."""

from collections.abc import Sequence
from typing import NamedTuple

from palaver.storage.search import text
from palaver.storage.search.query import Query, Term
from palaver.storage.search.words import Tokenizer

COLUMN_WEIGHTS = (1.0, 4.0, 0.5, 0.5)
"""What a word counts in body, title, tool and code."""

FEW_PHRASES = 8
"""Of a need with more, which stand for a beginning, the index does not look which columns it is met in."""

_USUAL_LENGTH = 1_000  # bytes


class Phrase(NamedTuple):
    """Words one after the other in one column; of a prefix the last word may go on."""

    words: tuple[str, ...]
    prefix: bool = False


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


def relevance(weights: Sequence[float], length: int) -> float:
    """How well a document of so many bytes fits, from the weighted number of times each need is met."""
    return sum(saturated(weight, length) for weight in weights)


def saturated(weight: float, length: int) -> float:
    """The saturation of bm25, without what would take a look at every document: the rarity of words, the mean length."""
    return weight * 2.2 / (weight + 0.3 + 0.9 * length / _USUAL_LENGTH)
