"""What is loaded when: a client of the values pays for no HTTP client, a chat for no terminal."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import palaver", "httpx2"),
        ("import palaver; palaver.SessionManager; palaver.open_store", "httpx2"),
        ("import palaver.chat.commands, palaver.chat.engine", "click rich prompt_toolkit"),
        ("import palaver.providers.demo", "httpx2"),
        ("import palaver.context.prompt", "httpx2 apsw"),
    ],
)
def test_an_import_loads_no_more_than_it_needs(statement: str, absent: str) -> None:
    code = f"import sys; {statement}; print([name for name in {absent.split()} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
