"""`palaver encrypt` and `palaver decrypt`."""

from pathlib import Path

import click

from palaver import storage
from palaver.cli.app import App, command
from palaver.cli.output import notice, print_json
from palaver.cli.progress import working
from palaver.errors import Conflict, Invalid, Unavailable


@command("encrypt")
def encrypt(app: App) -> None:
    """Encrypt the database with a passphrase.

    The passphrase comes from the key file (setting key_file, PALAVER_KEY_FILE), else it is asked for twice. Nobody else
    may have the database open. Without the passphrase nothing in it can be read again, by anybody. Backups and exports
    made before stay as they are.
    """
    path = _file(app)
    if storage.is_encrypted(path):
        raise Conflict(f"{path} is encrypted already")
    key = app.passphrase() or _ask_twice(app)
    with working("Encrypting"):
        storage.encrypt(path, key)
    _tell(app, path, encrypted=True)


@command("decrypt")
def decrypt(app: App) -> None:
    """Turn an encrypted database into a plain one.

    Nobody else may have the database open.
    """
    path = _file(app)
    if not storage.is_encrypted(path):
        raise Conflict(f"{path} is not encrypted")
    key = app.passphrase() or _ask(app, "Passphrase")
    with working("Decrypting"):
        storage.decrypt(path, key)
    _tell(app, path, encrypted=False)
    if app.settings.key_file:
        notice(
            "Take key_file out of the settings (PALAVER_KEY_FILE): with a passphrase a plain file is refused."
        )


def _file(app: App) -> Path:
    if not app.database.exists():
        raise Unavailable(f"There is no database at {app.database}")
    return app.database


def _ask(app: App, question: str) -> str:
    if not app.interactive:
        raise Invalid("Name a file with the passphrase in PALAVER_KEY_FILE", field="key_file")
    return str(click.prompt(question, hide_input=True, err=True))


def _ask_twice(app: App) -> str:
    key = _ask(app, "New passphrase")
    if _ask(app, "The same again") != key:
        raise Invalid("The two passphrases differ; nothing was changed", field="key_file")
    return key


def _tell(app: App, path: Path, *, encrypted: bool) -> None:
    if app.as_json:
        print_json({"path": str(path), "encrypted": encrypted})
    else:
        notice(f"{path} is {'encrypted' if encrypted else 'a plain file'} now.")
