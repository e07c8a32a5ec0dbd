"""Where this server's own settings lie, and the environment it was started in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Places:
    """`config.toml`, `credentials.toml`, and the environment's variables."""

    config: Path
    credentials: Path
    environment: Mapping[str, str] = field(default_factory=dict)
