"""Files as a model is sent them: images whole, text files as text, of any other file its name."""

import codecs
import re

import msgspec

from palaver.model import Text

MAX_IMAGE = 20 * 1024 * 1024
"""Bytes of an image that is sent."""
MAX_TEXT = 4 * 1024 * 1024
"""Bytes of a text file that is sent: about a million tokens, as much as the largest windows take."""

_PATCH = 28
_FEWEST, _MOST = 256, 4784
_IMAGES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
)
"""The images every protocol takes, by how they begin."""
_TEXT = re.compile(r"text/|application/([\w.-]+\+)?(json|xml|yaml|toml|javascript|sql)\b", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Image(msgspec.Struct, frozen=True):
    """An image in a prompt. `data` is the file's content, `tokens` what it takes of the window."""

    name: str
    mime: str
    data: bytes
    tokens: int


def count_image(width: int, height: int) -> int:
    """Tokens of an image of so many pixels, whichever model sees it: one for each 28 × 28, between 256 and 4784.

    So Claude counts (platform.claude.com, "Vision"); at most 4784 for its newest models, 1568 for older ones. Beside
    it, GPT takes 1.2 for each 32 × 32 and at most 2942 with the detail "high", Gemini about 1100 for any image,
    Gemma 3 256: no more than this but for small images on Gemini, whose windows do not notice.
    """
    patches = -(-width // _PATCH) * -(-height // _PATCH)
    return min(max(patches, _FEWEST), _MOST)


def find_image_type(content: bytes) -> str | None:
    """The mime type of an image that can be sent, by how it begins: names and declared types are often wrong."""
    return next((mime for begins, mime in _IMAGES if begins.match(content)), None)


def read_text(content: bytes, mime: str) -> str | None:
    """The text in a file: what is UTF-8, and what its type calls a text; None for anything else.

    It is read as its byte order mark says, else as UTF-8, else as Windows-1252; what is no character is U+FFFD.
    """
    marked = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    if marked is not None:
        return content.decode(marked, "replace")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace") if _TEXT.match(mime) else None
    return None if "\0" in text and not _TEXT.match(mime) else text


def as_text(name: str, content: str) -> Text:
    """A text file in a prompt: between two lines with its name, so that it is told from what a person wrote."""
    return Text(f"\n[file: {name}]\n{content}\n[end of file: {name}]\n")
