"""Ids: UUIDv7 that ascend."""

import os
import subprocess
import sys
import threading
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver import Invalid, ids


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = uuid.UUID(ids.new_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_an_id_begins_with_the_milliseconds_of_now() -> None:
    before = time.time_ns() // 1_000_000
    stamp = int(ids.new_id().replace("-", "")[:12], 16)
    assert before <= stamp <= time.time_ns() // 1_000_000 + 1


def test_ids_ascend_within_a_millisecond() -> None:
    made = [ids.new_id() for _ in range(20_000)]
    assert made == sorted(set(made))


def test_ids_of_several_threads_are_all_different() -> None:
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.extend(ids.new_id() for _ in range(2_000))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 16_000


@given(st.binary(min_size=16, max_size=16))
def test_bytes_survive_the_way_through_text(raw: bytes) -> None:
    assert ids.to_bytes(ids.from_bytes(raw)) == raw


@given(st.binary(min_size=16, max_size=16))
def test_the_text_is_that_of_the_standard_library(raw: bytes) -> None:
    assert ids.from_bytes(raw) == str(uuid.UUID(bytes=raw))


def test_hyphens_and_capitals_do_not_matter() -> None:
    made = ids.new_id()
    assert ids.to_bytes(made.replace("-", "").upper()) == ids.to_bytes(made)


BAD = [
    "",
    "x",
    "../x",
    "0" * 31,
    "0" * 33,
    "g" * 32,
    " " * 32,
    "0" * 31 + "\0",
    "０" * 32,
    "01234567-89ab-7cde-8f01-23456789abc",
    "0123456-789ab-7cde-8f01-23456789abcd",
    "01234567089ab07cde08f01023456789abcd",
    "{01234567-89ab-7cde-8f01-23456789ab}",
    "0123456789abcdef 0123456789abcde",
]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_id_is_not_found(text: str) -> None:
    assert ids.find_bytes(text) is None


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_id_is_invalid_and_names_the_field(text: str) -> None:
    with pytest.raises(Invalid, match="parent_id must be a UUID") as caught:
        ids.to_bytes(text, field="parent_id")
    assert caught.value.field == "parent_id"


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_ids(text: str) -> None:
    raw = ids.find_bytes(text)
    assert raw is None or len(raw) == 16


def test_people_see_the_random_end() -> None:
    assert ids.short("01234567-89ab-7cde-8f01-23456789abcd") == "6789abcd"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is forked here")
def test_a_forked_process_draws_its_own() -> None:
    code = """
import os
from palaver.ids import new_id
new_id()
read, write = os.pipe()
if os.fork() == 0:
    os.write(write, "".join(new_id()[-16:] for _ in range(50)).encode())
    os._exit(0)
os.wait()
theirs = os.read(read, 10_000).decode()
print(len(theirs), sum(new_id()[-16:] in theirs for _ in range(50)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["800", "0"]
