"""Summaries that need no model."""

from hypothesis import given, settings
from hypothesis import strategies as st

from palaver.context.extract import Extractor, condense, fit, shorten
from palaver.context.tokens import Plain
from palaver.model import Role
from tests.context.trees import Scale, counters

PLAIN = Plain()
texts = st.text(st.characters(codec="utf-8"), max_size=600)
roles: st.SearchStrategy[Role] = st.sampled_from(["user", "assistant", "tool", "system"])


def extract(*messages: tuple[Role, str], tokens: int = 400) -> str:
    """Of messages in order of time."""
    extractor = Extractor()
    for role, text in reversed(messages):
        extractor.add(role, text)
    return extractor.summary(tokens, PLAIN)


def test_an_extract_says_that_it_is_one_and_of_how_many_messages() -> None:
    assert extract(("user", "hi"), ("assistant", "ho")).startswith(
        "Extract of 2 messages, made without a model."
    )


def test_questions_decisions_names_and_numbers_are_kept() -> None:
    summary = extract(
        ("user", "How do we store sessions?"),
        ("assistant", "That depends on many things that are of no weight here."),
        ("user", "Budget is 4,500 EUR and Ada Lovelace leads."),
        ("assistant", "Then we decided to use PostgreSQL in `store.open_session()` and db/pool.py."),
        ("user", "What comes next?"),
    )
    for kept in (
        "How do we store sessions?",
        "What comes next?",
        "we decided to use PostgreSQL",
        "Ada Lovelace",
        "store.open_session()",
        "db/pool.py",
        "4,500",
    ):
        assert kept in summary


def test_decisions_in_german_and_chinese_are_seen() -> None:
    assert "Wir haben beschlossen" in extract(
        ("assistant", "Schön. Wir haben beschlossen, Rust zu nehmen. Nun?")
    )
    assert "我们决定使用蓝色" in extract(("assistant", "好。我们决定使用蓝色。然后呢？"))


def test_a_summary_of_before_goes_first() -> None:
    extractor = Extractor()
    extractor.add("user", "And now?")
    extractor.add_summary("They chose blue.")
    assert "Before that: They chose blue." in extractor.summary(100, PLAIN)


@settings(max_examples=200)
@given(st.lists(st.tuples(roles, texts), max_size=8), st.integers(1, 200), counters)
def test_an_extract_fits_and_is_the_same_each_time(
    messages: list[tuple[Role, str]], tokens: int, counter: Scale
) -> None:
    summaries = []
    for _ in range(2):
        extractor = Extractor()
        for role, text in messages:
            extractor.add(role, text)
        summaries.append(extractor.summary(tokens, counter))
    assert summaries[0] == summaries[1]
    assert counter.count(summaries[0]) <= tokens


@settings(max_examples=200)
@given(texts, st.integers(0, 100), counters)
def test_what_is_shortened_fits(text: str, tokens: int, counter: Scale) -> None:
    for short in (condense(text, tokens, counter), fit(text, tokens, counter)):
        assert counter.count(short) <= tokens
    assert counter.count(shorten(text, tokens, counter)) <= tokens


def test_what_fits_stays_as_it_is() -> None:
    assert condense(" two words. ", 10, PLAIN) == "two words."
    assert fit("two words", 10, PLAIN) == shorten("two words", 10, PLAIN) == "two words"


def test_the_weightiest_sentences_stay_in_their_order() -> None:
    text = (
        "It began well. The weather was nice and nothing happened at all on that day. We decided to use SQLite. "
        "Somebody said something about something else again. The file is app/main.py. It ended well."
    )
    assert condense(text, 20, PLAIN) == "It began well. We decided to use SQLite. The file is app/main.py."


def test_a_huge_history_is_extracted_in_bounded_memory() -> None:
    extractor = Extractor()
    for number in range(20_000):
        extractor.add("user", f"question {number} about Name{number} and {number} EUR " + "x" * 5_000)
    assert len(extractor) == 20_000
    assert len(extractor.names) <= 2_000
    assert "question 19999" in extractor.summary(200, PLAIN)


def test_of_a_huge_message_both_ends_are_seen() -> None:
    summary = extract(("user", "first. " + "xx.\n" * 500_000 + "We decided on blue."))
    assert "We decided on blue." in summary
