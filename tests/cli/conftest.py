"""A command line to call, with an empty home and no model server to be found."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from palaver.cli.main import palaver as command_line

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_discovery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the demo model answers, whatever runs on this machine."""
    monkeypatch.setenv("PALAVER_DISCOVER", "false")
    monkeypatch.delenv("PALAVER_STORE", raising=False)
    monkeypatch.delenv("PALAVER_KEY_FILE", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the database of the command line is, once there is one."""
    return tmp_path / "palaver.db"


@pytest.fixture
def run(database: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Calls the command line in this process: `run("ls", "--json")`. No terminal, as in a pipe."""
    monkeypatch.setenv("PALAVER_STORE", str(database))

    def call(*arguments: str, input: str | bytes | None = None) -> Result:
        return CliRunner().invoke(command_line, arguments, input=input, prog_name="palaver")

    return call
