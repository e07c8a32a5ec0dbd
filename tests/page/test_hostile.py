"""Hostile text in every field: shown as text, nothing of it runs, nothing breaks."""

import pytest
from playwright.sync_api import expect

import palaver
from palaver import Store
from palaver.model import Opaque, Reasoning, Text
from tests.page.conftest import OpenWindow
from tests.support.browser import quiet
from tests.support.serving import Serving

TEXTS = {
    "script": "<script>window.ran = 1</script>",
    "handler": "<img src=x onerror='window.ran = 1'>",
    "svg": "<svg onload='window.ran = 1'><a xlink:href='javascript:window.ran=1'>x</a></svg>",
    "link": "[press](javascript:window.ran=1) and <a href='javascript:window.ran=1'>press</a>",
    "data link": "[press](data:text/html,<script>window.ran=1</script>)",
    "frame": "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "style": "<style>* { display: none !important }</style><b style='position:fixed;inset:0'>over all</b>",
    "form": "<form action='https://example.org'><input name=q><button>go</button></form>",
    "template": "{@html '<img src=x onerror=window.ran=1>'} {{constructor.constructor('window.ran=1')()}}",
    "formula": "$\\href{javascript:window.ran=1}{x}$ $$\\includegraphics{x}$$ $\\def\\a{\\a\\a}\\a$",
    "fence": "```<img onerror=window.ran=1>\n</code></pre><img src=x onerror='window.ran=1'>\n```",
    "direction": "\u202egnp.exe \u2066\u2067 الكتاب \u200f",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈 z̸̢̛a̴l̷g̵o̶",
    "nothing": "before\0after",
    "mathml": "<math><mtext><table><mglyph><style><img src=x onerror=window.ran=1>",
}


@pytest.fixture
def hostile(chats: Store) -> str:
    """A chat that is hostile in everything a person or a model may put into it."""
    project = chats.create_project("<img src=x onerror=window.ran=1>")
    session = chats.create_session(
        title="<img src=x onerror=window.ran=1>\u202e",
        project_id=project.id,
        model="<b>m</b>",
        system_prompt="<script>",
    )
    chats.update_session(session.id, tags=("<script>window.ran=1</script>",))
    for text in reversed(TEXTS.values()):  # the most dangerous are shown first
        chats.append(
            session.id,
            palaver.user(text),
            palaver.assistant(
                text,
                parts=(Reasoning(text), Text(text), Opaque("<b>", {"<b>": text})),
                model=text[:50].replace("\0", ""),
            ),
            palaver.note(text),
        )
        result = {"llmContent": text, "returnDisplay": text}
        chats.record_tool_call(
            session.id, id=f"c{hash(text)}", name="<b>tool</b>", args={"<b>": text}, result=result
        )
    return session.id


def test_nothing_in_a_chat_runs(open_window: OpenWindow, place: Serving, hostile: str) -> None:
    window = open_window(place, f"/c/{hostile}")
    quiet(window)
    for fold in window.locator("details").all():
        fold.evaluate("one => one.open = true")
    window.wait_for_timeout(300)
    assert window.evaluate("window.ran") is None
    thread = window.get_by_role("region", name="Messages")
    expect(thread).to_contain_text(TEXTS["script"])
    expect(thread).to_contain_text(TEXTS["template"])
    assert (
        thread.locator("script, iframe, form, style, svg a, [style*=fixed], [onerror], [onload]").count() == 0
    )
    targets = [one.get_attribute("href") or "" for one in thread.get_by_role("link").all()]
    assert [one for one in targets if one.startswith(("javascript:", "data:"))] == []


def test_hostile_names_are_text_everywhere_else(
    open_window: OpenWindow, place: Serving, hostile: str
) -> None:
    window = open_window(place, f"/c/{hostile}")
    expect(window.get_by_role("heading", level=1)).to_contain_text("<img src=x onerror=window.ran=1>")
    window.get_by_role("button", name="Project:").click()
    expect(window.get_by_role("menuitem", name="<img src=x onerror=window.ran=1>").first).to_be_visible()
    window.keyboard.press("Escape")
    window.keyboard.press("Control+k")
    window.get_by_role("combobox").fill("onerror")
    expect(window.get_by_role("option").filter(has_text="onerror").first).to_be_visible()
    window.keyboard.press("Escape")
    for path in ("/search?q=onerror", "/settings/storage"):
        window.goto(place.address + path)
        expect(window.get_by_role("main")).to_contain_text("onerror")
    assert window.evaluate("window.ran") is None


def test_a_word_of_a_megabyte_is_shown(open_window: OpenWindow, place: Serving, chats: Store) -> None:
    session = chats.create_session(title="W" * 1000)
    chats.append(session.id, palaver.user("w" * 1_000_000), palaver.assistant("x" * 1_000_000))
    window = open_window(place, f"/c/{session.id}")
    expect(window.get_by_role("article", name="Answer")).to_be_visible()
    assert window.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    window.get_by_role("textbox", name="Message").fill("still here")
    expect(window.get_by_role("button", name="Send")).to_be_enabled()
