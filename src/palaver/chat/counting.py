"""One counter for each model, learnt from what its provider reports and kept in the store."""

import logging
import threading
from collections.abc import Iterator

from palaver.chat.vocabularies import Exact, Vocabularies
from palaver.context.attachments import Image
from palaver.context.calibration import (
    Calibration,
    Sample,
    counter_of,
    learn,
    read,
    take_sample,
    template_of,
    write,
)
from palaver.context.prompt import Prompt, Sent
from palaver.context.tokens import Counter, count_parts, list_texts
from palaver.errors import PalaverError
from palaver.model import Message, Reasoning, ToolCall, Usage
from palaver.store import Store

_log = logging.getLogger(__name__)
_NOTHING = Usage()
_TOOLS_DISTURB = 4  # a prompt of which tools may be more than this part tells little of its texts


class Counters:
    """The counters of a store's actor. Safe from any thread; a counter stays as it is, `of` gives a newer one."""

    def __init__(self, store: Store, vocabularies: Vocabularies | None = None) -> None:
        self._store = store
        self._vocabularies = vocabularies or Vocabularies()
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Calibration] = {}
        self._counters: dict[tuple[str, str], Counter] = {}

    def of(self, provider: str, model: str) -> Counter:
        """The counter of a model, as it was before a restart. Never raises: what cannot be read is not known."""
        key = (provider, model)
        with self._lock:
            if key not in self._counters:
                self._keep(key, self._load(key)[0])
            return self._counters[key]

    def learn(self, provider: str, model: str, prompt: Prompt, answer: Message) -> None:
        """Learn from the usage of a closed answer to this prompt; without usage, nothing. Never raises."""
        counter = self.of(provider, model)
        usage = answer.usage or _NOTHING
        samples = [
            _prompt_sample(prompt, usage.input_tokens, counter),
            None if isinstance(counter, Exact) else _answer_sample(answer, usage),
        ]
        if any(samples):
            with self._lock:
                self._learn((provider, model), samples)

    def _learn(self, key: tuple[str, str], samples: list[Sample | None]) -> None:
        # Another process may have learnt meanwhile, or what was learnt here could not be written.
        stored, readable = self._load(key)
        known = learn(max(stored, self._known.get(key, stored), key=_answers), samples)
        self._keep(key, known)
        if readable:
            try:
                self._store.put_preference(_name(key), write(known))
            except PalaverError as exc:
                _log.info("What was learnt of the tokens of %s is not kept: %s", key[1], exc.message)

    def _keep(self, key: tuple[str, str], known: Calibration) -> None:
        self._known[key] = known
        tokens = self._vocabularies.find(key[1])
        counter = counter_of(known) if tokens is None else Exact(tokens, *template_of(known))
        if counter != self._counters.get(key):
            self._counters[key] = counter

    def _load(self, key: tuple[str, str]) -> tuple[Calibration, bool]:
        """What is stored of a model, and whether it may be replaced: what cannot be read, a newer version's, may not."""
        try:
            value = self._store.get_preference(_name(key))
        except PalaverError as exc:
            _log.info("What is known of the tokens of %s cannot be read: %s", key[1], exc.message)
            return Calibration(), False
        if value is None:
            return Calibration(), True
        known = read(value)
        return known or Calibration(), known is not None


def _name(key: tuple[str, str]) -> str:
    return "calibration/" + "/".join(key)


def _answers(known: Calibration) -> int:
    return known.answers


def _prompt_sample(prompt: Prompt, tokens: int | None, counter: Counter) -> Sample | None:
    if tokens is None or _has_images(prompt) or prompt.tools * _TOOLS_DISTURB > tokens:
        return None
    told = [_told(sent, counter) for sent in prompt.messages]
    unknown = [sent for sent, count in zip(prompt.messages, told, strict=True) if count is None]
    texts = (text for sent in unknown for text in list_texts(sent.parts))
    rest = tokens - prompt.tools - sum(count or 0 for count in told)
    return take_sample(texts, rest, messages=len(told), prompt=True)


def _told(sent: Sent, counter: Counter) -> int | None:
    """What the message takes beside the template, where a provider has told it or a tokenizer; None for an estimate."""
    count = sent.tokens - counter.per_message
    if isinstance(counter, Exact):
        return count
    estimated = sent.role != "assistant" or count == count_parts(sent.parts, counter)
    return None if estimated else max(count, 0)


def _has_images(prompt: Prompt) -> bool:
    return any(isinstance(part, Image) for sent in prompt.messages for part in sent.parts)


def _answer_sample(answer: Message, usage: Usage) -> Sample | None:
    if usage.output_tokens is None or answer.status != "complete":
        return None
    calls = sum(isinstance(part, ToolCall) for part in answer.parts)
    tokens = usage.output_tokens - (usage.reasoning_tokens or 0)
    return take_sample(_written(answer, usage), tokens, messages=calls, prompt=False)


def _written(answer: Message, usage: Usage) -> Iterator[str]:
    """What the provider has counted as the answer: reasoning too, where it did not tell it apart."""
    yield from list_texts(answer.parts)
    if usage.reasoning_tokens is None:
        yield from (part.text for part in answer.parts if isinstance(part, Reasoning))
