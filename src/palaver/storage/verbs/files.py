"""Verbs on files: content stored once under its SHA-256, in pieces."""

import io
from hashlib import sha256
from mimetypes import guess_type
from typing import BinaryIO

from palaver.errors import Invalid, NotFound
from palaver.model import File
from palaver.storage.transaction import Reading, Row, Writing
from palaver.storage.verbs.titles import check_name

PIECE = 256 * 1024
MAX_FILE = 1 << 30
HOLD_MS = 24 * 60 * 60 * 1000


def read_content(content: bytes | BinaryIO) -> tuple[bytes, list[bytes]]:
    """The digest and the pieces. Raises `Invalid` above 1 GiB."""
    stream = io.BytesIO(content) if isinstance(content, bytes | bytearray | memoryview) else content
    digest, pieces, size = sha256(), [], 0
    while piece := stream.read(PIECE):
        size += len(piece)
        if size > MAX_FILE:
            raise Invalid(f"a file may have {MAX_FILE} bytes", field="content")
        digest.update(piece)
        pieces.append(bytes(piece))
    return digest.digest(), pieces


def put_file(tx: Writing, digest: bytes, pieces: list[bytes], name: str, mime: str | None) -> File:
    checked = check_name(name)
    size = sum(map(len, pieces))
    key = store_pieces(tx, digest, pieces)
    tx.run("hold_file", file=key, actor=tx.actor, created_at=tx.now)
    kind = mime or guess_type(checked)[0] or "application/octet-stream"
    return File(digest.hex(), checked, check_name(kind), size)


def store_pieces(tx: Writing, digest: bytes, pieces: list[bytes]) -> int:
    with tx.by_itself():
        found = tx.row("find_file", digest=digest)
        if found is not None:
            return int(found[0])
        made = tx.row("insert_file", digest=digest, size=sum(map(len, pieces)), created_at=tx.now)
        if made is None:
            raise LookupError("a new file came back without a key")
        for number, piece in enumerate(pieces):
            tx.run("insert_file_chunk", file=made[0], number=number, data=piece)
        return int(made[0])


def find_file(tx: Reading, digest: str) -> tuple[int, int]:
    """Key and size of a file the actor may read. Raises `NotFound`."""
    try:
        raw = bytes.fromhex(digest)
    except (ValueError, TypeError) as exc:
        raise NotFound("file", str(digest)) from exc
    found = tx.row("find_visible_file", digest=raw, actor=tx.actor)
    if found is None:
        raise NotFound("file", digest)
    return found[0], found[1]


def read_piece(tx: Reading, key: int, number: int) -> bytes:
    found = tx.row("read_file_chunk", file=key, number=number, actor=tx.actor)
    return found[0] if found else b""


def collect_files(tx: Writing) -> int:
    """Remove what was put more than a day ago and no message took; returns how many files went."""
    with tx.by_itself():
        released = tx.rows("release_old_holders", before=tx.now - HOLD_MS)
    return drop_unused(tx, released)


def detach_files(tx: Writing, low: int, high: int) -> None:
    """The messages of this range refer to no files any more; those nobody else refers to go."""
    drop_unused(tx, tx.rows("detach_message_files", low=low, high=high))


def drop_unused(tx: Writing, released: list[Row]) -> int:
    """Only files that were let go of just now: one whose reference was lost by damage must not be lost with it."""
    with tx.by_itself():
        return sum(len(tx.rows("delete_unused_file", file=key)) for key in {key for (key,) in released})
