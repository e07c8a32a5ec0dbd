"""Keys of providers: from the environment, else from `credentials.toml`. They are handed on and kept nowhere else."""

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

from palaver.errors import Invalid, Unavailable


class Keys:
    """`find` reads the file when the environment does not have the key; its repr shows nothing."""

    def __init__(self, environment: Mapping[str, str], path: Path) -> None:
        self._environment = environment
        self._path = path

    def __repr__(self) -> str:
        return f"Keys({str(self._path)!r})"

    def find(self, name: str) -> str | None:
        """The key of this name. Raises `Invalid` for a file that others may read or that is no table of texts."""
        return self._environment.get(name) or read_credentials(self._path).get(name)


def read_credentials(path: Path) -> dict[str, str]:
    """The keys in the file, by name; none where there is no file."""
    try:
        with path.open("rb") as file:
            _check_private(path, os.fstat(file.fileno()).st_mode)
            raw = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # Not `from exc`: the parser's message may quote the key.
        raise Invalid(f'{path} is not valid TOML; write lines such as OPENAI_API_KEY = "…"') from None
    except OSError as exc:
        raise Unavailable(f"{path} cannot be read: {exc.strerror}") from exc
    wrong = next((name for name, value in raw.items() if not isinstance(value, str)), None)
    if wrong is not None:
        raise Invalid(f"{path}: {wrong} must be a text in quotes", field=wrong)
    return raw


def _check_private(path: Path, mode: int) -> None:
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Invalid(f"{path} holds keys and others may read it: run `chmod 600 {path}`")
