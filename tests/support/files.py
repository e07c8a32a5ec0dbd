"""Looking at a database's files from outside."""

import hashlib
from contextlib import closing
from pathlib import Path

import apsw


def fingerprints(folder: Path) -> dict[str, str]:
    """A hash of every file below a folder, by its path; what SQLite shares in memory is left out."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")
    }


def holders(folder: Path, word: str) -> list[str]:
    """Names of the files below a folder that hold the bytes of a word, in any of the usual encodings."""
    needles = [word.encode(), word.encode("utf-16-le"), word.encode("utf-16-be")]
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(needle in path.read_bytes() for needle in needles)
    ]


def damage(path: Path | str, *statements: str) -> None:
    """Run SQL on a closed, plain database, past everything that guards it."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.pragma("foreign_keys", False)
        connection.pragma("ignore_check_constraints", True)
        for statement in statements:
            before = connection.total_changes()
            connection.execute(statement).fetchall()
            assert connection.total_changes() > before, f"no row was hit by {statement}"
        connection.pragma("wal_checkpoint", "TRUNCATE")


def rows(path: Path | str, query: str) -> list[tuple[object, ...]]:
    """What a query reads from a plain database."""
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        return list(connection.execute(query))
