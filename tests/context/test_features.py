"""What of a text its tokens depend on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.context.features import FEATURES, measure

anything = st.text(st.characters(codec=None))


def counted(text: str) -> dict[str, int]:
    return {name: count for name, count in zip(FEATURES, measure(text), strict=True) if count}


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("", {}),
        ("two words", {"words": 2}),
        ("Extraordinary", {"words": 1, "long": 1, "capitals": 1}),
        ("eine Reise", {"words": 2, "foreign": 2, "capitals": 1}),
        ("1234567, 8", {"digits": 8, "pairs": 5, "marks": 1, "runs": 1}),
        ("a == -b", {"words": 2, "marks": 3, "runs": 2, "spaced": 2}),
        ("if x:\n    y", {"words": 3, "marks": 1, "runs": 1, "indents": 2, "lines": 1}),
        ("größte", {"words": 1, "accents": 2}),
        ("привет שלום", {"words": 2, "alphabets": 10}),
        ("नमस्ते", {"syllables": 6}),
        ("こんにちは、世界。", {"kana": 7, "ideographs": 2}),
        ("안녕", {"ideographs": 2}),
        ("“so” – ！", {"words": 1, "typography": 4}),
        ("👍🏽", {"emoji": 2}),
    ],
)
def test_a_text_has_these_features(text: str, features: dict[str, int]) -> None:
    assert counted(text) == features


@given(anything)
def test_any_text_has_features(text: str) -> None:
    assert len(measure(text)) == len(FEATURES)
    assert all(count >= 0 for count in measure(text))


@given(anything)
def test_every_character_counts_for_something_but_for_letters_and_space(text: str) -> None:
    if text.strip() and not any(character.isspace() or character < " " for character in text):
        assert sum(measure(text)) > 0


@given(anything, anything)
def test_a_text_has_the_features_of_its_parts_but_at_the_seam(one: str, other: str) -> None:
    joined = measure(one + other)
    assert all(abs(a + b - c) <= 3 for a, b, c in zip(measure(one), measure(other), joined, strict=True))
