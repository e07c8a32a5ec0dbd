"""Counts that learn from what a provider reports."""

import json
import random
from collections.abc import Callable
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from palaver.context.calibration import (
    ENOUGH,
    VERSION,
    Calibrated,
    Calibration,
    Raised,
    counter_of,
    learn,
    read,
    take_sample,
    write,
)
from palaver.context.tokens import Plain, estimate
from tests.conftest import Tried
from tests.context.accuracy import (
    Truth,
    answer_sample,
    converse,
    describe,
    errors,
    prompt_error,
    prompt_sample,
)
from tests.support import texts

anything = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.floats(-1e300, 1e300) | st.integers() | st.none() | st.text(max_size=3)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Counts as a real BPE tokenizer does."""
    tokenizer: Tokenizer = texts.train(tmp_path_factory.mktemp("vocabulary") / "tokenizer.json")

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count


@pytest.fixture(scope="module")
def known(truth: Truth) -> Calibration:
    return converse(truth)


def thrifty(text: str) -> int:
    """A vocabulary for which the plain estimate is too high."""
    return -(-len(text) // 5)


def test_after_twenty_answers_other_messages_are_estimated_within_eight_percent(
    truth: Truth, known: Calibration, tried: Tried
) -> None:
    off = errors(counter_of(known), truth)
    tried(f"Estimates after {ENOUGH} answers are off by {describe(known, truth)}.")
    assert fmean(off.values()) < 0.08
    assert max(off.values()) < 0.12


def test_after_twenty_answers_a_prompt_is_estimated_within_three_percent(
    truth: Truth, known: Calibration
) -> None:
    assert abs(prompt_error(counter_of(known), truth)) < 0.03


def test_the_plain_estimate_is_much_farther_off(truth: Truth, known: Calibration) -> None:
    assert fmean(errors(Plain(), truth).values()) > 5 * fmean(errors(counter_of(known), truth).values())


def test_before_twenty_answers_the_plain_estimate_holds() -> None:
    (text, *_) = texts.to_try()["english"]
    before, after = (counter_of(converse(thrifty, answers)) for answers in (ENOUGH - 1, ENOUGH))
    assert isinstance(before, Plain)
    assert before.count(text) == estimate(text) > after.count(text)


@given(anything)
def test_where_plain_is_shown_to_be_too_low_it_is_raised_and_never_lowered(text: str) -> None:
    assert Raised(Calibration().weights).count(text) >= estimate(text)


def test_the_first_answer_shows_that_a_model_has_a_small_vocabulary() -> None:
    counter = counter_of(converse(len, 2))
    assert isinstance(counter, Raised)
    text = texts.to_try()["english"][0]
    assert counter.count(text) > 2 * estimate(text)


def test_another_script_than_the_learnt_one_is_not_taken_for_cheap(truth: Truth) -> None:
    english = texts.to_learn()["english"]
    samples = [answer_sample(truth, text) for text in english * 3]
    known = Calibration()
    for sample in samples:
        known = learn(known, [sample])
    (chinese, *_) = texts.to_try()["chinese"]
    assert counter_of(known).count(chinese) > 2 * estimate(chinese)


@pytest.mark.parametrize("factor", [10.0, 0.3, 0.05])
@pytest.mark.parametrize("at", [0, 7, 19])
def test_one_wrong_count_changes_little(truth: Truth, factor: float, at: int) -> None:
    learnt = texts.to_learn()
    known = Calibration()
    for turn in range(ENOUGH + 2):
        wrong = factor if turn == at else 1.0
        question, answer = list(learnt.values())[turn % 5][turn // 5 % 4 * 2 :][:2]
        samples = [prompt_sample(truth, [question], factor=wrong), answer_sample(truth, answer, factor=wrong)]
        known = learn(known, samples)
    assert fmean(errors(counter_of(known), truth).values()) < 0.1


def test_prompts_of_which_only_what_was_new_is_counted_do_not_lower_the_estimate(truth: Truth) -> None:
    draw = random.Random(3)
    learnt = texts.to_learn()
    known = Calibration()
    history: list[str] = []
    for turn in range(ENOUGH + 5):
        question, answer = list(learnt.values())[turn % 5][turn // 5 % 4 * 2 :][:2]
        history.append(question)
        samples = [prompt_sample(truth, history, factor=draw.random() ** 2), answer_sample(truth, answer)]
        known = learn(known, samples)
        history.append(answer)
    assert fmean(errors(counter_of(known), truth).values()) < 0.1


@pytest.mark.parametrize("tokens", [None, 0, -5, 1, 3_000, 10**9])
def test_what_cannot_be_the_count_of_a_text_teaches_nothing(tokens: int | None) -> None:
    sample = take_sample(
        ["A text of twelve words, or so, which takes about eighteen tokens."],
        tokens,
        messages=0,
        prompt=False,
    )
    assert sample is None
    assert learn(Calibration(), [sample, None]) == Calibration()


def test_an_answer_without_a_word_teaches_nothing() -> None:
    assert take_sample(["", ""], 3, messages=0, prompt=False) is None


def test_it_takes_less_than_four_kilobytes_however_much_is_learnt(truth: Truth) -> None:
    learnt = [text for kind in texts.to_learn().values() for text in kind]
    known = Calibration()
    largest = 0
    for turn in range(40):
        history = learnt[: turn + 1] * 3
        known = learn(known, [prompt_sample(truth, history), answer_sample(truth, learnt[turn % 40] * 7)])
        largest = max(largest, len(json.dumps(write(known))))
    assert largest < 4_000


def test_it_is_the_same_after_a_round_through_json(known: Calibration) -> None:
    again = read(json.loads(json.dumps(write(known))))
    assert again is not None
    assert again == known
    sample = take_sample(["And something more to learn from."], 8, messages=0, prompt=False)
    assert learn(again, [sample]) == learn(known, [sample])


def test_the_same_samples_give_the_same_counter(truth: Truth, known: Calibration) -> None:
    assert converse(truth) == known


Change = Callable[[dict[str, object]], object]
UNREADABLE: dict[str, Change] = {
    "a newer version": lambda value: value.update(version=VERSION + 1),
    "a weight too few": lambda value: value.update(weights=[1.0]),
    "a negative weight": lambda value: value.update(vector=[-1.0] * 20),
    "no list": lambda value: value.update(matrix="x"),
    "rows of another length": lambda value: value.update(recent=[[1, 2, 3]]),
    "a number that nothing gives": lambda value: value.update(vector=[1e200] * 20),
    "minus one answer": lambda value: value.update(answers=-1),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_is_no_calibration_is_not_taken_for_one(known: Calibration, what: str) -> None:
    value = write(known)
    UNREADABLE[what](value)
    assert read(value) is None


@given(
    st.dictionaries(st.sampled_from(list(Calibration.__struct_fields__)), numbers | st.lists(numbers))
    | numbers
)
def test_whatever_was_stored_is_a_calibration_or_is_not(value: object) -> None:
    again = read(value)
    assert again is None or again.version == VERSION


@given(
    st.lists(st.floats(0, 1e12), min_size=20, max_size=20),
    st.lists(st.floats(0, 1e12), min_size=210, max_size=210),
)
def test_even_from_numbers_that_nothing_gives_something_is_learnt(
    vector: list[float], matrix: list[float]
) -> None:
    wild = read({**write(Calibration(answers=50)), "vector": vector, "matrix": matrix})
    assert wild is not None
    counter = counter_of(learn(wild, [take_sample(["some text"], 3, messages=1, prompt=True)]))
    assert counter.count("some text") >= 1


@given(anything)
def test_every_text_has_a_count_and_none_but_the_empty_one_has_none(text: str) -> None:
    counter = Calibrated(Calibration().weights)
    assert counter.count(text) >= (1 if text else 0)
    assert counter.count(text) == counter.count(text)


@given(anything, anything)
def test_a_text_costs_about_what_its_parts_cost(one: str, other: str) -> None:
    counter = Calibrated(Calibration().weights)
    assert counter.count(one + other) <= counter.count(one) + counter.count(other) + 8
