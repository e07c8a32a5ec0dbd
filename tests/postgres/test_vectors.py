"""What the vectors of a text tell is what the text tells, however long it is."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palaver.model import Text, ToolCall
from palaver.storage.postgres.tsquery import ask
from palaver.storage.postgres.vectors import OVERLAP, Vector, lexeme, vectors
from palaver.storage.search import text
from palaver.storage.search.matching import Matcher
from palaver.storage.search.phrases import understand
from palaver.storage.search.query import parse
from palaver.storage.search.words import Tokenizer

TRIED = 150
TOKENIZER = Tokenizer.alone()
WORDS = st.sampled_from(["a", "b", "c", "ab", "abc", "fooBar", "北", "京"])
# Of few words, so that each comes up often enough to end a chunk, and not the same in every chunk.
SECTIONS = st.lists(WORDS, min_size=1, max_size=30).flatmap(
    lambda words: st.integers(1, 60).map(lambda times: " ".join(words * times))
)
TEXTS = st.lists(SECTIONS, min_size=1, max_size=3).map(" ".join)
PHRASES = st.lists(WORDS, min_size=2, max_size=4).map(lambda words: f'"{" ".join(words)}"')
QUERIES = st.lists(WORDS | PHRASES | st.sampled_from(["a*", "-c"]), min_size=1, max_size=3).map(" ".join)

Ask = Callable[[str, list[str]], list[str]]


@pytest.fixture(scope="module")
def connection(postgres_server: str) -> Iterator[psycopg.Connection]:
    with closing(psycopg.connect(postgres_server, autocommit=True)) as connection:
        yield connection


@pytest.fixture(scope="module")
def matching(connection: psycopg.Connection) -> Ask:
    """The chunks that a query matches, as PostgreSQL writes them."""

    def ask_for(match: str, chunks: list[str]) -> list[str]:
        sql = "SELECT v::tsvector::text FROM unnest(%s::text[]) v WHERE v::tsvector @@ %s::tsquery"
        return [found for (found,) in connection.execute(sql, (chunks, match))]

    return ask_for


def columns_of(body: str, tool: str = "") -> text.Columns:
    parts = (Text(body), ToolCall("1", "look", {"at": tool})) if tool else (Text(body),)
    return text.columns_of_message(parts)


@settings(max_examples=TRIED, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=TEXTS, tool=st.just("") | TEXTS, query=QUERIES)
def test_the_vectors_and_the_text_tell_the_same(matching: Ask, body: str, tool: str, query: str) -> None:
    wanted = understand(parse(query + " "), TOKENIZER)
    if not wanted.needs:
        return
    columns = columns_of(body, tool)
    asked = ask(wanted)
    chunks = matching(asked.match, list(vectors(TOKENIZER.columns(columns))))
    found = asked.relevance(chunks, len(body)) if chunks else None
    assert asked.exact
    assert found == Matcher(wanted, TOKENIZER).score_columns(columns, len(body))


def test_a_phrase_over_the_border_of_two_chunks_is_found_once(matching: Ask) -> None:
    words = [f"w{number}" for number in range(40_000)]
    chunks = list(vectors((words, [], [], [])))
    assert len(chunks) > 2
    for at in range(15_000, 40_000 - OVERLAP, 487):
        asked = ask(understand(parse(f'"{" ".join(words[at : at + OVERLAP + 1])}"'), TOKENIZER))
        found = matching(asked.match, chunks)
        assert asked.relevance(found, 1_000) == pytest.approx(1.0)


def test_no_chunk_is_beyond_what_postgresql_keeps(matching: Ask) -> None:
    words = ["the", "of"] * 5_000 + ["x" * 5_000 + str(number) for number in range(1_000)]
    chunks = matching("'the' | !'the'", list(vectors((words, [], [], []))))
    letters = [Vector(chunk, many=False).letters(("the",), False) for chunk in chunks]
    counted = sum(each.count(",") + 1 for each in letters if each)
    assert max(map(len, chunks)) < 1 << 21
    assert counted == 5_000


def test_a_word_that_is_too_long_is_told_from_another_with_the_same_beginning(matching: Ask) -> None:
    one, other = "ж" * 3_000 + "a", "ж" * 3_000 + "b"
    assert lexeme(one) != lexeme(other)
    assert len(lexeme(one).encode()) < 2_046
    chunks = list(vectors(([one, "x", other], [], [], [])))
    (chunk,) = matching(f"'{lexeme(one)}' <-> 'x' <-> '{lexeme(other)}'", chunks)
    assert Vector(chunk, many=False).letters((one, "x"), False) == "1"


def test_every_character_of_unicode_comes_back(matching: Ask) -> None:
    characters = (chr(code) for code in range(1, sys.maxunicode + 1, 7) if not 0xD800 <= code < 0xE000)
    words = sorted({word for character in characters for word in TOKENIZER.words(character)})
    for start in range(0, len(words), 10_000):
        some = words[start : start + 10_000]
        (chunk,) = matching("!'no such word'", list(vectors((some, [], [], []))))
        vector = Vector(chunk, many=True)
        assert [word for word in some if not vector.letters((word,), False)] == []


@pytest.mark.parametrize("query", [f'"{" ".join(["a"] * (OVERLAP + 2))}"', "ж" * 1_500 + "*"])
def test_what_the_vectors_cannot_tell_is_said(query: str) -> None:
    assert not ask(understand(parse(query), TOKENIZER)).exact
