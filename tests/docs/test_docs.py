"""What the pages say is true: links lead somewhere, code runs and prints what is shown, commands exist."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import click
import pytest

from palaver import settings
from tests.docs import commands, pages

WORDS = {
    *("project", "session", "message", "part", "branch", "head", "draft", "turn", "fork"),
    *("checkpoint", "snapshot", "provider", "model", "actor"),
}

with_python = [
    page
    for page in pages.PAGES
    if page.name != "README.md"  # tests/test_readme.py runs that
    and any(block.language == "python" for block in pages.blocks(page))
]
shell = [
    pytest.param(arguments, id=f"{pages.name(page)}:{block.line} {' '.join(arguments)}")
    for page in pages.PAGES
    for block in pages.blocks(page)
    if block.language == "sh"
    for arguments in commands.palaver_commands(block.text)
]

configurations = [
    pytest.param(block.text, id=f"{pages.name(page)}:{block.line}")
    for page in pages.PAGES
    for block in pages.blocks(page)
    if block.language == "toml"
]


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    dead = [
        f"{path}#{anchor}"
        for path, anchor in pages.internal_links(page)
        if not path.exists() or (anchor and anchor not in pages.anchors(path))
    ]
    assert dead == []


@pytest.mark.parametrize("page", with_python, ids=pages.name)
def test_the_python_of_a_page_runs_and_prints_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    script, printed = tmp_path / "page.py", _printed(page)
    script.write_text(_python(page), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "utf8", str(script)],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.stderr, done.stdout) == ("", printed)


@pytest.mark.parametrize("arguments", shell)
def test_every_command_in_the_pages_exists(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in filter(re.compile(r"[\w-]+\.\w+").fullmatch, arguments):
        (tmp_path / file).touch()
    try:
        commands.check(arguments)
    except click.UsageError as exc:
        pytest.fail(exc.format_message())


@pytest.mark.parametrize("text", configurations)
def test_every_setting_in_the_pages_is_one(text: str, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(text, encoding="utf-8")
    assert settings.load(flags={}, environment={}, config=config) != settings.Settings()


def test_every_word_of_the_domain_is_in_the_glossary() -> None:
    glossary = (pages.ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    defined = re.findall(r"^- \*\*([^*]+)\*\*: ", glossary, re.MULTILINE)
    assert set(defined) >= WORDS
    assert defined == sorted(defined)


def _python(page: Path) -> str:
    """The page's blocks as one program, each line where it stands in the page."""
    lines = [""] * len(page.read_text(encoding="utf-8").splitlines())
    for block in pages.blocks(page):
        if block.language == "python":
            code = block.text.splitlines()
            lines[block.line - 1 : block.line - 1 + len(code)] = code
    return "\n".join(lines)


def _printed(page: Path) -> str:
    """What stands in blocks of text right behind a block of Python, perhaps with a line between them."""
    shown = [
        after.text
        for code, after in pairwise(pages.blocks(page))
        if (code.language, after.language) == ("python", "text") and after.line - code.end <= 5
    ]
    return "".join(f"{text}\n" for text in shown)
