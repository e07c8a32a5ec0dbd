import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import palaver
from palaver import Store
from palaver.model import Text, ToolCall
from palaver.storage.search import following, text
from palaver.storage.search.frequency import SAMPLE
from palaver.storage.search.index import Document, Indexing, Problem, watermark
from palaver.storage.search.indexer import QUIET
from palaver.storage.search.words import Tokenizer
from palaver.storage.sqlite import index
from palaver.storage.sqlite.transaction import ReadTransaction
from palaver.store import Record
from tests.conftest import OpenStore
from tests.search.conftest import catch_up, in_transaction

MARKER = "xylomarkerophon"


def check(store: Store) -> list[Problem]:
    found: list[Problem] = in_transaction(store, index.check)
    return found


def fill(store: Store, count: int = 50) -> str:
    session = store.create_session(title="Filled to the brim")
    for number in range(count):
        store.append(
            session.id,
            palaver.user(f"Question {number} of {count}: fooBar{number % 3} 北京 Café"),
            palaver.assistant("", parts=[Text(f"Answer {number}"), ToolCall("1", "look", {"at": [number]})]),
        )
    return session.id


def test_a_batch_moves_the_watermark_and_tells_what_is_left(store: Store) -> None:
    fill(store, 10)
    through, last = in_transaction(store, watermark)
    left = in_transaction(store, lambda tx: following.index_batch(tx, 5))
    assert in_transaction(store, watermark) == (through + 5, last)
    assert left == last - through - 5


def test_caught_up_is_nothing_left(store: Store) -> None:
    fill(store, 10)
    assert in_transaction(store, lambda tx: following.index_batch(tx, 1_000)) == 0
    assert in_transaction(store, lambda tx: following.index_batch(tx, 1_000)) == 0
    through, last = in_transaction(store, watermark)
    assert through == last


def test_an_index_that_followed_is_sound(store: Store) -> None:
    fill(store)
    catch_up(store)
    assert check(store) == []


def test_an_index_that_has_fallen_behind_is_sound(store: Store) -> None:
    fill(store)
    in_transaction(store, lambda tx: following.index_batch(tx, 30))
    assert check(store) == []


def test_renaming_trashing_and_purging_leave_the_index_sound(store: Store) -> None:
    session_id = fill(store)
    catch_up(store)
    store.update_session(session_id, title="Another name")
    for message in list(store.messages(session_id))[:20]:
        store.trash_message(message.id)
        store.purge_message(message.id)
    store.trash_session(fill(store, 3))
    catch_up(store)
    assert check(store) == []


def test_a_text_that_is_missing_in_the_index_is_found_out(store: Store) -> None:
    session_id = fill(store)
    catch_up(store)
    mark = _mark_of(store, session_id, 7)
    columns = text.columns_of_message(list(store.messages(session_id))[6].parts)
    in_transaction(store, lambda tx: tx.index().remove(Document(mark, columns), []))
    assert [kind for kind, _, _ in check(store)] == ["index_differs"]


def test_a_text_that_nobody_wrote_is_found_out(store: Store) -> None:
    fill(store)
    catch_up(store)
    row = {"seq": 3, "body": "extra", "title": "", "tool": "", "code": ""}
    in_transaction(store, lambda tx: tx.run("index_add", **row))
    assert [kind for kind, _, _ in check(store)] == ["index_differs"]


def test_words_in_another_order_are_found_out(store: Store) -> None:
    session_id = fill(store)
    catch_up(store)
    mark = _mark_of(store, session_id, 1)
    body, title, tool, code = text.columns_of_message(next(store.messages(session_id)).parts)
    turned = (" ".join(reversed(body.split())), title, tool, code)

    def swap(tx: Indexing) -> None:
        tx.index().remove(Document(mark, (body, title, tool, code)), [])
        tx.index().add([Document(mark, turned)])

    in_transaction(store, swap)
    assert [kind for kind, _, _ in check(store)] == ["index_differs"]


def test_counts_that_do_not_fit_are_found_out(store: Store) -> None:
    fill(store)
    catch_up(store)
    in_transaction(store, lambda tx: tx.run("word_add", counts='{"never": 1}'))
    assert [kind for kind, _, _ in check(store)] == ["words_differ"]


def test_a_page_of_the_index_that_is_damaged_is_found_out(store: Store) -> None:
    fill(store)
    catch_up(store)

    def damage(tx: ReadTransaction) -> None:
        tx.connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
        tx.connection.execute("UPDATE text_index_data SET block = zeroblob(length(block)) WHERE id > 10")

    in_transaction(store, damage)
    assert [kind for kind, _, _ in check(store)] == ["index_damaged"]


@pytest.mark.parametrize("harm", ["index_empty", "word_empty"])
def test_rebuilding_mends_it(store: Store, harm: str) -> None:
    fill(store)
    catch_up(store)
    in_transaction(store, lambda tx: tx.run(harm))
    assert check(store) != []
    in_transaction(store, following.rebuild)
    assert check(store) == []
    assert store.search("Question 7").items


def test_what_was_purged_is_in_no_byte_of_the_file(open_database: OpenStore, database_url: str) -> None:
    store = open_database()
    fill(store, 300)
    session = store.create_session(title=f"About {MARKER}title")
    marked = store.append(
        session.id,
        *[
            palaver.user(f"{word} {MARKER} {MARKER}{number} end")
            for number, word in enumerate("abcdefgh" * 20)
        ],
    )
    fill(store, 300)
    catch_up(store)
    assert MARKER.encode() in _bytes_of(database_url)
    for message in marked:
        store.purge_message(message.id)
    store.trash_session(session.id)
    store.purge_session(session.id)
    assert check(store) == []
    store.close()
    assert MARKER.encode() not in _bytes_of(database_url)


def test_not_even_the_beginnings_by_which_pages_are_found_keep_it(
    open_database: OpenStore, database_url: str
) -> None:
    store = open_database()
    session = store.create_session(title="Numbers")
    words = [f"{MARKER}{number * 7919 % 100_000}" for number in range(3_000)]
    marked = store.append(session.id, *[palaver.user(f"say {word} now") for word in words])
    catch_up(store)
    kept = in_transaction(store, lambda tx: index._separators_of(tx, sorted(words)))
    whole = [message for message, word in zip(marked, words, strict=True) if word in kept]
    assert whole
    gone = {message.text.split()[1] for message in whole}
    for message in whole:
        store.purge_message(message.id)
    left = in_transaction(store, lambda tx: index._separators_of(tx, sorted(words)))
    rest = [word for word in words if word not in gone]
    assert [beginning for beginning in left if not any(word.startswith(beginning) for word in rest)] == []
    assert check(store) == []


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text("ab é北Z1", max_size=20), min_size=1, max_size=40),
    gone=st.sets(st.integers(0, 39)),
)
def test_what_is_taken_out_leaves_the_counts_of_the_rest(
    tx: ReadTransaction, texts: list[str], gone: set[int]
) -> None:
    columns = {seq * 4: text.columns_of_message((Text(sample),)) for seq, sample in enumerate(texts, 1)}
    _store_changes(tx, dict(zip(columns, texts, strict=True)))
    following.rebuild(tx)
    for number, seq in enumerate(list(columns)):
        if number in gone:
            following.unindex(tx, seq, columns.pop(seq))
    tokenizer = Tokenizer(tx.connection)
    counted = Counter(
        word
        for seq, found in columns.items()
        if seq % SAMPLE == 0
        for word in {word for column in tokenizer.columns(found) for word in column}
    )
    assert dict(tx.rows("word_list")) == dict(counted)


def test_taking_out_what_is_not_indexed_yet_changes_nothing(tx: ReadTransaction) -> None:
    _store_changes(tx, {1: "one", 2: "two"})
    following.index_batch(tx, 1)
    following.unindex(tx, 2, text.columns_of_message((Text("two"),)))
    following.index_batch(tx, 10)
    assert index.check(tx) == []


def _store_changes(tx: ReadTransaction, texts: dict[int, str]) -> None:
    tx.connection.execute("DELETE FROM store; DELETE FROM change; DELETE FROM message")
    tx.connection.execute("INSERT INTO store VALUES (1, x'', 0, 0, 1)")
    for seq, body in texts.items():
        ref = 1 << 32 | seq
        tx.connection.execute("INSERT INTO change VALUES (?, 0, ?, NULL)", (seq, ref))
        tx.connection.execute(
            "INSERT INTO message (ref, id, parent, mark, role, status, tokens, in_context, created_at, body) "
            "VALUES (?, randomblob(16), 0, ?, 1, 0, 1, 1, 0, ?)",
            (ref, seq, body),
        )


def _mark_of(store: Store, session_id: str, position: int) -> int:
    def read(tx: ReadTransaction) -> int:
        sql = "SELECT m.mark FROM message m JOIN session s ON s.key = m.ref >> 32 WHERE s.id = ? AND m.ref & 4294967295 = ?"
        return int(tx.connection.execute(sql, (bytes.fromhex(session_id.replace("-", "")), position)).get)

    return int(in_transaction(store, read))


def _bytes_of(database_url: str) -> bytes:
    folder = Path(database_url).parent
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_an_import_is_indexed_by_the_end_of_its_store(store: Store, tmp_path: Path) -> None:
    session = store.create_session()
    store.append(session.id, *(palaver.user(f"Question {number}") for number in range(3_000)))
    records: list[Record] = [store.personal_project(), session, *store.messages(session.id)]
    with palaver.open_store(tmp_path / "imported.db") as imported:
        imported.import_records(records)
    with palaver.open_store(tmp_path / "imported.db") as imported:
        through, last = in_transaction(imported, watermark)
        assert last - through < QUIET
        assert check(imported) == []


def test_an_index_that_was_left_behind_follows_without_a_write(tmp_path: Path) -> None:
    path = tmp_path / "behind.db"
    with palaver.open_store(path) as store:
        fill(store, QUIET)
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("INSERT INTO text_index (text_index) VALUES ('delete-all')")
        connection.execute("DELETE FROM word")
        connection.execute("UPDATE store SET indexed_through = 0")
    with palaver.open_store(path) as store:
        while _indexed_through(store) == 0:
            time.sleep(0.01)
    with palaver.open_store(path) as store:
        assert check(store) == []


def _indexed_through(store: Store) -> int:
    with store._database.read("system") as tx:  # type: ignore[attr-defined]
        return watermark(tx)[0]
