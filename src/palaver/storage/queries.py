"""Named SQL. A file holds queries, each after a line `-- name: …`; a database's own folder lies over the shared files.

Behind the name may stand who runs it, `(system)`, `(everybody)`, `(owner)` or `(actor)`, and after `-- all:` the same for a
whole file: see `wall`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from operator import itemgetter
from typing import Any, NamedTuple

from palaver.storage.wall import Rule, is_statement, rule_of

_NAME = re.compile(r"^-- name: (\w+)(?: \((\w+)\))?\s*$", re.MULTILINE)
_ALL = re.compile(r"^-- all: \((\w+)\)", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)
_PARAMETER = re.compile(r"(?<![:\w']):([a-z]\w*)")
_FRAGMENT = re.compile(r"\{(\w+)\}")


@cache
def load(dialect: str) -> dict[str, str]:
    """All queries of a database by name; `{name}` in one stands for the text of another."""
    found = {name: text for name, text, _ in _read(dialect)}
    return {name: _expand(text, found) for name, text in found.items()}


@cache
def rules(dialect: str) -> dict[str, Rule]:
    """What is looked at before each runs. Raises `LookupError` for one that does not say whose rows it is about."""
    marks = {name: mark for name, _, mark in _read(dialect)}
    return {
        name: rule_of(name, text, parameters(text), marks[name])
        for name, text in load(dialect).items()
        if is_statement(text)
    }


def parameters(text: str) -> list[str]:
    """The names of its parameters, each once."""
    return list(dict.fromkeys(_PARAMETER.findall(text)))


def _read(dialect: str) -> Iterator[tuple[str, str, str]]:
    """Name, text and mark of each query, a database's own after the shared ones."""
    root = files("palaver.storage") / "sql"
    for folder in (root, root / dialect):
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".sql"):
                yield from _parse(file)


class Query(NamedTuple):
    """SQL with numbered parameters, and what puts named ones in their order: binding by name takes a third longer."""

    sql: str
    bind: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    rule: Rule


@cache
def numbered(dialect: str) -> dict[str, Query]:
    """All queries of a database, as its driver takes them fastest."""
    found = load(dialect)
    return {
        name: number(found[name], rule, lambda _, place: f"?{place}") for name, rule in rules(dialect).items()
    }


def number(text: str, rule: Rule, placeholder: Callable[[str, int], str]) -> Query:
    """The query with what `placeholder` makes of a parameter's name and number, from 1 on."""
    names = parameters(text)
    sql = _PARAMETER.sub(lambda match: placeholder(match[1], names.index(match[1]) + 1), text)
    return Query(sql, _binder(names), rule)


def _binder(names: list[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    if names:
        only = names[0]
        return lambda parameters: (parameters[only],)
    return lambda _: ()


def _parse(file: Traversable) -> Iterator[tuple[str, str, str]]:
    head, *pieces = _NAME.split(file.read_text("utf-8"))
    of_all = _ALL.search(head)
    for name, mark, text in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
        yield name, _COMMENT.sub("", text).strip().removesuffix(";"), mark or (of_all[1] if of_all else "")


def _expand(text: str, found: dict[str, str]) -> str:
    return _FRAGMENT.sub(lambda match: _expand(found[match[1]], found), text)
