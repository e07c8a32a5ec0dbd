"""A group whose commands are imported when they are called, and listed without that."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import ModuleType
from typing import ClassVar

import click
from click.shell_completion import CompletionItem

Sections = Mapping[str, Mapping[str, tuple[str, str]]]
"""Heading -> command -> its module in `palaver.cli` and its help in one line."""


class LazyGroup(click.Group):
    """Commands come from `sections`; a module may hold several."""

    sections: ClassVar[Sections] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return [name for name, _, _ in self._listed()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        for name, module, _ in self._listed():
            if name == cmd_name:
                return _command_of(import_module(f"palaver.cli.{module}"), name)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as exc:
            names = self.list_commands(ctx)
            raise click.exceptions.NoSuchCommand(exc.command_name, possibilities=names, ctx=ctx) from exc

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        width = max(len(name) for name, _, _ in self._listed())
        for heading, commands in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), text) for name, (_, text) in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        listed = [CompletionItem(n, help=text) for n, _, text in self._listed() if n.startswith(incomplete)]
        return [*listed, *click.Command.shell_complete(self, ctx, incomplete)]

    def _listed(self) -> Iterator[tuple[str, str, str]]:
        for commands in self.sections.values():
            for name, (module, text) in commands.items():
                yield name, module, text


def _command_of(module: ModuleType, name: str) -> click.Command:
    values = vars(module).values()
    return next(value for value in values if isinstance(value, click.Command) and value.name == name)
