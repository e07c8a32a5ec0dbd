"""`palaver config`."""

import tomllib
from collections.abc import Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem

from palaver import locations, settings, wire
from palaver.cli.app import App, command
from palaver.cli.output import notice, print_json
from palaver.errors import PalaverError
from palaver.settings import NAMES, TABLES
from palaver.settings_file import set_value


class SettingName(click.ParamType[str]):
    """The name of a setting, completed."""

    name = "setting"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 (click's signature)
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        return [CompletionItem(name) for name in NAMES if name not in TABLES and name.startswith(incomplete)]


@command("config")
@click.argument("what", required=False, type=click.Choice(("show", "path", "set", "edit", "providers")))
@click.argument("name", required=False, type=SettingName())
@click.argument("value", required=False)
def config(app: App, *, what: str | None, name: str | None, value: str | None) -> None:
    """Show the settings in force and the models found.

    \b
    show            every setting, its value and where that came from (the default)
    path            where config.toml is
    set NAME VALUE  write a setting into config.toml; an empty VALUE takes it out
    edit            open config.toml in your editor
    providers       the model servers found, with their models
    """
    if what == "set":
        _set(app, name, value)
        return
    if name is not None:
        raise click.UsageError(f"`palaver config {what}` takes nothing more.")
    match what:
        case "path":
            click.echo(app.config_path)
        case "edit":
            _edit(app)
        case "providers":
            _show_providers(app)
        case _:
            _show_settings(app)


def _set(app: App, name: str | None, value: str | None) -> None:
    if name is None or value is None:
        raise click.UsageError("Say a NAME and a VALUE: palaver config set model gpt-4o")
    set_value(app.config_path, name, value)
    notice(f"{name} is {'set' if value else 'no longer'} in {app.config_path}.")
    overriding = _source(app, name)
    if overriding not in ("default", str(app.config_path)):
        notice(f"{overriding} goes before it and says something else.")


def _show_settings(app: App) -> None:
    values = {name: getattr(app.settings, name) for name in NAMES}
    sources = {name: _source(app, name) for name in NAMES}
    if app.as_json:
        listed = {n: {"value": settings.printable(values[n]), "source": sources[n]} for n in NAMES}
        print_json({"path": str(app.config_path), "settings": listed})
        return
    width = max(map(len, NAMES))
    for name in NAMES:
        click.echo(f"{name:<{width}} {_shown(values[name]):<32} {sources[name]}")
    notice(
        f"\nChange them in {app.config_path} (`palaver config set NAME VALUE`), or with PALAVER_… in the environment."
    )


def _source(app: App, name: str) -> str:
    if app.spoken_settings.get(name) is not None:
        return f"--{name}"
    variable = f"PALAVER_{name.upper()}"
    if name not in TABLES and app.environment.get(variable):
        return variable
    return str(app.config_path) if name in _file_values(app) else "default"


def _file_values(app: App) -> Mapping[str, Any]:
    try:
        return tomllib.loads(app.config_path.read_text("utf-8"))
    except FileNotFoundError:
        return {}


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(table.name for table in value) or "-"
    return "-" if value is None else wire.encode(value).decode()


def _edit(app: App) -> None:
    if not app.interactive:
        raise click.UsageError(f"There is no terminal to edit in: change {app.config_path} itself.")
    app.config_path.parent.mkdir(parents=True, exist_ok=True)
    app.config_path.touch()
    click.edit(filename=str(app.config_path))
    settings.load(flags={}, environment={}, config=app.config_path)
    notice(f"{app.config_path} is good.")


def _show_providers(app: App) -> None:
    from palaver.providers.discover import find_providers  # noqa: PLC0415 (an HTTP client, for this alone)

    listed = [
        _listed(provider)
        for provider in find_providers(app.settings, app.environment, locations.credentials())
    ]
    if app.as_json:
        print_json(listed)
        return
    for provider in listed:
        click.echo(
            f"{provider['name']}: {provider['error'] or ', '.join(m['id'] for m in provider['models'])}"
        )


def _listed(provider: Any) -> dict[str, Any]:
    try:
        return {"name": provider.name, "models": wire.to_builtins(provider.list_models()), "error": None}
    except PalaverError as exc:
        return {"name": provider.name, "models": [], "error": str(exc)}
