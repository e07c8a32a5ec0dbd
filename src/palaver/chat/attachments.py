"""The files of messages, read from the store as a model is sent them."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO

import msgspec

from palaver.context.attachments import (
    MAX_IMAGE,
    MAX_TEXT,
    Image,
    as_text,
    count_image,
    find_image_type,
    read_text,
)
from palaver.errors import Corrupt, Invalid, NotFound
from palaver.model import File, Message, NewMessage, Text
from palaver.providers.base import ModelInfo
from palaver.store import Store

_ENTRY = 200
HELD = 64 * 1024 * 1024
"""Bytes of files that are kept in memory: a conversation sends the same ones with each question."""


class Attachments:
    """What a store's files are to a model. Safe from any thread."""

    def __init__(self, store: Store, *, held: int = HELD) -> None:
        self._store = store
        self._held = held
        self._lock = threading.Lock()
        self._found: OrderedDict[File, _Found] = OrderedDict()
        self._size = 0

    def load(self, file: File) -> Text | Image | None:
        """A text file or an image; None for a file that is neither or too large.

        Of a file that is gone or damaged, a line that says so. Raises what the store raises where it cannot be asked.
        """
        found = self._find(file)
        if not isinstance(found, _Unsendable):
            return found
        return Text(f"\n[file: {file.name}: {found.why}]") if found.lost else None

    def load_for(self, info: ModelInfo | None) -> Callable[[File], Text | Image | None]:
        """`load` for one model: None also for images where it takes none."""
        if info is None or info.images is not False:
            return self.load

        def load(file: File) -> Text | None:
            found = self.load(file)
            return None if isinstance(found, Image) else found

        return load

    def check(self, message: Message | NewMessage, info: ModelInfo | None) -> None:
        """Raises `Invalid` where the message has a file that this model cannot be sent."""
        for file in message.parts:
            if not isinstance(file, File):
                continue
            found = self._find(file)
            if isinstance(found, _Unsendable):
                raise Invalid(f"{file.name} cannot be sent to a model: it {found.why}", field="parts")
            if isinstance(found, Image) and info is not None and info.images is False:
                raise Invalid(
                    f"{info.id} takes no images, so {file.name} cannot be sent: "
                    "leave it out, or choose a model that takes images",
                    field="parts",
                )

    def _find(self, file: File) -> "_Found":
        with self._lock:
            if file in self._found:
                self._found.move_to_end(file)
                return self._found[file]
        found = self._read(file)
        if not isinstance(found, _Unsendable) or not found.lost:
            self._hold(file, found)
        return found

    def _hold(self, file: File, found: "_Found") -> None:
        with self._lock:
            if file not in self._found:
                self._found[file] = found
                self._size += _weight(found)
            while self._size > self._held:
                self._size -= _weight(self._found.popitem(last=False)[1])

    def _read(self, file: File) -> "_Found":
        if file.size > MAX_IMAGE:
            return _TOO_LARGE
        try:
            with self._store.open_file(file.digest) as stored:
                content = stored.read(MAX_IMAGE + 1)
        except NotFound:
            return _Unsendable("is no longer stored", lost=True)
        except Corrupt:
            return _Unsendable("is damaged", lost=True)
        if len(content) > MAX_IMAGE:
            return _TOO_LARGE
        if sha256(content).hexdigest() != file.digest:
            return _Unsendable("is damaged", lost=True)
        mime = find_image_type(content)
        return _read_text(file, content) if mime is None else _read_image(file, mime, content)


class _Unsendable(msgspec.Struct, frozen=True):
    """A file no model can be sent. `lost`: it could be, were it as it was."""

    why: str
    lost: bool = False


_Found = Text | Image | _Unsendable
_TOO_LARGE = _Unsendable(f"is larger than {MAX_IMAGE:,} bytes")


def _read_image(file: File, mime: str, content: bytes) -> Image | _Unsendable:
    import imagesize  # noqa: PLC0415  (slow to load, and most conversations have no image)

    width, height = imagesize.get(BytesIO(content))
    if width <= 0 or height <= 0:
        return _Unsendable("is no readable image", lost=True)
    return Image(file.name, mime, content, count_image(width, height))


def _read_text(file: File, content: bytes) -> Text | _Unsendable:
    text = read_text(content, file.mime)
    if text is None:
        return _Unsendable("is neither a text nor a PNG, JPEG, GIF or WebP image")
    if len(content) > MAX_TEXT:
        return _Unsendable(f"is a text larger than {MAX_TEXT:,} bytes")
    return as_text(file.name, text)


def _weight(found: _Found) -> int:
    """Bytes, nearly: no entry is without some."""
    match found:
        case Image(data=data):
            return len(data) + _ENTRY
        case Text(text=text):
            return len(text) + _ENTRY
        case _Unsendable():
            return _ENTRY
