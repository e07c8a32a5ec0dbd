"""docs/storage-format.md names every table and every column there is, and none else."""

import re
from pathlib import Path

import apsw

from palaver import Store
from tests.docs.pages import ROOT

_TABLE = re.compile(r"^### (\w+)$(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"^\| (`\w+`(?:, `\w+`)*) \|", re.MULTILINE)
_FTS_COLUMNS = {"text_index", "rank"}


def test_every_column_is_described(store: Store) -> None:
    assert _described() == _stored(Path(store.location))


def _described() -> dict[str, set[str]]:
    page = (ROOT / "docs" / "storage-format.md").read_text(encoding="utf-8")
    return {
        table: {column for cell in _CELL.findall(text) for column in re.findall(r"\w+", cell)}
        for table, text in _TABLE.findall(page)
    }


def _stored(path: Path) -> dict[str, set[str]]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    columns = connection.execute(
        "SELECT t.name, c.name FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c"
        " WHERE t.schema = 'main' AND t.type <> 'shadow' AND t.name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
    ).fetchall()
    connection.close()
    found: dict[str, set[str]] = {}
    for table, column in ((str(table), str(column)) for table, column in columns):
        if not (table == "text_index" and column in _FTS_COLUMNS):
            found.setdefault(table, set()).add(column)
    return found
