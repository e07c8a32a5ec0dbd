import json
from pathlib import Path

import pytest

import palaver
from palaver.ids import short
from tests.cli.conftest import Run


@pytest.fixture
def talk(database: Path) -> str:
    """A session of twenty messages; the second answer has a sibling."""
    with palaver.open_store(str(database)) as store:
        session = store.create_session(title="Counting", model="m")
        for number in range(10):
            store.append(session.id, palaver.user(f"ask {number}"), palaver.assistant(f"answer {number}"))
        return session.id


def texts(output: str) -> list[str]:
    return [message["parts"][0]["text"] for message in json.loads(output)["messages"]]


def test_the_shown_branch_is_printed_oldest_first(run: Run, talk: str) -> None:
    shown = run("show", talk).stdout
    assert shown.index("ask 0") < shown.index("answer 0") < shown.index("answer 9")


@pytest.mark.parametrize("part", [slice(-8, None), slice(None, 36), slice(-6, None)])
def test_a_session_is_found_by_a_part_of_its_id(run: Run, talk: str, part: slice) -> None:
    assert run("show", talk[part]).stdout.startswith("Counting\n")


def test_without_an_id_the_newest_session_is_shown(run: Run, talk: str) -> None:
    assert run("show").stdout.startswith("Counting\n")


def test_json_is_one_document_with_session_and_messages(run: Run, talk: str) -> None:
    document = json.loads(run("show", talk, "--json").stdout)
    assert document["session"]["id"] == talk
    assert len(document["messages"]) == 20
    assert document["messages"][0]["parts"] == [{"type": "text", "text": "ask 0"}]


def test_the_last_messages_are_those_at_the_end(run: Run, talk: str) -> None:
    assert texts(run("show", talk, "--last", "3", "--json").stdout) == ["answer 8", "ask 9", "answer 9"]


def test_more_than_all_is_all(run: Run, talk: str) -> None:
    assert len(texts(run("show", talk, "--last", "1000", "--json").stdout)) == 20


def test_a_hit_is_opened_with_what_is_around_it(run: Run, talk: str) -> None:
    hit = json.loads(run("search", "answer 4", "--json").stdout)["items"][0]
    shown = texts(run("show", talk, "--at", short(hit["messageId"]), "--around", "1", "--json").stdout)
    assert shown == ["ask 4", "answer 4", "ask 5"]


def test_a_hit_on_another_branch_is_opened_there(run: Run, talk: str, database: Path) -> None:
    with palaver.open_store(str(database)) as store:
        first = next(iter(store.messages(talk)))
        other = store.append(talk, palaver.assistant("elsewhere"), parent_id=first.id)[0]
    result = run("show", talk, "--at", other.id, "--json")
    assert texts(result.stdout) == ["ask 0", "elsewhere"]
    assert "another branch" in result.stderr


def test_a_message_of_another_session_is_not_found(run: Run, talk: str, database: Path) -> None:
    with palaver.open_store(str(database)) as store:
        foreign = store.append(store.create_session().id, palaver.user("foreign"))[0]
    assert run("show", talk, "--at", foreign.id).exit_code == 3


def test_all_shows_every_branch_and_marks_the_shown_one(run: Run, talk: str, database: Path) -> None:
    with palaver.open_store(str(database)) as store:
        first = next(iter(store.messages(talk)))
        store.append(talk, palaver.assistant("elsewhere"), parent_id=first.id)
    lines = run("show", talk, "--all").stdout.splitlines()
    assert sum("●" in line for line in lines) == 20
    assert sum("○" in line for line in lines) == 1
    assert any("elsewhere" in line and "└─○" in line for line in lines)


def test_a_text_with_markup_and_nul_comes_out_of_a_pipe_as_it_went_in(run: Run, database: Path) -> None:
    text = "[bold]not markup[/bold] <b>nor html</b>\x00 \x1b[31mred"
    with palaver.open_store(str(database)) as store:
        session = store.create_session()
        store.append(session.id, palaver.user(text))
    assert text in run("show", session.id).stdout


def test_tool_calls_are_told_in_words(run: Run, database: Path) -> None:
    with palaver.open_store(str(database)) as store:
        session = store.create_session()
        store.record_tool_call(
            session.id, id="c1", name="weather", args={"city": "Bern"}, result={"llmContent": "sunny"}
        )
    shown = run("show", session.id).stdout
    assert 'calls weather {"city":"Bern"}' in shown
    assert "weather returned: sunny" in shown


def test_an_interrupted_answer_is_marked(run: Run, database: Path) -> None:
    with palaver.open_store(str(database)) as store:
        session = store.create_session()
        store.append(session.id, palaver.user("ask"), palaver.assistant("half an ans", status="interrupted"))
    assert "interrupted" in run("show", session.id).stdout


def test_an_ambiguous_id_names_those_it_fits(run: Run, database: Path) -> None:
    with palaver.open_store(str(database)) as store:
        one = store.create_session(id="01999999-0000-7000-8000-000000000001")
        two = store.create_session(id="01999999-0000-7000-8000-000000000002")
    result = run("show", "01999999")
    assert result.exit_code == 6
    assert short(one.id) in result.stderr
    assert short(two.id) in result.stderr


def test_there_is_no_newest_session_in_an_empty_database(run: Run) -> None:
    run("new")
    assert run("show").exit_code == 3


def test_showing_from_a_database_that_is_not_there_says_how_to_make_one(run: Run, database: Path) -> None:
    result = run("show", "abcdef12")
    assert result.exit_code == 8
    assert "palaver new" in result.stderr
    assert not database.exists()
