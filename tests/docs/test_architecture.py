"""docs/architecture.md shows the house as it is built."""

import re
import tomllib

import pytest

from tests.docs.pages import ROOT, blocks

PACKAGE = ROOT / "src" / "palaver"
TREE, LAYERS = (block.text for block in blocks(ROOT / "docs" / "architecture.md") if block.language == "text")


def _shown() -> list[str]:
    """Paths in the tree: an entry is two spaces deeper than the folder it is in."""
    found: list[str] = []
    folders: list[str] = []
    for line in TREE.splitlines():
        spaces, entry = re.match(r"( *)(\S+)", line).groups()  # type: ignore[union-attr]
        del folders[len(spaces) // 2 :]
        found.append("".join(folders) + entry)
        folders.append(entry)
    return found


@pytest.mark.parametrize("path", _shown())
def test_what_the_tree_shows_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_tree_shows_every_room_of_the_package() -> None:
    rooms = {
        path.name for path in PACKAGE.iterdir() if path.name[0] not in "._" and path.suffix in ("", ".py")
    }
    shown = {path.removeprefix("src/palaver/").rstrip("/") for path in _shown()}
    assert rooms <= shown


def test_the_layers_are_those_that_are_held() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    held = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    built = [[name for name in re.findall(r"\w+", layer) if _is_built(name)] for layer in held]
    assert [line.split(" | ") for line in LAYERS.splitlines()] == [layer for layer in built if layer]


def _is_built(name: str) -> bool:
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()
