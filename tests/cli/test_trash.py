import json
from pathlib import Path

import pytest

import palaver
from tests.cli.conftest import Run


@pytest.fixture
def session(database: Path) -> str:
    with palaver.open_store(str(database)) as store:
        session = store.create_session(title="Doomed")
        store.append(session.id, palaver.user("a word to be forgotten"))
        return session.id


def test_what_was_removed_can_be_brought_back(run: Run, session: str) -> None:
    result = run("rm", session)
    assert f"palaver untrash {session[-8:]}" in result.stderr
    assert run("ls").stdout == ""
    assert run("untrash", session[-8:]).exit_code == 0
    assert session in run("ls").stdout


def test_purging_in_a_pipe_needs_a_yes(run: Run, session: str) -> None:
    result = run("purge", session)
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert run("show", session).exit_code == 0


def test_a_purged_session_is_gone(run: Run, session: str, database: Path) -> None:
    assert json.loads(run("purge", session, "--yes", "--json").stdout) == {"purged": 1}
    assert run("show", session).exit_code == 3
    assert b"forgotten" not in database.read_bytes()


def test_the_trash_can_be_emptied(run: Run, session: str) -> None:
    kept = run("new").stdout.strip()
    run("rm", session)
    assert run("purge", "--yes").exit_code == 0
    assert run("untrash", session).exit_code == 0
    run("rm", session)
    assert run("purge", "--trash", "--yes").exit_code == 0
    assert run("show", session).exit_code == 3
    assert run("show", kept).exit_code == 0


def test_sessions_and_the_trash_are_not_purged_together(run: Run, session: str) -> None:
    assert run("purge", session, "--trash", "--yes").exit_code == 2
