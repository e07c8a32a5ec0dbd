"""The full-text index on PostgreSQL: rows of `tsvector`s under a GIN index, numbered by their changes.

GIN has no order. So each vector also holds marks of the blocks of changes it lies in, and a search takes one block after
the other, newest first, the more of them at once the fewer hits are to be expected.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec

from palaver.storage.postgres.deadline import Deadline
from palaver.storage.postgres.tsquery import Asked, any_mark, ask
from palaver.storage.postgres.values import Numbers, Texts
from palaver.storage.postgres.vectors import vectors
from palaver.storage.search import frequency
from palaver.storage.search.blocks import BLOCK_BITS
from palaver.storage.search.index import Document, Found, Indexing, Problem, documents_of, watermark
from palaver.storage.search.matching import Matcher
from palaver.storage.search.phrases import Need, Wanted
from palaver.storage.search.scope import Scope
from palaver.storage.search.words import Tokenizer
from palaver.storage.transaction import Row

LARGE = 64
"""Blocks of a large one."""

MOST_PROJECTS = 256
"""A search in more is not narrowed to them by the index."""

_FEW = 2_000  # hits that are taken in one step
_STEP = 1_200  # hits that a step is to find where there are more
_GROWTH = 8
_MOST_MARKS = 256
_PAGE = 1_024
_PORTION = 8 << 20  # bytes of vectors sent at once

_Chunk = tuple[int, int, int, str]
"""Change, number, size of the document and vector."""


class VectorIndex:
    """See `search.index.Index`."""

    def __init__(self, tx: Indexing) -> None:
        self._tx = tx
        self.tokenizer = Tokenizer.alone()

    def deadline(self, seconds: float) -> Deadline:
        return Deadline(self._tx, seconds)

    def matching(self, wanted: Wanted, scope: Scope, runs: Sequence[tuple[int, int]]) -> Iterator[Found]:
        narrowed = self._narrowed(scope)
        if narrowed is None or not runs:
            return
        high = runs[0][1]
        asked = ask(Wanted(self._spread(wanted.needs), self._spread(wanted.excluded)))
        weigh = _weigh_vectors if asked.exact else partial(_weigh_text, Matcher(asked.wanted, self.tokenizer))
        steps = Steps(runs, self._frequency(wanted))
        for step in steps:
            rows = self._pages(
                high,
                match=asked.match,
                blocks=step or asked.match,
                narrowed=narrowed or asked.match,
                with_text=not asked.exact,
                **scope.parameters,
            )
            for (seq, ref, created_at, size), chunks in groupby(rows, itemgetter(0, 1, 2, 3)):
                relevance = weigh(asked, chunks, size)
                if relevance is not None:
                    steps.found += 1
                    yield seq, ref, created_at, relevance

    def _pages(self, high: int, **parameters: Any) -> Iterator[Row]:
        """Not by a cursor of the server, whose statement would be planned each time."""
        chunk = 0
        while True:
            rows = self._tx.rows("search_index", high=high, after_chunk=chunk, limit=_PAGE, **parameters)
            yield from rows
            if len(rows) < _PAGE:
                return
            high, chunk = rows[-1][0], rows[-1][4]

    def lock(self) -> None:
        self._tx.run("index_lock")

    def move(self, session: int, source: int, target: int) -> None:
        """A session has gone from one project to another."""
        self.lock()
        self._tx.run("index_move", session=session, source=source, target=target)

    def add(self, documents: Sequence[Document]) -> None:
        for chunks in _portions(self._chunks(documents)):
            self._tx.run("index_add", **_columns(chunks))

    def remove(self, document: Document, words: Sequence[str]) -> None:  # noqa: ARG002  (its row holds them)
        self._tx.run("index_remove", seq=document.seq)

    def empty(self) -> None:
        self._tx.run("index_empty")

    def count_differences(self, documents: Iterable[Document], through: int) -> int:
        """How many rows through a change are missing, wrong or too many; the documents come in order."""
        found = 0
        last = 0, 0
        for chunks in _portions(self._chunks(documents)):
            found += self._differ(chunks, last, chunks[-1][:2])
            last = chunks[-1][:2]
        return found + self._differ([], last, (through + 1, 0))

    def _differ(self, chunks: list[_Chunk], after: tuple[int, int], last: tuple[int, int]) -> int:
        counted = self._tx.row(
            "index_differences",
            after=after[0],
            after_chunk=after[1],
            last=last[0],
            last_chunk=last[1],
            **_columns(chunks),
        )
        return counted[0] if counted else 0

    def _chunks(self, documents: Iterable[Document]) -> Iterator[_Chunk]:
        for document in documents:
            words = self.tokenizer.columns(document.columns)
            for number, vector in enumerate(vectors(words), 1):
                yield document.seq, number, document.size, vector

    def _spread(self, needs: list[Need]) -> list[Need]:
        return [frequency.spread(self._tx, need) for need in needs]

    def _narrowed(self, scope: Scope) -> str | None:
        """What else the index can tell of a hit; nothing where it may be in too many projects, None where in none."""
        within = {name: scope.parameters[name] for name in ("actor", "projects", "sessions")}
        projects = [key for (key,) in self._tx.rows("index_projects", limit=MOST_PROJECTS + 1, **within)]
        if not projects:
            return None
        narrowed = [any_mark("p", projects)] if len(projects) <= MOST_PROJECTS else []
        roles = scope.parameters["roles"]
        if roles is not None:
            narrowed.append(any_mark("r", msgspec.json.decode(roles)))
        narrowed += [any_mark("has", [each]) for each in ("tool", "file") if scope.parameters[f"has_{each}"]]
        return " & ".join(narrowed)

    def _frequency(self, wanted: Wanted) -> int:
        return min(sum(frequency.frequency(self._tx, phrase) for phrase in need) for need in wanted.needs)


class Steps:
    """The blocks of each step, newest first, as a query; nothing where one step takes all of them.

    A step is as wide as what was `found` before it lets expect.
    """

    def __init__(self, runs: Sequence[tuple[int, int]], likely: int) -> None:
        self.found = 0
        self._runs = runs
        self._high = runs[0][1]
        self._likely = likely

    def __iter__(self) -> Iterator[str]:
        if self._likely <= _FEW:
            yield ""
            return
        left = [
            block
            for low, high in self._runs
            for block in range(high >> BLOCK_BITS, (low >> BLOCK_BITS) - 1, -1)
        ]
        size = 1 + (_STEP * self._high // self._likely >> BLOCK_BITS)
        done = 0
        while done < len(left):
            some = _step(left[done : done + size])
            yield any_block(some)
            done += len(some)
            size = min(1 + (_STEP - self.found) * done // (self.found or 1), size * _GROWTH)


def _step(blocks: list[int]) -> list[int]:
    """As many of them as one query can name; large ones are left whole, where it goes beyond one."""
    kept: list[int] = []
    marks = 0
    for _, group in groupby(blocks, lambda block: block // LARGE):
        some = list(group)
        marks += 1 if len(some) == LARGE else len(some)
        if kept and marks > _MOST_MARKS:
            break
        kept += some
    return kept


def any_block(blocks: list[int]) -> str:
    """Any of these blocks, large ones where all of one are there."""
    small: list[int] = []
    large: list[int] = []
    for number, group in groupby(blocks, lambda block: block // LARGE):
        some = list(group)
        if len(some) == LARGE:
            large.append(number)
        else:
            small += some
    return " | ".join([any_mark("b", small)] * bool(small) + [any_mark("B", large)] * bool(large))


def check(tx: Indexing) -> list[Problem]:
    """Prove that the index holds what messages and titles say, word for word and place for place, and nothing else."""
    problems: list[Problem] = []
    words: Counter[str] = Counter()
    index = VectorIndex(tx)
    through, _ = watermark(tx)
    if index.count_differences(_expected(tx, index.tokenizer, through, words), through):
        what = "the search index does not hold what the messages say; verify with repair makes it anew"
        problems.append(("index_differs", "text_index", what))
    if words != Counter(dict(tx.iterate("word_list"))):
        what = "the counts of words do not fit the messages; verify with repair makes them anew"
        problems.append(("words_differ", "word", what))
    return problems


def _expected(tx: Indexing, tokenizer: Tokenizer, through: int, words: Counter[str]) -> Iterator[Document]:
    """What the index has to hold; `words` are counted on the way."""
    for document in documents_of(tx.iterate("index_changes", after=0, through=through, limit=through)):
        words.update(frequency.sampled_words(tokenizer, [document]))
        yield document


def _weigh_vectors(asked: Asked, chunks: Iterator[Row], size: int) -> float | None:
    return asked.relevance((vector for _, _, _, _, _, vector, _, _ in chunks), size)


def _weigh_text(matcher: Matcher, asked: Asked, chunks: Iterator[Row], size: int) -> float | None:  # noqa: ARG001
    body, title = next(chunks)[-2:]
    return matcher.score(body, title, size)


def _portions(chunks: Iterable[_Chunk]) -> Iterator[list[_Chunk]]:
    """As many at once as may be sent in one statement."""
    portion: list[_Chunk] = []
    size = 0
    for chunk in chunks:
        portion.append(chunk)
        size += len(chunk[-1])
        if size > _PORTION:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _columns(chunks: list[_Chunk]) -> dict[str, Any]:
    seqs, numbers, sizes, found = zip(*chunks, strict=True) if chunks else ((), (), (), ())
    return {
        "seqs": Numbers(seqs),
        "chunks": Numbers(numbers),
        "sizes": Numbers(sizes),
        "vectors": Texts(found),
    }
