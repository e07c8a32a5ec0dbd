"""A conversation whose tokens a provider tells, and how well those of other messages are then estimated."""

from collections.abc import Callable, Sequence
from statistics import fmean

from palaver.context.calibration import Calibration, Sample, counter_of, learn, take_sample
from palaver.context.tokens import Counter
from tests.support import texts

Truth = Callable[[str], int]
PER_MESSAGE, PER_PROMPT = 5, 4
"""What the template of the model that is played adds."""


def converse(truth: Truth, answers: int = 20) -> Calibration:
    """What is known after so many answers of a conversation that goes through the five kinds by turns."""
    known = Calibration()
    history: list[str] = []
    told = texts.to_learn()
    for turn in range(answers):
        question, answer = list(told.values())[turn % 5][turn // 5 % 4 * 2 :][:2]
        history.append(question)
        known = learn(known, (prompt_sample(truth, history), answer_sample(truth, answer)))
        history.append(answer)
    return known


def prompt_sample(truth: Truth, history: Sequence[str], *, factor: float = 1.0) -> Sample | None:
    tokens = int(prompt_tokens(truth, history) * factor)
    return take_sample(history, tokens, messages=len(history), prompt=True)


def answer_sample(truth: Truth, answer: str, *, factor: float = 1.0) -> Sample | None:
    return take_sample([answer], int((truth(answer) + 1) * factor), messages=0, prompt=False)


def prompt_tokens(truth: Truth, messages: Sequence[str]) -> int:
    return sum(map(truth, messages)) + PER_MESSAGE * len(messages) + PER_PROMPT


def estimate_prompt(counter: Counter, messages: Sequence[str]) -> int:
    return sum(map(counter.count, messages)) + counter.per_message * len(messages) + counter.per_prompt


def errors(counter: Counter, truth: Truth) -> dict[str, float]:
    """How far estimates of single messages are off, on average, by kind: 0.05 is five percent."""
    return {
        kind: fmean(abs(counter.count(text) / truth(text) - 1) for text in tried)
        for kind, tried in texts.to_try().items()
    }


def prompt_error(counter: Counter, truth: Truth) -> float:
    """How far the estimate of a prompt of all of them is off, above 0 where it is too high."""
    messages = [text for tried in texts.to_try().values() for text in tried]
    return estimate_prompt(counter, messages) / prompt_tokens(truth, messages) - 1


def describe(known: Calibration, truth: Truth) -> str:
    """The figures in a line."""
    counter = counter_of(known)
    by_kind = errors(counter, truth)
    shown = ", ".join(f"{kind} {error:.1%}" for kind, error in by_kind.items())
    return f"{fmean(by_kind.values()):.1%} a message ({shown}), {prompt_error(counter, truth):+.1%} a prompt"
