"""Full-text search: the tail that the index does not hold yet as stored, the rest from the index, newest first.

The newest 1,000 that fit make a window. It is ranked as a whole, pages are cut from it, and the next window goes on below
it, so that pages neither repeat nor lose a hit.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any, NamedTuple

import msgspec

from palaver.errors import Invalid
from palaver.ids import from_bytes
from palaver.model import ROLES, Hit, Page, Time
from palaver.storage.search import blocks, phrases, scope, text
from palaver.storage.search.frequency import frequency
from palaver.storage.search.index import Found, Indexed, readable_parts, watermark
from palaver.storage.search.marking import Marker, SubstringMarker, WordMarker, snippet
from palaver.storage.search.matching import Matcher
from palaver.storage.search.query import Query, parse
from palaver.storage.search.scope import Scope
from palaver.storage.transaction import POSITION_BITS, POSITION_MASK, Row
from palaver.storage.verbs import branch, cursors, lookup
from palaver.store import Filter

WINDOW = 1_000
SMALL = 20_000
"""Messages of a few sessions that may be read whole."""
SUBSTRING_CHANGES = 20_000
"""How many of the newest changes are looked through where words find nothing."""

_MONTH = 30 * 86_400_000  # the age in ms at which half of what being recent adds is gone
_MICROSECONDS_READ = 2.0  # to look at a stored text
_MICROSECONDS_SKIP = 0.6  # to pass over a hit of another session

LIST, WORDS, SUBSTRING = "l", "w", "s"

Score = Callable[[str | bytes | None, str | None, int], float | None]
"""Body or title and size in bytes to relevance; None where it does not match."""


class Cursor(NamedTuple):
    """A page begins at `offset` of the window of what is not newer than the change `top`."""

    mode: str
    top: int
    offset: int

    def encode(self) -> str:
        return cursors.encode_cursor("search", *self)


def search(  # noqa: PLR0917  (the contract's verb, in its order)
    tx: Indexed, query: str, filter: Filter | None, after: str | None, limit: int, deadline: float
) -> Page[Hit]:
    """A page of what the actor finds, within `deadline` seconds. Raises `Invalid` for a cursor of another list."""
    asked = parse(query)
    given = filter or Filter()
    listing = not asked.terms
    through, last = watermark(tx)
    cursor = _decode(after, last) if after is not None else Cursor(LIST if listing else WORDS, last, 0)
    if listing and not asked.narrows() and not scope.narrows(given):
        return Page([])
    found = scope.resolve(tx, asked, given)
    if found is None:
        return Page([])
    return _Search(tx, asked, found, limit=limit, seconds=deadline, through=through).page(cursor)


def _decode(text: str, last: int) -> Cursor:
    cursor = Cursor(*cursors.decode_cursor(text, "search", str, int, int))
    if cursor.mode not in (LIST, WORDS, SUBSTRING) or not 0 <= cursor.offset <= WINDOW or cursor.top < 0:
        raise Invalid("this cursor does not belong to a search: start again without one", field="cursor")
    return cursor._replace(top=min(cursor.top, last))


class _Search:
    """One query on its way to one page."""

    def __init__(
        self, tx: Indexed, asked: Query, scope: Scope, *, limit: int, seconds: float, through: int
    ) -> None:
        self._tx = tx
        self._asked = asked
        self._scope = scope
        self._limit = limit
        self._through = through
        self._index = tx.index()
        self._deadline = self._index.deadline(seconds)
        self._tokenizer = self._index.tokenizer
        self._wanted = phrases.understand(asked, self._tokenizer)
        self._branches: dict[int, list[tuple[int, int]]] = {}
        # Where all that may fit is in a few sessions, they can be read from one end to the other.
        self._reads_sessions = False

    def page(self, cursor: Cursor) -> Page[Hit]:
        if not self._asked.terms:
            return self._listed(cursor)
        if not self._wanted.needs:
            cursor = cursor._replace(mode=SUBSTRING)
        window = self._window(cursor)
        if not window and cursor.mode == WORDS and cursor.offset == 0 and not self._deadline.cut:
            cursor = cursor._replace(mode=SUBSTRING)
            window = self._window(cursor)
        return self._page(cursor, window)

    def _page(self, cursor: Cursor, window: list[Found]) -> Page[Hit]:
        ranked = _rank(window, cursor.offset, self._limit)
        end = cursor.offset + len(ranked)
        following = None
        if ranked and end < len(window):
            following = cursor._replace(offset=end)
        elif len(window) == WINDOW or self._has_more(window):
            following = cursor._replace(top=window[-1][0] - 1, offset=0)
        next_cursor = following.encode() if following else None
        return Page(self._hits(ranked, cursor.mode), next_cursor, self._deadline.cut)

    def _listed(self, cursor: Cursor) -> Page[Hit]:
        """The newest messages that fit, in their order."""
        self._reads_sessions = self._is_small()
        found = self._newest(self._stored(cursor, _any_message), most=self._limit + 1)
        shown = found[: self._limit]
        following = None
        if len(found) > self._limit or self._has_more(shown):
            following = Cursor(LIST, shown[-1][0] - 1, 0).encode()
        return Page(self._hits(shown, LIST), following, self._deadline.cut)

    def _has_more(self, found: list[Found]) -> bool:
        """Whether time was over while going back, so that the next page can go on from there."""
        return bool(found) and self._deadline.cut and not self._reads_sessions

    def _window(self, cursor: Cursor) -> list[Found]:
        """The newest that match and fit, newest first."""
        self._reads_sessions = self._is_small() and (
            cursor.mode == SUBSTRING or not self._is_quicker_indexed()
        )
        if cursor.mode == SUBSTRING:
            score, needle = self._substring_score()
            low = 1 if self._reads_sessions else max(cursor.top - SUBSTRING_CHANGES, 0) + 1
            return self._newest(self._stored(cursor, score, low=low, needle=needle), most=WINDOW)
        matcher = Matcher(self._wanted, self._tokenizer)
        if self._reads_sessions:
            return self._newest(self._stored(cursor, matcher.score), most=WINDOW)
        return self._newest(self._matching(cursor, matcher), most=WINDOW)

    def _newest(self, found: Generator[Found, None, None], *, most: int) -> list[Found]:
        """As many as are wanted, newest first, or what there was time for."""
        newest: list[Found] = []
        with self._deadline, closing(found):
            for each in self._deadline.bounded(found):
                newest.append(each)
                if len(newest) == most and not self._reads_sessions:
                    break
        return sorted(newest, reverse=True)[:most] if self._reads_sessions else newest

    def _is_small(self) -> bool:
        return self._scope.sessions and self._scope.size <= SMALL

    def _is_quicker_indexed(self) -> bool:
        likely = min(sum(frequency(self._tx, phrase) for phrase in need) for need in self._wanted.needs)
        return likely * _MICROSECONDS_SKIP < self._scope.size * _MICROSECONDS_READ

    def _matching(self, cursor: Cursor, matcher: Matcher) -> Generator[Found, None, None]:
        through = self._through
        if cursor.top > through:
            yield from self._stored(cursor, matcher.score, low=through + 1, needle=matcher.needle)
        yield from self._indexed(min(cursor.top, through))

    def _indexed(self, high: int) -> Iterator[Found]:
        rows = self._index.matching(self._wanted, self._scope, blocks.runs(self._tx, self._scope, high))
        return (row for row in rows if self._is_shown(row[1])) if self._scope.shown_branch else rows

    def _stored(
        self, cursor: Cursor, score: Score, *, low: int = 1, needle: str | None = None
    ) -> Generator[Found, None, None]:
        """From the stored texts: newest first, or all of a small scope in no order."""
        bounds: dict[str, Any] = {"low": low, "high": cursor.top}
        if not self._reads_sessions:
            bounds["needle"] = needle
        name = "search_sessions" if self._reads_sessions else "search_changes"
        rows = self._tx.iterate(name, **bounds, **self._scope.parameters)
        for seq, ref, created_at, length, body, title in self._deadline.bounded(rows):
            relevance = score(body, title, length)
            if relevance is not None and self._is_shown(ref):
                yield seq, ref, created_at, relevance

    def _substring_score(self) -> tuple[Score, str]:
        needles = [term.text.casefold() for term in self._asked.terms]
        excluded = [term.text.casefold() for term in self._asked.excluded]

        def score(body: str | bytes | None, title: str | None, length: int) -> float | None:
            raw = "\n".join(_readable(body, title)).casefold()
            fits = all(needle in raw for needle in needles) and not any(word in raw for word in excluded)
            return phrases.relevance([1.0], length) if fits else None

        return score, max(needles, key=len)

    def _is_shown(self, ref: int) -> bool:
        return not self._scope.shown_branch or not ref & POSITION_MASK or self._is_on_branch(ref)

    def _is_on_branch(self, ref: int) -> bool:
        key = ref >> POSITION_BITS
        if key not in self._branches:
            found = self._tx.row("find_session_by_key", key=key, actor=self._tx.actor)
            row = lookup.admitted_session(self._tx, found)[0] if found else None
            self._branches[key] = branch.ranges(self._tx, row, row.head) if row else []
        return branch.holds(self._branches[key], ref)

    def _hits(self, ranked: list[Found], mode: str) -> list[Hit]:
        if not ranked:
            return []
        marker: Marker = WordMarker(self._wanted, self._tokenizer)
        if mode == SUBSTRING:
            marker = SubstringMarker(term.text for term in self._asked.terms)
        scores = {ref: relevance for _, ref, _, relevance in ranked}
        refs = msgspec.json.encode([*scores]).decode()
        return [
            _hit(row, marker, scores[row[0]])
            for row in self._tx.rows("search_hits", refs=refs, actor=self._tx.actor)
        ]


def _any_message(body: str | bytes | None, title: str | None, length: int) -> float | None:  # noqa: ARG001  (a `Score`)
    return 0.0 if title is None else None


def _readable(body: str | bytes | None, title: str | None) -> tuple[str, ...]:
    return (title or "",) if body is None else text.readable(readable_parts(body))


def _hit(row: Row, marker: Marker, score: float) -> Hit:
    _, session_id, project_id, title, message_id, role, created_at, body = row
    shown, ranges = snippet(_readable(body, title), marker)
    return Hit(
        session_id=from_bytes(session_id),
        message_id=from_bytes(message_id) if message_id else None,
        project_id=from_bytes(project_id),
        title=title,
        role=ROLES[role] if role is not None else None,
        snippet=shown,
        ranges=ranges,
        score=score,
        created_at=Time.from_ms(created_at),
    )


def _rank(window: list[Found], offset: int, limit: int) -> list[Found]:
    """By relevance, the recent preferred; age counts from the newest of the window, so that every page ranks alike."""
    newest = max((created_at for _, _, created_at, _ in window), default=0)
    weighed = [
        (round(relevance * (1 + 1 / (1 + (newest - created_at) / _MONTH)), 6), seq, ref, created_at)
        for seq, ref, created_at, relevance in window
    ]
    weighed.sort(reverse=True)
    return [
        (seq, ref, created_at, relevance)
        for relevance, seq, ref, created_at in weighed[offset : offset + limit]
    ]
