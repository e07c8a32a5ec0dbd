"""The layer below Python's files: the functions of `os` that change a folder or bring it to the disk, and `open`."""

import builtins
import io
import os
import stat
from contextlib import ExitStack
from typing import Any

from tests.faults.disk import (
    FolderMade,
    FolderRemoved,
    FolderSynced,
    Named,
    Removed,
    Renamed,
    Resized,
    Synced,
    SyncFailed,
    Wrote,
)
from tests.faults.taps import Layer, absolute, intent


class _TappedFile(io.FileIO):
    """A file whose writes go by the tap."""

    def __init__(self, path: str, mode: str, layer: Layer) -> None:
        self._layer = layer
        is_new = not os.path.lexists(path)
        layer.ask("make" if is_new else "open", "python", path)
        super().__init__(path, mode)
        status = os.fstat(self.fileno())
        if is_new:
            layer.made(path, status)
        self._path = path
        self._number = layer.number(status)
        if "w" in mode and not is_new:
            layer.tell(Resized(self._number, 0))

    def write(self, data: Any, /) -> int:
        with self._layer.lock:
            self._layer.ask("write", "python", self._path)
            offset = os.fstat(self.fileno()).st_size if "a" in self.mode else self.tell()
            done = super().write(data)
            self._layer.tell(Wrote(self._number, offset, bytes(data)[:done]))
            return done

    def truncate(self, size: int | None = None, /) -> int:
        with self._layer.lock:
            self._layer.ask("resize", "python", self._path)
            done = super().truncate(size)
            self._layer.tell(Resized(self._number, done))
            return done


def tap_python(stack: ExitStack, layer: Layer) -> None:
    for name, replacement in _PythonCalls(layer).replacements().items():
        stack.callback(setattr, os, name, getattr(os, name))
        setattr(os, name, replacement)
    opened = _opener(layer, io.open)
    for module in (io, builtins):
        stack.callback(setattr, module, "open", module.open)
        setattr(module, "open", opened)  # noqa: B010  (a module takes no assignment in mypy's eyes)


def _opener(layer: Layer, real: Any) -> Any:
    def tapped_open(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **named: Any) -> Any:
        if not layer.means(file) or not set(mode) & set("wax+"):
            return real(file, mode, buffering, *rest, **named)
        raw = _TappedFile(os.fspath(file), mode.replace("b", "").replace("t", ""), layer)
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, *rest, **named)

    return tapped_open


class _PythonCalls:
    """The functions of `os` that change a folder or bring it to the disk."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._os = {
            name: getattr(os, name)
            for name in (*_MOVES, *_REMOVALS, "open", "fsync", "mkdir", "link", "rmdir")
        }

    def replacements(self) -> dict[str, Any]:
        made: dict[str, Any] = {"open": self._open, "fsync": self._fsync, "mkdir": self._mkdir}
        made |= {"link": self._link, "rmdir": self._rmdir}
        made |= {name: self._mover(name) for name in _MOVES}
        return made | {name: self._remover(name) for name in _REMOVALS}

    def _open(self, path: Any, flags: int, mode: int = 0o777, **named: Any) -> int:
        if not self._layer.means(path):
            return int(self._os["open"](path, flags, mode, **named))
        with self._layer.lock:
            name = os.fspath(path)
            self._layer.ask(intent(name, flags), "python", name)
            is_new = bool(flags & os.O_CREAT) and not os.path.lexists(name)
            descriptor = int(self._os["open"](path, flags, mode, **named))
            if is_new:
                self._layer.made(name, os.fstat(descriptor))
            return descriptor

    def _fsync(self, file: Any) -> None:
        descriptor = file if isinstance(file, int) else file.fileno()
        path = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
        if not self._layer.means(path):
            self._os["fsync"](descriptor)
            return
        with self._layer.lock:
            status = os.fstat(descriptor)
            is_folder = stat.S_ISDIR(status.st_mode)
            number = self._layer.number(status)
            try:
                self._layer.ask("sync_folder" if is_folder else "sync", "python", path)
            except OSError:
                self._layer.tell(SyncFailed(number))
                raise
            self._os["fsync"](descriptor)
            self._layer.tell(FolderSynced(path) if is_folder else Synced(number))

    def _mkdir(self, path: Any, mode: int = 0o777, **named: Any) -> None:
        if not self._layer.means(path):
            self._os["mkdir"](path, mode, **named)
            return
        with self._layer.lock:
            name = absolute(path)
            if not os.path.lexists(name):
                self._layer.ask("folder", "python", name)
            self._os["mkdir"](path, mode, **named)
            self._layer.tell(FolderMade(name))

    def _rmdir(self, path: Any, **named: Any) -> None:
        self._os["rmdir"](path, **named)
        if self._layer.means(path):
            self._layer.tell(FolderRemoved(absolute(path)))

    def _link(self, source: Any, target: Any, **named: Any) -> None:
        if not self._layer.means(target):
            self._os["link"](source, target, **named)
            return
        with self._layer.lock:
            name = absolute(target)
            self._layer.ask("link", "python", name)
            self._os["link"](source, target, **named)
            self._layer.tell(Named(name, self._layer.number(os.lstat(name))))

    def _mover(self, call: str) -> Any:
        def move(source: Any, target: Any, **named: Any) -> None:
            if not self._layer.means(target):
                self._os[call](source, target, **named)
                return
            with self._layer.lock:
                old, new = absolute(source), absolute(target)
                self._layer.ask("rename", "python", new)
                if os.path.lexists(new):
                    self._layer.removed(os.lstat(new))
                self._os[call](source, target, **named)
                self._layer.tell(Renamed(old, new, self._layer.number(os.lstat(new))))

        return move

    def _remover(self, call: str) -> Any:
        def remove(path: Any, **named: Any) -> None:
            if not self._layer.means(path) or not os.path.lexists(path):
                self._os[call](path, **named)
                return
            with self._layer.lock:
                name = absolute(path)
                self._layer.ask("remove", "python", name)
                self._layer.removed(os.lstat(name))
                self._os[call](path, **named)
                self._layer.tell(Removed(name))

        return remove


_MOVES = ("rename", "replace")
_REMOVALS = ("remove", "unlink")
