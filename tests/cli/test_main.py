import json
from pathlib import Path

import click
import pytest

from palaver import __version__, errors
from palaver.cli import exits
from palaver.cli.main import SECTIONS, palaver
from palaver.errors import PalaverError
from tests.cli.conftest import Run

COMMANDS = {name: help for commands in SECTIONS.values() for name, (_, help) in commands.items()}


def error_classes() -> list[type[PalaverError]]:
    return [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, PalaverError)
    ]


def test_every_error_code_has_an_exit_code_of_its_own() -> None:
    codes = [exits.EXIT_CODES[error.code] for error in error_classes()]
    assert len(set(codes)) == len(codes)
    assert len(set(exits.EXIT_CODES.values())) == len(exits.EXIT_CODES)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_listed_help_of_a_command_is_the_first_line_of_its_own(name: str) -> None:
    with click.Context(palaver) as ctx:
        command = palaver.get_command(ctx, name)
    assert command is not None
    assert (command.help or "").splitlines()[0] == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(run: Run, name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: palaver {name}" in result.stdout
    assert "--store URL|PATH" in result.stdout


def test_the_help_lists_the_commands(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert "Talk and read:" in result.stdout


def test_the_version_is_said(run: Run) -> None:
    assert run("--version").stdout == f"palaver {__version__}\n"


def test_a_mistyped_command_is_answered_with_the_nearest(run: Run) -> None:
    result = run("seach", "word")
    assert result.exit_code == 2
    assert result.stderr == "palaver: No such command 'seach'. Did you mean 'search'? See `palaver --help`.\n"


def test_a_usage_error_is_one_line_that_names_the_command(run: Run) -> None:
    result = run("rename")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "palaver rename --help" in result.stderr


def test_errors_are_json_problems_where_json_is_asked_for(run: Run) -> None:
    run("new")
    problem = json.loads(run("show", "ffffff-ffffff", "--json").stderr)
    assert problem["code"] == "not_found"
    assert problem["exitCode"] == 3
    assert problem["kind"] == "session"
    assert problem["id"] == "ffffff-ffffff"


def test_a_word_behind_two_hyphens_is_no_option(run: Run) -> None:
    result = run("show", "--", "--json")
    assert result.stderr.startswith("palaver: ")


def test_an_unknown_session_has_its_exit_code_and_one_line(run: Run) -> None:
    run("new")
    result = run("show", "../../etc/passwd")
    assert result.exit_code == exits.EXIT_CODES["not_found"]
    assert result.stderr == "palaver: Session not found: ../../etc/passwd\n"


def test_a_config_file_that_is_no_toml_is_named(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("model = ")
    result = run("--config", str(config), "ls")
    assert result.exit_code == exits.EXIT_CODES["invalid"]
    assert str(config) in result.stderr


def test_the_store_is_taken_before_and_after_the_command(run: Run, tmp_path: Path) -> None:
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    run("--store", str(first), "new")
    run("new", "--store", str(second))
    assert first.exists()
    assert second.exists()
    assert not (tmp_path / "palaver.db").exists()


def test_a_store_named_after_the_command_wins(run: Run, tmp_path: Path) -> None:
    run("--store", str(tmp_path / "first.db"), "new", "--store", str(tmp_path / "second.db"))
    assert not (tmp_path / "first.db").exists()
    assert (tmp_path / "second.db").exists()


def test_debug_shows_where_an_error_came_from(run: Run) -> None:
    run("new")
    result = run("show", "ffffffff", "--debug")
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("palaver: Session not found: ffffffff\n")


def test_a_directory_in_place_of_a_database_is_refused(run: Run, tmp_path: Path) -> None:
    result = run("ls", "--store", str(tmp_path))
    assert result.exit_code in {exits.EXIT_CODES["invalid"], exits.EXIT_CODES["unavailable"]}
    assert result.stderr.startswith("palaver: ")
    assert result.stderr.count("\n") == 1


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(run: Run, database: Path) -> None:
    database.write_bytes(b"my shopping list\n" * 100)
    result = run("new")
    assert result.exit_code in {exits.EXIT_CODES["corrupt"], exits.EXIT_CODES["unavailable"], 6}
    assert database.read_bytes() == b"my shopping list\n" * 100
