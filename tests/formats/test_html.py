"""One page that stands alone, in which nothing that was said can act."""

import re
from html.parser import HTMLParser

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import palaver
from palaver import Event, Opaque, Reasoning, Store, ToolCall, open_store
from tests.formats.arbitrary import messages
from tests.formats.files import taken
from tests.support.factories import a_conversation

KNOWN = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav", "section", "article", "details",
    "summary", "h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "dl", "dt", "dd", "small", "time", "pre", "code", "a", "img",
    "ul", "ol", "li", "blockquote", "em", "strong", "s", "br", "hr", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "dir", "class", "datetime", "href", "rel", "alt", "src", "id",
    "aria-label", "aria-labelledby", "style", "start", "title",
}  # fmt: skip
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1)) [y](JaVaScRiPt:alert(1)) [z](data:text/html,<script>alert(1)</script>) [v](vbscript:x)",
    "![x](https://evil.example/pixel.png) ![y](javascript:alert(1)) ![z](//evil.example/a)",
    '"><svg onload=alert(1)>',
    "</style></title></details><iframe src=//evil.example>",
    "<style>@import url(//evil.example)</style> <link rel=stylesheet href=//evil.example>",
    "```html\n</code></pre><script>alert(1)</script>\n```",
    "[a]: javascript:alert(1)\n\n[a]",
    '<https://e.example/"onmouseover=alert(1)> <javascript:alert(1)>',
]


class Page(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in ("meta", "br", "hr", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check_inert(written: bytes) -> Page:
    page = Page(written.decode())
    assert page.open == []
    for tag, attributes in page.tags:
        assert tag in KNOWN
        assert attributes.keys() <= ATTRIBUTES
        assert re.match(r"(https?://|mailto:|#)", attributes.get("href", "#").lower()), attributes
        assert attributes.get("src", "data:image/").startswith("data:image/")
    return page


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_any_field_is_inert(store: Store, text: str) -> None:
    line = text.replace("\n", " ")
    session = store.create_session(
        title="x" + line[:900],
        model="m" + line[:150],
        system_prompt=text,
    )
    store.update_session(session.id, tags=[line[:90]])
    store.append(
        session.id,
        palaver.user(text),
        palaver.assistant(text, parts=(Reasoning(text), ToolCall(text, text, text))),
    )
    store.record_tool_call(
        session.id, id=text, name=text, args={text: text}, result={"llmContent": text, "returnDisplay": text}
    )
    parts = (Event(text, {text: text}), Opaque(text, text))
    store.append(
        session.id, palaver.note(text, parts=parts), palaver.assistant("", status="error", error=text)
    )
    a_conversation(store, "another, for the list of contents")
    check_inert(taken(store, "html"))
    check_inert(taken(store, "html", session_ids=[session.id]))


@settings(max_examples=25)
@given(said=st.lists(messages, max_size=4))
def test_any_conversation_makes_a_well_formed_page(
    said: list[palaver.NewMessage], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with open_store(tmp_path_factory.mktemp("stores") / "a.db") as store:
        session = store.create_session(title="T")
        for message in said:
            store.append(session.id, message)
        check_inert(taken(store, "html"))


def test_nothing_runs_and_nothing_is_loaded(store: Store) -> None:
    a_conversation(store)
    page = check_inert(taken(store, "html"))
    policies = [
        found["content"] for tag, found in page.tags if found.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies[0].startswith("default-src 'none'")
    assert b"url(" not in taken(store, "html")
    assert b"@import" not in taken(store, "html")


def test_a_reader_finds_landmarks_headings_and_the_language(store: Store) -> None:
    a_conversation(store, "# Heading\n\n## Another", "Hi.")
    page = Page(taken(store, "html").decode())
    tags = [tag for tag, _ in page.tags]
    assert page.tags[0] == ("html", {"lang": "en"})
    assert (tags.count("main"), tags.count("h1"), tags.count("h2")) == (1, 1, 2)
    assert [tag for tag in tags if tag in ("h4", "h5")] == ["h4", "h5"]
    assert {"header", "footer", "article", "time"} <= set(tags)


def test_both_colour_schemes_small_screens_and_paper_are_thought_of(store: Store) -> None:
    a_conversation(store)
    written = taken(store, "html").decode()
    assert "prefers-color-scheme: dark" in written
    assert "@media print" in written
    assert 'name="viewport"' in written


def test_markdown_is_laid_out_and_calls_are_folded_away(store: Store) -> None:
    session = a_conversation(store, "**bold** `code`\n\n| a |\n|---|\n| b |")
    store.record_tool_call(session.id, id="c", name="ls", args={}, result={"llmContent": "a.log"})
    written = taken(store, "html").decode()
    assert "<strong>bold</strong>" in written
    assert "<table>" in written
    assert written.count("<details>") == 2


def test_a_picture_is_part_of_the_page(store: Store) -> None:
    session = store.create_session()
    picture = store.put_file(b"\x89PNG\r\n\x1a\n", name="p.png", mime="image/png")
    store.append(session.id, palaver.user("see", parts=(picture,)))
    assert b'src="data:image/png;base64,iVBORw0KGgo="' in taken(store, "html")


def test_a_very_long_text_is_shown_as_it_is(store: Store) -> None:
    a_conversation(store, "*" * 300_000)
    assert b"*" * 300_000 in taken(store, "html")
