"""The second wall: what a transaction lets its actor do is looked at once more before each named query runs.

A verb finds what it works on by a query that takes `:actor` and joins the project with the fragment `visible`. What was
found so is noted with the actor's role (`admit`). Every other query says by its parameters whose rows it is about; it does
not run for a session or a project that was not admitted, nor for a lesser role than it takes: reading takes a viewer,
changing an editor, unless the SQL names another role, as `(owner)`. What names neither actor, session nor project stands
there as `(system)`, for nobody else, or as `(everybody)`: it tells nothing of anybody. A query of which none of this can be
said is none: `queries.rules` raises. docs/decisions/0011 tells why.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from palaver.errors import Forbidden
from palaver.model import MEMBER_ROLES
from palaver.storage.rows import EDITOR, OWNER, VIEWER
from palaver.storage.transaction import POSITION_BITS
from palaver.store import SYSTEM_ACTOR

_STATEMENT = re.compile(
    r"\s*(WITH|SELECT|INSERT|UPDATE|DELETE|PRAGMA|REINDEX|VACUUM|ANALYZE|CREATE|ALTER|DROP|SET|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|LISTEN)\b"
)
_CHANGES = re.compile(r"\b(?:INSERT|UPDATE|DELETE)\b")
_NOBODY = -1
_SYSTEM_ALONE = OWNER + 1


class Trespass(Exception):
    """A verb reached for what its actor has not been let to: a mistake in Palaver, stopped here."""


class _Everything(dict[int, int]):
    """What `system` is let to."""

    def get(self, key: int, default: Any = None) -> int:  # noqa: ARG002
        return _SYSTEM_ALONE


_EVERYTHING = _Everything()


Check = Callable[["Walled", Mapping[str, Any]], None]
"""Raises `Forbidden` for a lesser role than is needed, `Trespass` for what no verb should have come to."""


class Key(NamedTuple):
    """A parameter that says whose rows a query is about, and how a place is made of it."""

    name: str
    at: int
    shift: int
    sign: int

    def place(self, value: int) -> int:
        return (value >> self.shift) * self.sign


class Rule(NamedTuple):
    """What is looked at before a query runs: its keys against the role they take, and that it runs for its own actor.

    `check` does it, and is None where there is nothing to look at.
    """

    keys: tuple[Key, ...]
    least: int
    actor: bool
    check: Check | None


_SHIFTS = {"session": (0, 1), "ref": (POSITION_BITS, 1), "project": (0, -1), "project_key": (0, -1)}
_RANGE = {"low": (POSITION_BITS, 1), "high": (POSITION_BITS, 1)}


def rule_of(name: str, text: str, parameters: list[str], mark: str) -> Rule:
    """The rule of one statement; `mark` is what stands behind its name. Raises `LookupError` where it has none."""
    if mark == "system":
        return Rule((), _SYSTEM_ALONE, False, _for_system(name))
    mark = mark.removesuffix("actor")
    actor, changes = "actor" in parameters, _CHANGES.search(text) is not None
    keys = _keys(parameters, _SHIFTS) or (() if actor else _keys(parameters, _RANGE))
    if mark == "everybody" or (actor and not (changes and keys)):
        return Rule((), _NOBODY, actor, _for_actor(name) if actor else None)
    if not keys:
        raise LookupError(
            f"query {name} names no actor, session or project: it would show anybody's rows to everybody. Add one of "
            "these parameters, or say (system) or (everybody) behind its name"
        )
    least = MEMBER_ROLES.index(mark) if mark else EDITOR if changes else VIEWER
    if len(keys) == 1 and keys[0].sign == 1 and not actor:
        return Rule(keys, least, actor, _for_session(name, keys[0], least))
    return Rule(keys, least, actor, _for_all(name, keys, least, actor))


def _for_system(name: str) -> Check:
    def check(walled: "Walled", parameters: Mapping[str, Any]) -> None:  # noqa: ARG001
        if walled.let is not _EVERYTHING:
            raise Trespass(f"query {name} is for system alone")

    return check


def _for_actor(name: str) -> Check:
    def check(walled: "Walled", parameters: Mapping[str, Any]) -> None:
        if parameters["actor"] != walled.actor:
            raise Trespass(f"query {name} was asked for another actor than the transaction's")

    return check


def _for_session(name: str, key: Key, least: int) -> Check:
    """What nearly every query is looked at by, so it is as short as can be."""
    parameter, _, shift, _ = key

    def check(walled: "Walled", parameters: Mapping[str, Any]) -> None:
        if walled.let.get(parameters[parameter] >> shift, _NOBODY) < least:
            walled.refuse(name, parameters[parameter] >> shift)

    return check


def _for_all(name: str, keys: tuple[Key, ...], least: int, actor: bool) -> Check:
    check_actor = _for_actor(name)

    def check(walled: "Walled", parameters: Mapping[str, Any]) -> None:
        if actor:
            check_actor(walled, parameters)
        for key in keys:
            value = parameters[key.name]
            if value is not None and walled.let.get(key.place(value), _NOBODY) < least:
                walled.refuse(name, key.place(value))

    return check


def is_statement(text: str) -> bool:
    """Whether this is SQL that can be run, and not a piece of it."""
    return _STATEMENT.match(text) is not None


def _keys(parameters: list[str], shifts: Mapping[str, tuple[int, int]]) -> tuple[Key, ...]:
    return tuple(Key(name, at, *shifts[name]) for at, name in enumerate(parameters) if name in shifts)


class Walled:
    """A transaction's side of the wall. Another actor begins with nothing."""

    __slots__ = ("_actor", "let")

    _actor: str
    let: dict[int, int]

    @property
    def actor(self) -> str:
        """Whom the transaction runs for."""
        return self._actor

    @actor.setter
    def actor(self, actor: str) -> None:
        self._actor = actor
        self.let = _EVERYTHING if actor == SYSTEM_ACTOR else {}

    def admit(self, session_key: int, role: int) -> None:
        """The actor has been found to have this role in the session's project."""
        if self.let is not _EVERYTHING:
            self.let[session_key] = role

    def admit_project(self, project_key: int, role: int) -> None:
        if self.let is not _EVERYTHING:
            self.let[-project_key] = role

    def admit_new(self, session_key: int, project_key: int) -> None:
        """A session that was just made in a project the actor has been let to."""
        if self.let is not _EVERYTHING:
            self.let[session_key] = self.let.get(-project_key, _NOBODY)

    def lift(self) -> None:
        """For who reads the file itself, past all that says whose what is."""
        self.let = _EVERYTHING

    @contextmanager
    def by_itself(self) -> Iterator[None]:
        """What the database does for itself while a verb runs."""
        before, self.let = self.let, _EVERYTHING
        try:
            yield
        finally:
            self.let = before

    def check_values(self, name: str, rule: Rule, values: Sequence[Any]) -> None:
        """As the rule's `check`, for values in the order of the parameters; of statements about sessions alone."""
        if not rule.keys:
            raise Trespass(f"query {name} takes its parameters by name")
        for _, at, shift, sign in rule.keys:
            if self.let.get((values[at] >> shift) * sign, _NOBODY) < rule.least:
                self.refuse(name, (values[at] >> shift) * sign)

    def check_mark(self, ref: int) -> None:
        """A change is noted of what the actor sees: a message, a session or, negated, a project."""
        place = ref >> POSITION_BITS if ref > 0 else ref
        if self.let.get(place, _NOBODY) < VIEWER:
            self.refuse("insert_change", place)

    def refuse(self, name: str, place: int) -> None:
        """Raise `Forbidden` for what the actor sees, else `Trespass`."""
        role = self.let.get(place, _NOBODY)
        if role == _NOBODY:
            raise Trespass(f"query {name} reached for what its actor has not been let to")
        raise Forbidden(
            f"This is open to you as {MEMBER_ROLES[role]}, and that is not enough for what you want"
        )
