"""Exact counts with a tokenizer that is on the machine."""

import logging
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer

import palaver
from palaver import Invalid, NewMessage, Store, Usage
from palaver.chat.counting import Counters
from palaver.chat.vocabularies import Exact, Vocabularies
from palaver.context.calibration import ENOUGH, Calibrated
from palaver.context.prompt import branch_of, build_prompt
from palaver.context.tokens import Counter
from palaver.settings import TokenizerSettings
from tests.chat.test_counting import closed
from tests.support import texts
from tests.support.factories import an_answer

TEXT = "Gestern, at 7:42, 我们 met 👩‍💻 in the old harbour."
PER_MESSAGE, PER_PROMPT = 7, 21


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vocabulary") / "tokenizer.json"
    texts.train(path)
    return path


@pytest.fixture
def vocabularies(file: Path) -> Vocabularies:
    return Vocabularies([TokenizerSettings(model="Tiny*", file=str(file))])


def ids(file: Path, text: str) -> int:
    return len(Tokenizer.from_file(str(file)).encode(text, add_special_tokens=False).ids)


def test_a_model_with_a_tokenizer_is_counted_exactly(
    store: Store, vocabularies: Vocabularies, file: Path
) -> None:
    counter = Counters(store, vocabularies).of("local", "tiny:1b")
    assert isinstance(counter, Exact)
    assert (counter.count(TEXT), counter.count("")) == (ids(file, TEXT), 0)


def test_other_models_are_estimated(store: Store, vocabularies: Vocabularies) -> None:
    assert not isinstance(Counters(store, vocabularies).of("local", "large"), Exact)


def teach(counters: Counters, store: Store) -> list[NewMessage]:
    """Twenty questions, each answered with the usage of a model whose template is a large one."""
    said: list[NewMessage] = []
    for turn in range(ENOUGH):
        said.append(palaver.user(texts.to_learn()["english"][turn % 8]))
        counter = counters.of("local", "tiny")
        prompt = build_prompt(branch_of(said), window=100_000, counter=counter)
        usage = Usage(input_tokens=tokens_of(said, counter), output_tokens=3)
        counters.learn("local", "tiny", prompt, closed(an_answer("Yes.", usage=usage), store))
    return said


def tokens_of(said: list[NewMessage], counter: Counter) -> int:
    return sum(counter.count(message.text) for message in said) + PER_MESSAGE * len(said) + PER_PROMPT


def test_what_the_template_adds_is_learnt(store: Store, vocabularies: Vocabularies) -> None:
    counters = Counters(store, vocabularies)
    said = teach(counters, store)
    counter = counters.of("local", "tiny")
    prompt = build_prompt(branch_of(said), window=100_000, counter=counter)
    assert abs(prompt.tokens / tokens_of(said, counter) - 1) < 0.01


def test_the_counter_stays_the_same_while_nothing_changes(store: Store, vocabularies: Vocabularies) -> None:
    counters = Counters(store, vocabularies)
    before = counters.of("local", "tiny")
    prompt = build_prompt(branch_of([palaver.user(TEXT)]), window=4_096, counter=before)
    usage = Usage(input_tokens=prompt.tokens, output_tokens=3)
    counters.learn("local", "tiny", prompt, closed(an_answer("Yes.", usage=usage), store))
    assert counters.of("local", "tiny") is before


def test_without_its_tokenizer_the_model_is_estimated_again(store: Store, vocabularies: Vocabularies) -> None:
    teach(Counters(store, vocabularies), store)
    assert isinstance(Counters(store).of("local", "tiny"), Calibrated)


def test_a_lone_surrogate_counts_as_what_stands_for_it(vocabularies: Vocabularies) -> None:
    tokens = vocabularies.find("tiny")
    assert tokens is not None
    assert tokens("a\ud800b") == tokens("a?b")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"absent\.json"):
        Vocabularies([TokenizerSettings(model="tiny", file=str(tmp_path / "absent.json"))])


def test_a_file_that_is_no_tokenizer_is_said_and_tokens_are_estimated(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text('{"version": "1.0"}')
    vocabularies = Vocabularies([TokenizerSettings(model="tiny", file=str(path))])
    with caplog.at_level(logging.WARNING):
        assert vocabularies.find("tiny") is None
    assert str(path) in caplog.text


WITHOUT = """
import sys
sys.modules["tokenizers"] = None
from palaver import Invalid
from palaver.chat.vocabularies import Vocabularies
from palaver.settings import TokenizerSettings
Vocabularies()
try:
    Vocabularies([TokenizerSettings(model="tiny", file=sys.argv[1])])
except Invalid as exc:
    print(exc)
"""


def test_no_tokenizer_named_needs_nothing_installed_and_one_named_says_what_to_install(file: Path) -> None:
    line = [sys.executable, "-c", WITHOUT, str(file)]
    ran = subprocess.run(line, capture_output=True, text=True, check=True)
    assert "pip install 'palaver[tokens]'" in ran.stdout


def test_counting_opens_no_connection(vocabularies: Vocabularies, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    tokens = vocabularies.find("tiny")
    assert tokens is not None
    assert tokens(TEXT) > 0
