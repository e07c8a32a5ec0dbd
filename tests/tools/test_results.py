"""What a tool gave back, as a model is told it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.types import CallToolResult, TextContent

from palaver.tools.results import shorten, translate

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


def result(*texts: str, structured: Any = None) -> Any:
    blocks = [TextContent(text=text) for text in texts]
    return translate(CallToolResult(content=[*blocks], structured_content=structured)).content


@pytest.mark.parametrize(
    ("texts", "structured", "content"),
    [
        (("a", "b"), None, "a\nb"),
        ((), {"x": 1}, {"x": 1}),
        ((), None, ""),
        (('{"x":  1}',), {"x": 1}, {"x": 1}),
        (("hello",), {"result": "hello"}, "hello"),
        (("3",), {"result": 3}, "3"),
        (("3",), {"result": "3"}, "3"),
        (("one", "two"), {"result": ["one", "two"]}, "one\ntwo"),
        (("2 found",), {"found": [1, 2]}, '2 found\n{"found": [1, 2]}'),
    ],
)
def test_texts_and_structure_are_told_once(texts: tuple[str, ...], structured: Any, content: Any) -> None:
    assert result(*texts, structured=structured) == content


@given(structured=JSON, limit=st.integers(10, 200))
def test_any_structure_becomes_json_of_a_bounded_length(structured: Any, limit: int) -> None:
    content = shorten(structured, limit)
    text = content if isinstance(content, str) else json.dumps(content, allow_nan=False, ensure_ascii=False)
    text.encode()
    assert len(text) <= limit + 200


def test_a_long_text_keeps_its_beginning_and_its_end_and_says_what_is_missing() -> None:
    content = shorten("a" * 500 + "z" * 500, 100)
    assert content.startswith("a" * 75 + "\n")
    assert content.endswith("\n" + "z" * 25)
    assert "900 of 1000 characters left out" in content
