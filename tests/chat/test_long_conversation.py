"""A conversation that goes on for ever: a real model server with a window of 2,048 tokens."""

import random
import statistics
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest

from palaver import Store
from palaver.chat.engine import Engine
from palaver.chat.events import Rollover, TurnFailed
from palaver.context.summaries import TEMPERATURE
from palaver.model import Usage
from palaver.providers.base import Answer, Delta, Request
from palaver.providers.openai import OpenAIProvider
from palaver.store import HEAD
from tests.chat.compressing import notes
from tests.chat.conftest import MakeEngine
from tests.conftest import Tried
from tests.support.llama import MODEL, WINDOW
from tests.support.tiny_model import END, WORDS

LIMIT = WINDOW * 85 // 100
SYSTEM_PROMPT = "you have one story of the river"


class Watched:
    """The server's provider, with what the server counted."""

    def __init__(self, address: str) -> None:
        self._provider = OpenAIProvider("llama", address)
        self.name = self._provider.name
        self.default_model = self._provider.default_model
        self.list_models = self._provider.list_models
        self.describe = self._provider.describe
        self.counted: list[int] = []
        self.summaries = 0

    def stream(self, request: Request) -> Answer:
        if request.settings.get("temperature") == TEMPERATURE:
            # Left alone, the random model ends after a word or two: no summary.
            request = msgspec.structs.replace(request, extra={"logit_bias": {str(END): -1.5}})
            self.summaries += 1
        return _Watching(self, self._provider.stream(request))


class _Watching:
    def __init__(self, watched: Watched, answer: Answer) -> None:
        self._watched = watched
        self._answer = answer
        self.close = answer.close

    def __iter__(self) -> Iterator[Delta]:
        for piece in self._answer:
            if isinstance(piece, Usage) and piece.input_tokens is not None:
                self._watched.counted.append(piece.input_tokens)
            yield piece


@pytest.fixture
def watched(llama_address: str) -> Watched:
    return Watched(llama_address)


def question(number: int) -> str:
    """Words the model knows; each question is another one."""
    chosen = random.Random(number)
    return " ".join(chosen.choices(WORDS, k=chosen.randint(20, 100)))


def converse(engine: Engine, session_id: str, count: int) -> list[float]:
    """So many turns; the seconds that this process worked on each."""
    own: list[float] = []
    for number in range(count):
        begun = time.process_time()
        events = list(engine.start_turn(session_id, question(number)).events())
        own.append(time.process_time() - begun)
        assert not any(isinstance(event, TurnFailed | Rollover) for event in events)
    return own


def by_the_table(made: int) -> list[tuple[str, int]]:
    """Newest first: three detailed, three moderate, four compact, and one in which all older ones are merged."""
    table = [("summary", 3)] * 3 + [("summary", 2)] * 3 + [("summary", 1)] * 4 + [("merged", 1)]
    return table[:made]


def count_on_the_server(address: str, sent: list[dict[str, Any]]) -> int:
    """Tokens of a prompt: the server's template, then its tokenizer."""
    with httpx2.Client(base_url=address, trust_env=False, timeout=10) as client:
        text = client.post("/apply-template", json={"messages": sent}).json()["prompt"]
        tokens = client.post(
            "/tokenize", json={"content": text, "add_special": True, "parse_special": True}
        ).json()
    return len(tokens["tokens"])


@pytest.mark.parametrize("turns", [pytest.param(120), pytest.param(2000, marks=pytest.mark.long)])
@pytest.mark.timeout(3600)
def test_a_conversation_goes_on_for_ever_on_a_small_window(
    *, store: Store, make_engine: MakeEngine, watched: Watched, llama_address: str, tried: Tried, turns: int
) -> None:
    session = store.create_session(
        model=MODEL,
        provider="llama",
        system_prompt=SYSTEM_PROMPT,
        settings={"max_tokens": 60, "seed": 7},
    )
    engine = make_engine(store, watched)
    own = converse(engine, session.id, turns)

    assert max(watched.counted) <= LIMIT
    assert [m.text for m in store.messages(session.id) if m.role == "user"] == [
        question(n) for n in range(turns)
    ]
    answers = [m for m in store.messages(session.id) if m.role == "assistant"]
    assert [m.status for m in answers] == ["complete"] * turns

    made = len(notes(store, session.id, "compressed"))
    assert store.get_session(session.id).compression_count == made >= 12
    view = engine._prompter.look(store.get_session(session.id), HEAD, watched, MODEL)
    assert [(c.kind, c.level) for c in reversed(view.checkpoints)] == by_the_table(made)
    assert notes(store, session.id, "emergency") == []
    prompt = view.prompt()
    wire = [
        {"role": sent.role, "content": "".join(getattr(part, "text", "") for part in sent.parts)}
        for sent in prompt.messages
    ]
    assert count_on_the_server(llama_address, wire) <= LIMIT
    assert store.verify().problems == []

    part = turns // 4
    early, late = (statistics.mean(own[at : at + part]) for at in (part // 2, turns - part))
    assert late < 2 * early
    tried(
        f"{turns} turns on {WINDOW} tokens: {len(watched.counted)} requests ({watched.summaries} for summaries) of at most "
        f"{max(watched.counted)} tokens, "
        f"limit {LIMIT}; {made} checkpoints; own time per turn {early * 1000:.1f} ms, at the end {late * 1000:.1f} ms"
    )
