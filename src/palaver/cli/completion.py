"""`palaver completion`."""

import click
from click.shell_completion import (
    BashComplete,
    FishComplete,
    PowerShellComplete,
    ShellComplete,
    ZshComplete,
)

from palaver.cli.options import shared_options

_SHELLS: dict[str, type[ShellComplete]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
    "powershell": PowerShellComplete,
}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes words in a shell.

    \b
    bash:        eval "$(palaver completion bash)"     in ~/.bashrc
    zsh:         eval "$(palaver completion zsh)"      in ~/.zshrc
    fish:        palaver completion fish > ~/.config/fish/completions/palaver.fish
    powershell:  palaver completion powershell | Out-String | Invoke-Expression
    """
    script = _SHELLS[shell](ctx.find_root().command, {}, "palaver", "_PALAVER_COMPLETE").source()
    click.echo(script)


completion.params += shared_options()
