"""What lies around conversations: import and export, models, storage; and a team on PostgreSQL with a real model."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

import palaver
from palaver import Store
from tests.page.conftest import OpenWindow
from tests.page.speaking import answers, ask, session_of
from tests.page.test_list import act, row
from tests.support.llama import MODEL
from tests.support.servers import llama_address
from tests.support.serving import Serving, serving

__all__ = ["llama_address"]

PASSWORD = "marigolds bloom late"


def test_a_file_is_looked_into_and_then_imported(
    open_window: OpenWindow, own_place: Serving, own_chats: Store, tmp_path: Path
) -> None:
    file = tmp_path / "talk.jsonl"
    file.write_text(
        '{"messages": [{"role": "user", "content": "Bonjour?"}, {"role": "assistant", "content": "Oui."}]}\n'
    )
    window = open_window(own_place, "/import")
    window.get_by_label("A file").set_input_files(file)
    report = window.get_by_role("region", name="Report")
    expect(report).to_contain_text("This would come in")
    expect(report).to_contain_text("1 session")
    assert own_chats.list_sessions().items == []
    report.get_by_role("button", name="Import", exact=True).click()
    expect(report).to_contain_text("Imported")
    expect(row(window, "Bonjour?")).to_be_visible()
    window.get_by_label("A file").set_input_files([])
    window.get_by_label("A file").set_input_files(file)
    expect(report).to_contain_text("There already")


def test_a_file_that_is_none_is_told_why(open_window: OpenWindow, place: Serving, tmp_path: Path) -> None:
    file = tmp_path / "noise.bin"
    file.write_bytes(bytes(range(256)) * 10)
    window = open_window(place, "/import")
    window.get_by_label("A file").set_input_files(file)
    expect(window.get_by_role("alert")).to_be_visible()


@pytest.mark.parametrize(
    ("label", "wanted"), [("Markdown", "A trip"), ("Palaver (everything)", '"type":"palaver"')]
)
def test_a_chat_is_exported(
    open_window: OpenWindow, place: Serving, chats: Store, label: str, wanted: str
) -> None:
    session = chats.create_session(title=f"A trip {label}")
    chats.append(session.id, palaver.user("Where to?"), palaver.assistant("South."))
    window = open_window(place)
    with window.expect_download() as downloading:
        act(window, session.title, "Export as", label)
    text = Path(downloading.value.path()).read_text(encoding="utf-8")
    assert wanted in text
    assert "South." in text


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Serving]:
    """A server that knows no model but the one that is built in, and no tools."""
    with serving(
        str(tmp_path / "palaver.db"), tmp_path, config="discover = false\nmodel_title = false\n"
    ) as place:
        yield place


def test_a_provider_is_tested_added_used_and_removed(
    open_window: OpenWindow, bare: Serving, llama_address: str
) -> None:
    window = open_window(bare, "/settings/models")
    window.get_by_label("Name", exact=True).fill("llama")
    window.get_by_label("Address").fill("http://127.0.0.1:1/v1")
    window.get_by_role("button", name="Test").click()
    expect(window.get_by_role("status").filter(has_text=re.compile("reach|refus|away"))).to_be_visible()
    window.get_by_label("Address").fill(f"{llama_address}/v1")
    window.get_by_role("button", name="Test").click()
    expect(window.get_by_text(f"It answers and has one model: {MODEL}")).to_be_visible()
    window.get_by_role("button", name="Add", exact=True).click()
    expect(window.get_by_role("button", name="Remove llama")).to_be_visible()
    assert "llama" in (bare.folder / "config.toml").read_text()
    window.get_by_role("link", name="New chat").first.click()
    window.get_by_role("button", name="Model:").click()
    window.get_by_role("dialog").get_by_role("button", name=MODEL).click()
    window.get_by_role("button", name=f"Use {MODEL}").click()
    ask(window, "Say anything.")
    expect(window.get_by_role("button", name="Stop")).to_have_count(0)
    expect(answers(window)).to_contain_text(re.compile(f"{MODEL}.*tokens", re.DOTALL))
    with palaver.open_store(bare.store) as store:
        (_, answer) = store.messages(session_of(window, store))
    assert (answer.model, answer.status) == (MODEL, "complete")
    window.goto(f"{bare.address}/settings/models")
    window.get_by_role("button", name="Remove llama").click()
    expect(window.get_by_role("button", name="Remove llama")).to_have_count(0)


def test_what_takes_how_much_is_shown(open_window: OpenWindow, place: Serving, chats: Store) -> None:
    session = chats.create_session(title="The largest of all")
    chats.append(session.id, palaver.user("x" * 300_000))
    window = open_window(place, "/settings/storage")
    expect(window.get_by_role("main").get_by_role("link", name="The largest of all")).to_be_visible()
    expect(window.get_by_role("row", name="Messages").first).to_be_visible()


def test_search_finds_as_one_types_and_narrows(open_window: OpenWindow, place: Serving, chats: Store) -> None:
    session = chats.create_session(title="About birds")
    chats.append(session.id, palaver.user("a kingfisher at noon"), palaver.assistant("kingfishers dive"))
    window = open_window(place, "/search")
    window.get_by_role("searchbox", name="Search for").fill("kingfi")
    expect(window.get_by_role("status").filter(has_text="2 found")).to_be_visible()
    window.get_by_label("What").select_option("assistant")
    expect(window.get_by_role("status").filter(has_text="1 found")).to_be_visible()
    assert "role=assistant" in window.url
    window.get_by_role("main").get_by_role("link", name="About birds").click()
    expect(answers(window)).to_be_focused()


@pytest.fixture
def team(tmp_path: Path, postgres_url: str, llama_address: str) -> Iterator[Serving]:
    config = f'discover = false\nmodel_title = false\n[[provider]]\nname = "llama"\naddress = "{llama_address}/v1"\n'
    with serving(postgres_url, tmp_path, config=config) as place:
        yield place


def test_a_team_on_postgresql_talks_with_a_real_model(open_window: OpenWindow, team: Serving) -> None:
    link = re.search(r"http\S+/setup#code=\S+", team.log)
    assert link
    window = open_window(team)
    window.goto(link[0])
    for label, value in {"Name": "Ada", "E-mail address": "ada@example.org", "Password": PASSWORD}.items():
        window.get_by_label(label, exact=True).fill(value)
    window.get_by_role("button", name="Create the account").click()
    ask(window, "Say anything.")
    expect(window.get_by_role("button", name="Stop")).to_have_count(0)
    expect(answers(window)).to_contain_text(re.compile(f"{MODEL}.*tokens", re.DOTALL))
    window.reload()
    expect(answers(window)).to_contain_text(MODEL)
    expect(row(window, "Say anything.")).to_be_visible()
