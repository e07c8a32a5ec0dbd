import os
import shutil
import subprocess
from pathlib import Path

import pytest

from palaver.ids import short
from tests.cli.conftest import Run
from tests.cli.processes import call


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_gets_its_script(run: Run, shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_PALAVER_COMPLETE" in result.stdout


def complete(database: Path, line: str) -> list[str]:
    """What bash would be offered for the last word of the line."""
    words = line.split(" ")
    result = call(
        database, _PALAVER_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1)
    )
    return [each.partition(",")[2] for each in result.stdout.decode().split()]


def test_commands_are_completed(database: Path) -> None:
    assert complete(database, "palaver un") == ["unpin", "untrash"]


def test_options_are_completed(database: Path) -> None:
    assert "--archived" in complete(database, "palaver ls --arch")


def test_sessions_are_completed_by_id_and_by_a_word_of_the_title(run: Run, database: Path) -> None:
    id = run("new", "--title", "Travel plans").stdout.strip()
    run("new", "--title", "Recipes")
    assert complete(database, f"palaver show {short(id)[:3]}") == [short(id)]
    assert complete(database, "palaver show plan") == [short(id)]


def test_completion_without_a_database_offers_nothing_and_makes_none(database: Path) -> None:
    assert complete(database, "palaver show a") == []
    assert not database.exists()


def test_the_script_for_bash_is_valid(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "palaver.bash"
    script.write_text(run("completion", "bash").stdout)
    bash = shutil.which("bash") or pytest.fail("bash is needed")
    assert subprocess.run([bash, "-n", str(script)], check=False, env=dict(os.environ)).returncode == 0
