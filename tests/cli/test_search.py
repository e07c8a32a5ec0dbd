import json
from pathlib import Path

import pytest

import palaver
from palaver.cli.search import heading, marked
from palaver.model import Hit, Time
from tests.cli.conftest import Run


@pytest.fixture
def talk(database: Path) -> str:
    with palaver.open_store(str(database)) as store:
        session = store.create_session(title="Cities", model="m")
        store.append(session.id, palaver.user("What is the capital of France?"), palaver.assistant("Paris."))
        return session.id


def a_hit(**changes: object) -> Hit:
    fields: dict[str, object] = {
        "session_id": "01234567-89ab-7cde-8f01-23456789abcd",
        "message_id": "01234567-89ab-7cde-8f01-23456789ffff",
        "project_id": "p",
        "title": "Cities",
        "role": "user",
        "snippet": "the capital\nof France",
        "ranges": ((4, 11),),
        "score": 1.0,
        "created_at": Time.from_ms(0),
    }
    return Hit(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_hit_is_found_with_its_session_and_message(run: Run, talk: str) -> None:
    [hit] = json.loads(run("search", "capital", "--json").stdout)["items"]
    assert hit["sessionId"] == talk
    assert hit["role"] == "user"
    [start, end] = hit["ranges"][0]
    assert hit["snippet"][start:end] == "capital"


def test_in_a_pipe_a_hit_is_one_line_with_tabs(run: Run, talk: str) -> None:
    [line] = run("search", "capital").stdout.splitlines()
    session, message, role, time, snippet = line.split("\t")
    assert (session, role) == (talk, "user")
    assert len(message) == 36
    assert time.endswith("Z")
    assert "capital" in snippet


def test_words_may_be_several_arguments(run: Run, talk: str) -> None:
    assert len(run("search", "capital", "france").stdout.splitlines()) == 1
    assert run("search", "capital", "spain").stdout == ""


def test_a_search_is_narrowed_by_role_and_session(run: Run, talk: str) -> None:
    assert run("search", "paris", "--role", "user").stdout == ""
    assert run("search", "paris", "--role", "assistant", "--session", talk[-8:]).stdout != ""


def test_finding_nothing_is_no_error(run: Run, talk: str) -> None:
    result = run("search", "nonexistent")
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize("query", ['"', "AND OR NOT", "a:b:c", "(((", "*", "role:nobody x"])
def test_no_query_is_an_error(run: Run, talk: str, query: str) -> None:
    assert run("search", "--", query).exit_code == 0


def test_a_hit_on_a_terminal_marks_what_was_found() -> None:
    text = marked(a_hit())
    assert text.plain == "the capital of France"
    [span] = text.spans
    assert text.plain[span.start : span.end] == "capital"


def test_a_control_character_in_a_snippet_does_not_shift_the_mark() -> None:
    text = marked(a_hit(snippet="\x1b\r\n capital", ranges=((4, 11),)))
    [span] = text.spans
    assert text.plain[span.start : span.end] == "capital"


def test_a_hit_says_how_it_can_be_opened() -> None:
    assert heading(a_hit(), Time.from_ms(0)).plain.startswith("6789abcd --at 6789ffff")


def test_a_hit_in_a_title_has_no_message_to_open_at() -> None:
    assert "--at" not in heading(a_hit(message_id=None, role=None), Time.from_ms(0)).plain
