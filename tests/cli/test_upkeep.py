import json
from pathlib import Path

import pytest

import palaver
from tests.cli.conftest import Run


@pytest.fixture
def session(database: Path) -> str:
    with palaver.open_store(str(database)) as store:
        session = store.create_session()
        store.append(session.id, palaver.user("a unique sentence about herons"), palaver.assistant("answer"))
        return session.id


def test_a_sound_database_is_verified_with_exit_code_0(run: Run, session: str) -> None:
    report = run("verify", "--json")
    assert report.exit_code == 0
    assert json.loads(report.stdout)["problems"] == []


def test_damage_is_listed_with_an_exit_code_of_its_own(run: Run, session: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    run("backup", str(copy))
    copy.write_bytes(copy.read_bytes().replace(b"about herons", b"about HERONS"))
    result = run("verify", "--store", str(copy))
    assert result.exit_code == 9
    assert "damaged\t" in result.stdout


def test_verifying_a_file_that_is_not_there_makes_none(run: Run, database: Path) -> None:
    assert run("verify").exit_code == 8
    assert not database.exists()


def test_a_backup_is_a_whole_database(run: Run, session: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert run("backup", str(copy)).stdout.strip() == str(copy)
    assert "herons" in run("show", session, "--store", str(copy)).stdout


def test_backups_in_a_folder_are_dated_and_the_newest_are_kept(
    run: Run, session: str, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for _ in range(4):
        assert run("backup", str(folder), "--keep", "2").exit_code == 0
    assert len(list(folder.iterdir())) == 2


def test_stats_count_what_is_stored(run: Run, session: str) -> None:
    stats = json.loads(run("stats", "--json").stdout)
    assert (stats["sessions"], stats["messages"]) == (1, 2)
    assert "size of database" in run("stats").stdout
