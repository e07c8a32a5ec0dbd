"""Every default path. Nothing here creates a file or a folder."""

from pathlib import Path

from platformdirs import PlatformDirs

_dirs = PlatformDirs("palaver", appauthor=False, ensure_exists=False)


def database() -> Path:
    """The embedded database."""
    return Path(_dirs.user_data_dir) / "palaver.db"


def config() -> Path:
    """`config.toml`: settings and providers."""
    return Path(_dirs.user_config_dir) / "config.toml"


def credentials() -> Path:
    """`credentials.toml`: keys of providers, readable by its owner alone."""
    return Path(_dirs.user_config_dir) / "credentials.toml"


def chat_history() -> Path:
    """What was typed in `palaver chat`, for its arrow keys."""
    return Path(_dirs.user_state_dir) / "chat-history"
