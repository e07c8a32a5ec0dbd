"""What a person finds, in the tail as in the index."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import palaver
from palaver import Store
from palaver.errors import Invalid
from palaver.model import Hit, Reasoning, Text
from palaver.storage.search.search import search
from tests.search.conftest import Settle, catch_up, on_both

pytestmark = on_both


def say(store: Store, *texts: str, title: str | None = None) -> str:
    session = store.create_session(title=title)
    if texts:
        store.append(session.id, *[palaver.assistant(text) for text in texts])
    return session.id


def found(store: Store, query: str) -> list[str]:
    """The snippets of the hits, best first."""
    return [hit.snippet for hit in store.search(query, limit=200).items]


@pytest.mark.parametrize(
    "query",
    [
        "capital",
        "CAPITAL ",
        "cap",
        "cap* ",
        "france capital ",
        '"capital of" ',
        "the capital -germany ",
        "capital?",
    ],
)
def test_words_phrases_and_beginnings_find(store: Store, settle: Settle, query: str) -> None:
    say(store, "What is the capital of France?", "And of Germany?")
    settle(store)
    assert found(store, query) == ["What is the capital of France?"]


@pytest.mark.parametrize("query", ["capitals ", "france germany ", '"of capital" ', "capital -france "])
def test_what_is_not_said_is_not_found(store: Store, settle: Settle, query: str) -> None:
    say(store, "What is the capital of France?", "And of Germany?")
    settle(store)
    assert found(store, query) == []


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("un café noir", "cafe "),
        ("un cafe noir", "café "),
        ("我爱北京天安门", "北京 "),
        ("我爱北京天安门", "爱北"),
        ("สวัสดีครับ", "สวัสดี "),
        ("これはペンです", "ペン "),
        ("see fooBarBaz2", "fooBarBaz2 "),
        ("see fooBarBaz2", "foobarbaz2 "),
        ("see fooBarBaz2", "baz "),
        ("see fooBarBaz2", "barBaz "),
        ("see foo_bar", "foo_bar "),
        ("see foo_bar", "fooBar "),
        ("a UTF-8 text", "utf8 "),
        ("so it is\x00and so on", "and "),
        ("party 🎉 time", "🎉"),
        ("scrambled eggs", "ramble "),
        ("x != y", "!="),
    ],
)
def test_it_is_found_however_it_is_written(store: Store, settle: Settle, text: str, query: str) -> None:
    say(store, text)
    settle(store)
    (hit,) = store.search(query).items
    assert hit.ranges


def test_reasoning_calls_and_results_are_found(store: Store, settle: Settle) -> None:
    session = store.create_session()
    store.append(session.id, palaver.assistant("", parts=[Reasoning("because"), Text("thus")]))
    store.record_tool_call(
        session.id, id="1", name="weather", args={"town": "Oslo"}, result={"llmContent": "rainy"}
    )
    settle(store)
    assert found(store, "because ") == ["because thus"]
    assert found(store, "oslo ") == ["weather town Oslo"]
    assert found(store, "rainy ") == ["weather rainy"]


def test_a_title_is_a_hit_without_a_message(store: Store, settle: Settle) -> None:
    session_id = say(store, "hello", title="Plans for Oslo")
    settle(store)
    (hit,) = store.search("oslo").items
    assert (hit.session_id, hit.message_id, hit.role, hit.snippet) == (
        session_id,
        None,
        None,
        "Plans for Oslo",
    )


def test_a_title_that_was_replaced_is_not_found(store: Store, settle: Settle) -> None:
    session_id = say(store, title="Plans for Oslo")
    settle(store)
    store.update_session(session_id, title="Plans for Rome")
    assert found(store, "oslo ") == []
    assert found(store, "rome ") == ["Plans for Rome"]


def test_the_title_nobody_gave_is_not_found(store: Store, settle: Settle) -> None:
    say(store, "hello")
    settle(store)
    assert found(store, "new chat ") == []


def test_a_hit_names_where_it_is(store: Store, settle: Settle) -> None:
    session = store.create_session(title="Plans")
    (message,) = store.append(session.id, palaver.user("to Oslo"))
    settle(store)
    (hit,) = store.search("oslo").items
    expected = Hit(
        session_id=session.id,
        message_id=message.id,
        project_id=session.project_id,
        title="Plans",
        role="user",
        snippet="to Oslo",
        ranges=((3, 7),),
        score=hit.score,
        created_at=message.created_at,
    )
    assert hit == expected


def test_titles_come_before_messages(store: Store, settle: Settle) -> None:
    say(store, "an oslo b", title="Plans for Oslo")
    settle(store)
    assert found(store, "oslo ") == ["Plans for Oslo", "an oslo b"]


def test_a_text_about_it_comes_before_one_that_mentions_it(store: Store, settle: Settle) -> None:
    say(store, "Oslo, Oslo, Oslo!", "once in Oslo there was " + "nothing much " * 100)
    settle(store)
    assert found(store, "oslo ")[0] == "Oslo, Oslo, Oslo!"


def test_the_word_itself_comes_before_longer_ones(store: Store, settle: Settle) -> None:
    say(store, "a cat sat", "a category sat")
    settle(store)
    assert found(store, "cat") == ["a cat sat", "a category sat"]


def test_of_equals_the_newer_comes_first(store: Store, settle: Settle) -> None:
    say(store, "oslo 1", "oslo 2")
    settle(store)
    assert found(store, "oslo ") == ["oslo 2", "oslo 1"]


def test_a_draft_is_not_found_before_it_is_closed(store: Store, settle: Settle) -> None:
    session = store.create_session()
    draft = store.open_draft(session.id)
    store.extend_draft(draft.id, Text("about Oslo"), offset=0)
    assert found(store, "oslo ") == []
    store.close_draft(draft.id)
    settle(store)
    assert found(store, "oslo ") == ["about Oslo"]


@pytest.mark.parametrize("query", ["", " ", '""', "\x00", "\ud800"])
def test_nothing_finds_nothing(store: Store, settle: Settle, query: str) -> None:
    say(store, "hello")
    settle(store)
    assert found(store, query) == []


NASTY = st.text(st.characters(), max_size=50) | st.text('"*-:^+(){}ANDORNTE \x00é北ab', max_size=50)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=NASTY)
def test_no_query_is_an_error(store: Store, query: str) -> None:
    if not store.search("hello").items:
        say(store, "hello ab AND北", title="OR NOT")
        catch_up(store)
        say(store, "hello é NEAR(ab)")
    store.search(query)


def test_a_megabyte_is_no_error(store: Store, settle: Settle) -> None:
    say(store, "word after word")
    settle(store)
    assert found(store, "word " * 200_000) == ["word after word"]


def test_a_common_beginning_is_found_by_its_most_frequent_words(store: Store) -> None:
    session_id = say(store)
    for start in range(0, 2_000, 100):
        store.append(session_id, *[palaver.user(f"alpha also a{start}") for _ in range(100)])
    catch_up(store)
    page = store.search("al")
    assert len(page.items) == 20
    assert all(hit.ranges == ((0, 5), (6, 10)) for hit in page.items)


def test_a_search_whose_time_is_over_says_that_it_was_cut(store: Store, settle: Settle) -> None:
    session_id = say(store)
    for _ in range(20):
        store.append(session_id, *[palaver.user(f"oslo {number}") for number in range(100)])
    settle(store)
    with store._database.read("local") as tx:  # type: ignore[attr-defined]
        page = search(tx, "oslo ", None, None, 200, 0.0)
        assert search(tx, "oslo ", None, None, 200, 10.0).items
    assert page.cut
    assert len(page.items) < 2_000


def test_a_search_in_time_is_not_cut(store: Store, settle: Settle) -> None:
    say(store, "oslo")
    settle(store)
    assert not store.search("oslo").cut


class TestPages:
    def pages(self, store: Store, query: str, limit: int) -> list[Hit]:
        hits: list[Hit] = []
        page = store.search(query, limit=limit)
        while True:
            hits += page.items
            if page.next_cursor is None:
                return hits
            page = store.search(query, limit=limit, after=page.next_cursor)

    @pytest.fixture
    def archive(self, store: Store) -> Store:
        session_id = say(store)
        for start in range(0, 2_500, 100):
            texts = (f"oslo {'oslo ' * (number % 7)}{number}" for number in range(start, start + 100))
            store.append(session_id, *map(palaver.assistant, texts))
        return store

    @pytest.mark.parametrize("query", ["oslo ", "role:assistant", "slo "])
    def test_they_neither_repeat_nor_lose_a_hit(self, archive: Store, settle: Settle, query: str) -> None:
        settle(archive)
        ids = [hit.message_id for hit in self.pages(archive, query, 170)]
        assert len(ids) == len(set(ids)) == 2_500

    def test_they_go_on_in_the_order_of_one_long_page(self, archive: Store, settle: Settle) -> None:
        settle(archive)
        whole = [hit.message_id for hit in archive.search("oslo ", limit=200).items]
        assert [hit.message_id for hit in self.pages(archive, "oslo ", 13)][:200] == whole

    def test_what_is_written_meanwhile_does_not_move_them(self, archive: Store) -> None:
        first = archive.search("oslo ", limit=100)
        whole = archive.search("oslo ", limit=200)
        say(archive, "oslo " * 20)
        catch_up(archive)
        second = archive.search("oslo ", limit=100, after=first.next_cursor)
        assert [hit.message_id for hit in first.items + second.items] == [
            hit.message_id for hit in whole.items
        ]

    def test_the_last_one_has_no_cursor(self, store: Store, settle: Settle) -> None:
        say(store, "oslo 1", "oslo 2")
        settle(store)
        assert store.search("oslo ", limit=2).next_cursor is None

    @pytest.mark.parametrize(
        "cursor", ["", "x", "WzFd", "WyJzZWFyY2giLCJ4IiwxLDBd", "WyJzZWFyY2giLCJ3IiwxLC0xXQ"]
    )
    def test_a_cursor_of_another_list_is_refused(self, store: Store, cursor: str) -> None:
        with pytest.raises(Invalid):
            store.search("oslo", after=cursor)


def test_a_substring_is_found_in_the_session_it_is_looked_for_in(store: Store, settle: Settle) -> None:
    session_id = say(store, "scrambled eggs")
    say(store, "more scrambled eggs")
    settle(store)
    assert found(store, f"ramble session:{session_id}") == ["scrambled eggs"]
