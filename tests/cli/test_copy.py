import json
from pathlib import Path

import pytest

import palaver
from palaver.storage import is_encrypted
from tests.cli.conftest import Run
from tests.support.factories import texts


@pytest.fixture
def session(database: Path) -> str:
    with palaver.open_store(database) as store:
        session = store.create_session()
        store.append(session.id, palaver.user("one"), palaver.assistant("two"))
        return session.id


def test_a_file_goes_to_a_server_and_back(
    run: Run, session: str, database: Path, postgres_url: str, tmp_path: Path
) -> None:
    there = run("copy", str(database), postgres_url)
    assert there.exit_code == 0
    assert "1 session" in there.stdout
    assert "2 messages held against the original" in there.stdout
    back = tmp_path / "back.db"
    assert run("copy", postgres_url, str(back)).exit_code == 0
    with palaver.open_store(back) as store:
        assert texts(store, session) == ["one", "two"]


def test_copying_again_says_what_is_here_already(
    run: Run, session: str, database: Path, tmp_path: Path
) -> None:
    target = str(tmp_path / "target.db")
    run("copy", str(database), target)
    again = json.loads(run("copy", "--json", str(database), target).stdout)
    assert again["added"] == {}
    assert again["present"]["message"] == 2


def test_what_went_on_differently_has_an_exit_code(
    run: Run, session: str, database: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target.db"
    run("copy", str(database), str(target))
    for path, text in ((database, "here"), (target, "there")):
        with palaver.open_store(path) as store:
            store.append(session, palaver.user(text))
    result = run("copy", str(database), str(target))
    assert result.exit_code == 4
    assert f"differs: session {session}" in result.stderr


def test_conversations_are_given_to_an_account(
    run: Run, session: str, database: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target.db"
    assert run("copy", "--owner", "local=ann", str(database), str(target)).exit_code == 0
    with palaver.open_store(target, actor="ann") as store:
        assert texts(store, session) == ["one", "two"]


def test_a_copy_of_an_encrypted_file_is_encrypted(
    run: Run, session: str, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, target = tmp_path / "key", tmp_path / "target.db"
    key.write_text("secret")
    monkeypatch.setenv("PALAVER_KEY_FILE", str(key))
    run("encrypt")
    assert run("copy", str(database), str(target)).exit_code == 0
    assert is_encrypted(target)


def test_a_source_that_is_not_there_makes_no_file(run: Run, tmp_path: Path) -> None:
    result = run("copy", str(tmp_path / "none.db"), str(tmp_path / "target.db"))
    assert result.exit_code == 8
    assert list(tmp_path.iterdir()) == []


def test_an_owner_without_another_is_wrong(run: Run, database: Path, session: str, tmp_path: Path) -> None:
    assert run("copy", "--owner", "local", str(database), str(tmp_path / "target.db")).exit_code == 2
