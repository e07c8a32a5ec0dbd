"""What the beginning of a JSON text shows of its structure, also where the text goes on beyond it."""

import re

import msgspec

_TOKEN = re.compile(rb'\s*(?:([{}\[\],:])|("(?:[^"\\]++|\\.)*+")|([^][{},:"\s]+))', re.DOTALL)
_DEPTH = 8


class Outline(msgspec.Struct):
    """`paths` maps each field seen, such as `[].history[].sender`, to its first value where that is short text or a number.

    `end` is where the first value ended, None where the beginning holds only a part of it.
    """

    paths: dict[str, object]
    end: int | None = None

    def has(self, *paths: str) -> bool:
        """Whether every one of these was seen."""
        return all(path in self.paths for path in paths)


def outline(beginning: bytes) -> Outline | None:
    """The outline of the JSON value these bytes begin with; None for what is no JSON object or array."""
    if beginning.lstrip()[:1] not in (b"{", b"["):
        return None
    return _Outliner(beginning).run()


class _Outliner:
    def __init__(self, text: bytes) -> None:
        self.text = text
        self.found = Outline({})
        self.inside: list[tuple[bytes, str]] = []  # the brackets that are open, each with its path
        self.key: str | None = None
        self.wants_key = False

    def run(self) -> Outline | None:
        at = 0
        while match := _TOKEN.match(self.text, at):
            at = match.end()
            if not self._take(*match.groups()):
                return None
            if not self.inside:
                self.found.end = at
                break
        return self.found

    def _take(self, mark: bytes | None, string: bytes | None, scalar: bytes | None) -> bool:
        if mark is None:
            return self._word(string or scalar or b"", string is not None)
        if mark in b"{[":
            return self._open(mark)
        if mark in b"}]":
            return self._close(mark)
        return self._between(mark)

    def _open(self, mark: bytes) -> bool:
        if self.wants_key:
            return False
        # Below what is noted no path is made: deep nesting would make each longer than the one before.
        path = self._here() + ("[]" if mark == b"[" else "") if len(self.inside) < _DEPTH else ""
        self.inside.append((mark, path))
        self._note(path, None)
        self.key = None
        self.wants_key = mark == b"{"
        return True

    def _close(self, mark: bytes) -> bool:
        if not self.inside or self.inside.pop()[0] != (b"{" if mark == b"}" else b"["):
            return False
        self.key = None
        self.wants_key = False
        return True

    def _between(self, mark: bytes) -> bool:
        if mark == b",":
            self.key = None
            self.wants_key = self.inside[-1][0] == b"{"
        return True

    def _word(self, raw: bytes, text: bool) -> bool:
        value = _scalar(raw)
        if not self.wants_key:
            self._note(self._here(), value)
            return True
        self.key = value if isinstance(value, str) else "?"
        self.wants_key = False
        self._note(self._here(), None)
        return text

    def _here(self) -> str:
        if not self.inside:
            return ""
        path = self.inside[-1][1]
        return path if self.key is None else f"{path}.{self.key}" if path else self.key

    def _note(self, path: str, value: object) -> None:
        if path and len(self.inside) <= _DEPTH and self.found.paths.get(path) is None:
            self.found.paths[path] = value


def _scalar(raw: bytes) -> object:
    if len(raw) > 200:
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
