"""A pager as git uses one: only on a terminal, named by ``AICAS_PAGER`` or ``PAGER``."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from aicas.cli.render.terminal import Screen, is_terminal, screen_on, terminal_screen

if TYPE_CHECKING:
    import subprocess

_DEFAULT = "less -FRX"


def pager_command(environment: Mapping[str, str]) -> list[str] | None:
    """The pager to run, ``None`` if the user wants none (empty, or ``cat``)."""
    import shlex

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
    if command is None:
        screen = screen_on(sys.stdout)
        yield screen
        screen.flush()
        return
    pager = _Pager(command)
    try:
        with suppress(_ReaderGone):
            yield terminal_screen(pager, terminal=True)
            pager.flush()
    finally:
        pager.finish()


class _ReaderGone(Exception):
    """The pager was left before all was written."""


class _Pager:
    """Starts at the first write, so a command that fails before says so on a plain terminal."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: TextIO | None = None

    def write(self, text: str) -> None:
        """Append text."""
        pipe = self._pipe or self._started()
        try:
            pipe.write(text)
        except BrokenPipeError as error:
            raise _ReaderGone from error

    def flush(self) -> None:
        """Hand on what is buffered."""
        try:
            if self._pipe:
                self._pipe.flush()
        except BrokenPipeError as error:
            raise _ReaderGone from error

    def _started(self) -> TextIO:
        import subprocess

        try:
            process = subprocess.Popen(self._command, stdin=subprocess.PIPE)
        except OSError:
            self._pipe = sys.stdout
            return sys.stdout
        self._process = process
        if process.stdin is None:
            raise AssertionError("the pager was started with a pipe")
        self._pipe = io.TextIOWrapper(process.stdin, "utf-8", errors="backslashreplace")
        return self._pipe

    def finish(self) -> None:
        """Wait until the pager is left."""
        if self._process is None or self._pipe is None:
            return
        import signal

        # The pager owns the keyboard until it ends: an interrupt is for it, not for us.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with suppress(BrokenPipeError):
                self._pipe.close()
            self._process.wait()
        finally:
            signal.signal(signal.SIGINT, before)
