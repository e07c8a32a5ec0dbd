"""What a model is asked for a summary, and which of its answers is one. No I/O."""

import re

from palaver.context.extract import condense
from palaver.context.tokens import Counter
from palaver.context.units import Sent, Weights

TEMPERATURE = 0.3
SO_FAR = "Summary of what came before:"
CONVERSATION = "The conversation goes on:"
ASK = "Write the summary of all of this now."

_FORMS = {
    3: "in detail: one paragraph, or a few short points",
    2: "in a few sentences, with what matters most",
    1: "in one or two sentences, with what must not be forgotten",
}
_TASK = (
    "You summarise a conversation so that the model that goes on with it knows what it needs. Keep what the user wants, "
    "what was decided and why, names, numbers, file paths and identifiers in code as they are written, and what is still "
    "open. Leave out greetings and what was replaced later. Do not answer the conversation and do not continue it."
)
_THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)
_NOT_WORDS = re.compile(r"[\W_]+")
_SHORTEST = 8
_ECHO = 60


class Unusable(Exception):
    """An answer that is no summary; its text says why."""


def ask(weights: Weights, *, so_far: str, conversation: str, level: int, tokens: int) -> tuple[Sent, ...]:
    """The messages that ask for a summary of at most `tokens` of what was before and goes on."""
    words = max(10, tokens * 3 // 4)
    form = f"Write {_FORMS[level]}, at most {words} words, in the language of the conversation."
    task = f"{_TASK} {form} Give the summary alone."
    before = f"{SO_FAR}\n{so_far}\n\n" if so_far else ""
    told = f"{before}{CONVERSATION}\n{conversation}\n\n{ASK}"
    return (weights.text("system", task), weights.text("user", told))


def asking_costs(weights: Weights) -> int:
    """Tokens of such a request besides what it is about."""
    request = ask(weights, so_far="x", conversation="x", level=3, tokens=10_000)
    return sum(sent.tokens for sent in request) + weights.counter.per_prompt


def accept(answer: str, *, told: str, source: int, tokens: int, counter: Counter) -> str:
    """The summary in a model's answer, at most `tokens` long. `told` is what it is a summary of, `source` its tokens;
    where it may be quoted, it is empty.

    Raises `Unusable` for nothing, for what repeats the conversation or the task, and for what is no shorter than what it
    would replace.
    """
    summary = _THOUGHTS.sub("", answer).strip()
    words = _fold(summary)
    if len(words) < _SHORTEST:
        raise Unusable("the model's summary is empty")
    if counter.count(summary) >= source:
        raise Unusable("the model's summary is longer than what it would replace")
    if (told and _echoes(words, _fold(told))) or _fold(_TASK)[:_ECHO] in words or _fold(ASK) in words:
        raise Unusable("the model repeats the conversation")
    return condense(summary, tokens, counter)


def _echoes(words: str, told: str) -> bool:
    """Whether the answer stands in what was told, or begins or ends as long parts of it do."""
    if len(words) <= _ECHO:
        return words in told and len(words) * 3 > len(told)
    return words in told or words[: 2 * _ECHO] in told or told[: 2 * _ECHO] in words


def _fold(text: str) -> str:
    return _NOT_WORDS.sub(" ", text).strip().casefold()
