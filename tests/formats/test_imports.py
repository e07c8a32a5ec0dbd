"""What every import does: says what it would do, takes what it can, names what it could not."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import palaver
from palaver import Invalid, NotFound, Store, Unavailable, open_store
from palaver.formats import FORMATS, bring_in
from tests.formats.conftest import NewStore
from tests.formats.files import bring, everything, taken
from tests.support.factories import NO_ID, a_conversation, texts

EXAMPLES = [
    "enteract.json",
    "ollm-session.json",
    "ollm-snapshot-old.json",
    "ollm-snapshot-new.json",
    "openai.json",
    "openai.jsonl",
]
BOTH_WAYS = [name for name, each in FORMATS.items() if each.read and each.write]


@pytest.mark.parametrize("file", EXAMPLES)
def test_a_dry_run_says_what_would_come_in_and_writes_nothing(store: Store, data: Path, file: str) -> None:
    before = everything(store)
    planned = bring(store, data / file, dry_run=True)
    assert everything(store) == before
    done = bring(store, data / file)
    assert (planned.added, planned.present, planned.skipped) == (done.added, done.present, done.skipped)
    again = bring(store, data / file, dry_run=True)
    assert again.added == {}
    assert again.present == bring(store, data / file).present


@pytest.mark.parametrize("format", BOTH_WAYS)
def test_a_dry_run_of_our_own_files_is_true(store: Store, new_store: NewStore, format: str) -> None:
    session = a_conversation(store, "One", "Two", model="m")
    store.append(session.id, palaver.user("see", parts=(store.put_file(b"abc", name="a.txt"),)))
    written = taken(store, format, session_ids=[session.id])
    other = new_store()
    planned = bring(other, written, dry_run=True)
    assert other.list_projects().items == []
    assert bring(other, written).added == planned.added


@pytest.mark.parametrize("format", BOTH_WAYS)
def test_a_second_import_of_our_own_files_changes_nothing(
    store: Store, new_store: NewStore, format: str
) -> None:
    session = a_conversation(store, "One", "Two", "Three", system_prompt="Be kind.")
    store.record_tool_call(session.id, id="c", name="ls", args={"path": "."}, result={"llmContent": "a.log"})
    written = taken(store, format, session_ids=[session.id])
    other = new_store()
    bring(other, written)
    before = everything(other)
    report = bring(other, written)
    assert (report.added, report.skipped) == ({}, [])
    assert everything(other) == before


@pytest.mark.parametrize("file", EXAMPLES)
def test_sessions_go_to_the_project_named(store: Store, data: Path, file: str) -> None:
    project = store.create_project("Imported")
    bring(store, data / file, project_id=project.id)
    assert {session.project_id for session in store.list_sessions().items} == {project.id}


def test_a_project_that_is_not_there_is_not_found(store: Store, data: Path) -> None:
    with pytest.raises(NotFound):
        bring(store, data / "openai.json", project_id=NO_ID)


def test_another_actors_project_is_not_found(store: Store, data: Path) -> None:
    project = store.as_actor("somebody").create_project("Theirs")
    with pytest.raises(NotFound):
        bring(store, data / "openai.json", project_id=project.id)


def test_somebody_elses_session_in_a_file_is_not_touched(store: Store) -> None:
    session = a_conversation(store, "Mine")
    exported = taken(store)
    other = store.as_actor("somebody")
    report = bring(other, exported)
    assert "belongs to somebody else" in report.skipped[0].why
    assert other.list_sessions().items == []
    assert texts(store, session.id) == ["Mine"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\0" * 1000, "not any of the formats"),
        (b"\x89PNG\r\n\x1a\n", "not any of the formats"),
        (b"[" * 100_000, "not any of the formats"),
        (b"\xff\xfe[\0]\0", "UTF-16"),
    ],
)
def test_what_is_no_conversation_is_refused_and_nothing_written(
    store: Store, content: bytes, reason: str
) -> None:
    before = everything(store)
    with pytest.raises(Invalid, match=reason):
        bring(store, content)
    assert everything(store) == before


def test_two_gigabytes_of_zeros_are_refused_in_little_memory(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "zeros.json"
    with path.open("wb") as file:
        file.truncate(2 << 30)
    tracemalloc.start()
    with pytest.raises(Invalid, match="not any of the formats"):
        bring_in(store, path)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_a_folder_without_session_files_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(Invalid, match="is a folder without session files"):
        bring_in(store, tmp_path / "empty")


def test_a_file_that_is_not_there_says_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="nowhere"):
        bring_in(store, tmp_path / "nowhere.json")


def test_a_format_that_does_not_exist_is_named_with_those_that_do(store: Store) -> None:
    with pytest.raises(Invalid, match="enteract, markdown, ollm"):
        bring(store, b"[]", format="word")


def test_a_pipe_is_read_too(store: Store, data: Path) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, offset: int, whence: int = 0, /) -> int:
            raise io.UnsupportedOperation("seek")

    assert bring_in(store, Pipe((data / "enteract.json").read_bytes())).added["session"] == 2


def test_lone_surrogates_are_replaced_and_counted(store: Store) -> None:
    raw = rb'[{"role":"user","content":"a\ud800b\udc00"},{"role":"assistant","content":"\ud83d\ude00"}]'
    report = bring(store, raw)
    session = store.list_sessions().items[0]
    assert texts(store, session.id) == ["a\ufffdb\ufffd", "😀"]
    assert report.replaced == 2


def test_bytes_that_are_no_utf8_are_replaced_and_counted(store: Store) -> None:
    report = bring(store, b'[{"role":"user","content":"caf\xe9"}]')
    session = store.list_sessions().items[0]
    assert texts(store, session.id) == ["caf\ufffd"]
    assert report.replaced == 1


def test_nul_in_a_text_comes_in_as_it_is(store: Store) -> None:
    bring(store, [{"role": "user", "content": "a\0b"}])
    assert texts(store, store.list_sessions().items[0].id) == ["a\0b"]


def test_what_is_nested_too_deeply_is_named_and_the_rest_comes_in(store: Store) -> None:
    deep = b'{"role":"user","content":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    report = bring(store, b'[{"role":"user","content":"a"},' + deep + b',{"role":"user","content":"b"}]')
    assert "nested" in report.skipped[0].why
    assert texts(store, store.list_sessions().items[0].id) == ["a", "b"]


def test_numbers_beyond_all_bounds_are_kept_as_text(store: Store, data: Path) -> None:
    raw = (
        (data / "ollm-session.json")
        .read_bytes()
        .replace(b'"path": "logs"', b'"a": 1e999, "b": ' + b"9" * 5000)
    )
    bring(store, raw)
    session = store.list_sessions().items[0]
    call = list(store.messages(session.id))[1].parts[0]
    assert isinstance(call, palaver.ToolCall)
    assert call.args == {"a": "1e999", "b": "9" * 5000}


def test_a_byte_order_mark_is_passed_over(store: Store, data: Path) -> None:
    assert bring(store, b"\xef\xbb\xbf" + (data / "ollm-session.json").read_bytes()).added["session"] == 1


def test_what_the_store_refuses_is_named_and_the_rest_comes_in(store: Store, new_store: NewStore) -> None:
    session = a_conversation(store, *[f"message {number}" for number in range(20)])
    records = taken(store).splitlines()
    spoiled = [
        line.replace(b'"model":null', b'"model":"a\\u0001b"') if b"message 7" in line else line
        for line in records
    ]
    other = new_store()
    report = bring(other, b"\n".join(spoiled))
    assert [
        ("control characters" in each.why) for each in report.skipped if each.where.startswith("message")
    ] == [True]
    assert texts(other, session.id) == [f"message {number}" for number in range(20) if number != 7]
    assert other.verify().problems == []


def test_progress_is_told_up_to_the_end(store: Store, data: Path) -> None:
    told: list[tuple[int, int | None]] = []
    size = (data / "enteract.json").stat().st_size
    bring(store, data / "enteract.json", progress=lambda done, whole: told.append((done, whole)))
    assert told[-1] == (size, size)


@settings(max_examples=60)
@given(data=st.data())
def test_a_spoiled_file_never_breaks_the_import(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    examples = Path(__file__).parent.parent / "data"
    raw = bytearray((examples / data.draw(st.sampled_from(EXAMPLES))).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=6))
    with open_store(tmp_path_factory.mktemp("stores") / "a.db") as store:
        try:
            bring(store, bytes(raw))
        except Invalid:
            assert store.list_sessions().items == []
        assert store.verify().problems == []


@pytest.mark.parametrize("format", BOTH_WAYS)
@settings(max_examples=20)
@given(raw=st.binary(max_size=120))
def test_random_bytes_break_no_reader(
    format: str, raw: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with open_store(tmp_path_factory.mktemp("stores") / "a.db") as store:
        bring(store, raw, format=format)
        assert store.list_sessions().items == []


class Endless(io.RawIOBase):
    """A file as large as one likes, of which only what is read exists."""

    def __init__(self, beginning: bytes, middle: bytes, times: int, end: bytes) -> None:
        self.pieces = (beginning, middle, end)
        self.size = len(beginning) + len(middle) * times + len(end)
        self.at = 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (self.size if whence == io.SEEK_END else 0)
        return self.at

    def read(self, size: int = -1) -> bytes:
        beginning, middle, end = self.pieces
        wanted = max(0, min(size, self.size - self.at))
        found = b""
        if self.at < len(beginning):
            found = beginning[self.at : self.at + wanted]
        else:
            inside = self.at - len(beginning)
            left = self.size - len(end) - self.at
            if left <= 0:
                found = end[-left : -left + wanted]
            else:
                start = inside % len(middle)
                found = (middle * (wanted // len(middle) + 2))[start : start + min(wanted, left)]
        self.at += len(found)
        return found


def large_files() -> Iterator[Any]:
    text = "x" * 20_000
    entry = json.dumps(
        {"id": 1, "text": text, "sender": "user", "timestamp": "2025-07-10T08:00:00.000Z"}
    ).encode()
    yield pytest.param(
        b'[{"id":"a","title":"t","history":[', entry + b",", entry + b"]}]", "enteract", id="enteract"
    )
    said = {
        "role": "user",
        "parts": [{"type": "text", "text": text}],
        "timestamp": "2025-07-10T08:00:00.000Z",
    }
    entry = json.dumps(said).encode()
    begin = b'{"sessionId":"a","startTime":"2025-07-10T08:00:00.000Z","messages":['
    yield pytest.param(begin, entry + b",", entry + b"]}", "ollm", id="ollm")
    entry = json.dumps({"role": "user", "content": text}).encode()
    yield pytest.param(b"[", entry + b",", entry + b"]", "openai", id="openai array")
    line = json.dumps({"messages": [{"role": "user", "content": text}]}).encode() + b"\n"
    yield pytest.param(line, line, b"", "openai", id="openai lines")


@pytest.mark.parametrize(("begin", "middle", "end", "format"), list(large_files()))
def test_memory_does_not_grow_with_the_file(
    store: Store, begin: bytes, middle: bytes, end: bytes, format: str
) -> None:
    peaks = []
    for times in (500, 2500):  # 10 MB and 50 MB
        tracemalloc.start()
        report = bring_in(store, Endless(begin, middle, times, end), dry_run=True)  # type: ignore[arg-type]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert report.format == format
        assert report.added["message"] >= times
    assert peaks[1] < peaks[0] + (6 << 20)
    assert peaks[1] < 24 << 20
