"""Summaries without a model: what was asked and decided, which names and numbers fell. The same text gives the same
summary, and a history of any length takes bounded memory."""

import re
from collections import Counter as Tally
from collections import deque
from collections.abc import Iterable, Iterator

from palaver.context.tokens import Counter
from palaver.model import Role

MESSAGE_CHARACTERS = 4_000
"""Of one message no more is looked at: its beginning and its end."""
TOTAL_CHARACTERS = 4_000_000
"""When so much has been looked at, of older messages only the questions are."""

_CHARACTERS_PER_TOKEN = 16
"""No more of a text is counted than so many for each token it may take: counting a whole book takes seconds."""
_FEWEST = 4
_KNOWN = 2_000
_DECISIONS = 24
_QUESTIONS = 3

_SENTENCE = re.compile(r"[^\n.!?。！？]+(?:[.!?](?=\w)[^\n.!?。！？]*)*[.!?。！？]*")
_DECISION = re.compile(
    r"\b(?:decid|decision|agree|chose|chosen|settled|we will|we'll|let's|must|never|always|locked|conclu"
    r"|entschied|entscheid|beschlossen|beschluss|einig|nehmen wir|wir nehmen|muss|immer|nie)"
    r"|决定|決定|同意|必须|必須",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(
    r"`[^`\n]{1,60}`"
    r"|\b[A-Za-z]\w{0,60}(?:(?:[./:]|::|->)\w{1,60}){1,8}(?:\(\))?"
    r"|\b[A-Za-z]{1,30}_\w{1,40}|\b[a-z]{2,30}[A-Z]\w{1,40}|\b[A-Z]{2,}\d*\b"
)
_NAME = re.compile(r"(?<=[a-z,;:] )[A-ZÀ-Þ][\w'’-]{2,30}(?: [A-ZÀ-Þ][\w'’-]{2,30}){0,2}")
_NUMBER = re.compile(r"(?<![\w.])\d[\d.,:/-]{0,20}\d(?: ?(?:%|€|\$|[A-Za-z]{1,3}\b))?|(?<![\w.])\d\s?[%€$]")
_SPACE = re.compile(r"\s+")


class Extractor:
    """Takes the messages of a stretch, newest first, and tells what they were about."""

    def __init__(self) -> None:
        self.messages = 0
        self._looked_at = 0
        self.last_asked: list[str] = []
        self.first_asked: deque[str] = deque(maxlen=_QUESTIONS)
        self.decisions: list[str] = []
        self.names: Tally[str] = Tally()
        self.numbers: Tally[str] = Tally()
        self.before: list[str] = []

    def __len__(self) -> int:
        return self.messages

    def add(self, role: Role, text: str) -> None:
        """The next older message."""
        self.messages += 1
        seen = _ends(text)
        if role == "user":
            asked = _fold(seen[:400])
            self.first_asked.append(asked)
            if len(self.last_asked) < _QUESTIONS:
                self.last_asked.append(asked)
        if self._looked_at < TOTAL_CHARACTERS:
            self._looked_at += len(seen)
            self._look_at(seen)

    def add_summary(self, summary: str) -> None:
        """A summary of what is older still."""
        self.before.append(summary)

    def absorb(self, older: "Extractor") -> None:
        """What another one has taken, all of it older than what this one has."""
        self.messages += older.messages
        self.first_asked.extend(older.first_asked)
        self.last_asked += older.last_asked[: _QUESTIONS - len(self.last_asked)]
        self.decisions += older.decisions[: _DECISIONS - len(self.decisions)]
        self.names.update(older.names)
        self.numbers.update(older.numbers)
        self.before += older.before

    def summary(self, tokens: int, counter: Counter) -> str:
        """What has come together, in at most `tokens`."""
        lines = [f"Extract of {self.messages} messages, made without a model."]
        room = tokens - counter.count(lines[0]) - 1
        for title, text, share in self._sections():
            most = room * share // 100 - counter.count(f"{title}: ")
            found = condense(text, most, counter) if text and most >= _FEWEST else ""
            if found:
                lines.append(f"{title}: {found}")
        return fit("\n".join(lines), tokens, counter)

    def _look_at(self, text: str) -> None:
        for sentence in _sentences(text):
            if len(self.decisions) < _DECISIONS and len(sentence) < 300 and _DECISION.search(sentence):
                self.decisions.append(_fold(sentence))
        _tally(self.names, _IDENTIFIER.findall(text))
        _tally(self.names, _NAME.findall(text))
        _tally(self.numbers, _NUMBER.findall(text))

    def _sections(self) -> Iterator[tuple[str, str, int]]:
        """Title, text, and the percentage of the room it may take."""
        yield "Before that", "\n".join(reversed(self.before)), 30 if self.messages else 90
        first = [text for text in reversed(self.first_asked) if text not in self.last_asked]
        yield "First asked", "\n".join(first), 15
        yield "Last asked", "\n".join(reversed(self.last_asked)), 20
        yield "Decided", "\n".join(dict.fromkeys(reversed(self.decisions))), 25
        yield "Names", _most_common(self.names), 20
        yield "Numbers", _most_common(self.numbers), 10


def condense(text: str, tokens: int, counter: Counter) -> str:
    """The weightiest sentences of a text in their order, in at most `tokens`; all of it where it fits."""
    text = text.strip()
    if _fits(text, tokens, counter):
        return text
    sentences = list(dict.fromkeys(_sentences(_ends(text, 40_000))))
    ranked = sorted(range(len(sentences)), key=lambda n: (-_weight(sentences[n], n, len(sentences)), n))
    chosen: set[int] = set()
    room = tokens
    for n in ranked:
        needed = counter.count(sentences[n]) + 1
        if needed <= room:
            chosen.add(n)
            room -= needed
    kept = [sentences[n] for n in sorted(chosen)]
    return fit(" ".join(kept) if kept else text, tokens, counter)


def fit(text: str, tokens: int, counter: Counter) -> str:
    """The longest beginning of a text that takes at most `tokens`, with "…" where it was cut."""
    if _fits(text, tokens, counter):
        return text
    low, high = 0, min(len(text), tokens * _CHARACTERS_PER_TOKEN)
    while low < high:
        middle = (low + high + 1) // 2
        if counter.count(_cut(text, middle)) <= tokens:
            low = middle
        else:
            high = middle - 1
    while low and counter.count(_cut(text, low)) > tokens:
        low -= 1
    return _cut(text, low) if low else ""


def shorten(text: str, tokens: int, counter: Counter) -> str:
    """A text without its middle where it takes more than `tokens`: two thirds of them are its beginning."""
    if _fits(text, tokens, counter):
        return text
    mark = "\n[… left out …]\n"
    room = max(0, tokens - counter.count(mark) - 2)
    head = fit(text, room * 2 // 3, counter)
    tail = fit(text[: -1 - room * _CHARACTERS_PER_TOKEN : -1], room - room * 2 // 3, counter)[::-1]
    return fit(head + mark + tail, tokens, counter)


def _fits(text: str, tokens: int, counter: Counter) -> bool:
    return len(text) <= max(1, tokens) * _CHARACTERS_PER_TOKEN * 4 and counter.count(text) <= tokens


def _cut(text: str, length: int) -> str:
    """At the end of a word where one is near."""
    head = text[:length]
    space = head.rfind(" ", max(0, length - 20))
    return (head[:space] if space > 0 else head).rstrip() + "…"


def _weight(sentence: str, number: int, of: int) -> float:
    weight = 2.0 if _DECISION.search(sentence) else 0.0
    weight += min(2, len(_IDENTIFIER.findall(sentence))) + 0.5 * min(2, len(_NUMBER.findall(sentence)))
    weight += 0.8 if number == 0 or number == of - 1 else 0
    return weight - len(sentence) / 400


def _sentences(text: str) -> Iterator[str]:
    return (found for sentence in _SENTENCE.findall(text) if len(found := sentence.strip()) > 1)


def _ends(text: str, most: int = MESSAGE_CHARACTERS) -> str:
    return text if len(text) <= most else f"{text[: most // 2]}\n{text[-most // 2 :]}"


def _fold(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _tally(known: Tally[str], found: Iterable[str]) -> None:
    for name in found:
        if name in known or len(known) < _KNOWN:
            known[name] += 1


def _most_common(known: Tally[str]) -> str:
    ranked = sorted(known.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(name.strip("`") for name, _ in ranked[:40])
