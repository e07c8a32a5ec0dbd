import json
from pathlib import Path

import pytest

import palaver
from palaver.model import Session
from tests.cli.conftest import Run


@pytest.fixture
def session(run: Run) -> str:
    return run("new").stdout.strip()


def stored(database: Path, id: str) -> Session:
    with palaver.open_store(str(database)) as store:
        return store.get_session(id)


def test_a_new_session_has_what_was_said(run: Run, database: Path) -> None:
    id = run(
        "new", "--title", "T", "--model", "m", "--context-size", "4096", "--system-prompt", "Be kind."
    ).stdout.strip()
    session = stored(database, id)
    assert (session.title, session.title_source) == ("T", "user")
    assert (session.model, session.context_size, session.system_prompt) == ("m", 4096, "Be kind.")


def test_a_new_session_as_json_is_the_session(run: Run) -> None:
    assert json.loads(run("new", "--json").stdout)["title"] == "New Chat"


def test_a_title_may_be_several_words(run: Run, session: str, database: Path) -> None:
    assert run("rename", session, "My", "talk").exit_code == 0
    assert stored(database, session).title == "My talk"


@pytest.mark.parametrize("title", ["", "   ", "a\x00b", "x" * 10_000_000])
def test_a_title_that_cannot_be_is_refused_and_nothing_changes(
    run: Run, session: str, database: Path, title: str
) -> None:
    result = run("rename", session, title)
    assert result.exit_code == 6
    assert len(result.stderr) < 300
    assert stored(database, session).title == "New Chat"


def test_pinning_takes_several_sessions(run: Run, session: str, database: Path) -> None:
    other = run("new").stdout.strip()
    assert len(json.loads(run("pin", session, other, "--json").stdout)) == 2
    assert stored(database, session).pinned
    run("unpin", session[-8:])
    assert not stored(database, session).pinned
    assert stored(database, other).pinned


def test_one_mistyped_id_among_several_changes_none(run: Run, session: str, database: Path) -> None:
    assert run("pin", session, "ffffffff").exit_code == 3
    assert not stored(database, session).pinned


def test_tags_are_added_removed_and_listed(run: Run, session: str) -> None:
    assert run("tag", session, "+work", "home", "--add", "-odd").stdout.split() == ["-odd", "work", "home"]
    assert run("tag", session, "-work", "--remove", "-odd").stdout.split() == ["home"]
    assert run("tag", session).stdout.split() == ["home"]


def test_a_tag_that_is_there_is_not_added_twice(run: Run, session: str) -> None:
    run("tag", session, "work")
    assert run("tag", session, "+work").stdout.split() == ["work"]


def test_archiving_can_be_undone(run: Run, session: str, database: Path) -> None:
    run("archive", session)
    assert stored(database, session).archived_at is not None
    run("archive", "--undo", session)
    assert stored(database, session).archived_at is None


def test_a_fork_is_a_session_of_its_own(run: Run, session: str, database: Path) -> None:
    with palaver.open_store(str(database)) as store:
        first, _ = store.append(session, palaver.user("ask"), palaver.assistant("answer"))
    whole = json.loads(run("fork", session, "--title", "Copy", "--json").stdout)
    part = run("fork", session, "--at", first.id[-8:]).stdout.strip()
    assert (whole["parentId"], whole["relation"], whole["title"]) == (session, "fork", "Copy")
    with palaver.open_store(str(database)) as store:
        assert [m.text for m in store.messages(whole["id"])] == ["ask", "answer"]
        assert [m.text for m in store.messages(part)] == ["ask"]
