"""Writing into `config.toml`; all else in it, comments too, stays as it is."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from palaver import settings
from palaver.errors import Unavailable
from palaver.folders import make_folder, sync_folder, sync_handle

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


def set_value(path: Path, name: str, text: str) -> None:
    """Set it, or take it out where `text` is empty. Raises `Invalid` and `Unavailable`; the file is then as it was."""
    value = settings.parse(name, text) if text else None

    def put(document: "TOMLDocument") -> None:
        if value is None:
            document.pop(name, None)
        else:
            document[name] = value

    change(path, put)


def change(path: Path, edit: Callable[["TOMLDocument"], None]) -> None:
    """Edit the settings that stand in the file. Raises `Invalid` and `Unavailable`; the file is then as it was."""
    settings.load(flags={}, environment={}, config=path)
    write_toml(path, edit, check=lambda new: settings.load(flags={}, environment={}, config=new))


def write_toml(
    path: Path, edit: Callable[["TOMLDocument"], None], *, check: Callable[[Path], object]
) -> None:
    """Edit any TOML file, made where there is none for its owner alone; `check` raises for what must not stand there."""
    try:
        real = path.resolve()
        make_folder(real.parent)
        _replace(real, _edited(real, edit), check)
    except OSError as exc:
        raise Unavailable(f"{path} cannot be written: {exc.strerror}") from exc


def _edited(path: Path, edit: Callable[["TOMLDocument"], None]) -> str:
    import tomlkit  # noqa: PLC0415 (for this alone)

    document = tomlkit.document()
    with suppress(FileNotFoundError):
        document = tomlkit.parse(path.read_bytes().decode("utf-8"))
    edit(document)
    return tomlkit.dumps(document)


def _replace(path: Path, text: str, check: Callable[[Path], object]) -> None:
    """All of the new file or all of the old one, with its rights."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 (an open handle)
            file.write(text.encode("utf-8"))
            file.flush()
            sync_handle(file.fileno())
        check(temporary)
        with suppress(FileNotFoundError):
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
        sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
