"""An index made by older rules is made anew when the store is opened."""

from pathlib import Path

import apsw

import palaver


def test_an_index_of_older_rules_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "talk.db"
    with palaver.open_store(path) as store:
        session = store.create_session()
        store.append(session.id, palaver.user("a marigold"))
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE store SET index_version = 0, indexed_through = (SELECT max(seq) FROM change)")
    connection.close()
    with palaver.open_store(path) as store:
        found = store.search("marigold").items
        assert {hit.role for hit in found} == {None, "user"}
        assert store.verify().problems == []
