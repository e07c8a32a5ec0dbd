"""What is asked for, as PostgreSQL's `tsquery`, and how well a document's vectors meet it."""

from collections.abc import Iterable
from typing import NamedTuple

from palaver.storage.postgres.vectors import LONG, OVERLAP, Vector, beginning, lexeme
from palaver.storage.search.phrases import COLUMN_WEIGHTS, FEW_PHRASES, Need, Phrase, Wanted, relevance


class Asked(NamedTuple):
    """`match` finds all that meets `wanted`. Where it may find more, the vectors cannot tell: `exact` is False then."""

    wanted: Wanted
    match: str
    exact: bool

    def relevance(self, chunks: Iterable[str], length: int) -> float | None:
        """What `Matcher` makes of the stored text; None where it does not match. Only where this is exact."""
        needs, excluded = self.wanted
        weights = [0.0] * len(needs)
        places = 0
        many = sum(map(len, needs)) > FEW_PHRASES
        for chunk in chunks:
            vector = Vector(chunk, many=many)
            if excluded and any(vector.letters(*phrase) for need in excluded for phrase in need):
                return None
            for number, need in enumerate(needs):
                for phrase in need:
                    if letters := vector.letters(*phrase):
                        weight, count = _weigh(letters)
                        weights[number] += weight
                        places += count
        if not all(weights):
            return None
        return relevance(_many_as_one(needs, weights, places), length)


def ask(wanted: Wanted) -> Asked:
    """The query for all that is wanted. A document of several chunks is found by any of them that holds any of it."""
    needs = [_any_of(need) for need in wanted.needs]
    exact = all(map(_is_exact, wanted.needs))
    known = [need for need in wanted.excluded if _is_exact(need)]
    excluded = [_any_of(need) for need in known]
    match = " & ".join(needs + [f"!{each}" for each in excluded])
    if len(needs) > 1 or excluded:
        match = f"({match}) & !'{LONG}' | '{LONG}' & ({' | '.join(needs + excluded)})"
    return Asked(wanted, match, exact and len(known) == len(wanted.excluded))


def any_mark(kind: str, keys: Iterable[int | str]) -> str:
    return "(" + " | ".join(f"'{kind}:{key}'" for key in keys) + ")"


def _any_of(need: Need) -> str:
    return "(" + " | ".join(map(_phrase, need)) + ")"


def _phrase(phrase: Phrase) -> str:
    words = [f"'{lexeme(word)}'" for word in phrase.words]
    if phrase.prefix:
        words[-1] = f"'{beginning(phrase.words[-1])}':*"
    return " <-> ".join(words[: OVERLAP + 1])


def _is_exact(need: Need) -> bool:
    return all(
        len(phrase.words) <= OVERLAP + 1
        and not (phrase.prefix and lexeme(phrase.words[-1]) != phrase.words[-1])
        for phrase in need
    )


def _weigh(letters: str) -> tuple[float, int]:
    """Of the places of `Vector.letters` what they weigh by column, and how many they are."""
    in_body, in_title, in_tool, in_code = COLUMN_WEIGHTS
    count = letters.count(",") + 1
    title, tool, code = letters.count("A"), letters.count("B"), letters.count("C")
    body = count - title - tool - code
    return in_body * body + in_title * title + in_tool * tool + in_code * code, count


def _many_as_one(needs: list[Need], weights: list[float], places: int) -> list[float]:
    """Where very many phrases stand for a beginning, all that was found counts, as in SQLite's index."""
    return [
        places if len(need) > FEW_PHRASES else weight for need, weight in zip(needs, weights, strict=True)
    ]
