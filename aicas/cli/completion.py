"""``aicas completion``: the completion script for a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from aicas.cli.invocation import COMPLETE_VARIABLE


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash: eval "$(aicas completion bash)"      in ~/.bashrc
    zsh:  eval "$(aicas completion zsh)"       in ~/.zshrc
    fish: aicas completion fish | source       in ~/.config/fish/config.fish
    """
    root = ctx.find_root()
    class_ = get_completion_class(shell)
    if class_ is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(class_(root.command, {}, "aicas", COMPLETE_VARIABLE).source())
