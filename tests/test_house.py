"""The house's own rules, held in every run."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from palaver import aio
from tests.support import stubs

ROOT = Path(__file__).parents[1]
SOURCE = sorted((ROOT / "src").rglob("*.py"))

SQL = re.compile(
    r"\b(SELECT\s.+\sFROM\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|(CREATE|DROP|ALTER)\s+TABLE\s)",
    re.DOTALL,
)
ELSEWHERE = re.compile(
    r"(?<![\w.])/(work|root|tmp/p[v])/|index-url[ =]+http|://[^/\s]*(artifactory|nexus|devpi)"
)


def run(*command: str) -> None:
    line = [sys.executable, "-m", *command]
    ran = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_ruff_finds_nothing() -> None:
    run("ruff", "check", "src", "tests")


def test_everything_is_formatted() -> None:
    run("ruff", "format", "--check", "src", "tests")


@pytest.mark.timeout(600)
def test_every_type_is_right() -> None:
    run("mypy", "--strict")


def test_the_body_behind_the_stub_is_typed_as_well(tmp_path: Path) -> None:
    body = tmp_path / "aio_body.py"
    body.write_text(Path(aio.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    run("mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml"), str(body))


def test_every_import_goes_down() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    found = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_the_stub_of_the_async_store_is_current() -> None:
    assert stubs.STUB.read_text(encoding="utf-8") == stubs.render(), "run python -m tests.support.stubs"


def test_every_module_says_what_it_is() -> None:
    silent = [
        path for path in SOURCE if (text := path.read_bytes()) and not ast.get_docstring(ast.parse(text))
    ]
    assert silent == []


def test_sql_stands_in_sql_files() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {text[:60]!r}"
        for path in SOURCE
        for text in strings(path)
        if SQL.search(text)
    ]
    assert found == []


def strings(path: Path) -> Iterator[str]:
    """The string constants of a module that are no docstrings."""
    tree = ast.parse(path.read_bytes())
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def test_no_file_names_the_machine_it_was_written_on() -> None:
    named = [
        f"{path.relative_to(ROOT)}: {found[0]}" for path in texts() if (found := ELSEWHERE.search(read(path)))
    ]
    assert named == []


def texts() -> Iterator[Path]:
    for place in ("src", "tests", "docs", "bench", "requirements", ".ci"):
        yield from (
            path for path in (ROOT / place).rglob("*") if path.is_file() and "__pycache__" not in path.parts
        )
    yield from (ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "pyproject.toml"))


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


# The values stand together; the contract says each verb once, with its words; a store on a database forwards each.
MOST_LINES = {"src/palaver/model.py": 560, "src/palaver/store.py": 760, "src/palaver/storage/store.py": 680}


def test_no_module_is_a_department() -> None:
    long = {str(path.relative_to(ROOT)): len(read(path).splitlines()) for path in SOURCE}
    assert {path: lines for path, lines in long.items() if lines > MOST_LINES.get(path, 500)} == {}


def test_functions_are_short() -> None:
    lengths = sorted(length for path in SOURCE for length in function_lengths(path))
    assert lengths[len(lengths) // 2] <= 10
    assert lengths[len(lengths) * 9 // 10] <= 35


def function_lengths(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield node.end_lineno - node.body[0].lineno + 1


def test_importing_the_package_loads_no_server_no_terminal_and_no_network() -> None:
    heavy = "{'apsw', 'click', 'httpx2', 'prompt_toolkit', 'rich', 'starlette', 'textual', 'asyncio'}"
    line = [sys.executable, "-c", f"import sys, palaver; print(sorted({heavy} & set(sys.modules)))"]
    ran = subprocess.run(line, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
