"""Bytes that come in pieces, as lines of a bounded length."""


class LineTooLong(ValueError):
    """A line is longer than is taken."""


class Lines:
    """Cuts at newlines. `cut`: the rest of a line that is too long is dropped, else it is `LineTooLong`."""

    def __init__(self, longest: int, *, cut: bool = False) -> None:
        self._longest = longest
        self._cut = cut
        self._held: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that have become whole, without their ends."""
        first, *more = data.split(b"\n")
        self._hold(first)
        lines: list[bytes] = []
        for piece in more:
            lines.append(self._whole())
            self._hold(piece)
        return lines

    def _hold(self, piece: bytes) -> None:
        room = self._longest - self._size
        if len(piece) > room and not self._cut:
            raise LineTooLong(f"a line of more than {self._longest} bytes")
        if piece := piece[:room]:
            self._held.append(piece)
            self._size += len(piece)

    def _whole(self) -> bytes:
        line = b"".join(self._held)
        self._held.clear()
        self._size = 0
        return line
