"""The format is found by what stands in a file."""

import io
import os
from contextlib import suppress
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from palaver import Invalid, Store
from palaver.formats import FORMATS, detect
from tests.formats.files import taken
from tests.support.factories import a_conversation


@pytest.mark.parametrize(
    ("file", "format"),
    [
        ("enteract.json", "enteract"),
        ("ollm-session.json", "ollm"),
        ("ollm-snapshot-old.json", "ollm-snapshot"),
        ("ollm-snapshot-new.json", "ollm-snapshot"),
        ("openai.json", "openai"),
        ("openai.jsonl", "openai"),
    ],
)
def test_each_example_is_told_by_its_structure(data: Path, file: str, format: str) -> None:
    with (data / file).open("rb") as stream:
        assert detect(stream) == format
        assert stream.tell() == 0


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ('{"type":"palaver","version":1}', "palaver"),
        ('{"version":1,"type":"palaver"}\n{"type":"project"', "palaver"),
        ("[]", "enteract"),
        ('{"chats":[]}', "enteract"),
        ('{"chats": [{"id": "a", "history": []}]}', "enteract"),
        ('[{"createdAt":"x","history":[{"text":"' + "y" * 300_000, "enteract"),
        ('{"messages":[{"role":"user","parts":[{"type":"text","text":"' + "y" * 300_000, "ollm"),
        ('{"sessionId":"x","startTime":"y","messages":[],"toolCalls":[]}', "ollm"),
        ('{"lastActivity":"y","sessionId":"x"', "ollm"),
        ('{"id":"s","sessionId":"x","messages":[{"id":"m","role":"user","content":"hi"}]}', "ollm-snapshot"),
        ('\ufeff  [{"role":"user","content":"hi"}]', "openai"),
        ('[{"messages":[{"role":"user","content":"hi"}]}]', "openai"),
        ('{"messages":[{"content":"hi","role":"user"}]}\n{"messages"', "openai"),
        ("---\ntitle: x\n---\n\n<!-- palaver:session {}", "markdown"),
    ],
)
def test_fields_in_any_order_and_of_any_size_tell_the_format(text: str, format: str) -> None:
    assert detect(io.BytesIO(text.encode())) == format


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ('[{"title":"Tea","mapping":{}}]', "ChatGPT"),
        ('[{"uuid":"k","name":"Tea","chat_messages":[]}]', "Claude.ai"),
        ('[{"header":"Gemini Apps","title":"Prompted","time":"2026"}]', "Gemini Takeout"),
        ('{"parentUuid":null,"type":"user","uuid":"u1","sessionId":"s1"}\n', "Claude Code"),
        ('{"timestamp":"2026","type":"session_meta","payload":{"id":"t"}}\n', "Codex"),
        ('{"sessionId":"s1","projectHash":"ab","startTime":"2026","kind":"main"}\n', "Gemini CLI"),
        ('[{"id":"c1","title":"Tea","chat":{"history":{"messages":{}}}}]', "Open WebUI"),
        ('{"conversationId":"v1","title":"Tea","messagesTree":[]}', "LibreChat"),
        ('{"id":"tea","conversations":[{"from":"human","value":"Best tea?"}]}', "ShareGPT"),
    ],
)
def test_a_known_program_whose_files_cannot_be_read_is_named(text: str, program: str) -> None:
    with pytest.raises(Invalid, match=program):
        detect(io.BytesIO(text.encode()))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100_000,
        b" " * 300_000,
        b"[" * 300_000,
        b"{" * 300_000,
        b'{"a":' * 100_000,
        b"[[1]]",
        b"[1, 2]",
        b'{"a": 1}',
        b"{}",
        b'"text"',
        b"17",
        b"# A heading\n\nSome Markdown",
        b"<!doctype html><html></html>",
        b"PK\x03\x04 a zip",
        b"SQLite format 3\0",
        b"\xff\xfe[\0]\0",
    ],
)
def test_what_is_none_of_the_formats_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid, match=r"not any of the formats|empty|UTF-16"):
        detect(io.BytesIO(content))


@given(content=st.binary(max_size=200))
def test_random_bytes_are_refused_or_known(content: bytes) -> None:
    with suppress(Invalid):
        assert detect(io.BytesIO(content)) in FORMATS


def test_two_gigabytes_of_zeros_are_refused_from_their_beginning(tmp_path: Path) -> None:
    path = tmp_path / "zeros.json"
    with path.open("wb") as file:
        file.truncate(2 << 30)
    with path.open("rb", buffering=0) as stream:
        watched = Watched(stream)
        with pytest.raises(Invalid, match="not any of the formats"):
            detect(watched)
    assert watched.read_so_far <= 1 << 20


class Watched(io.BytesIO):
    """Counts what is read of another stream."""

    def __init__(self, stream: io.FileIO) -> None:
        super().__init__()
        self.stream = stream
        self.read_so_far = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = self.stream.read(-1 if size is None else size)
        self.read_so_far += len(found)
        return found

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.stream.seek(offset, whence)


@pytest.mark.parametrize("format", [name for name, each in FORMATS.items() if each.read and each.write])
def test_what_is_written_is_told_again(store: Store, format: str) -> None:
    session = a_conversation(store)
    assert detect(io.BytesIO(taken(store, format, session_ids=[session.id]))) == format


def test_the_name_of_a_file_says_nothing(tmp_path: Path, data: Path) -> None:
    path = tmp_path / "page.html"
    os.link(data / "enteract.json", path)
    with path.open("rb") as stream:
        assert detect(stream) == "enteract"
