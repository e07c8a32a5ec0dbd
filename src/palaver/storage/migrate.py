"""Numbered migrations, the same on every database: which there are, and which a database still needs."""

import re
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from operator import eq
from typing import NamedTuple

from palaver.errors import Corrupt, Unavailable

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"^(\d{4})_(\w+)\.sql$")


class Migration(NamedTuple):
    """One step forward. It runs in one transaction together with its row in the ledger."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hex; line ends do not count."""
        return sha256("\n".join(self.sql.splitlines()).encode()).hexdigest()


class Applied(NamedTuple):
    """A row of the ledger."""

    number: int
    name: str
    digest: str


@cache
def load(dialect: str) -> tuple[Migration, ...]:
    """All migrations of a database, by number."""
    folder = files("palaver.storage") / "migrations" / dialect
    found = []
    for entry in folder.iterdir():
        match = _NAME.match(entry.name)
        if match:
            found.append(Migration(int(match[1]), match[2], entry.read_text("utf-8")))
    return tuple(sorted(found))


def pending(applied: Sequence[Applied], known: Sequence[Migration], where: str) -> list[Migration]:
    """What is still to be run, in order.

    Raises `Unavailable` for a database written by a newer or another Palaver, `Corrupt` for a ledger none has written.
    """
    _check_sound(applied, known, where)
    by_number = {migration.number: migration for migration in known}
    newest = max(by_number, default=0)
    reached = max((row.number for row in applied), default=0)
    if reached > newest:
        raise Unavailable(
            f"{where} was written by a newer Palaver (schema {reached}, this one knows {newest}): update Palaver. "
            "Nothing was changed"
        )
    for row in applied:
        if row.number not in by_number or by_number[row.number].digest != row.digest:
            raise Unavailable(
                f"{where} was made by a Palaver whose migration {row.number:04d}_{row.name} differs from this one's: "
                "use the version that made it. Nothing was changed"
            )
    done = {row.number for row in applied}
    return [migration for migration in known if migration.number not in done]


def _check_sound(applied: Sequence[Applied], known: Sequence[Migration], where: str) -> None:
    """A newer or another Palaver's ledger has whole rows of its own; a damaged one has what is left of ours."""
    rows = {row.number: row for row in applied}
    reached = max(rows, default=len(known))
    for migration in known:
        row = rows.get(migration.number)
        if row is None:
            damaged = migration.number <= reached
        else:
            damaged = row != (row.number, migration.name, migration.digest) and _is_remnant(row, migration)
        if damaged:
            raise Corrupt(
                f"{where} is damaged (its record of migration {migration.number:04d}_{migration.name} is not what was "
                "written). It was left as it is: keep a copy, then restore a backup",
                where=where,
            )


def _is_remnant(row: Applied, migration: Migration) -> bool:
    """Digests of two texts have a sixteenth of their digits in common, not half of them."""
    common = sum(map(eq, row.digest, migration.digest))
    return _DIGEST.fullmatch(row.digest) is None or common > len(migration.digest) // 2
