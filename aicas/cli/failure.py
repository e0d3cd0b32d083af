"""From an exception to one line on standard error and an exit code."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

import click

from aicas.cli.render.terminal import stderr_line
from aicas.errors import AicasError

USAGE = 2
STORAGE = 6
INTERNAL = 70
INTERRUPTED = 130
BROKEN_PIPE = 141


def report(error: BaseException) -> int:
    """Say what went wrong, in one line and perhaps a hint; return the exit code.

    Quiet are: a reader that went away (as ``head`` does) and an interrupt.
    """
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return INTERRUPTED
    if isinstance(error, AicasError):
        return _tell(str(error), error.hint, error.exit_code)
    if isinstance(error, click.ClickException):
        return _tell(error.format_message(), _usage_hint(error), error.exit_code)
    if isinstance(error, OSError):
        return _tell(_system_message(error), None, STORAGE)
    if isinstance(error, MemoryError):
        return _tell("out of memory", None, STORAGE)
    if isinstance(error, UnicodeEncodeError):
        return _tell("an argument is not valid Unicode text", None, USAGE)
    if isinstance(error, RecursionError):
        return _tell("the input is nested too deeply", None, USAGE)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return _tell(f"internal error: {what}", "this is a fault of aicas; please report it", INTERNAL)


def _tell(message: str, hint: str | None, code: int) -> int:
    stderr_line("aicas: " + " ".join(message.split()))
    if hint:
        stderr_line("hint: " + " ".join(hint.split()))
    return code


def _usage_hint(error: click.ClickException) -> str | None:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"try '{context.command_path} --help'" if context else None


def _system_message(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


def flush_or_discard_stdout() -> None:
    """Write out what is buffered; if it cannot be, forget it.

    Otherwise the interpreter would try again at exit, and complain in its own way.
    """
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, sys.stdout.fileno())
            os.close(null)
