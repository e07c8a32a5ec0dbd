"""Values of the configuration that name keys: `${NAME}` stands for what must not be written there."""

import re
from collections.abc import Callable, Mapping

from palaver.errors import Invalid

FindKey = Callable[[str], str | None]
"""The key of a name, None where there is none."""
_PLACE = re.compile(r"\$\{([^{}]*)\}")


def fill(text: str, find_key: FindKey) -> str:
    """The text with its keys. Raises `Invalid` that names the key that is missing."""

    def key(place: re.Match[str]) -> str:
        name = place.group(1)
        value = find_key(name) if name else None
        if value is None:
            raise Invalid(
                f"the key {name!r} is neither in the environment nor in credentials.toml", field=name
            )
        return value

    return _PLACE.sub(key, text)


def fill_all(texts: Mapping[str, str], find_key: FindKey) -> dict[str, str]:
    return {name: fill(text, find_key) for name, text in texts.items()}
