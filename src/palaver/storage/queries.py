"""Named SQL. A file holds queries, each after a line `-- name: …`; a database's own folder lies over the shared files."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from operator import itemgetter
from typing import Any, NamedTuple

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)
_PARAMETER = re.compile(r"(?<![:\w']):([a-z]\w*)")
_FRAGMENT = re.compile(r"\{(\w+)\}")


@cache
def load(dialect: str) -> dict[str, str]:
    """All queries of a database by name; `{name}` in one stands for the text of another."""
    root = files("palaver.storage") / "sql"
    found: dict[str, str] = {}
    for folder in (root, root / dialect):
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".sql"):
                found.update(_parse(file))
    return {name: _expand(text, found) for name, text in found.items()}


class Query(NamedTuple):
    """SQL with numbered parameters, and what puts named ones in their order: binding by name takes a third longer."""

    sql: str
    bind: Callable[[Mapping[str, Any]], tuple[Any, ...]]


@cache
def numbered(dialect: str) -> dict[str, Query]:
    """All queries of a database, as its driver takes them fastest."""
    return {name: number(text, lambda _, place: f"?{place}") for name, text in load(dialect).items()}


def parameters(text: str) -> list[str]:
    """The names of a query's parameters, in the order in which they first come."""
    return list(dict.fromkeys(_PARAMETER.findall(text)))


def number(text: str, placeholder: Callable[[str, int], str]) -> Query:
    """The query with what `placeholder` makes of a parameter's name and number, from 1 on."""
    names = parameters(text)
    sql = _PARAMETER.sub(lambda match: placeholder(match[1], names.index(match[1]) + 1), text)
    return Query(sql, _binder(names))


def _binder(names: list[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    if names:
        only = names[0]
        return lambda parameters: (parameters[only],)
    return lambda _: ()


def _parse(file: Traversable) -> dict[str, str]:
    pieces = _NAME.split(file.read_text("utf-8"))
    texts = (_COMMENT.sub("", text).strip().removesuffix(";") for text in pieces[2::2])
    return dict(zip(pieces[1::2], texts, strict=True))


def _expand(text: str, found: dict[str, str]) -> str:
    return _FRAGMENT.sub(lambda match: _expand(found[match[1]], found), text)
