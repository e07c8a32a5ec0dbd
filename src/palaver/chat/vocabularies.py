"""Tokenizers that are on this machine, for models that `config.toml` names: exact counts, and nothing is fetched."""

import importlib.util
import logging
import threading
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from palaver.errors import Invalid
from palaver.settings import TokenizerSettings

_log = logging.getLogger(__name__)

Count = Callable[[str], int]
"""Tokens of a text, without what a template adds."""


class Exact(msgspec.Struct, frozen=True):
    """Counts with the model's own tokenizer; what the template adds is estimated."""

    tokens: Count
    per_message: int
    per_prompt: int

    def count(self, text: str) -> int:
        return self.tokens(text) if text else 0


class Vocabularies:
    """The tokenizers of the settings, each read when it is first needed. Safe from any thread.

    Raises `Invalid` where a file is missing, or what reads it is not installed.
    """

    def __init__(self, settings: Sequence[TokenizerSettings] = ()) -> None:
        self._files = [(one.model.lower(), _existing(one)) for one in settings]
        if self._files and importlib.util.find_spec("tokenizers") is None:
            raise Invalid(
                "config.toml names a tokenizer, and what reads it is not installed: pip install 'palaver[tokens]'",
                field="tokenizer",
            )
        self._lock = threading.Lock()
        self._read: dict[Path, Count | None] = {}

    def find(self, model: str) -> Count | None:
        """The tokenizer of a model; None where there is none, or its file cannot be read as one."""
        name = model.lower()
        for pattern, path in self._files:
            if fnmatchcase(name, pattern):
                with self._lock:
                    if path not in self._read:
                        self._read[path] = _load(path)
                    return self._read[path]
        return None


def _existing(one: TokenizerSettings) -> Path:
    path = Path(one.file).expanduser()
    if not path.is_file():
        raise Invalid(f"the tokenizer of {one.model} is not there: {path}", field="tokenizer")
    return path


def _load(path: Path) -> Count | None:
    from tokenizers import Tokenizer  # noqa: PLC0415  (optional, and slow to import)

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as exc:  # noqa: BLE001  (the library raises no narrower class)
        _log.warning("%s is no tokenizer.json, so tokens are estimated: %s", path, exc)
        return None

    def count(text: str) -> int:
        sound = text.encode("utf-8", "replace").decode()
        return len(tokenizer.encode(sound, add_special_tokens=False).ids)

    return count
