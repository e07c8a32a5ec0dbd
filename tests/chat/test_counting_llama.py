"""What llama.cpp reports of its own tokenizer and template, learnt."""

import random
from statistics import fmean

import pytest

import palaver
from palaver import Message, NewMessage, Store, Text, Usage
from palaver.chat.counting import Counters
from palaver.context.calibration import ENOUGH
from palaver.context.prompt import Prompt, branch_of, build_prompt
from palaver.context.tokens import Counter
from palaver.errors import ProviderError
from palaver.providers.base import Request
from palaver.providers.openai import OpenAIProvider
from tests.conftest import Tried
from tests.support.llama import MODEL, WINDOW
from tests.support.tiny_model import WORDS

ROUNDS = 15


class Talk:
    """A conversation with the tiny model, in words that it knows, in which every answer is learnt from."""

    def __init__(self, store: Store, address: str) -> None:
        self.counters = Counters(store)
        self.said: list[NewMessage | Message] = []
        self._store = store
        self._session_id = store.create_session().id
        self._provider = OpenAIProvider("llama", address)
        self._random = random.Random(11)

    def go_on(self, *, learning: bool = True) -> tuple[Prompt, int]:
        """A question and its answer: the prompt, and its tokens by the server's own count."""
        self.said.append(palaver.user(self.question()))
        prompt = build_prompt(
            branch_of(self.said), window=WINDOW, counter=self._counter(), strategy="truncate"
        )
        answer = self._ask(prompt)
        self.said.append(answer)
        if learning:
            self.counters.learn("llama", MODEL, prompt, answer)
        assert answer.usage is not None
        assert answer.usage.input_tokens is not None
        return prompt, answer.usage.input_tokens

    def _counter(self) -> Counter:
        return self.counters.of("llama", MODEL)

    def question(self) -> str:
        words = self._random.choices(WORDS, k=self._random.randint(20, 60))
        return f"Question {len(self.said)}: what of the {' '.join(words)}, and why?"

    def _ask(self, prompt: Prompt) -> Message:
        limit = self._random.randint(10, 80)
        request = Request(
            model=MODEL, messages=prompt.messages, settings={"seed": limit, "max_tokens": limit}
        )
        pieces = list(self._provider.stream(request))
        text = "".join(piece.text for piece in pieces if isinstance(piece, Text))
        usage = next(piece for piece in pieces if isinstance(piece, Usage))
        (stored,) = self._store.append(self._session_id, palaver.assistant(text, usage=usage))
        return stored


@pytest.fixture
def talk(store: Store, llama_address: str) -> Talk:
    return Talk(store, llama_address)


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory, llama_address: str) -> list[tuple[Prompt, int]]:
    """The prompts of one conversation, from the second on, with the server's own counts."""
    with palaver.open_store(str(tmp_path_factory.mktemp("talk") / "palaver.db")) as store:
        talk = Talk(store, llama_address)
        return [talk.go_on() for _ in range(ENOUGH + ROUNDS)][1:]


def test_prompts_are_estimated_within_three_percent_of_the_servers_count(
    prompts: list[tuple[Prompt, int]], tried: Tried
) -> None:
    off = fmean(abs(prompt.tokens / told - 1) for prompt, told in prompts[-ROUNDS:])
    tried(f"{ROUNDS} prompts to llama.cpp were estimated within {off:.1%} on average.")
    assert off < 0.03


def test_a_prompt_that_is_full_by_the_estimate_is_no_more_than_full_but_for_one_percent(
    prompts: list[tuple[Prompt, int]],
) -> None:
    assert any(prompt.truncated for prompt, _ in prompts)
    assert [(prompt.limit, told) for prompt, told in prompts if told > prompt.limit * 1.01] == []


def exhaust(talk: Talk) -> None:
    for _ in range(ENOUGH + ROUNDS):
        talk.go_on(learning=False)


def test_counted_plainly_the_same_conversation_does_not_fit_the_window(talk: Talk) -> None:
    """Its template spells out the names of the roles, letter by letter."""
    with pytest.raises(ProviderError, match="context size"):
        exhaust(talk)
