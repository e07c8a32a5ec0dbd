"""What a person waits for before anything happens."""

import subprocess
import sys

import pytest

HEAVY = {"rich", "prompt_toolkit", "httpx2", "apsw", "msgspec", "markdown_it", "psycopg", "pygments"}


def loaded_by(*arguments: str) -> set[str]:
    """The top-level modules in a process that has run the command line with these arguments."""
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('\\n' + ' '.join(sorted({m.partition('.')[0] for m in sys.modules}))))\n"
        "from palaver.cli.main import main\n"
        "main()\n"
    )
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split())


def test_help_imports_nothing_heavy() -> None:
    assert loaded_by("--help") & HEAVY == set()


def test_the_version_imports_nothing_heavy() -> None:
    assert loaded_by("--version") & HEAVY == set()


@pytest.mark.parametrize("name", ["ls", "show", "search", "context"])
def test_a_command_imports_neither_the_terminal_prompt_nor_an_http_client(name: str) -> None:
    assert loaded_by(name, "--help") & {"prompt_toolkit", "httpx2"} == set()
