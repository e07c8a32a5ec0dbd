"""Taking conversations out: sessions of a store as a file of a known format."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from palaver.errors import Invalid, Unavailable
from palaver.folders import sync_folder, sync_handle
from palaver.formats.base import Format
from palaver.formats.detect import FORMATS
from palaver.formats.selection import Selection
from palaver.store import Store


def take_out(
    store: Store,
    out: BinaryIO | Path | str,
    *,
    format: str = "palaver",
    session_ids: Sequence[str] | None = None,
    project_id: str | None = None,
    trash: bool | None = None,
) -> int:
    """Write the sessions named, else those of the project, else all the actor sees; returns how many.

    `out` is a stream, a file, which appears when it is complete, or an existing folder, which gets one file for each
    session. `trash` says whether what is in the trash goes along; None leaves it to the format: Palaver's own takes it.
    Raises `NotFound` for an unknown session, `Invalid` for several sessions where a file of the format holds one.
    """
    known = _writable(format)
    with_trash = known.trash if trash is None else trash
    named = None if session_ids is None else tuple(session_ids)
    selection = Selection(store, session_ids=named, project_id=project_id, trash=with_trash)
    if isinstance(out, str | Path) and Path(out).is_dir():
        return _folder(selection, Path(out), known, format)
    if not known.many:
        selection = _only_one(selection, format)
    if isinstance(out, str | Path):
        with _complete_or_absent(Path(out)) as file:
            return _write(known, selection, file)
    return _write(known, selection, out)


def _writable(name: str) -> Format:
    known = FORMATS.get(name)
    if known is None or known.write is None:
        names = ", ".join(sorted(name for name, each in FORMATS.items() if each.write))
        raise Invalid(f"{name!r} is not a format that can be written; those are {names}", field="format")
    return known


def _write(known: Format, selection: Selection, out: BinaryIO) -> int:
    if known.write is not None:
        known.write(selection, out)
    return selection.written


def _only_one(selection: Selection, format: str) -> Selection:
    found = [session.id for _, session in zip(range(2), selection.sessions(), strict=False)]
    if len(found) != 1:
        what = "several were chosen" if found else "there is none"
        raise Invalid(
            f"a file of the format {format} holds one session, and {what}: name one, or an existing folder"
        )
    return Selection(selection.store, session_ids=(found[0],), trash=selection.trash)


def _folder(selection: Selection, folder: Path, known: Format, format: str) -> int:
    ending = {"palaver": "jsonl", "openai": "jsonl", "markdown": "md", "html": "html"}.get(format, "json")
    for session in selection.sessions():
        single = Selection(selection.store, session_ids=(session.id,), trash=selection.trash)
        with _complete_or_absent(folder / f"{session.id}.{ending}") as file:
            _write(known, single, file)
    return selection.written


@contextmanager
def _complete_or_absent(path: Path) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place once it is complete and on the disk."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            sync_handle(file.fileno())
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as exc:
        raise Unavailable(f"{path} cannot be written: {exc.strerror or exc}") from exc
    finally:
        with suppress(OSError):  # what went wrong before is what counts
            partial.unlink(missing_ok=True)
