"""What a model is asked for a summary, and which of its answers is one."""

import pytest

from palaver.context.summaries import ASK, Unusable, accept, ask, asking_costs
from palaver.context.tokens import Plain
from palaver.context.units import Weights
from palaver.model import Text

PLAIN = Plain()
TOLD = "User: Which colour shall the house have, and who paints it?\n\nAssistant: Blue is fine, and Ada paints it in May."


def accepted(answer: str, *, told: str = TOLD, source: int = 500, tokens: int = 100) -> str:
    return accept(answer, told=told, source=source, tokens=tokens, counter=PLAIN)


def test_a_summary_is_taken_without_the_thoughts_before_it() -> None:
    assert accepted("<think>Let me see.</think>\n The house becomes blue. ") == "The house becomes blue."


@pytest.mark.parametrize("answer", ["", "  \n", "…!?", "ok", "<think>never ending"])
def test_an_empty_answer_is_none(answer: str) -> None:
    with pytest.raises(Unusable, match="empty"):
        accepted(answer)


@pytest.mark.parametrize(
    "answer", [TOLD, TOLD.replace("\n\n", " ").lower(), "Sure!\n" + TOLD, f"Well, {ASK}", TOLD[:150]]
)
def test_an_echo_is_none(answer: str) -> None:
    with pytest.raises(Unusable, match="repeats"):
        accepted(answer)


def test_an_answer_no_shorter_than_what_it_would_replace_is_none() -> None:
    with pytest.raises(Unusable, match="longer than what it would replace"):
        accepted("long words " * 40, source=110)


def test_an_answer_over_its_target_is_cut_down_to_it() -> None:
    short = accepted("We decided on blue. " + "Nothing else was of any weight at all here. " * 20, tokens=20)
    assert "We decided on blue." in short
    assert PLAIN.count(short) <= 20


def test_a_quotation_is_taken_where_it_may_be_one() -> None:
    assert accepted(TOLD[:150], told="") == TOLD[:150].strip()


def test_the_request_says_how_long_and_what_was_before() -> None:
    weights = Weights(PLAIN)
    system, question = ask(weights, so_far="they met", conversation="User: hi", level=3, tokens=100)
    texts = [part.text for sent in (system, question) for part in sent.parts if isinstance(part, Text)]
    assert "at most 75 words" in texts[0]
    assert texts[1].startswith("Summary of what came before:\nthey met")
    assert texts[1].endswith(ASK)
    assert system.tokens + question.tokens <= asking_costs(weights) + PLAIN.count("they met\nUser: hi") + 1
