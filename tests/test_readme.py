"""The ten lines of the README: the first Python that anybody sees of Palaver."""

import re
import subprocess
import sys
from pathlib import Path

import palaver

README = Path(__file__).parents[1] / "README.md"


def first_block() -> str:
    found = re.search(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found, "the README shows no Python"
    return found[1]


def test_the_ten_lines_run_in_an_empty_folder_and_leave_a_conversation(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", first_block()]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=True)
    assert ran.stdout.splitlines() == [
        "user What is the capital of France?",
        "assistant Paris.",
        "What is the capital of France?",
    ]
    with palaver.open_store(str(tmp_path / "talk.db")) as store:
        (session,) = store.list_sessions().items
        assert session.title == "What is the capital of France?"
        assert (session.model, session.provider) == ("gemma3:4b", "ollama")
        assert store.verify().problems == []


def test_they_are_ten_lines() -> None:
    assert len([line for line in first_block().splitlines() if line]) <= 10
