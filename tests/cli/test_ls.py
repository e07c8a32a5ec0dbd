import json
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

import palaver
from palaver.cli.ls import line
from palaver.model import Session, Time
from tests.cli.conftest import Run

NOW = Time.from_ms(1_769_500_000_000)


def a_session(**changes: object) -> Session:
    session = Session(
        id="01234567-89ab-7cde-8f01-23456789abcd",
        project_id="01234567-89ab-7cde-8f01-000000000000",
        title="What is the capital of France?",
        title_source="first_message",
        model="gemma3:4b",
        message_count=12,
        created_at=NOW,
        updated_at=NOW,
    )
    return msgspec.structs.replace(session, **changes)


@pytest.mark.parametrize("width", [38, 40, 60, 69, 70, 80, 120, 200])
@pytest.mark.parametrize(
    "title", ["short", "long " * 60, "世界" * 60, "👩‍👩‍👧‍👦 family " * 20, "e\u0301" * 200]
)
def test_a_line_fills_the_terminal_exactly(width: int, title: str) -> None:
    session = a_session(title=title, model="a-model-with-a-very-long-name:70b-instruct-q4")
    assert cell_len(line(session, width, NOW).plain) == width


def test_a_line_shows_short_id_title_model_count_and_age() -> None:
    assert line(a_session(), 80, NOW).plain.split() == [
        "6789abcd",
        *["What", "is", "the", "capital", "of", "France?"],
        "gemma3:4b",
        "12",
        "now",
    ]


def test_pins_and_tags_are_seen_in_a_line() -> None:
    plain = line(a_session(title="T", pinned=True, tags=("work",)), 80, NOW).plain
    assert "* T #work" in plain


def fill(database: Path, count: int) -> list[str]:
    """Sessions with one message each, oldest first."""
    with palaver.open_store(str(database)) as store:
        ids = []
        for number in range(count):
            session = store.create_session(model="m")
            store.append(session.id, palaver.user(f"Question {number}"))
            ids.append(session.id)
        return ids


def test_in_a_pipe_a_line_has_whole_id_title_model_count_and_time(run: Run, database: Path) -> None:
    [id] = fill(database, 1)
    fields = run("ls").stdout.rstrip("\n").split("\t")
    assert fields[:4] == [id, "Question 0", "m", "1"]
    assert fields[4].endswith("Z")


def test_the_newest_session_comes_first(run: Run, database: Path) -> None:
    ids = fill(database, 3)
    assert [each.split("\t")[0] for each in run("ls").stdout.splitlines()] == ids[::-1]


def test_pages_follow_each_other_without_gap(run: Run, database: Path) -> None:
    ids = fill(database, 5)
    first = json.loads(run("ls", "--limit", "2", "--json").stdout)
    rest = json.loads(run("ls", "--after", first["nextCursor"], "--json").stdout)
    assert [item["id"] for item in first["items"] + rest["items"]] == ids[::-1]
    assert rest["nextCursor"] is None


def test_all_goes_on_beyond_one_page(run: Run, database: Path) -> None:
    ids = fill(database, 7)
    assert len(run("ls", "--limit", "3").stdout.splitlines()) == 3
    assert len(json.loads(run("ls", "--all", "--json").stdout)["items"]) == len(ids)


def test_empty_archived_and_trashed_sessions_are_listed_when_asked_for(run: Run, database: Path) -> None:
    kept, archived, trashed = fill(database, 3)
    empty = run("new").stdout.strip()
    run("archive", archived)
    run("rm", trashed)

    def listed(*flags: str) -> set[str]:
        return {each.split("\t")[0] for each in run("ls", *flags).stdout.splitlines()}

    assert listed() == {kept}
    assert listed("--archived") == {archived}
    assert listed("--trash") == {trashed}
    assert listed("--empty") == {kept, empty}


def test_a_list_is_narrowed_by_tag_and_pin(run: Run, database: Path) -> None:
    first, second = fill(database, 2)
    run("tag", first, "work")
    run("pin", second)
    assert run("ls", "--tag", "work").stdout.startswith(first)
    assert run("ls", "--pinned").stdout.startswith(second)


def test_a_database_that_is_not_there_is_empty_and_is_not_made(run: Run, database: Path) -> None:
    result = run("ls", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"items": [], "nextCursor": None, "cut": False}
    assert str(database) in result.stderr
    assert not database.exists()


def test_a_date_that_is_none_is_refused(run: Run) -> None:
    result = run("ls", "--since", "yesterday")
    assert result.exit_code == 2
    assert "2026-01-27" in result.stderr


def test_a_cursor_that_is_none_is_refused(run: Run, database: Path) -> None:
    fill(database, 1)
    assert run("ls", "--after", "nonsense").exit_code == 6
