"""What checkpoints stand for, how long they may be, how they age. No I/O."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from palaver.context.extract import Extractor, shorten
from palaver.context.tokens import Counter
from palaver.context.transcript import tell
from palaver.context.units import Unit
from palaver.model import Checkpoint

KEEP_PERCENT = 50
"""Of the limit: the newest messages, which are never summarised."""
MINIMUM = 500
"""Tokens: less is not summarised, nor less than an eighth of a small window's limit."""
TOTAL_PERCENT = 40
"""Of the limit: what all checkpoints together may take."""
SMALLEST = 256
"""Tokens of a limit below which a summary is not worth its place: there the oldest messages are left out."""
STAGES = 8
"""Requests to a model for one checkpoint, at most."""
ROLLOVER_TURNS = 10
ROLLOVER_TOKENS = 400

DETAILED, MODERATE, COMPACT = 3, 2, 1
"""Levels."""
_PER_MILLE = {DETAILED: 50, MODERATE: 25, COMPACT: 12.5}
_MOST = {DETAILED: 2000, MODERATE: 1000, COMPACT: 500}
_FEWEST = 16
_SOURCE_PERCENT = 60
"""Of what it replaces: more a summary may not take."""

Item = Unit | Checkpoint


def minimum(limit: int) -> int:
    """The fewest tokens that are worth a checkpoint."""
    return min(MINIMUM, limit // 8)


def target(limit: int, level: int, source: int) -> int:
    """The most tokens of a new summary of `source` tokens: a share of the limit, less than its source."""
    return min(share(limit, level), source * _SOURCE_PERCENT // 100)


def rollover_target(limit: int, source: int) -> int:
    """The same for a rollover: 400 tokens, less on a small window."""
    return min(ROLLOVER_TOKENS, limit // 4, source * _SOURCE_PERCENT // 100)


def share(limit: int, level: int) -> int:
    """What one checkpoint of this level may take. Merged ones take as much as a detailed one."""
    return max(_FEWEST, int(min(limit * _PER_MILLE[level] / 1000, _MOST[level])))


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that lie one behind the other, `from_id` to `through_id`, and are to become one checkpoint.

    `items` are the newest of them in order of time, as much as a model may be told; `older` has taken the rest.
    `replaces` names the checkpoints among them.
    """

    from_id: str
    through_id: str
    messages: int
    tokens: int
    items: tuple[Item, ...]
    older: Extractor | None = None
    replaces: tuple[str, ...] = ()


def find_stretch(items: Iterable[Item], *, keep: int, fewest: int, most: int) -> Stretch | None:
    """The largest stretch that is older than the newest `keep` tokens; None where none has `fewest`.

    `items` are the branch, newest first. The current turn is kept, and what is kept begins with a question. Of the
    stretch `most` tokens are held for a model.
    """
    branch = iter(items)
    _pass_newest(branch, keep)
    best: Stretch | None = None
    for run in _runs(branch, most):
        stretch = run.stretch()
        if stretch is not None and stretch.tokens >= max(fewest, best.tokens + 1 if best else 0):
            best = stretch
    return best


def find_rollover(items: Iterable[Item], *, room: int, most: int) -> Stretch | None:
    """All but the last 10 questions with their answers, of these as many as fit into `room`; the current one always.

    `items` are the branch, newest first. None where nothing is left to be summarised.
    """
    gathering = _Gathering(most)
    turn: list[Item] = []
    kept = turns = 0
    full = False
    for item in items:
        turn.append(item)
        if not full and isinstance(item, Unit) and item.role == "user":
            size = size_of(turn)
            full = turns > 0 and (kept + size > room or turns == ROLLOVER_TURNS)
            if not full:
                kept, turns, turn = kept + size, turns + 1, []
        elif not full and turns and isinstance(item, Unit):
            full = kept + size_of(turn) > room
        if full:
            gathering.extend(turn)
            turn = []
    if turns:
        gathering.extend(turn)
    return gathering.stretch() if _is_worth_it(gathering) else None


def chunks(stretch: Stretch, room: int, counter: Counter) -> list[str]:
    """What the model is told of a stretch, oldest first, in pieces of at most `room` tokens."""
    pieces: list[str] = []
    lines: list[str] = []
    left = room
    for item in stretch.items:
        line = shorten(_tell(item), max(8, room // 2), counter)
        needed = counter.count(line) + 2
        if lines and needed > left:
            pieces.append("\n\n".join(lines))
            lines, left = [], room
        lines.append(line)
        left -= needed
    return [*pieces, "\n\n".join(lines)] if lines else pieces


def introduce(stretch: Stretch, untold: Sequence[str], tokens: int, counter: Counter) -> str:
    """An extract, in at most `tokens`, of what the model is not told: of these pieces and of what is older still.

    Empty where it is told all.
    """
    if not untold and stretch.older is None:
        return ""
    extractor = Extractor()
    for piece in reversed(untold):
        extractor.add("assistant", piece)
    if stretch.older is not None:
        extractor.absorb(stretch.older)
    return extractor.summary(tokens, counter)


def extract(stretch: Stretch, tokens: int, counter: Counter) -> str:
    """A summary of the stretch without a model, in at most `tokens`."""
    extractor = Extractor()
    for item in reversed(stretch.items):
        _look_at(extractor, item)
    if stretch.older:
        extractor.absorb(stretch.older)
    return extractor.summary(tokens, counter)


def _pass_newest(branch: Iterator[Item], keep: int) -> None:
    """Read over what is kept: at least the current turn, `keep` tokens, and on to the question that begins it."""
    kept = 0
    asked = False
    for item in branch:
        if isinstance(item, Checkpoint):
            continue
        kept += item.tokens
        begins = item.role == "user"
        asked = asked or begins
        enough = begins or kept >= keep + keep // 2
        if asked and kept >= keep and enough and item.apart:
            return


def _runs(branch: Iterator[Item], most: int) -> Iterator["_Gathering"]:
    """What lies between checkpoints."""
    run = _Gathering(most)
    for item in branch:
        if isinstance(item, Checkpoint):
            yield run
            run = _Gathering(most)
        else:
            run.extend([item])
    yield run


class _Gathering:
    """Takes items, newest first: the newest are held, of older ones only an extract is."""

    def __init__(self, most: int) -> None:
        self._held: list[Item] = []
        self._room = most
        self._extractor: Extractor | None = None
        self._oldest: Item | None = None
        self.messages = self.tokens = 0
        self.checkpoints: list[Checkpoint] = []

    def extend(self, items: Sequence[Item]) -> None:
        for item in items:
            self._add(item)

    def stretch(self) -> Stretch | None:
        if self._oldest is None or not self._held:
            return None
        newest, oldest = self._held[0], self._oldest
        return Stretch(
            from_id=oldest.from_id if isinstance(oldest, Checkpoint) else oldest.oldest_id,
            through_id=newest.through_id if isinstance(newest, Checkpoint) else newest.newest_id,
            messages=self.messages,
            tokens=self.tokens,
            items=tuple(reversed(self._held)),
            older=self._extractor,
            replaces=tuple(c.id for c in reversed(self.checkpoints)),
        )

    def _add(self, item: Item) -> None:
        size = size_of([item])
        self._oldest = item
        self.tokens += size
        if isinstance(item, Checkpoint):
            self.checkpoints.append(item)
        else:
            self.messages += len(item.messages)
        if self._extractor is None and (size <= self._room or not self._held):
            self._held.append(item)
            self._room -= size
            return
        self._extractor = self._extractor or Extractor()
        _look_at(self._extractor, item)


def _is_worth_it(gathering: _Gathering) -> bool:
    """One rollover alone is as short as it can be, and a few words are."""
    alone = not gathering.messages and [c.kind for c in gathering.checkpoints] == ["rollover"]
    return not alone and gathering.tokens >= 2 * _FEWEST


def size_of(items: Iterable[Item]) -> int:
    """Tokens of these together."""
    return sum(item.token_count if isinstance(item, Checkpoint) else item.tokens for item in items)


def _look_at(extractor: Extractor, item: Item) -> None:
    if isinstance(item, Checkpoint):
        extractor.add_summary(item.summary)
    else:
        for sent in reversed(item.messages):
            extractor.add(sent.role, tell(sent, named=False))


def _tell(item: Item) -> str:
    if isinstance(item, Checkpoint):
        return f"Summary of what was before: {item.summary}"
    return "\n".join(map(tell, item.messages))
