"""Plain files kept in step with a store, for people who want them beside the database.

The database stays the truth. A mirror that fails says so to `on_failure`, never fails the verb it follows, and catches
up at the next change. It writes and removes only files that it made itself and nobody changed since.
"""

import atexit
import logging
import re
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import msgspec

from palaver import ids
from palaver.errors import Invalid, NotFound, PalaverError, Unavailable
from palaver.folders import make_folder, sync_folder
from palaver.formats import enteract, ollm
from palaver.formats.selection import Selection
from palaver.model import Session
from palaver.storage.plain_files import FileLock, Ledger, Writer, replace
from palaver.store import Store
from palaver.wire import encode

_log = logging.getLogger(__name__)
_LEDGER = ".palaver-mirror"
_LEFT_OVER = re.compile(r"\.[0-9a-f-]{36}\.json\.[0-9a-f]{16}\.tmp")
_RETRIED = 16


class MirrorFailure(msgspec.Struct, frozen=True):
    """A mirrored file that is not in step: which one, of which session, and why."""

    path: Path
    session_id: str | None
    why: str


def _report(failure: MirrorFailure) -> None:
    _log.warning("the mirror %s is behind: %s", failure.path, failure.why)


def open_mirror(spec: str, *, on_failure: Callable[[MirrorFailure], None] = _report) -> "Mirror":
    """The mirror of `ollm:DIR` or `enteract:FILE`. Raises `Invalid` for anything else; writes nothing yet."""
    kind, _, rest = spec.partition(":")
    if kind not in ("ollm", "enteract") or not rest or "\0" in rest:
        raise Invalid(f"a mirror is ollm:DIR or enteract:FILE, not {spec!r:.100}", field="mirror")
    path = Path(rest).expanduser().absolute()
    if kind == "ollm":
        if path.exists() and not path.is_dir():
            raise Invalid(f"{path} is no folder: ollm:DIR needs one", field="mirror")
        return OllmMirror(path, on_failure)
    if path.is_dir():
        raise Invalid(f"{path} is a folder: enteract:FILE needs a file", field="mirror")
    return EnteractMirror(path, on_failure)


class Mirror(ABC):
    """Follows one store. Safe from any thread, beside other processes with the same mirror; nothing here raises."""

    def __init__(self, folder: Path, ledger: str, on_failure: Callable[[MirrorFailure], None]) -> None:
        self._folder = folder
        self._on_failure = on_failure
        self._lock = FileLock(folder / f"{ledger}.lock")
        self._ledger = Ledger(folder / ledger)

    @abstractmethod
    def path_of(self, session_id: str) -> Path:
        """The file that shows this session."""

    @abstractmethod
    def session_changed(self, store: Store, session_id: str) -> None:
        """The session is there, or was: its file is due."""

    @abstractmethod
    def session_removed(self, session_id: str) -> None:
        """The session is in the trash or purged: nothing of it stays."""

    @abstractmethod
    def catch_up(self, store: Store) -> None:
        """Write what is missing or behind, remove what is gone."""

    @abstractmethod
    def close(self) -> None:
        """Write what is still due. Closing twice is fine."""

    @contextmanager
    def _holding(self) -> Iterator[None]:
        make_folder(self._folder)
        with self._lock.held():
            self._ledger.refresh()
            yield

    def _put(self, key: str, path: Path, location: str, write: Writer) -> None:
        """Write a file that is ours or not there yet. Raises `Unavailable` for one that is neither."""
        if path.exists() and not self._ledger.owns(key, path):
            raise Unavailable(
                f"{path} was not written by this mirror, or changed since: move it away or import it"
            )
        replace(path, write, lambda digest: self._ledger.add("will", key, location, digest, durable=True))
        self._ledger.remember(key, path)

    def _fail(self, path: Path, session_id: str | None, exc: Exception) -> None:
        why = exc.message if isinstance(exc, PalaverError) else f"{type(exc).__name__}: {exc}"
        try:
            self._on_failure(MirrorFailure(path, session_id, why))
        except Exception:  # noqa: BLE001  nor does what a caller does about it
            _log.exception("whoever was told of a mirror's failure failed")


class OllmMirror(Mirror):
    """`DIR/<sessionId>.json` for each session, written before the verb that changed it returns."""

    def __init__(self, folder: Path, on_failure: Callable[[MirrorFailure], None]) -> None:
        super().__init__(folder, _LEDGER, on_failure)
        self._counting = threading.Lock()
        self._asked: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._behind: dict[str, None] = {}
        self._store: Store | None = None

    def path_of(self, session_id: str) -> Path:
        # Through the bytes of the id, so that no other text becomes part of a path.
        return self._folder / f"{ids.from_bytes(ids.to_bytes(session_id))}.json"

    def session_changed(self, store: Store, session_id: str) -> None:
        self._store = store
        with self._counting:
            ticket = self._asked[session_id] = self._asked.get(session_id, 0) + 1
        self._attempt(session_id, ticket)
        for other in list(self._behind)[:_RETRIED]:
            if other != session_id:
                self._attempt(other, None)

    def session_removed(self, session_id: str) -> None:
        self._attempt(session_id, None)

    def catch_up(self, store: Store) -> None:
        self._store = store
        try:
            with self._holding():
                self._ledger.shrink()
                for left in self._folder.iterdir():
                    if _LEFT_OVER.fullmatch(left.name):
                        left.unlink(missing_ok=True)
            self._follow_all(store)
        except Exception as exc:  # noqa: BLE001  whatever it is, the store must open
            self._fail(self._folder, None, exc)

    def close(self) -> None:
        for session_id in list(self._behind):
            self._attempt(session_id, None)
        self._store = None

    def _follow_all(self, store: Store) -> None:
        shown = set()
        for session in Selection(store, trash=False).sessions():
            shown.add(session.id)
            known = self._ledger.entries.get(session.id)
            if known is None or known.state != _state(session) or not self.path_of(session.id).exists():
                self._attempt(session.id, None)
        for key, known in list(self._ledger.entries.items()):
            if known.location == store.location and key not in shown:
                self._attempt(key, None)

    def _attempt(self, session_id: str, ticket: int | None) -> None:
        """Bring one file in step, unless that has been done since `ticket` was drawn."""
        try:
            with self._holding():
                with self._counting:
                    if ticket is not None and self._done.get(session_id, 0) >= ticket:
                        return
                    newest = self._asked.get(session_id, 0)
                self._bring_in_step(session_id)
                self._done[session_id] = newest
            self._behind.pop(session_id, None)
        except Exception as exc:  # noqa: BLE001  a mirror never fails the verb it follows
            self._behind[session_id] = None
            self._fail(self.path_of(session_id), session_id, exc)

    def _bring_in_step(self, session_id: str) -> None:
        """Read under the lock, so that the file never goes back in time."""
        store, path = self._store, self.path_of(session_id)
        if store is None:
            raise Unavailable("the mirror is closed")
        session = _find(store, session_id)
        if session is None or session.trashed_at is not None:
            self._remove(session_id, path)
            return
        own = msgspec.structs.replace(
            session, origin=None
        )  # The file is named after our id, and says the same.
        self._put(session_id, path, store.location, lambda out: ollm.write_session(store, own, out))
        self._ledger.add("is", session_id, _state(session))

    def _remove(self, key: str, path: Path) -> None:
        if key not in self._ledger.entries:
            return
        if path.exists():
            if not self._ledger.owns(key, path):
                raise Unavailable(f"{path} was changed by another program: it was not removed")
            path.unlink()
            sync_folder(path.parent)
        self._ledger.add("gone", key, durable=True)


class EnteractMirror(Mirror):
    """All sessions in one file, written `DELAY` after the last change, but never later than `PATIENCE` after the first."""

    DELAY = 1.0
    PATIENCE = 5.0

    def __init__(self, path: Path, on_failure: Callable[[MirrorFailure], None]) -> None:
        super().__init__(path.parent, f".{path.name}.palaver-mirror", on_failure)
        self._path = path
        self._store: Store | None = None
        self._wake = threading.Condition()
        self._first: float | None = None
        self._last = 0.0
        self._behind = False
        self._closed = False
        self._writer: threading.Thread | None = None
        atexit.register(self.close)

    def path_of(self, session_id: str) -> Path:  # noqa: ARG002  one file shows them all
        return self._path

    def session_changed(self, store: Store, session_id: str) -> None:  # noqa: ARG002
        self._changed(store)

    def session_removed(self, session_id: str) -> None:  # noqa: ARG002
        # At once: what was purged must not stay readable for another second.
        self._write()

    def catch_up(self, store: Store) -> None:
        self._store = store
        self._write()

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        if self._writer is not None:
            self._writer.join()
        if self._first is not None or self._behind:
            self._write()
        self._store = None
        atexit.unregister(self.close)

    def _changed(self, store: Store) -> None:
        with self._wake:
            self._store = store
            self._last = time.monotonic()
            self._first = self._first or self._last
            if self._writer is None and not self._closed:
                self._writer = threading.Thread(target=self._run, name="palaver-mirror", daemon=True)
                self._writer.start()
            self._wake.notify_all()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._closed and (wait := self._wait()) != 0:
                    self._wake.wait(wait)
                if self._closed:
                    return
            self._write()

    def _wait(self) -> float | None:
        """Seconds until the file is due, None while nothing has changed."""
        if self._first is None:
            return None
        due = min(self._last + self.DELAY, self._first + self.PATIENCE)
        return max(0.0, due - time.monotonic())

    def _write(self) -> None:
        store = self._store
        if store is None:
            return
        with self._wake:
            self._first, self._behind = None, False
        try:
            with self._holding():
                key = self._path.name
                sessions = Selection(store, trash=False).sessions()
                self._put(
                    key, self._path, store.location, lambda out: enteract.write_sessions(store, sessions, out)
                )
        except Exception as exc:  # noqa: BLE001  a mirror never fails the verb it follows
            self._behind = True
            self._fail(self._path, None, exc)


def _find(store: Store, session_id: str) -> Session | None:
    try:
        return store.get_session(session_id)
    except NotFound:
        return None


def _state(session: Session) -> str:
    """What of a session decides its file; another one at the next opening means that the file is behind."""
    shown = msgspec.structs.replace(session, title="", settings={}, tags=(), system_prompt=None)
    return blake2b(encode(shown), digest_size=8).hexdigest()
