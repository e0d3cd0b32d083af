"""The entry point of ``aicas``: finds the command, runs it, turns failures into exit codes.

No command module is imported before it is needed, not even for ``--help``: names and short
helps stand in ``COMMANDS``.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from aicas import __version__
from aicas.cli.failure import flush_or_discard_stdout, report
from aicas.cli.invocation import COMPLETE_VARIABLE, Invocation

_SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Store and read": {
        "init": ("init", "Create a store."),
        "put": ("put", "Store a file, a folder or standard input under a key."),
        "get": ("get", "Write an artifact to a file or folder, byte for byte."),
        "cat": ("cat", "Print an artifact or one file of it."),
        "show": ("show", "Print everything known about one snapshot."),
        "ls": ("ls", "List the keys of a project, or the files of an artifact."),
        "refs": ("refs", "List all refs and what they point at."),
    },
    "History": {
        "log": ("log", "List snapshots, newest first."),
        "diff": ("diff", "Compare two revisions, or one with its previous version."),
        "ops": ("ops", "List the operations that moved refs, newest first."),
        "undo": ("undo", "Revert an operation."),
        "resume": ("resume", "Go on from a snapshot, with exactly the past it had."),
        "fork": ("fork", "Start a new project from another's current state."),
        "compare": ("compare", "Find where two runs first went apart, and what made them."),
        "invalidate": ("invalidate", "Take a stage and everything made from it out of use."),
    },
    "Validity": {
        "status": ("status", "List the stages of the project: valid or not, and why."),
        "why": ("why", "Say why a stage is not valid, and what would help."),
        "accept": ("accept", "Declare a stale artifact good as it is, without a re-run."),
        "amend": ("amend", "Correct the current version of a stage by hand."),
        "quarantine": ("quarantine", "Put the current version of a stage aside."),
        "promote": ("promote", "Make what is in quarantine the current version after all."),
        "samples": ("samples", "List the outputs kept side by side for a stage."),
        "choose": ("choose", "Make one of several outputs of a stage the current version."),
    },
    "Costs": {
        "stats": ("stats", "How lookups did, and what was saved."),
        "costs": (
            "costs",
            "What runs cost, and why they were made.",
        ),
    },
    "Upkeep": {
        "maintain": (
            "maintain",
            "Move away what has expired; evict down to the largest size; pack.",
        ),
        "evict": (
            "evict",
            "Drop what artifacts hold, and keep the record of them.",
        ),
        "gc": ("gc", "Delete what nothing needs any more."),
        "pin": ("pin", "Keep a version, whatever it is worth; or list the pins."),
        "unpin": ("unpin", "Let go of what a pin holds."),
        "retention": ("retention", "Show which versions the rules keep, and which rule each."),
        "verify": ("verify", "Re-hash every object and check every link."),
        "config": ("config", "Read or change the store's settings."),
    },
    "Exchange": {
        "import": ("import_", "Turn recorded pipelines or a cache folder into history."),
        "export": ("export", "Write history as a git repository or a cache folder."),
        "completion": ("completion", "Print the completion script for a shell."),
    },
}
COMMANDS = {name: entry for section in _SECTIONS.values() for name, entry in section.items()}


class LazyGroup(click.Group):
    """A group that imports a command's module when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All command names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; ``None`` if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"aicas.cli.{COMMANDS[cmd_name][0]}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a command line.

        Raises:
            click.UsageError: there is none of that name; the message names near ones.
        """
        name = args[0]
        if name in COMMANDS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        near = get_close_matches(name, COMMANDS, n=2, cutoff=0.6)
        meant = f"; did you mean {' or '.join(near)}?" if near else ""
        raise click.UsageError(f"there is no command {name!a}{meant}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by section, from the table alone."""
        width = max(map(len, COMMANDS))
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(width), entry[1]) for name, entry in commands.items()]
                )


def _print_version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"aicas {__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--store", metavar="PATH", help="The store; by default found as git finds its own.")
@click.option("--project", metavar="NAME", envvar="AICAS_PROJECT", help="The current project.")
@click.option("--no-pager", is_flag=True, help="Never pipe output through a pager.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
@click.pass_context
def cli(ctx: click.Context, store: str | None, project: str | None, no_pager: bool) -> None:
    """A content-addressed, git-like artifact store for AI pipelines.

    A revision is KEY, PROJECT/KEY, a unique id prefix, KEY~2 (two versions back), KEY@{1} (where
    the key pointed one move ago), KEY@{2026-11-20} or KEY@{3 days ago}.
    """
    ctx.obj = Invocation(location=store, project=project, pager=not no_pager)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command line and exit; every failure is one line and a documented exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(arguments or ["--help"])
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        code = report(error)
        flush_or_discard_stdout()
    gc.freeze()  # the interpreter's last search for cycles would find nothing worth its time
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    # A command lives shortly and makes few cycles; looking for them as often as a server should
    # costs a listing of 1,000 snapshots a tenth of its time.
    gc.set_threshold(500_000)
    instruction = os.environ.get(COMPLETE_VARIABLE)
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "aicas", COMPLETE_VARIABLE, instruction)
    try:
        with cli.make_context("aicas", arguments) as context:
            outcome: Any = cli.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    return outcome if isinstance(outcome, int) else 0
