"""Which line is a command, and which command it is."""

import pytest

from palaver.chat.commands import COMMANDS, Context, Ended, Helped, is_command, run_command
from tests.chat.commands.conftest import failed, replied


@pytest.mark.parametrize(
    "line", ["/help", "/new", "/title My talk", "/?", "/unknown thing", "/edit\nall of it"]
)
def test_a_slash_and_a_word_is_a_command(line: str) -> None:
    assert is_command(line)


@pytest.mark.parametrize("line", ["hello", "/", "//help", "/usr/bin/env", "/ help", " /help", "", "/7"])
def test_anything_else_is_text(line: str) -> None:
    assert not is_command(line)


def test_help_lists_every_command(context: Context) -> None:
    reply = replied(context, "/help", Helped)
    assert list(reply.commands) == list(COMMANDS)
    assert all(command.help for command in COMMANDS)
    assert {command.name for command in COMMANDS} >= {
        "attach", "branch", "checkpoint", "clear", "context", "edit", "export", "help", "mode", "model", "new",
        "quit", "retry", "search", "sessions", "snapshot", "switch", "system", "title", "tools",
    }  # fmt: skip


@pytest.mark.parametrize("line", ["/help snapshot", "/help /snapshot", "/? snapshot"])
def test_help_says_more_of_one_command(context: Context, line: str) -> None:
    [found] = replied(context, line, Helped).commands
    assert [verb.name for verb in found.verbs] == ["create", "list", "show", "restore", "rollback", "delete"]


def test_help_for_what_is_no_command_says_so(context: Context) -> None:
    assert failed(context, "/help snapshit").startswith(
        "There is no command /snapshit. Did you mean /snapshot?"
    )


def test_no_two_commands_share_a_name() -> None:
    names = [name for command in COMMANDS for name in (command.name, *command.aliases)]
    assert len(names) == len(set(names))


def test_no_two_verbs_of_a_command_share_a_name() -> None:
    for command in COMMANDS:
        names = [verb.name for verb in command.verbs]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("line", ["/quit", "/exit", "/q", "/QUIT"])
def test_quit_ends(context: Context, line: str) -> None:
    assert isinstance(run_command(context, line), Ended)


@pytest.mark.parametrize(
    ("line", "near"), [("/mod", "/model"), ("/serach x", "/search"), ("/swich", "/switch")]
)
def test_an_unknown_command_names_those_near(context: Context, line: str, near: str) -> None:
    told = failed(context, line)
    assert near in told
    assert "/help" in told


def test_a_command_like_no_other_points_to_help(context: Context) -> None:
    assert failed(context, "/xyzzy") == "There is no command /xyzzy. /help lists them all."


@pytest.mark.parametrize("name", ["context", "snapshot", "checkpoint", "tools"])
def test_an_unknown_verb_lists_those_there_are(context: Context, name: str) -> None:
    [command] = [command for command in COMMANDS if command.name == name]
    told = failed(context, f"/{name} frobnicate it")
    assert told == f"There is no /{name} frobnicate; there are: {', '.join(v.name for v in command.verbs)}."


@pytest.mark.parametrize(
    "line",
    ["/title", "/switch", "/search", "/snapshot show", "/snapshot restore", "/snapshot delete", "/checkpoint show",
     "/checkpoint revert", "/context size", "/tools forget"],
)  # fmt: skip
def test_a_missing_argument_shows_the_usage(context: Context, line: str) -> None:
    assert failed(context, line).startswith(f"Usage: {line} ")


@pytest.mark.parametrize(
    "line",
    ["/snapshot list all", "/snapshot rollback now", "/context auto 7", "/context stats x", "/mode history 5",
     "/attach none x", "/checkpoint list 3"],
)  # fmt: skip
def test_an_argument_too_many_shows_the_usage(context: Context, line: str) -> None:
    assert failed(context, line) == f"Usage: {line.rpartition(' ')[0]}"
