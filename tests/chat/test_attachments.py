"""The files of messages, as a model is sent them."""

import threading
from pathlib import Path

import apsw
import pytest

import palaver
from palaver import File, Invalid, Store, Text
from palaver.chat.attachments import Attachments
from palaver.context.attachments import MAX_IMAGE, MAX_TEXT, Image
from palaver.providers.base import ModelInfo
from tests.support import images

SEES = ModelInfo(id="eyes", provider="p", images=True)
BLIND = ModelInfo(id="blind", provider="p", images=False)
SILENT = ModelInfo(id="who-knows", provider="p")
NOWHERE = File("0" * 64, "lost.txt", "text/plain", 7)
PDF = b"%PDF-1.7\n\xe2\xe3\xcf\xd3"


@pytest.fixture
def attachments(store: Store) -> Attachments:
    return Attachments(store)


def put(store: Store, content: bytes, name: str) -> File:
    return store.put_file(content, name=name)


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp"])
def test_an_image_is_sent_whole_and_counted_by_its_size(
    store: Store, attachments: Attachments, kind: str
) -> None:
    content = getattr(images, kind)(1024, 512)
    found = attachments.load(put(store, content, f"view.{kind}"))
    assert found == Image(f"view.{kind}", f"image/{kind}", content, 37 * 19)


def test_an_image_of_another_name_is_what_it_is(store: Store, attachments: Attachments) -> None:
    found = attachments.load(put(store, images.jpeg(), "photo.png"))
    assert isinstance(found, Image)
    assert found.mime == "image/jpeg"


def test_a_text_file_is_sent_as_text_with_its_name(store: Store, attachments: Attachments) -> None:
    found = attachments.load(put(store, "def größe(): ...".encode(), "size.py"))
    assert isinstance(found, Text)
    assert "size.py" in found.text
    assert "def größe(): ..." in found.text


def test_any_other_file_cannot_be_sent(store: Store, attachments: Attachments) -> None:
    assert attachments.load(put(store, PDF, "report.pdf")) is None


@pytest.mark.parametrize("content", [images.png() + bytes(MAX_IMAGE), b"x" * (MAX_TEXT + 1)])
def test_a_file_too_large_cannot_be_sent(store: Store, attachments: Attachments, content: bytes) -> None:
    file = put(store, content, "large")
    assert attachments.load(file) is None
    with pytest.raises(Invalid, match=r"large cannot be sent to a model: it is .*larger than [\d,]+ bytes"):
        attachments.check(palaver.user("look", parts=(file,)), SEES)


def test_of_a_file_that_is_gone_a_line_is_sent(attachments: Attachments) -> None:
    found = attachments.load(NOWHERE)
    assert isinstance(found, Text)
    assert found.text.strip() == "[file: lost.txt: is no longer stored]"


def test_another_actor_s_file_is_gone(store: Store) -> None:
    file = put(store, b"mine", "mine.txt")
    found = Attachments(store.as_actor("another")).load(file)
    assert isinstance(found, Text)
    assert "no longer stored" in found.text


@pytest.mark.parametrize(
    "content", [images.png()[:12], b"\xff\xd8\xff", b"GIF89a", images.png(0, 4), images.webp()[:16]]
)
def test_of_a_damaged_image_a_line_is_sent(store: Store, attachments: Attachments, content: bytes) -> None:
    found = attachments.load(put(store, content, "broken.png"))
    assert isinstance(found, Text)
    assert "is no readable image" in found.text


def test_of_a_file_that_is_not_what_was_stored_a_line_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    with palaver.open_store(path) as store:
        file = put(store, b"what was stored", "note.txt")
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE file_chunk SET data = zeroblob(length(data))")
    connection.close()
    with palaver.open_store(path) as store:
        found = Attachments(store).load(file)
        assert isinstance(found, Text)
        assert found.text.strip() == "[file: note.txt: is damaged]"


@pytest.mark.parametrize("info", [SEES, SILENT, None])
def test_a_model_that_may_take_images_is_sent_them(
    store: Store, attachments: Attachments, info: ModelInfo | None
) -> None:
    file = put(store, images.png(), "view.png")
    attachments.check(palaver.user("look", parts=(file,)), info)
    assert isinstance(attachments.load_for(info)(file), Image)


def test_a_model_that_takes_no_images_says_so_before_the_turn(store: Store, attachments: Attachments) -> None:
    file = put(store, images.png(), "view.png")
    with pytest.raises(Invalid, match=r"blind takes no images, so view\.png cannot be sent") as caught:
        attachments.check(palaver.user("look", parts=(file,)), BLIND)
    assert caught.value.field == "parts"


def test_a_model_that_takes_no_images_is_sent_none_of_the_history(
    store: Store, attachments: Attachments
) -> None:
    load = attachments.load_for(BLIND)
    assert load(put(store, images.png(), "view.png")) is None
    assert isinstance(load(put(store, b"words", "note.txt")), Text)


@pytest.mark.parametrize(("content", "why"), [(PDF, "neither a text nor"), (b"GIF89a", "no readable image")])
def test_a_file_no_model_takes_is_told_before_the_turn(
    store: Store, attachments: Attachments, content: bytes, why: str
) -> None:
    with pytest.raises(Invalid, match=why):
        attachments.check(palaver.user("read", parts=(put(store, content, "file.bin"),)), SILENT)


def test_a_question_with_a_text_file_or_none_passes_every_model(
    store: Store, attachments: Attachments
) -> None:
    attachments.check(palaver.user("read", parts=(put(store, b"words", "note.txt"),)), BLIND)
    attachments.check(palaver.user("hello"), BLIND)


def test_what_is_held_in_memory_is_bounded_and_still_right(store: Store) -> None:
    attachments = Attachments(store, held=1_500)
    files = [put(store, bytes([65 + n]) * 400, f"{n}.txt") for n in range(9)]
    for file in files * 2:
        found = attachments.load(file)
        assert isinstance(found, Text)
        assert found.text.count(chr(65 + int(file.name[0]))) >= 400
    assert len(attachments._found) == 2


def test_a_file_that_cannot_be_sent_is_read_once(store: Store, attachments: Attachments) -> None:
    file = put(store, PDF, "report.pdf")
    first = attachments._find(file)
    assert attachments._find(file) is first


def test_many_threads_may_load_at_the_same_time(store: Store) -> None:
    attachments = Attachments(store, held=3_000)
    files = [put(store, str(n).encode() * 400, f"{n}.txt") for n in range(8)]
    seen: list[Text | Image | None] = []

    def load_all() -> None:
        seen.extend(map(attachments.load, files * 5))

    threads = [threading.Thread(target=load_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 160
    assert set(seen) == set(map(attachments.load, files))
