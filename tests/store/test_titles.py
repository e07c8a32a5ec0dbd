"""Titles: where they come from and which one stays."""

import unicodedata
from collections.abc import Iterator
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import palaver
from palaver import Invalid, Session, Store
from palaver.model import TITLE_SOURCES, TitleSource
from tests.conftest import OpenStore
from tests.support.factories import a_conversation, a_question, an_answer

FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
FLAG = "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}"
ACCENT = "e\N{COMBINING ACUTE ACCENT}"
HANGUL = "\u1100\u1161\u11a8"
SKIN = "\N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}"


def titled(store: Store, text: str) -> Session:
    session = store.create_session()
    store.append(session.id, a_question(text))
    return store.get_session(session.id)


def test_a_new_session_has_the_default_title(store: Store) -> None:
    made = store.create_session()
    assert (made.title, made.title_source) == ("New Chat", "default")


def test_a_title_given_at_the_start_is_the_users(store: Store) -> None:
    made = store.create_session(title="Mine")
    assert (made.title, made.title_source) == ("Mine", "user")


def test_the_first_question_becomes_the_title(store: Store) -> None:
    session = titled(store, "What is the capital of France?")
    assert (session.title, session.title_source) == ("What is the capital of France?", "first_message")


def test_the_second_question_does_not(store: Store) -> None:
    session = titled(store, "First")
    store.append(session.id, an_answer(), a_question("Second"))
    assert store.get_session(session.id).title == "First"


def test_only_a_person_makes_the_title(store: Store) -> None:
    session = store.create_session()
    store.append(session.id, palaver.system("Be brief."), palaver.note("Started."), an_answer("Hello!"))
    assert store.get_session(session.id).title == "New Chat"
    store.append(session.id, a_question("Beds"))
    assert store.get_session(session.id).title == "Beds"


def test_whitespace_is_folded(store: Store) -> None:
    assert titled(store, "  What\n\tis  \u00a0 this?\r\n ").title == "What is this?"


def test_a_question_of_nothing_leaves_the_default(store: Store) -> None:
    session = titled(store, " \n\t ")
    assert (session.title, session.title_source) == ("New Chat", "default")


def test_fifty_characters_stand_uncut(store: Store) -> None:
    assert titled(store, "x" * 50).title == "x" * 50


def test_fifty_one_are_cut_to_fifty_with_an_ellipsis(store: Store) -> None:
    title = titled(store, "x" * 51).title
    assert title == "x" * 49 + "…"


@pytest.mark.parametrize("cluster", [FAMILY, FLAG, ACCENT, HANGUL, SKIN, "क्षि", "\r\n x"])
@pytest.mark.parametrize("lead", range(44, 50))
def test_a_cut_never_falls_inside_a_grapheme(store: Store, cluster: str, lead: int) -> None:
    title = titled(store, "x" * lead + cluster * 30).title
    assert len(title) <= 50
    assert title.endswith("…")
    rest = title[lead:-1].rstrip()
    assert rest == cluster * (len(rest) // len(cluster)) or cluster == "\r\n x"


def test_control_characters_of_a_question_stay_out_of_the_title(store: Store) -> None:
    title = titled(store, "a\0b\x1b[31mc\u2028d").title
    assert not any(unicodedata.category(character) == "Cc" for character in title)
    assert title != "New Chat"


@pytest.mark.parametrize("now", TITLE_SOURCES[1:])
@pytest.mark.parametrize("later", TITLE_SOURCES[1:])
def test_a_title_replaces_only_one_of_its_rank_or_below(
    store: Store, now: TitleSource, later: TitleSource
) -> None:
    session = store.create_session()
    store.update_session(session.id, title="now", title_source=now)
    after = store.update_session(session.id, title="later", title_source=later)
    wins = TITLE_SOURCES.index(later) >= TITLE_SOURCES.index(now)
    assert (after.title, after.title_source) == (("later", later) if wins else ("now", now))


def test_a_title_typed_by_the_user_survives_the_first_message(store: Store) -> None:
    session = store.create_session()
    store.update_session(session.id, title="Mine")
    store.append(session.id, a_question("Not this"))
    assert store.get_session(session.id).title == "Mine"


def test_a_title_ranked_below_leaves_other_changes_in_force(store: Store) -> None:
    session = store.create_session(title="Mine")
    after = store.update_session(session.id, title="model's", title_source="model", pinned=True)
    assert (after.title, after.pinned) == ("Mine", True)


def test_a_source_that_does_not_exist_is_invalid(store: Store) -> None:
    session = store.create_session()
    with pytest.raises(Invalid):
        store.update_session(session.id, title="x", title_source=cast("TitleSource", "king"))


def test_without_auto_title_the_default_stays(open_store: OpenStore) -> None:
    store = open_store(auto_title=False)
    assert titled(store, "Hello").title == "New Chat"


def test_a_title_can_be_searched_at_once_and_after_a_rename(store: Store) -> None:
    session = a_conversation(store, "marigold")
    store.update_session(session.id, title="Chrysanthemum")
    (hit,) = store.search("chrysanthemum").items
    assert (hit.session_id, hit.message_id, hit.title) == (session.id, None, "Chrysanthemum")


@given(text=st.text(max_size=120))
def test_any_question_gives_a_title_that_can_be_shown(text: str, titles: Store) -> None:
    title = titled(titles, text.encode("utf-8", "replace").decode()).title
    assert 1 <= len(title) <= 50
    assert title == " ".join(title.split())
    assert not any(unicodedata.category(character) == "Cc" for character in title)


@pytest.fixture(scope="module")
def titles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with palaver.open_store(str(tmp_path_factory.mktemp("titles") / "palaver.db")) as store:
        yield store
