"""How the page comes into the package, and what it is made of."""

import gzip
import re
import shutil
import subprocess
import sys
import tarfile
from importlib import resources
from pathlib import Path

import pytest

from hatch_build import BUILT_FROM, NODE, PageBuildHook, built, digest, is_current
from tests.support import npm
from tools import client

ROOT = Path(__file__).parents[2]
FIRST_LOAD = 120_000
"""What the scripts that are loaded first may weigh, compressed. Bytes."""


@pytest.fixture(scope="module")
def page() -> Path:
    """The page of the installed package."""
    return Path(str(resources.files("palaver.server").joinpath("static")))


def test_the_package_holds_the_page_of_these_sources(page: Path) -> None:
    assert (page / BUILT_FROM).read_text() == digest(ROOT / "web"), "build it anew: pip install --no-deps ."


def test_the_first_load_is_light(page: Path) -> None:
    named = re.findall(r'(?:src|href)="/(assets/[^"]+\.js)"', (page / "index.html").read_text())
    assert named
    assert sum(len(gzip.compress((page / name).read_bytes(), 9)) for name in named) <= FIRST_LOAD


def test_nothing_is_inline_and_nothing_is_loaded_from_elsewhere(page: Path) -> None:
    html = (page / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\son\w+=|style=", html) == []
    assert re.findall(r'(?:src|href)="(?!/)', html) == []
    for sheet in (page / "assets").glob("*.css"):
        assert re.findall(r"@import|url\((?!/assets/)[^)]*\)", sheet.read_text(encoding="utf-8")) == []


def test_a_changed_source_asks_for_node_and_a_built_page_does_not(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").write_text("one")
    built(tmp_path).mkdir(parents=True)
    hook = PageBuildHook(str(tmp_path), {}, None, None, str(tmp_path), "wheel")  # type: ignore[arg-type]
    assert hook.dependencies() == [NODE]
    (built(tmp_path) / BUILT_FROM).write_text(digest(tmp_path / "web"))
    (tmp_path / "web" / "node_modules").mkdir()
    (tmp_path / "web" / "node_modules" / "x.js").write_text("")
    assert hook.dependencies() == []
    (tmp_path / "web" / "index.html").write_text("two")
    assert hook.dependencies() == [NODE]


def test_an_sdist_carries_the_built_page_and_needs_no_node(page: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "web", tree / "web", ignore=shutil.ignore_patterns("node_modules"))
    shutil.copytree(page, built(tree))
    (tree / "src" / "palaver" / "__init__.py").write_text('__version__ = "0"\n')
    for name in ("pyproject.toml", "hatch_build.py", ".gitignore", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, tree)
    (tree / "web" / "node_modules").mkdir()
    (tree / "web" / "node_modules" / "big.js").write_text("")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path / "dist")]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    (archive,) = (tmp_path / "dist").iterdir()
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert is_current(unpacked)
    assert not list(unpacked.rglob("node_modules"))


def test_the_pages_client_is_that_of_the_server() -> None:
    assert client.FILE.read_text(encoding="utf-8") == client.render(), "run python -m tools.client"


def test_every_type_of_the_page_is_right(tmp_path: Path) -> None:
    """svelte-check over the sources, with what the lock names."""
    sources = tmp_path / "web"
    shutil.copytree(ROOT / "web", sources, ignore=shutil.ignore_patterns("node_modules"))
    (sources / "node_modules").symlink_to(npm.installed(ROOT / "web") / "node_modules")
    checker = sources / "node_modules" / "svelte-check" / "bin" / "svelte-check"
    command = [
        str(npm.NODE),
        str(checker),
        "--tsconfig",
        "./tsconfig.json",
        "--fail-on-warnings",
        "--output",
        "human",
    ]
    checked = subprocess.run(command, cwd=sources, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_lock_names_no_host() -> None:
    assert "resolved" not in (ROOT / "web" / "package-lock.json").read_text(encoding="utf-8")
    wanted = re.findall(
        r'"[\w@/.-]+": "([^"]+)"', (ROOT / "web" / "package.json").read_text(encoding="utf-8")
    )
    assert [one for one in wanted if one[0] in "^~>*"] == []
