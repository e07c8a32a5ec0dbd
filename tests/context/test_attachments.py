"""Files as a model is sent them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.context.attachments import as_text, count_image, find_image_type, read_text
from palaver.context.tokens import count_parts
from tests.support import images

BINARY = "application/octet-stream"


@pytest.mark.parametrize(
    ("width", "height", "claude", "gpt"),
    [
        (512, 512, 361, 308),
        (1024, 1024, 1369, 1229),
        (1920, 1080, 2691, 2448),
        (2560, 1440, 2992, 2931),
        (4032, 3024, 3928, 2942),
    ],
)
def test_an_image_is_counted_as_at_least_what_it_was_measured_to_take(
    width: int, height: int, claude: int, gpt: int
) -> None:
    assert count_image(width, height) >= max(claude, gpt)


@given(st.integers(1, 100_000), st.integers(1, 100_000))
def test_what_an_image_takes_is_bounded_and_does_not_hang_on_how_it_lies(width: int, height: int) -> None:
    assert 256 <= count_image(width, height) == count_image(height, width) <= 4784


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (images.png(), "image/png"),
        (images.jpeg(), "image/jpeg"),
        (images.gif(), "image/gif"),
        (images.webp(), "image/webp"),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"<svg/>", None),
        (b"", None),
    ],
)
def test_an_image_is_known_by_how_it_begins(content: bytes, mime: str | None) -> None:
    assert find_image_type(content) == mime


@pytest.mark.parametrize(
    ("content", "mime", "text"),
    [
        ("größe 👋".encode(), BINARY, "größe 👋"),
        ("größe 👋".encode("utf-8-sig"), BINARY, "größe 👋"),
        ("größe 👋".encode("utf-16"), BINARY, "größe 👋"),
        ("größe".encode("cp1252"), "text/plain", "größe"),
        ("größe".encode("cp1252"), BINARY, None),
        (b"{}\x81", "application/ld+json; charset=utf-8", "{}\ufffd"),
        (b"a\0b", "text/csv", "a\0b"),
        (b"a\0b", BINARY, None),
        (b"%PDF-1.7\n\xe2\xe3", "application/pdf", None),
        (b"", BINARY, ""),
    ],
)
def test_a_text_is_what_is_utf_8_or_called_a_text(content: bytes, mime: str, text: str | None) -> None:
    assert read_text(content, mime) == text


@given(st.binary(), st.sampled_from([BINARY, "text/plain", "application/xml"]))
def test_any_bytes_are_a_text_that_can_be_sent_or_none(content: bytes, mime: str) -> None:
    text = read_text(content, mime)
    assert text is None or text.encode().decode() == text


def test_a_text_file_is_counted_with_its_name() -> None:
    part = as_text("notes.md", "x" * 4_000)
    assert part.text.count("notes.md") == 2
    assert 1_000 < count_parts([part]) < 1_020
