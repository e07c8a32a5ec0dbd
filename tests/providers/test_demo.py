"""The model that needs no network."""

import threading
import time

from palaver.model import Text
from palaver.providers.demo import HOW_TO_ADD, DemoProvider
from tests.providers.asking import a_request, ask, reason_in, sent, text_in, usage_in


def test_it_says_what_it_is_what_it_heard_and_how_to_add_a_model() -> None:
    answer = text_in(ask(DemoProvider(delay=0), a_request("What is the capital of France?")))
    assert "demo model" in answer
    assert "> What is the capital of France?" in answer
    assert HOW_TO_ADD in answer


def test_the_same_question_gets_the_same_answer() -> None:
    request = a_request(messages=[sent("one"), sent("answer", "assistant"), sent("two")])
    assert ask(DemoProvider(delay=0), request) == ask(DemoProvider(delay=0), request)


def test_it_answers_from_what_it_was_told_before() -> None:
    answer = text_in(
        ask(DemoProvider(delay=0), a_request(messages=[sent("my name is Ada"), sent("who am I?")]))
    )
    assert "> my name is Ada" in answer
    assert "number 2" in answer


def test_it_comes_in_pieces_with_usage_and_an_end() -> None:
    deltas = ask(DemoProvider(delay=0))
    assert sum(isinstance(delta, Text) for delta in deltas) > 10
    assert usage_in(deltas) is not None
    assert reason_in(deltas) == "stop"


def test_it_keeps_to_the_limit() -> None:
    deltas = ask(DemoProvider(delay=0), a_request(settings={"max_tokens": 3}))
    assert sum(isinstance(delta, Text) for delta in deltas) == 3
    assert reason_in(deltas) == "length"


def test_nothing_asked_is_answered_too() -> None:
    assert text_in(ask(DemoProvider(delay=0), a_request(messages=[])))


def test_closing_ends_it_at_once() -> None:
    answer = DemoProvider(delay=30).stream(a_request())
    threading.Timer(0.05, answer.close).start()
    began = time.monotonic()
    assert list(answer) == []
    assert time.monotonic() - began < 5
