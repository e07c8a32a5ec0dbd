"""A database that takes down which named queries run in it and with what, and can leave everything as it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from palaver.storage.store import DatabaseStore

T = TypeVar("T")

_NAMED = {"row", "rows", "run", "iterate"}
_BY_PLACE = {"put", "insert"}


class _Undone(Exception):
    """Ends a transaction that is to have happened for its queries alone."""


class Recording:
    """Stands in front of a database and is one: what is not recorded goes straight through."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self._undo = False
        self.calls: list[tuple[str, str, Any]] = []
        """How a query was run (the transaction's method), its name, and its parameters, named or by place."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @contextmanager
    def read(self, actor: str) -> Iterator[Any]:
        with self._database.read(actor) as tx:
            yield _Transaction(tx, self.calls)

    def write(self, actor: str, work: Callable[[Any], T]) -> T:
        def recorded(tx: Any) -> T:
            result = work(_Transaction(tx, self.calls))
            if self._undo:
                raise _Undone
            return result

        return self._database.write(actor, recorded)  # type: ignore[no-any-return]

    @contextmanager
    def undone(self) -> Iterator[None]:
        """A verb inside is rolled back once all of it has run."""
        self._undo = True
        try:
            yield
        except _Undone:
            pass
        finally:
            self._undo = False


class _Transaction:
    def __init__(self, tx: Any, calls: list[tuple[str, str, Any]]) -> None:
        object.__setattr__(self, "_tx", tx)
        object.__setattr__(self, "_calls", calls)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._tx, name)
        if name == "index":
            return lambda: _reached(method(), self)
        if name not in _NAMED | _BY_PLACE:
            return method

        def run(query: str, *values: Any, **parameters: Any) -> Any:
            self._calls.append((name, query, values[0] if name in _BY_PLACE else parameters))
            return method(query, *values, **parameters)

        return run

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._tx, name, value)


def _reached(index: Any, tx: _Transaction) -> Any:
    """An index whose own queries are recorded too."""
    index._tx = tx
    return index


def recorded(store: DatabaseStore) -> tuple[Any, Recording]:
    """The same store with every query of its verbs recorded."""
    recording = Recording(store.database)
    return type(store)(recording, store.actor), recording
