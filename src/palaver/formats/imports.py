"""Bringing conversations in: any file of a known format, in batches that are bounded in records and in bytes."""

import io
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from palaver.errors import Conflict, Invalid, NotFound, Unavailable
from palaver.formats.arrivals import Arrivals
from palaver.formats.base import Context, Mended, Skipped
from palaver.formats.decoding import Unusable
from palaver.formats.detect import FORMATS, detect
from palaver.formats.slices import Broken, Source
from palaver.store import Store

SHOWN = 200


class ImportReport(msgspec.Struct, kw_only=True, rename="camel"):
    """What an import did, or in a dry run would do. Kinds are `session`, `message` and so on.

    `skipped` and `mended` hold the first 200 of each; `skipped_count` and `mended_count` count all. `replaced` counts
    characters that were no Unicode text and became U+FFFD.
    """

    format: str
    dry_run: bool = False
    added: dict[str, int] = {}
    present: dict[str, int] = {}
    skipped: list[Skipped] = []
    mended: list[Mended] = []
    skipped_count: int = 0
    mended_count: int = 0
    replaced: int = 0

    def note(self, remark: Skipped | Mended) -> None:
        """Count something that did not come in as it stands, and keep it while there are few."""
        if isinstance(remark, Skipped):
            self.skipped_count += 1
            self.skipped.extend([remark] if len(self.skipped) < SHOWN else [])
        else:
            self.mended_count += 1
            self.mended.extend([remark] if len(self.mended) < SHOWN else [])


Progress = Callable[[int, int | None], None]
"""Called with the bytes read so far and the size of the whole."""


def bring_in(
    store: Store,
    source: BinaryIO | Path | str,
    *,
    format: str | None = None,
    project_id: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file, a folder of ollm files, or a stream; the format is found by structure where none is named.

    Sessions go to the project named, else to the one they come with, else to the actor's own. A second import changes
    nothing. Raises `Invalid` for what is none of the known formats, `Unavailable` for a file that cannot be read.
    """
    context = Context(store, project_id, dry_run=dry_run)
    if isinstance(source, str | Path):
        path = Path(source)
        if path.is_dir():
            return _folder(context, path, progress)
        with _open(path) as stream:
            return _stream(context, stream, format, progress)
    with _seekable(source) as stream:
        return _stream(context, stream, format, progress)


def _stream(
    context: Context, stream: BinaryIO, format: str | None, progress: Progress | None
) -> ImportReport:
    name = format or detect(stream)
    known = FORMATS.get(name)
    if known is None or known.read is None:
        readable = ", ".join(sorted(name for name, each in FORMATS.items() if each.read))
        raise Invalid(f"{name!r} is not a format that can be read; those are {readable}", field="format")
    report = ImportReport(format=name, dry_run=context.dry_run)
    _take_all(context, stream, report, progress)
    return report


def _take_all(
    context: Context, stream: BinaryIO, report: ImportReport, progress: Progress | None, place: str = ""
) -> None:
    reader = FORMATS[report.format].read
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    source = Source(stream)
    arrivals = Arrivals(context, report.note)
    before = context.replaced
    try:
        for item in reader(source, context) if reader else ():
            arrivals.take(item)
            if progress and arrivals.flushed:
                progress(source.furthest, size)
    except Broken as exc:
        report.note(
            Skipped(place or f"byte {exc.offset:,}", f"{exc.message}: the rest of the file was not read")
        )
    except Unusable as exc:
        report.note(Skipped(place, f"{exc.message}: the rest of the file was not read"))
    except OSError as exc:
        raise Unavailable(f"the file cannot be read: {exc.strerror or exc}") from exc
    finally:
        arrivals.flush()
    report.added = dict(Counter(report.added) + arrivals.added)
    report.present = dict(Counter(report.present) + arrivals.present)
    report.replaced += context.replaced - before
    if progress:
        progress(size, size)


def _folder(context: Context, folder: Path, progress: Progress | None) -> ImportReport:
    """Every `*.json` of a folder, and the snapshots in folders of its sessions."""
    files = sorted(folder.glob("*.json")) + sorted(folder.glob("*/snapshots/snapshot-*.json"))
    if not files:
        raise Invalid(
            f"{folder} is a folder without session files (*.json): name a file, or the folder that holds them"
        )
    report = ImportReport(format="ollm", dry_run=context.dry_run)
    for number, path in enumerate(files):
        shown = str(path.relative_to(folder))
        try:
            with _open(path) as stream:
                name = detect(stream)
                if name not in ("ollm", "ollm-snapshot"):
                    raise Invalid(f"a file of the format {name}: import it by itself")
                report.format = name
                _take_all(context, stream, report, None, shown)
        except (Invalid, Unavailable, Conflict, NotFound) as exc:
            report.note(Skipped(shown, exc.message))
        if progress:
            progress(number + 1, len(files))
    report.format = "ollm"
    return report


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    try:
        stream = path.open("rb")
    except OSError as exc:
        raise Unavailable(f"{path} cannot be read: {exc.strerror or exc}") from exc
    with stream:
        yield stream


@contextmanager
def _seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The stream itself, or a temporary copy of one that cannot go back, such as a pipe."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy, 1 << 20)
        copy.seek(0)
        yield copy
