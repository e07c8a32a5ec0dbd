"""The tail is searched by Python, the rest by the index: both must find the same and rank it the same."""

import re
import sys

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palaver.model import Text
from palaver.storage.search import text
from palaver.storage.search.matching import _FOLDED, Matcher
from palaver.storage.search.phrases import understand
from palaver.storage.search.query import parse
from palaver.storage.search.words import Tokenizer
from palaver.storage.sqlite.index import expression
from palaver.storage.sqlite.transaction import ReadTransaction

TRIED = 500
WORDS = st.sampled_from(
    ["a", "ab", "abc", "café", "cafe\u0301", "CAFE", "fooBar", "foo_bar", "foo", "bar", "barBaz2", "utf8", "北京", "京北",
     "北", "ไทย", "Straße", "strasse", "naïve", "Ελλάδα", "ελλαδα", "Привет", "привет", "한국", "①", "x²", "🎉", "—", "K"]
)  # fmt: skip
TEXTS = st.lists(WORDS | st.text(max_size=3), max_size=8).flatmap(
    lambda words: st.sampled_from([" ", "", ", ", "\x00", "-"]).map(lambda glue: glue.join(words))
)
QUERIES = st.lists(
    WORDS | TEXTS.map('"{}"'.format) | WORDS.map("-{}".format) | WORDS.map("{}*".format), max_size=4
).map(" ".join)


@settings(max_examples=TRIED, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, max_size=6), query=QUERIES)
def test_the_tail_and_the_index_find_the_same(
    connection: apsw.Connection, tx: ReadTransaction, texts: list[str], query: str
) -> None:
    tokenizer = Tokenizer(connection)
    wanted = understand(parse(query), tokenizer)
    if not wanted.needs:
        return
    tx.run("index_empty")
    for seq, sample in enumerate(texts, 1):
        body, title, tool, code = text.columns_of_message((Text(sample),))
        tx.run("index_add", seq=seq, body=body, title=title, tool=tool, code=code)
    match, shape = expression(tx, wanted)
    sql = (
        "SELECT rowid, relevance(text_index, ?, 100) FROM text_index WHERE text_index MATCH ? ORDER BY rowid"
    )
    indexed = dict(connection.execute(sql, (shape, match)))
    matcher = Matcher(wanted, tokenizer)
    scored = {seq: matcher.score(sample, None, 100) for seq, sample in enumerate(texts, 1)}
    assert indexed == {seq: score for seq, score in scored.items() if score is not None}


@pytest.fixture(scope="module")
def folds() -> dict[str, list[str]]:
    """What the tokenizer makes of each character that it does not leave as it is, or drop."""
    tokenizer = Tokenizer(apsw.Connection(":memory:"))
    characters = (chr(code) for code in range(1, sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    return {each: words for each in characters if (words := tokenizer.words(each)) and words != [each]}


def test_a_word_of_the_index_is_its_own_fold(folds: dict[str, list[str]]) -> None:
    tokenizer = Tokenizer(apsw.Connection(":memory:"))
    assert [each for each, words in folds.items() if tokenizer.words(words[0]) != words] == []


def test_only_known_characters_fold_into_ascii(folds: dict[str, list[str]]) -> None:
    found = [each for each, words in folds.items() if words[0].isascii() and not each.isascii()]
    assert [each for each in found if not _FOLDED.search(each)] == []


def test_only_known_marks_are_dropped_within_a_word() -> None:
    tokenizer = Tokenizer(apsw.Connection(":memory:"))
    marks = (chr(code) for code in range(128, sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    dropped = [mark for mark in marks if tokenizer.words(f"a{mark}b") == ["ab"]]
    assert dropped
    assert [mark for mark in dropped if not _FOLDED.search(mark)] == []


def test_no_character_of_a_script_without_spaces_folds(folds: dict[str, list[str]]) -> None:
    unspaced = re.compile(f"[{text.UNSPACED}]")
    assert [each for each in folds if unspaced.match(each)] == []
