"""Search: what an append stored, the next search finds."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import palaver
from palaver import Filter, Hit, Invalid, Reasoning, Store, ToolCall
from palaver.wire import parse_time
from tests.support.factories import a_conversation, a_question, an_answer, say


def found(store: Store, query: str, **fields: Any) -> list[Hit]:
    return store.search(query, **fields).items


def said(store: Store, *bodies: str) -> list[str]:
    """One session with these bodies and a title that repeats none of them; the ids of the messages."""
    session = store.create_session(title="Untitled")
    return [message.id for message in say(store, session.id, *bodies)]


def finds(store: Store, query: str, body: str) -> bool:
    (message,) = said(store, body)
    return message in {hit.message_id for hit in found(store, query)}


def test_what_was_just_appended_is_found(store: Store) -> None:
    for n in range(50):
        (message,) = said(store, f"the word zinnia{n} stands here")
        assert [hit.message_id for hit in found(store, f"zinnia{n}")] == [message]


def test_what_was_appended_long_ago_is_found(store: Store) -> None:
    session = store.create_session(title="Untitled")
    first, *_ = store.append(
        session.id, a_question("marigold"), *[a_question(f"number {n}") for n in range(6_000)]
    )
    assert [hit.message_id for hit in found(store, "marigold")] == [first.id]
    assert len(found(store, "number", limit=100)) == 100


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("capital", "What is the capital of France?"),
        ("CAPITAL france", "What is the capital of France?"),
        ("france capital", "What is the capital of France?"),
        ('"capital of France"', "What is the capital of France?"),
        ("capi", "What is the capital of France?"),
        ("fran*", "What is the capital of France?"),
        ("fran* capital", "What is the capital of France?"),
        ("cafe", "A café in Zürich"),
        ("café", "A cafe in Zurich"),
        ("zurich", "A café in Zürich"),
        ("ZÜRICH", "a café in zürich"),
        ("cafe\u0301", "A café"),
        ("straße", "In der Straße"),
        ("首都", "法国的首都是哪里?"),
        ("首", "法国的首都是哪里?"),
        ('"首都是"', "法国的首都是哪里?"),
        ("東京", "東京は日本の首都です"),
        ("です", "東京は日本の首都です"),
        ("서울", "서울은 한국의 수도입니다"),
        ("open_store", "call palaver.open_store(url) now"),
        ("store", "call palaver.open_store(url) now"),
        ("palaver.open_store", "call palaver.open_store(url) now"),
        ("getUserName", "use getUserName() here"),
        ("user", "use getUserName() here"),
        ("name", "use getUserName() here"),
        ("getusername", "use getUserName() here"),
        ("HTTPServer", "class HTTPServer2Config"),
        ("server", "class HTTPServer2Config"),
        ("kebab", "the kebab-case-name"),
        ("kebab-case-name", "the kebab-case-name"),
        ("src/palaver/store.py", "look in src/palaver/store.py line 3"),
        ("store.py", "look in src/palaver/store.py line 3"),
        ("C++", "written in C++ mostly"),
        ("0xdeadbeef", "at address 0xDEADBEEF"),
        ("3.14", "pi is 3.14159"),
        ("don't", "I don't know"),
        ("nalave", "an unalavendered word"),
        ("😀", "smile 😀 now"),
        ("Ελλάδα", "η πρωτεύουσα της ελλάδα"),
        ("привет", "Привет, мир"),
        ("שלום", "שלום עולם"),
        ("ไทย", "ภาษาไทย"),
    ],
)
def test_a_query_finds_the_text(store: Store, query: str, body: str) -> None:
    said(store, "something else entirely", "noch etwas anderes", "другое")
    assert finds(store, query, body)


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("capital berlin", "What is the capital of France?"),
        ('"of capital"', "What is the capital of France?"),
        ('"首是"', "法国的首都是哪里?"),
        ("marigolds", "one marigold"),
        ("zebra", "What is the capital of France?"),
    ],
)
def test_a_query_finds_nothing_that_is_not_there(store: Store, query: str, body: str) -> None:
    assert not finds(store, query, body)


PLACES: dict[str, Callable[[Store, str], object]] = {
    "text": lambda store, session: store.append(session, a_question("marigold")),
    "an answer": lambda store, session: store.append(session, an_answer("marigold")),
    "a note": lambda store, session: store.append(session, palaver.note("marigold")),
    "reasoning": lambda store, session: store.append(
        session, palaver.assistant("", parts=(Reasoning("the marigold"),))
    ),
    "the name of a call": lambda store, session: store.append(
        session, palaver.assistant("", parts=(ToolCall("1", "marigold_counter", {}),))
    ),
    "the arguments of a call": lambda store, session: store.append(
        session, palaver.assistant("", parts=(ToolCall("1", "count", {"flower": ["marigold"]}),))
    ),
    "the result of a call": lambda store, session: store.append(
        session, palaver.tool_result("1", "count", {"flowers": "12 marigold"})
    ),
    "what people see of a result": lambda store, session: store.append(
        session, palaver.tool_result("1", "count", "", return_display="12 marigold")
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_every_place_is_searched(store: Store, place: str) -> None:
    session = store.create_session(title="Untitled")
    PLACES[place](store, session.id)
    (hit,) = found(store, "marigold")
    assert hit.session_id == session.id
    assert "marigold" in hit.snippet


def test_a_hit_tells_where_to_open(store: Store) -> None:
    session = store.create_session(title="Untitled")
    (message,) = store.append(session.id, a_question("What is the capital of France?"))
    (hit,) = found(store, "capital")
    assert (hit.session_id, hit.message_id, hit.role) == (session.id, message.id, "user")
    assert (hit.project_id, hit.title) == (session.project_id, "Untitled")
    assert hit.created_at == message.created_at


def marked(hit: Hit) -> list[str]:
    return [hit.snippet[start:end] for start, end in hit.ranges]


@pytest.mark.parametrize(
    ("query", "body", "words"),
    [
        ("capital", "What is the capital of France?", ["capital"]),
        ("capital france", "What is the capital of France?", ["capital", "France"]),
        ("cap", "What is the capital of France?", ["cap"]),
        ("cafe", "A café, a Café", ["café", "Café"]),
        ("首都", "法国的首都是哪里?", ["首都"]),
        ("capital", "😀😀 capital 😀", ["capital"]),
        ("<b>", "a <b> tag", ["b"]),
    ],
)
def test_ranges_mark_what_was_found(store: Store, query: str, body: str, words: list[str]) -> None:
    said(store, body)
    (hit,) = found(store, query)
    marks = marked(hit)
    assert [mark[: len(word)] for mark, word in zip(marks, words, strict=False)] == words


def test_a_snippet_is_cut_around_the_first_mark(store: Store) -> None:
    said(store, "before " * 500 + "marigold" + " after" * 500)
    (hit,) = found(store, "marigold")
    assert marked(hit) == ["marigold"]
    assert len(hit.snippet) <= 48 + 96 + len("marigold") + 4
    assert "before" in hit.snippet
    assert "after" in hit.snippet


def test_a_snippet_is_the_stored_text_on_one_line(store: Store) -> None:
    said(store, "  a\tMarigold\r\nin <i>the</i>\x1b[31m garden\0 ")
    (hit,) = found(store, "marigold")
    assert hit.snippet.isprintable()
    assert " ".join(hit.snippet.split()).startswith("a Marigold in <i>the</i>")


def test_a_title_is_found(store: Store) -> None:
    session = store.create_session(title="The marigold bed")
    (hit,) = found(store, "marigold")
    assert (hit.session_id, hit.message_id, hit.role) == (session.id, None, None)
    assert marked(hit) == ["marigold"]


def a_garden(store: Store) -> dict[str, str]:
    """Messages with the word marigold, by where they stand."""
    project = store.create_project("Garden")
    here = store.create_session(title="Here", model="a")
    there = store.create_session(title="There", model="b", project_id=project.id)
    store.update_session(there.id, tags=["beds"])
    old = parse_time("2020-06-01T00:00:00Z")
    placed = {
        "here": store.append(here.id, a_question("marigold"))[0],
        "answer": store.append(here.id, an_answer("marigold", model="a"))[0],
        "old": store.append(there.id, a_question("marigold", created_at=old))[0],
        "call": store.append(
            there.id, palaver.assistant("marigold", parts=(ToolCall("1", "f", {}),), model="b")
        )[0],
    }
    side = store.append(here.id, an_answer("marigold", model="a"), parent_id=placed["here"].id)[0]
    placed["side"] = side
    names = {name: message.id for name, message in placed.items()}
    return names | {"project": project.id, "session": here.id}


FILTERS: list[tuple[Callable[[dict[str, str]], Filter], str, set[str]]] = [
    (lambda n: Filter(), "", {"here", "answer", "old", "call", "side"}),
    (lambda n: Filter(role="user"), "role:user", {"here", "old"}),
    (lambda n: Filter(project_id=n["project"]), "project:Garden", {"old", "call"}),
    (lambda n: Filter(session_id=n["session"]), "session:{session}", {"here", "answer", "side"}),
    (lambda n: Filter(model="b"), "model:b", {"old", "call"}),
    (lambda n: Filter(tags=("beds",)), "tag:beds", {"old", "call"}),
    (lambda n: Filter(before=parse_time("2021-01-01T00:00:00Z")), "before:2021-01-01", {"old"}),
    (
        lambda n: Filter(after=parse_time("2021-01-01T00:00:00Z")),
        "after:2021-01-01",
        {"here", "answer", "call", "side"},
    ),
    (lambda n: Filter(has=("tool",)), "has:tool", {"call"}),
    (lambda n: Filter(branch="shown"), "branch:shown", {"here", "answer", "old", "call"}),
    (lambda n: Filter(branch="all"), "branch:all", {"here", "answer", "old", "call", "side"}),
    (lambda n: Filter(role="user", model="b"), "role:user model:b", {"old"}),
]


@pytest.mark.parametrize("at", range(len(FILTERS)), ids=[words or "none" for _, words, _ in FILTERS])
@pytest.mark.parametrize("form", ["filter", "words"])
def test_filters_narrow_in_both_forms(store: Store, at: int, form: str) -> None:
    names = a_garden(store)
    build, words, expected = FILTERS[at]
    if form == "filter":
        hits = found(store, "marigold", filter=build(names))
    else:
        hits = found(store, f"marigold {words.format(**names)}")
    by_id = {found_id: name for name, found_id in names.items()}
    assert {by_id[str(hit.message_id)] for hit in hits} == expected


def test_archived_sessions_are_searched_and_trashed_ones_only_on_request(store: Store) -> None:
    open_one, archived, trashed = (store.create_session(title="Untitled").id for _ in range(3))
    for session in (open_one, archived, trashed):
        say(store, session, "marigold")
    store.update_session(archived, archived=True)
    store.trash_session(trashed)

    def where(query: str, **fields: Any) -> set[str]:
        return {hit.session_id for hit in found(store, query, **fields)}

    assert where("marigold") == {open_one, archived}
    assert where("marigold in:archived") == where("marigold", filter=Filter(state="archived")) == {archived}
    assert where("marigold in:trash") == where("marigold", filter=Filter(state="trash")) == {trashed}
    assert where("marigold", filter=Filter(state="open")) == {open_one}
    assert where("marigold", filter=Filter(state="any")) == {open_one, archived, trashed}


def test_filters_and_words_add_up(store: Store) -> None:
    names = a_garden(store)
    (hit,) = found(store, "marigold role:user", filter=Filter(session_id=names["session"]))
    assert hit.message_id == names["here"]


BAD = [
    "",
    " ",
    '"',
    '"unclosed phrase',
    "*",
    "a*b*",
    "(",
    ")))",
    "AND",
    "OR NOT",
    "a AND",
    "NEAR(a b)",
    "col:value",
    "text:marigold",
    "-",
    "--",
    "^",
    "{a}",
    "+ - * / \\",
    "'; DROP TABLE message; --",
    "\0",
    "a\0b",
    "\ud800",
    "role:king marigold",
    "role: marigold",
    "before:yesterday marigold",
    "session:../x marigold",
    "in:nowhere marigold",
    "has:nothing",
    "project:",
    "tag:" * 50,
    "x" * 100_000,
    "word " * 20_000,
    "a*" * 5_000,
    '"' * 9_999,
    "\u202e\u200b",
    "首" * 10_000,
]


@pytest.mark.parametrize("query", BAD, ids=range(len(BAD)))
def test_a_bad_query_is_never_an_error(store: Store, query: str) -> None:
    said(store, "marigold", "a and b or not near", "col value text")
    page = store.search(query)
    assert isinstance(page.items, list)


@given(query=st.text(st.characters(), max_size=40))
def test_no_query_is_an_error(query: str, garden: Store) -> None:
    page = garden.search(query)
    for hit in page.items:
        assert all(0 <= start < end <= len(hit.snippet) for start, end in hit.ranges)


@given(body=st.text(min_size=1, max_size=60))
def test_any_word_of_a_text_finds_it(body: str, garden: Store) -> None:
    body = body.encode("utf-8", "replace").decode()
    words = [word for word in body.split() if word.isalnum() and word.isascii()]
    (message,) = said(garden, body)
    for word in words[:3]:
        page = garden.search(f'"{word}"', limit=200)
        assert page.next_cursor or message in {hit.message_id for hit in page.items}


@pytest.fixture(scope="module")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with palaver.open_store(str(tmp_path_factory.mktemp("garden") / "palaver.db")) as store:
        a_conversation(store, "a marigold", "a rose", "法国的首都")
        yield store


def test_pages_of_hits_join_without_gap_or_repeat(store: Store) -> None:
    session = store.create_session(title="Untitled")
    stored = store.append(session.id, *[a_question(f"marigold {n}") for n in range(45)])
    collected, cursor = [], None
    while True:
        page = store.search("marigold", after=cursor, limit=10)
        collected += [hit.message_id for hit in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(collected) == 45
    assert set(collected) == {message.id for message in stored}


@pytest.mark.parametrize("cursor", ["x", "../x", "\0", "9" * 1000, "\ud800"])
def test_a_cursor_that_is_none_is_invalid(store: Store, cursor: str) -> None:
    said(store, "marigold")
    with pytest.raises(Invalid):
        store.search("marigold", after=cursor)


def test_the_recent_is_preferred_among_equals(store: Store) -> None:
    old = parse_time("2015-01-01T00:00:00Z")
    session = store.create_session(title="Untitled")
    store.append(session.id, a_question("the marigold stands", created_at=old))
    (recent,) = store.append(session.id, a_question("the marigold stands"))
    assert found(store, "marigold")[0].message_id == recent.id


def test_the_relevant_comes_before_the_passing_mention(store: Store) -> None:
    passing, about = said(
        store, "filler words here " * 60 + "marigold " + "more filler " * 60, "marigold marigold"
    )
    hits = [hit.message_id for hit in found(store, "marigold")]
    assert hits == [about, passing]
    scores = [hit.score for hit in found(store, "marigold")]
    assert scores == sorted(scores, reverse=True) or scores == sorted(scores)


def test_an_old_title_is_no_longer_found(store: Store) -> None:
    session = store.create_session(title="marigold")
    store.update_session(session.id, title="rose")
    assert found(store, "marigold") == []
    assert len(found(store, "rose")) == 1


def test_a_stranger_finds_nothing(store: Store, stranger: Store) -> None:
    session = a_conversation(store, "marigold")
    assert found(stranger, "marigold") == []
    assert found(stranger, "marigold", filter=Filter(session_id=session.id)) == []
    assert found(stranger, f"marigold session:{session.id}") == []


def test_a_body_with_a_nul_is_searched_behind_it(store: Store) -> None:
    assert finds(store, "marigold", "before\0marigold")


def test_a_message_of_ten_megabytes_is_searched(store: Store) -> None:
    (message,) = said(store, "filler " * 1_400_000 + "marigold")
    assert [hit.message_id for hit in found(store, "marigold")] == [message]
