"""JSON in slices: the same values as a whole parser gives, in bounded memory, and a reason for what cannot be used."""

import io
import json
import tracemalloc
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from palaver.formats import slices
from palaver.formats.decoding import Unusable, decode
from palaver.formats.slices import Broken, Cursor, Source, lines
from tests.formats.arbitrary import json_values, texts

CHUNKS = (1, 2, 7, 1 << 18)


def a_cursor(content: bytes) -> Cursor:
    return Cursor(Source(io.BytesIO(content)))


def all_items(content: bytes) -> list[Any]:
    cursor = a_cursor(content)
    return [decode(cursor.value()).value for _ in cursor.items()]


class Slow(io.BytesIO):
    """Gives at most a few bytes a read, as a pipe may."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__(content)
        self.most = size

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or -1, self.most))


@settings(max_examples=60)
@given(
    items=st.lists(json_values, max_size=5), indent=st.sampled_from((None, 2)), size=st.sampled_from(CHUNKS)
)
def test_the_elements_of_an_array_are_those_a_parser_sees(
    items: list[Any], indent: int | None, size: int
) -> None:
    source = Source(Slow(json.dumps(items, indent=indent).encode(), size))
    cursor = Cursor(source)
    assert [decode(cursor.value()).value for _ in cursor.items()] == items


@settings(max_examples=60)
@given(
    fields=st.dictionaries(texts, json_values, max_size=5),
    size=st.sampled_from(CHUNKS),
    skipped=st.booleans(),
)
def test_the_fields_of_an_object_are_those_a_parser_sees(
    fields: dict[str, Any], size: int, skipped: bool
) -> None:
    cursor = Cursor(Source(Slow(json.dumps(fields, ensure_ascii=False).encode(), size)))
    seen = {name: None if skipped else decode(cursor.value()).value for name in cursor.fields()}
    assert seen == (dict.fromkeys(fields) if skipped else fields)
    assert cursor.peek() == b""


def test_a_byte_order_mark_is_passed_over() -> None:
    assert all_items(b"\xef\xbb\xbf[1]") == [1]


def test_a_cursor_starts_again_anywhere() -> None:
    source = Source(io.BytesIO(b'[{"a":1},{"a":2}]'))
    offsets = list(Cursor(source).items())
    assert [decode(Cursor(source, offset).value()).value for offset in reversed(offsets)] == [
        {"a": 2},
        {"a": 1},
    ]


@pytest.mark.parametrize(
    "content", [b"[1,", b'["a', b"[{", b'[{"a":', b'[{"a"', b"[1 2]", b"[,]", b"", b"{1:2}", b"[\0]x"]
)
def test_a_text_that_cannot_be_followed_says_where(content: bytes) -> None:
    with pytest.raises((Broken, Unusable)):
        all_items(content)


def test_what_is_nested_too_deeply_is_passed_over() -> None:
    cursor = a_cursor(b"[" + b"[" * 1_000_000 + b"]" * 1_000_000 + b",7]")
    found: list[Any] = []
    for _ in cursor.items():
        try:
            found.append(decode(cursor.value()).value)
        except Unusable as exc:
            found.append(exc.message)
    assert found[0].startswith("nested 1,000,000 deep")
    assert found[1] == 7


def test_what_is_too_large_is_passed_over_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "MAX_VALUE", 1 << 20)
    cursor = a_cursor(b'["' + b"x" * (32 << 20) + b'",7]')
    tracemalloc.start()
    found: list[Any] = []
    for _ in cursor.items():
        try:
            found.append(decode(cursor.value()).value)
        except Unusable as exc:
            found.append(exc.message)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "33,554,434 bytes" in found[0]
    assert found[1] == 7
    assert peak < 8 << 20


@pytest.mark.parametrize(
    ("raw", "value", "replaced"),
    [
        (b'"\\ud800x"', "\ufffdx", 1),
        (b'"x\\udc00"', "x\ufffd", 1),
        (b'{"\\ud800":["\\ud83d"]}', {"\ufffd": ["\ufffd"]}, 2),
        (b'"\\ud83d\\ude00"', "😀", 0),
        (b'"a\xff"', "a\ufffd", 1),
        (b'"a\\u0000b"', "a\0b", 0),
        (b'"a\x01b"', "a\x01b", 0),
        (b"1e400", "1e400", 0),
        (b"-1e400", "-1e400", 0),
        (b"NaN", "NaN", 0),
        (b"1" + b"0" * 5000, "1" + "0" * 5000, 0),
        (b"123456789012345678901234567890", 123456789012345678901234567890, 0),
    ],
)
def test_what_no_text_or_number_holds_is_kept_as_near_as_can_be(
    raw: bytes, value: Any, replaced: int
) -> None:
    assert decode(raw) == (value, replaced)


@pytest.mark.parametrize("raw", [b"nul", b"\0\0", b"{]", b"[1,]", b"", b"'a'"])
def test_what_is_no_json_is_unusable(raw: bytes) -> None:
    with pytest.raises(Unusable):
        decode(raw)


@given(
    content=st.lists(st.binary(max_size=5).filter(lambda raw: b"\n" not in raw), max_size=5),
    size=st.sampled_from(CHUNKS),
)
def test_lines_are_those_between_line_feeds(content: list[bytes], size: int) -> None:
    source = Source(Slow(b"\n".join(content), size))
    found = list(lines(source))
    assert [raw for _, raw, _ in found] == (content if content and content[-1] else content[:-1])
    assert [number for number, _, _ in found] == list(range(1, len(found) + 1))


def test_a_line_that_is_too_long_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "MAX_VALUE", 10)
    source = Source(Slow(b"a\n" + b"x" * 1000 + b"\nb\n", 4))
    assert list(lines(source)) == [(1, b"a", True), (2, None, True), (3, b"b", True)]
