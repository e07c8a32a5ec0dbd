"""The pages people read, taken apart."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

_FENCE = re.compile(r"^```(\w*)$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_OTHER_PLACES = re.compile(r"^[a-z]+:")


class Block(NamedTuple):
    """A fenced block: `line` is the number of its first line of text, from 1."""

    language: str
    line: int
    text: str

    @property
    def end(self) -> int:
        """The number of the line that closes it."""
        return self.line + len(self.text.splitlines())


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    found: list[Block] = []
    begin: int | None = None
    language = ""
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        fence = _FENCE.match(line)
        if begin is None and fence:
            begin, language = number + 1, fence[1]
        elif begin is not None and fence:
            found.append(Block(language, begin, "\n".join(lines[begin - 1 : number - 1])))
            begin = None
    assert begin is None, f"{name(page)} ends within a block"
    return found


def prose(page: Path) -> str:
    """The page without its blocks and without code between words."""
    text = page.read_text(encoding="utf-8")
    for block in blocks(page):
        text = text.replace(block.text, "", 1) if block.text else text
    return re.sub(r"`[^`\n]*`", "", text)


def internal_links(page: Path) -> Iterator[tuple[Path, str]]:
    """Where the page leads to within the repository: a path and an anchor, each perhaps empty."""
    for target in _LINK.findall(prose(page)):
        if not _OTHER_PLACES.match(target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as they stand in links."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
