"""What a person types into a search box: words, "phrases", prefixes, and filters such as `role:user`.

Nothing is an error: what does not read as a filter or a phrase is searched as plain words.
"""

import re
from collections.abc import Callable
from typing import Literal, cast

import msgspec

from palaver.errors import Invalid
from palaver.model import ROLES, Role, Time
from palaver.store import State
from palaver.wire import parse_time

MAX_LENGTH = 4_000
MAX_TERMS = 32


class Term(msgspec.Struct, frozen=True):
    """A word, or a phrase, as it was typed. A prefix also stands for whatever begins like it."""

    text: str
    prefix: bool = False


class Query(msgspec.Struct, kw_only=True):
    """Terms are joined by "and". Of `projects` and `sessions` each is an id, the beginning or ending of one, or a name."""

    terms: list[Term] = []
    excluded: list[Term] = []
    projects: list[str] = []
    sessions: list[str] = []
    roles: list[Role] = []
    models: list[str] = []
    tags: list[str] = []
    before: Time | None = None
    after: Time | None = None
    has: list[Literal["tool", "file"]] = []
    state: State | None = None
    branch: Literal["all", "shown"] | None = None

    def narrows(self) -> bool:
        """Whether it filters anything."""
        return any(
            (
                self.projects,
                self.sessions,
                self.roles,
                self.models,
                self.tags,
                self.before,
                self.after,
                self.has,
            )
        ) or not (self.state is None and self.branch is None)


_PIECE = re.compile(
    r"""(?P<minus>-(?!-))? (?:(?P<name>[A-Za-z]+):)? (?: "(?P<quoted>[^"]*)" (?P<star>\*)? | (?P<word>[^\s"]+) )""",
    re.VERBOSE,
)
_PLAIN = str.maketrans({"\0": " ", "“": '"', "”": '"', "„": '"', "‟": '"'})
_DATE = re.compile(r"\d{4}(-\d\d){0,2}")
_STATES: dict[str, State] = {
    "open": "open",
    "archived": "archived",
    "trash": "trash",
    "any": "any",
    "all": "any",
}


def parse(text: str) -> Query:
    """The query in a text; never raises."""
    plain = text[:MAX_LENGTH].encode("utf-8", "ignore").decode().translate(_PLAIN)
    query = Query()
    last: Term | None = None
    for piece in _PIECE.finditer(plain):
        last = _take(query, piece)
    if last is not None and plain[-1:].isalnum() and len(plain) < MAX_LENGTH:
        query.terms[-1] = Term(last.text, prefix=True)
    if not query.terms:
        query.terms, query.excluded = query.excluded, []
    query.terms = list(dict.fromkeys(query.terms))[:MAX_TERMS]
    query.excluded = list(dict.fromkeys(query.excluded))[:MAX_TERMS]
    return query


def _take(query: Query, piece: re.Match[str]) -> Term | None:
    """Add what the piece says to the query; returns the word if it is one that may still be being typed."""
    minus, name, quoted, star, word = piece.group("minus", "name", "quoted", "star", "word")
    if name is not None:
        read = _FILTERS.get(name.lower())
        if not minus and read is not None and read(query, (quoted or word or "").strip()):
            return None
        # Not a filter: the words on both sides of the colon, of which the index makes a phrase.
        word, quoted = (f"{name}:{word}", None) if word is not None else (name, quoted)
    if quoted is not None and quoted.strip():
        _add(query, Term(quoted.strip(), prefix=star is not None), minus)
    return _add_word(query, word, minus) if word is not None else None


def _add_word(query: Query, word: str, minus: str | None) -> Term | None:
    text = word.rstrip("*")
    if not text:
        return None
    term = Term(text, prefix=text != word)
    _add(query, term, minus)
    return None if minus else term


def _add(query: Query, term: Term, minus: str | None) -> None:
    (query.excluded if minus else query.terms).append(term)


def _project(query: Query, value: str) -> bool:
    query.projects.append(value)
    return bool(value)


def _session(query: Query, value: str) -> bool:
    if not is_id(value):
        return False
    query.sessions.append(value)
    return True


def _role(query: Query, value: str) -> bool:
    if value.lower() not in ROLES:
        return False
    query.roles.append(cast(Role, value.lower()))
    return True


def _model(query: Query, value: str) -> bool:
    query.models.append(value)
    return bool(value)


def _tag(query: Query, value: str) -> bool:
    query.tags.append(value)
    return bool(value)


def _before(query: Query, value: str) -> bool:
    moment = find_time(value)
    if moment is not None:
        query.before = min(query.before or moment, moment)
    return moment is not None


def _after(query: Query, value: str) -> bool:
    moment = find_time(value)
    if moment is not None:
        query.after = max(query.after or moment, moment)
    return moment is not None


def _has(query: Query, value: str) -> bool:
    kind = value.lower().removesuffix("s")
    if kind not in ("tool", "file"):
        return False
    query.has.append(cast(Literal["tool", "file"], kind))
    return True


def _in(query: Query, value: str) -> bool:
    state = _STATES.get(value.lower())
    query.state = state or query.state
    return state is not None


def _branch(query: Query, value: str) -> bool:
    if value.lower() not in ("all", "shown"):
        return False
    query.branch = cast(Literal["all", "shown"], value.lower())
    return True


_FILTERS: dict[str, Callable[[Query, str], bool]] = {
    "project": _project,
    "session": _session,
    "role": _role,
    "model": _model,
    "tag": _tag,
    "before": _before,
    "after": _after,
    "has": _has,
    "in": _in,
    "branch": _branch,
}


def is_id(value: str) -> bool:
    """Whether the text can be an id, or the beginning or ending of one."""
    digits = value.replace("-", "")
    return 6 <= len(digits) <= 32 and all(digit in "0123456789abcdefABCDEF" for digit in digits)


def find_time(value: str) -> Time | None:
    """A date such as 2026-01-31, or a month, a year or an instant; its beginning in UTC."""
    if _DATE.fullmatch(value):
        value = (value + "-01-01")[:10]
    try:
        return parse_time(value)
    except Invalid:
        return None
