"""Named SQL. A file holds queries, each after a line `-- name: …`; a database's own folder lies over the shared files."""

import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
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


def _parse(file: Traversable) -> dict[str, str]:
    pieces = _NAME.split(file.read_text("utf-8"))
    return {
        name: text.strip().removesuffix(";") for name, text in zip(pieces[1::2], pieces[2::2], strict=True)
    }


def _expand(text: str, found: dict[str, str]) -> str:
    return _FRAGMENT.sub(lambda match: _expand(found[match[1]], found), text)
