"""A pager as git uses one: only on a terminal, named by ``AICAS_PAGER`` or ``PAGER``."""

from __future__ import annotations

import io
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from aicas.cli.render.terminal import Screen, is_terminal, screen_on

_DEFAULT = "less -FRX"


def pager_command(environment: Mapping[str, str]) -> list[str] | None:
    """The pager to run, ``None`` if the user wants none (empty, or ``cat``)."""
    chosen = environment.get("AICAS_PAGER", environment.get("PAGER", _DEFAULT))
    try:
        words = shlex.split(chosen)
    except ValueError:
        return None
    return None if not words or words == ["cat"] else words


@contextmanager
def paged(*, allowed: bool) -> Iterator[Screen]:
    """A screen on standard output, through the pager if that is a terminal.

    Leaving a pager early ends the output, quietly. A pager that cannot be started is done
    without.
    """
    command = pager_command(os.environ) if allowed and is_terminal(sys.stdout) else None
    process = _start(command) if command else None
    if process is None or process.stdin is None:
        screen = screen_on(sys.stdout)
        yield screen
        screen.flush()
        return
    pipe = io.TextIOWrapper(process.stdin, encoding="utf-8", errors="backslashreplace")
    try:
        with suppress(BrokenPipeError):
            yield screen_on(pipe, terminal=True)
            pipe.flush()
    finally:
        _finish(process, pipe)


def _start(command: list[str]) -> subprocess.Popen[bytes] | None:
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE)
    except OSError:
        return None


def _finish(process: subprocess.Popen[bytes], pipe: io.TextIOWrapper) -> None:
    # The pager owns the keyboard until it ends: an interrupt is for it, not for us.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with suppress(BrokenPipeError):
            pipe.close()
        process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
