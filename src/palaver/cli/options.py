"""What every command accepts, before and after its name."""

from dataclasses import dataclass
from typing import Any

import click


@dataclass
class Flags:
    """What was said on the command line for all commands; None was not said."""

    store: str | None = None
    actor: str | None = None
    config: str | None = None
    as_json: bool = False
    debug: bool = False

    @classmethod
    def of(cls, ctx: click.Context) -> "Flags":
        return ctx.ensure_object(cls)


def shared_options(*, shown: bool = False) -> list[click.Option]:
    """The options of all commands; in a command's own help only the most used are `shown`."""
    return [
        _flag("--json", "as_json", "Print data, and errors, as JSON.", is_flag=True),
        _flag("--store", "store", "The database: a path, or sqlite:///PATH.", metavar="URL|PATH"),
        _flag("--actor", "actor", "Whose conversations.", metavar="ID", hidden=not shown),
        _flag("--config", "config", "The settings file.", metavar="FILE", hidden=not shown),
        _flag("--debug", "debug", "Show where an error came from.", is_flag=True, hidden=not shown),
    ]


def _flag(name: str, field: str, help: str, **attributes: Any) -> click.Option:
    def keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:  # noqa: ARG001 (click's signature)
        if value:
            setattr(Flags.of(ctx), field, value)

    return click.Option([name], callback=keep, expose_value=False, help=help, **attributes)
