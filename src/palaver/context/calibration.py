"""How a model's provider counts tokens, learnt from what it has reported: pure values, the same from the same samples."""

import math
from collections.abc import Iterable, Mapping, Sequence
from operator import mul
from typing import Any

import msgspec

from palaver.context import ridge
from palaver.context.features import FEATURES, measure
from palaver.context.tokens import Counter, Plain, estimate

VERSION = 1
ENOUGH = 20
"""Answers with a count from which on a calibration is trusted; before, the plain estimate holds."""

# What the features cost in the vocabularies of GPT-2, GPT-4 and GPT-4o, and how far those lie apart; last, what a
# template adds to a message and to a prompt.
_PRIOR: Mapping[str, tuple[float, float]] = {
    "words": (0.88, 0.15),
    "long": (0.65, 0.3),
    "foreign": (1.1, 0.6),
    "capitals": (0.12, 0.12),
    "digits": (0.1, 0.25),
    "pairs": (1.0, 0.5),
    "marks": (0.07, 0.15),
    "runs": (0.8, 0.4),
    "spaced": (0.5, 0.4),
    "indents": (0.4, 0.7),
    "lines": (0.55, 0.4),
    "accents": (0.7, 0.7),
    "alphabets": (0.6, 0.5),
    "syllables": (1.5, 1.2),
    "kana": (0.65, 0.5),
    "ideographs": (1.1, 0.7),
    "typography": (1.3, 0.6),
    "emoji": (2.4, 1.0),
    "per_message": (4.0, 3.0),
    "per_prompt": (4.0, 60.0),  # some templates bring a system prompt of their own
}
_USUAL = tuple(usual for usual, _ in _PRIOR.values())
_PRECISIONS = tuple(spread**-2 for _, spread in _PRIOR.values())
_SCALE_PRECISION = 4.0  # a vocabulary as a whole may be larger or smaller than those
_TERMS = len(_PRIOR)
_TEXT_TERMS = len(FEATURES)
_TRIANGLE = _TERMS * (_TERMS + 1) // 2

_NOISE = 0.06  # of the count of a text of 250 tokens; relatively more of a shorter one
_PROMPTS_REPEAT = 4.0  # a prompt repeats most of the one before, so it tells less than its length says
_KEPT = 16  # newest samples kept apart: while they are, they can turn out to be wrong
_ROUNDS = 3
_DOUBTFUL = 3.0  # deviations, by which a sample differs from the others, that halve its weight
_SHORT = 8.0  # weight of a prompt that takes more than expected: too low an estimate is the worse mistake
_MEMORY = 0.998
_MARGIN = 1.005  # rather a little too much: a prompt that is full by the estimate should be no more than full
_CAUTION = 1.05
_HEAVIEST, _LARGEST = 1e6, 1e12  # what no honest calibration reaches


class Sample(msgspec.Struct, frozen=True):
    """Texts whose tokens a provider has told. `terms` are features, messages and prompts; `plain` the plain estimate."""

    terms: tuple[int, ...]
    tokens: int
    plain: int

    @property
    def is_prompt(self) -> bool:
        return self.terms[-1] > 0


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """What has been learnt of one model. As JSON it takes less than 4 kB."""

    version: int = VERSION
    answers: int = 0
    weights: tuple[float, ...] = _USUAL
    raised: bool = False
    recent: tuple[tuple[int, ...], ...] = ()
    matrix: tuple[float, ...] = (0.0,) * _TRIANGLE
    vector: tuple[float, ...] = (0.0,) * _TERMS


def take_sample(texts: Iterable[str], tokens: int | None, *, messages: int, prompt: bool) -> Sample | None:
    """What a provider has told of a whole prompt, or of an answer; None where that cannot be so.

    `messages` are those of the prompt, or the calls of an answer: each is wrapped in a few tokens. Texts of a prompt
    whose tokens are known are left out, and their tokens too.
    """
    sums = [0] * _TEXT_TERMS
    size = plain = 0
    for text in texts:
        sums = [a + b for a, b in zip(sums, measure(text), strict=True)]
        size += len(text.encode("utf-8", "surrogatepass"))
        plain += estimate(text)
    sample = Sample((*sums, messages, int(prompt)), tokens or 0, plain)
    # No vocabulary has more tokens than bytes; with much less than usual, only what was new to the server was counted.
    most = size + 16 * messages + 256
    return sample if (size or messages) and _dot(_USUAL, sample.terms) / 4 <= sample.tokens <= most else None


def learn(known: Calibration, samples: Iterable[Sample | None]) -> Calibration:
    """What is known with the counts told for one more answer; of samples that are None nothing is learnt."""
    taken = [sample for sample in samples if sample is not None]
    if not taken:
        return known
    recent = [*known.recent, *((sample.tokens, *sample.terms) for sample in taken)]
    matrix, vector = _unfold(known.matrix), list(known.vector)
    weights, trusts = _fit(matrix, vector, recent)
    while len(recent) > _KEPT:
        matrix = [[value * _MEMORY for value in row] for row in matrix]
        vector = [value * _MEMORY for value in vector]
        _add(matrix, vector, recent.pop(0), trusts.pop(0))
    return Calibration(
        answers=known.answers + 1,
        weights=_rounded(min(weight, _HEAVIEST) for weight in weights),
        raised=known.raised or any(sample.is_prompt and sample.tokens > sample.plain for sample in taken),
        recent=tuple(recent),
        matrix=_rounded(value for row in matrix for value in row),
        vector=_rounded(vector),
    )


def counter_of(known: Calibration) -> Counter:
    """The counter that follows from what is known."""
    if known.answers >= ENOUGH:
        return Calibrated(known.weights)
    return Raised(known.weights) if known.raised else Plain()


def template_of(known: Calibration) -> tuple[int, int]:
    """What the model's template adds to a message and to a prompt."""
    per_message, per_prompt = map(math.ceil, known.weights[_TEXT_TERMS:])
    return per_message, per_prompt


class Calibrated:
    """Counts as the model's provider does, to a few percent."""

    def __init__(self, weights: Sequence[float]) -> None:
        self._weights = tuple(weight * _MARGIN for weight in weights[:_TEXT_TERMS])
        self.per_message, self.per_prompt = map(math.ceil, weights[_TEXT_TERMS:])

    def count(self, text: str) -> int:
        if not text:
            return 0
        return int(sum(map(mul, self._weights, measure(text))) + 0.5) or 1


class Raised(Calibrated):
    """The plain estimate, and more where the little that is known of the model says so."""

    def __init__(self, weights: Sequence[float]) -> None:
        super().__init__([weight * _CAUTION for weight in weights])

    def count(self, text: str) -> int:
        return max(estimate(text), super().count(text))


def read(value: Any) -> Calibration | None:
    """A calibration from its JSON value; None where it is none, or one of another version."""
    try:
        known = msgspec.convert(value, Calibration)
    except msgspec.ValidationError:
        return None
    return known if known.version == VERSION and _is_sound(known) else None


def write(known: Calibration) -> dict[str, Any]:
    """The JSON value of a calibration."""
    value: dict[str, Any] = msgspec.to_builtins(known)
    return value


def _is_sound(known: Calibration) -> bool:
    shapes = (
        len(known.weights) == len(known.vector) == _TERMS,
        len(known.matrix) == _TRIANGLE,
        len(known.recent) <= _KEPT and all(len(row) == _TERMS + 1 for row in known.recent),
    )
    numbers = (
        *known.weights,
        *known.vector,
        *known.matrix,
        *(n for row in known.recent for n in row),
    )
    return all(shapes) and known.answers >= 0 and all(0 <= number <= _LARGEST for number in numbers)


def _fit(
    matrix: ridge.Matrix, vector: Sequence[float], recent: Sequence[tuple[int, ...]]
) -> tuple[list[float], list[float]]:
    """Weights, and how far each of the newest samples is trusted: one that differs much from the others, little."""
    # Some servers leave out of a prompt's count what they had kept of it, so answers have the first word.
    prompts = [row[-1] > 0 for row in recent]
    trusts = [0.1 if is_prompt else 1.0 for is_prompt in prompts]
    for _ in range(_ROUNDS):
        weights = _solve(matrix, vector, recent, trusts)
        errors = [_error(weights, row) for row in recent]
        usual = _usual_error(errors, prompts)
        trusts = [_trust(error, usual, is_prompt=p) for error, p in zip(errors, prompts, strict=True)]
    return _solve(matrix, vector, recent, trusts), trusts


def _solve(
    matrix: ridge.Matrix, vector: Sequence[float], recent: Sequence[tuple[int, ...]], trusts: Sequence[float]
) -> list[float]:
    """The weights that are nearest to all samples and to the usual ones times a scale, which is the last unknown."""
    left, right = [list(row) for row in matrix], list(vector)
    for row, trust in zip(recent, trusts, strict=True):
        _add(left, right, row, trust)
    border = [-precision * usual for precision, usual in zip(_PRECISIONS[:_TEXT_TERMS], _USUAL, strict=False)]
    scale = _SCALE_PRECISION - _dot(border, _USUAL)
    for n, precision in enumerate(_PRECISIONS):
        left[n][n] += precision
    for n in range(_TEXT_TERMS, _TERMS):
        right[n] += _PRECISIONS[n] * _USUAL[n]
    left.append([*border, *[0.0] * (_TERMS - _TEXT_TERMS), scale])
    return ridge.solve(left, [*right, _SCALE_PRECISION])[:_TERMS]


def _add(matrix: ridge.Matrix, vector: list[float], row: tuple[int, ...], trust: float) -> None:
    """Add a sample, `row`, to the normal equations."""
    tokens, *terms = row
    factor = trust / _noise(row) ** 2
    ridge.add_square(matrix, terms, factor)
    for n, term in enumerate(terms):
        vector[n] += factor * tokens * term


def _usual_error(errors: Sequence[float], prompts: Sequence[bool]) -> float:
    told = sorted(abs(error) for error, is_prompt in zip(errors, prompts, strict=True) if not is_prompt)
    return max(1.0, told[len(told) // 2]) if told else 1.0


def _error(weights: Sequence[float], row: tuple[int, ...]) -> float:
    """How much more than told a sample takes by these weights, in deviations."""
    tokens, *terms = row
    return (_dot(weights, terms) - tokens) / _noise(row)


def _trust(error: float, usual: float, *, is_prompt: bool) -> float:
    if is_prompt and error < 0:
        return _SHORT
    return 1 / (1 + (error / usual / _DOUBTFUL) ** 2)


def _noise(row: tuple[int, ...]) -> float:
    """The deviation, in tokens, to expect of a sample."""
    tokens, *terms = row
    # A count that is far too small must not look exact.
    size = max(tokens, _dot(_USUAL, terms), 8.0)
    repeated = _PROMPTS_REPEAT if terms[-1] else 1.0
    return _NOISE * math.sqrt(math.sqrt(250.0) * size**1.5 * repeated)


def _dot(one: Iterable[float], other: Iterable[float]) -> float:
    return float(sum(map(mul, one, other)))


def _unfold(flat: Sequence[float]) -> ridge.Matrix:
    return [list(flat[n * (n + 1) // 2 : (n + 1) * (n + 2) // 2]) for n in range(_TERMS)]


def _rounded(values: Iterable[float]) -> tuple[float, ...]:
    """As they are kept: a calibration is the same before and after it was stored."""
    return tuple(float(f"{value:.6g}") for value in values)
