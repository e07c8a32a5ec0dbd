"""Writing one setting into `config.toml`; all else in it, comments too, stays as it is."""

import tempfile
from contextlib import suppress
from pathlib import Path

from palaver import settings
from palaver.errors import Unavailable
from palaver.folders import make_folder, sync_folder, sync_handle


def set_value(path: Path, name: str, text: str) -> None:
    """Set it, or take it out where `text` is empty. Raises `Invalid` and `Unavailable`; the file is then as it was."""
    value = settings.parse(name, text) if text else None
    settings.load(flags={}, environment={}, config=path)
    try:
        real = path.resolve()
        make_folder(real.parent)
        _replace(real, _changed(real, name, value))
    except OSError as exc:
        raise Unavailable(f"{path} cannot be written: {exc.strerror}") from exc


def _changed(path: Path, name: str, value: object) -> str:
    import tomlkit  # noqa: PLC0415 (for this alone)

    with suppress(FileNotFoundError):
        document = tomlkit.parse(path.read_bytes().decode("utf-8"))
        if value is None:
            document.pop(name, None)
        else:
            document[name] = value
        return tomlkit.dumps(document)
    return tomlkit.dumps({} if value is None else {name: value})


def _replace(path: Path, text: str) -> None:
    """All of the new file or all of the old one, with its rights."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 (an open handle)
            file.write(text.encode("utf-8"))
            file.flush()
            sync_handle(file.fileno())
        settings.load(flags={}, environment={}, config=temporary)
        with suppress(FileNotFoundError):
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
        sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
