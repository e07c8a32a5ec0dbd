"""`import palaver`: every public name, and nothing loaded that nobody asked for."""

import ast
import inspect
import subprocess
import sys

import palaver

HEAVY = {"apsw", "click", "httpx2", "prompt_toolkit", "rich", "sqlite3"}


def test_every_public_name_is_there() -> None:
    assert all(hasattr(palaver, name) for name in palaver.__all__)


def test_type_checkers_see_the_very_names_that_are_loaded() -> None:
    tree = ast.parse(inspect.getsource(palaver))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imported = {
        alias.name: (node.module or "").removeprefix("palaver.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == palaver._HOME
    assert set(imported) == set(palaver.__all__)


def test_importing_palaver_loads_no_driver_no_terminal_and_no_network() -> None:
    script = "import palaver, sys; palaver.user('Hello'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, encoding="utf-8")
    assert not HEAVY & {name.partition(".")[0] for name in done.stdout.split()}
