"""The layer below SQLite: its system calls themselves and, as SQLite offers no other way, its syncs through a VFS."""

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import Any

import apsw

from tests.faults.disk import FolderSynced, Removed, Resized, Synced, SyncFailed, Wrote
from tests.faults.taps import Layer, intent

DEFAULT = "multipleciphers-unix"


class _SyncedFile(apsw.VFSFile):
    def __init__(self, name: str | apsw.URIFilename | None, flags: list[int], shim: "_Shim") -> None:
        super().__init__("unix", name, flags)
        self._shim = shim
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._number = shim.layer.number(Path(self._path).stat()) if shim.layer and self._path else None

    def xSync(self, flags: int) -> None:  # noqa: N802  (APSW's name for it)
        layer = self._shim.layer
        if layer is None or self._path is None or self._number is None or not layer.means(self._path):
            super().xSync(flags)
            return
        with layer.lock:
            try:
                layer.ask("sync", "sqlite", self._path)
            except OSError as exc:
                layer.tell(SyncFailed(self._number))
                raise apsw.exception_for(apsw.SQLITE_IOERR_FSYNC) from exc
            super().xSync(flags)
            layer.tell(Synced(self._number))


class _Shim(apsw.VFS):
    NAME = "palaver-shim"

    def __init__(self) -> None:
        super().__init__(self.NAME, "unix")
        self.layer: Layer | None = None

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _SyncedFile(name, flags, self)


@cache
def _shim() -> _Shim:
    """Registered once: SQLite must not be left with a VFS that is gone. The cipher lies above it, as it does in use."""
    shim = _Shim()
    apsw.Connection(":memory:", vfs=f"multipleciphers-{shim.NAME}").close()
    return shim


_INT, _LONG, _POINTER, _TEXT = ctypes.c_int, ctypes.c_long, ctypes.c_void_p, ctypes.c_char_p
_PROTOTYPES: dict[str, Any] = {
    "open": ctypes.CFUNCTYPE(_INT, _TEXT, _INT, _INT, use_errno=True),
    "pread64": ctypes.CFUNCTYPE(_LONG, _INT, _POINTER, _LONG, _LONG, use_errno=True),
    "pwrite64": ctypes.CFUNCTYPE(_LONG, _INT, _POINTER, _LONG, _LONG, use_errno=True),
    "ftruncate": ctypes.CFUNCTYPE(_INT, _INT, _LONG, use_errno=True),
    "unlink": ctypes.CFUNCTYPE(_INT, _TEXT, use_errno=True),
    "openDirectory": ctypes.CFUNCTYPE(_INT, _TEXT, _POINTER, use_errno=True),
}
_Replaced = Callable[..., int]


def tap_sqlite(stack: ExitStack, layer: Layer) -> None:
    shim = _shim()
    calls = _SystemCalls(layer, shim)
    for name in _PROTOTYPES:
        stack.callback(shim.xSetSystemCall, name, 0)
        replacement = calls.replacement(name)
        stack.callback(lambda kept: None, replacement)  # SQLite has its address: it must outlive the tap
        shim.xSetSystemCall(name, ctypes.cast(replacement, _POINTER).value or 0)
    stack.callback(setattr, sys, "unraisablehook", sys.unraisablehook)
    sys.unraisablehook = partial(_pass_on, sys.unraisablehook)
    shim.layer = layer
    stack.callback(setattr, shim, "layer", None)
    apsw.set_default_vfs(f"multipleciphers-{shim.NAME}")
    stack.callback(apsw.set_default_vfs, DEFAULT)


def _pass_on(hook: Callable[[Any], object], found: Any) -> None:
    """APSW also tells of errors that SQLite itself takes no notice of, such as one within a closing checkpoint."""
    if not isinstance(found.exc_value, apsw.Error):
        hook(found)


class _SystemCalls:
    """What SQLite calls in place of the system."""

    def __init__(self, layer: Layer, shim: _Shim) -> None:
        self._layer = layer
        self._real: dict[str, Any] = {
            name: prototype(shim.xGetSystemCall(name)) for name, prototype in _PROTOTYPES.items()
        }
        self._paths: dict[int, str] = {}

    def replacement(self, name: str) -> Any:
        method: _Replaced = getattr(self, f"_{name}")

        def guarded(*arguments: Any) -> int:
            with self._layer.lock:
                try:
                    return method(*arguments)
                except OSError as exc:
                    ctypes.set_errno(exc.errno or errno.EIO)
                    return -1

        return _PROTOTYPES[name](guarded)

    def _open(self, name: bytes, flags: int, mode: int) -> int:
        path = os.fsdecode(name)
        if not self._layer.means(path):
            return int(self._real["open"](name, flags, mode))
        self._layer.ask(intent(path, flags), "sqlite", path)
        is_new = bool(flags & os.O_CREAT) and not os.path.lexists(path)
        descriptor = int(self._real["open"](name, flags, mode))
        if descriptor >= 0:
            self._paths[descriptor] = path
            if is_new:
                self._layer.made(path, os.fstat(descriptor))
        return descriptor

    def _pread64(self, file: int, buffer: int, size: int, offset: int) -> int:
        if path := self._find(file):
            self._layer.ask("read", "sqlite", path)
        return int(self._real["pread64"](file, buffer, size, offset))

    def _pwrite64(self, file: int, buffer: int, size: int, offset: int) -> int:
        path = self._find(file)
        if path is None:
            return int(self._real["pwrite64"](file, buffer, size, offset))
        self._layer.ask("write", "sqlite", path)
        done = int(self._real["pwrite64"](file, buffer, size, offset))
        if done > 0:
            number = self._layer.number(os.fstat(file))
            self._layer.tell(Wrote(number, offset, ctypes.string_at(buffer, done)))
        return done

    def _ftruncate(self, file: int, size: int) -> int:
        path = self._find(file)
        if path is None:
            return int(self._real["ftruncate"](file, size))
        self._layer.ask("resize", "sqlite", path)
        done = int(self._real["ftruncate"](file, size))
        if done == 0:
            self._layer.tell(Resized(self._layer.number(os.fstat(file)), size))
        return done

    def _unlink(self, name: bytes) -> int:
        path = os.fsdecode(name)
        if not self._layer.means(path) or not os.path.lexists(path):
            return int(self._real["unlink"](name))
        self._layer.ask("remove", "sqlite", path)
        self._layer.removed(os.lstat(path))
        done = int(self._real["unlink"](name))
        if done == 0:
            self._layer.tell(Removed(path))
        return done

    def _openDirectory(self, name: bytes, out: int) -> int:  # noqa: N802  (SQLite's name for it)
        path = str(Path(os.fsdecode(name)).parent)
        done = int(self._real["openDirectory"](name, out))
        if self._layer.means(path) and done == 0:
            self._layer.tell(FolderSynced(path))  # SQLite opens a folder for nothing else
        return done

    def _find(self, file: int) -> str | None:
        path = self._paths.get(file)
        return path if path is not None and self._layer.means(path) else None
