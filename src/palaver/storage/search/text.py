"""What of a message or a title goes into the full-text index. Pure and exact: to take a text out of the index again,
the very same columns are made from it once more, so a change here is a new
`INDEX_VERSION` and a migration that empties the index, which then follows anew.

Scripts that are written without spaces get one around each character, so that each is a word and words are phrases.
Identifiers such as `fooBarBaz2` are words as they are, and their parts stand beside them in the column `code`.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from palaver.model import File, Part, Reasoning, Text, ToolCall, ToolResult

INDEX_VERSION = 1

Columns = tuple[str, str, str, str]
"""Body, title, tool, code."""

LONGEST_IDENTIFIER = 64

# Thai to Tibetan, Myanmar, Khmer, the radicals to kana, the ideographs, halfwidth kana, the planes of ideographs.
UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3041-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_UNSPACED = re.compile(f"[{UNSPACED}]")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def columns_of_message(parts: Sequence[Part]) -> Columns:
    """The columns of a message: text and reasoning are its body; calls, results and file names its tool column."""
    if len(parts) == 1 and type(parts[0]) is Text:
        raw, tool = parts[0].text, ""
    else:
        raw, tool = readable(parts)
        tool = spaced(tool)
    body = spaced(raw)
    code = _code(body)
    if tool:
        code = " ".join(filter(None, (code, _code(tool))))
    return body, "", tool, code


def columns_of_title(title: str) -> Columns:
    """The columns of a session's title."""
    text = spaced(title)
    return "", text, "", _code(text)


def readable(parts: Sequence[Part]) -> tuple[str, str]:
    """A message as people read it: its text and reasoning, and what tools were asked and answered."""
    body: list[str] = []
    tool: list[str] = []
    last: type[Part] | None = None
    for part in parts:
        if isinstance(part, Text | Reasoning):
            if body and last is not type(part):
                body.append("\n")
            body.append(part.text)
        else:
            tool.extend(_tool_texts(part))
        last = type(part)
    return "".join(body), "\n".join(tool)


def _tool_texts(part: Part) -> Iterator[str]:
    match part:
        case ToolCall(name=name, args=args):
            yield name
            yield from _leaves(args)
        case ToolResult(name=name, llm_content=content, return_display=display):
            yield name
            yield from _leaves(content)
            if display is not None and display != content:
                yield display
        case File(name=name):
            yield name
        case _:
            pass


def _leaves(value: object) -> Iterator[str]:
    """Keys, texts and numbers of a JSON value, in order; a loop, because a value may be nested deeper than the stack."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
            case int() | float() as number if not isinstance(number, bool):
                yield str(number)
            case dict() as mapping:
                waiting.extend(entry for pair in reversed(mapping.items()) for entry in reversed(pair))
            case list() | tuple() as items:
                waiting.extend(reversed(items))
            case _:
                pass


class _Spacing(dict[int, str | int]):
    """For `str.translate`; learns each character once."""

    def __missing__(self, code: int) -> str | int:
        character = chr(code)
        found = self[code] = f" {character} " if _UNSPACED.match(character) else code
        return found


@cache
def _spacing() -> _Spacing:
    return _Spacing()


def spaced(text: str) -> str:
    """The text with a space on each side of every character of a script that is written without spaces."""
    return text if text.isascii() or not is_unspaced(text) else text.translate(_spacing())


def is_unspaced(text: str) -> bool:
    """Whether anything in the text is of a script that is written without spaces."""
    return _UNSPACED.search(text) is not None


def split_identifier(word: str) -> list[str]:
    """`fooBarBaz2` as foo, Bar, Baz, 2; empty for a word that has no parts, or too short ones to mean anything."""
    if len(word) > LONGEST_IDENTIFIER:
        return []
    parts = _PARTS.findall(word)
    return parts if 1 < len(parts) <= len(word) // 2 else []


def _code(text: str) -> str:
    raw = text.encode()
    spans = identifier_spans(raw)
    if not spans:
        return ""
    words = dict.fromkeys(raw[start:end].decode("ascii") for start, end in spans)
    return " ".join(part for word in words for part in split_identifier(word))


# Letters by case and digits, and letters and digits, each as one byte; all else is a blank. Looking for a change of class
# in such a picture of the text takes 2 µs for 500 characters, a regular expression over the text 17.
_CASES = bytes.maketrans(
    bytes(range(256)),
    b" " * 48 + b"0" * 10 + b" " * 7 + b"A" * 26 + b" " * 6 + b"a" * 26 + b" " * 133,
)
_KINDS = _CASES.replace(b"A", b"a")


def identifier_spans(raw: bytes) -> list[tuple[int, int]]:
    """Where words of ASCII letters and digits stand that change case or kind within; in bytes of UTF-8, in order."""
    cases = raw.translate(_CASES)
    found = {*_spans(cases, b"aA"), *_spans(cases, b"AAa")}
    if b"0" in cases:
        kinds = raw.translate(_KINDS)
        found |= {*_spans(kinds, b"a0"), *_spans(kinds, b"0a")}
    return sorted(found)


def _spans(picture: bytes, change: bytes) -> Iterator[tuple[int, int]]:
    at = picture.find(change)
    while at >= 0:
        start = picture.rfind(b" ", 0, at) + 1
        end = picture.find(b" ", at)
        if end < 0:
            end = len(picture)
        yield start, end
        at = picture.find(change, end)
