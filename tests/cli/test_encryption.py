from collections.abc import Callable
from pathlib import Path

import pytest

import palaver
from tests.cli.conftest import Run
from tests.cli.processes import call

KeyFile = Callable[[str], None]


@pytest.fixture
def session(database: Path) -> str:
    with palaver.open_store(str(database)) as store:
        session = store.create_session()
        store.append(session.id, palaver.user("a secret about herons"))
        return session.id


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyFile:
    """Puts a passphrase into the file that PALAVER_KEY_FILE names."""

    def put(passphrase: str) -> None:
        path = tmp_path / "key"
        path.write_text(passphrase + "\n")
        monkeypatch.setenv("PALAVER_KEY_FILE", str(path))

    return put


def test_an_encrypted_database_is_read_with_its_key_file(
    run: Run, session: str, database: Path, key_file: KeyFile
) -> None:
    key_file("correct horse")
    assert run("encrypt").exit_code == 0
    assert b"herons" not in database.read_bytes()
    assert "herons" in run("show", session).stdout


def test_without_a_key_in_a_pipe_it_says_what_to_do(
    run: Run, session: str, key_file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file("correct horse")
    run("encrypt")
    monkeypatch.delenv("PALAVER_KEY_FILE")
    result = run("show", session)
    assert result.exit_code == 6
    assert "PALAVER_KEY_FILE" in result.stderr


def test_a_wrong_key_is_refused_and_the_file_stays_as_it_is(
    run: Run, session: str, database: Path, key_file: KeyFile
) -> None:
    key_file("correct horse")
    run("encrypt")
    before = database.read_bytes()
    key_file("wrong horse")
    assert run("show", session).exit_code == 6
    assert run("decrypt").exit_code == 6
    assert database.read_bytes() == before


def test_decrypting_brings_the_plain_file_back(
    run: Run, session: str, database: Path, key_file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file("correct horse")
    run("encrypt")
    assert run("decrypt").exit_code == 0
    assert database.read_bytes().startswith(b"SQLite format 3\0")
    monkeypatch.delenv("PALAVER_KEY_FILE")
    assert "herons" in run("show", session).stdout


def test_encrypting_twice_and_decrypting_a_plain_file_are_conflicts(
    run: Run, session: str, key_file: KeyFile
) -> None:
    key_file("correct horse")
    assert run("decrypt").exit_code == 4
    run("encrypt")
    assert run("encrypt").exit_code == 4


def test_a_database_that_is_open_elsewhere_is_busy(
    run: Run, session: str, database: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("correct horse")
    with palaver.open_store(str(database)):
        assert call(database, "encrypt", PALAVER_KEY_FILE=str(key)).returncode == 5
    assert "herons" in run("show", session).stdout


def test_an_empty_key_file_is_refused(run: Run, session: str, key_file: KeyFile) -> None:
    key_file("")
    assert run("encrypt").exit_code == 6


def test_a_key_file_that_is_not_there_is_named(
    run: Run, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PALAVER_KEY_FILE", "/nonexistent/key")
    result = run("encrypt")
    assert result.exit_code == 8
    assert "/nonexistent/key" in result.stderr
