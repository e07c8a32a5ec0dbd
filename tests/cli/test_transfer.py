import json
from pathlib import Path

import pytest

import palaver
from tests.cli.conftest import Run


@pytest.fixture
def session(database: Path) -> str:
    with palaver.open_store(str(database)) as store:
        session = store.create_session(title="Cities", model="m")
        store.append(session.id, palaver.user("What is the capital of France?"), palaver.assistant("Paris."))
        return session.id


def test_what_was_exported_can_be_imported_elsewhere(run: Run, session: str, tmp_path: Path) -> None:
    file, other = tmp_path / "all.jsonl", str(tmp_path / "other.db")
    assert run("export", "-o", str(file)).exit_code == 0
    report = json.loads(run("import", str(file), "--json", "--store", other).stdout)
    assert (report["format"], report["added"]["session"], report["added"]["message"]) == ("palaver", 1, 2)
    assert run("show", session, "--store", other).stdout == run("show", session).stdout


def test_importing_again_changes_nothing(run: Run, session: str) -> None:
    exported = run("export").stdout
    report = json.loads(run("import", "-", "--json", input=exported).stdout)
    assert report["added"] == {}
    assert report["present"]["message"] == 2


def test_a_dry_run_says_what_would_come_in(run: Run, session: str, tmp_path: Path) -> None:
    exported, other = run("export").stdout, str(tmp_path / "other.db")
    result = run("import", "--dry-run", "-", "--store", other, input=exported)
    assert "would come in" in result.stdout
    assert "1 session" in result.stdout
    assert run("ls", "--store", other).stdout == ""


def test_the_ending_of_the_file_chooses_the_format(run: Run, session: str, tmp_path: Path) -> None:
    file = tmp_path / "talk.md"
    run("export", session[-8:], "-o", str(file))
    assert "# Cities" in file.read_text()


def test_a_file_that_exists_is_replaced_only_by_force(run: Run, session: str, tmp_path: Path) -> None:
    file = tmp_path / "precious.md"
    file.write_text("precious")
    result = run("export", session, "-o", str(file))
    assert result.exit_code == 4
    assert file.read_text() == "precious"
    assert run("export", session, "-o", str(file), "--force").exit_code == 0
    assert "Cities" in file.read_text()


def test_a_folder_gets_a_file_for_each_session(run: Run, session: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    document = json.loads(run("export", "-o", str(folder), "-f", "markdown", "--json").stdout)
    assert document == {"path": str(folder), "format": "markdown", "sessions": 1}
    assert [file.name for file in folder.iterdir()] == [f"{session}.md"]


def test_a_file_of_no_known_format_is_an_error(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("my shopping list")
    result = run("import", str(file))
    assert result.exit_code == 6
    assert result.stderr.count("\n") == 1


def test_one_bad_file_among_several_does_not_keep_the_others_out(
    run: Run, session: str, tmp_path: Path
) -> None:
    good, bad, other = tmp_path / "good.jsonl", tmp_path / "absent.jsonl", str(tmp_path / "other.db")
    good.write_text(run("export").stdout)
    result = run("import", str(bad), str(good), "--store", other)
    assert result.exit_code == 8
    assert str(bad) in result.stderr
    assert session in run("ls", "--store", other).stdout


def test_exporting_an_unknown_session_writes_no_file(run: Run, session: str, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    assert run("export", "ffffffff", "-o", str(file)).exit_code == 3
    assert not file.exists()


def test_an_output_that_cannot_be_written_is_named(run: Run, session: str, tmp_path: Path) -> None:
    result = run("export", "-o", str(tmp_path / "absent" / "out.jsonl"))
    assert result.exit_code == 8
    assert "absent" in result.stderr
