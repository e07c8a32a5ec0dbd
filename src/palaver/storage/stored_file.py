"""Stored content as a stream that is read as it is asked for."""

import io
from collections.abc import Callable
from typing import Any, BinaryIO

from palaver.storage.verbs import files

ReadPiece = Callable[[int, int], bytes]
"""The file's key and the number of one of its pieces, to that piece."""


def open_stored(read_piece: ReadPiece, key: int, size: int) -> BinaryIO:
    """A file that was found to be the actor's, for reading and seeking."""
    return io.BufferedReader(_StoredFile(read_piece, key, size), files.PIECE)


class _StoredFile(io.RawIOBase):
    """Content in pieces, read as it is asked for."""

    def __init__(self, read_piece: ReadPiece, key: int, size: int) -> None:
        self._read_piece = read_piece
        self._key = key
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size:
            return 0
        number, skip = divmod(self._at, files.PIECE)
        piece = self._read_piece(self._key, number)[skip : skip + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
