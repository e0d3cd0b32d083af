"""A progress bar on standard error, there only while that is a terminal."""

from __future__ import annotations

import sys
import time

from aicas.cli.render.terminal import is_terminal

_BAR = 24
_REFRESH_SECONDS = 0.1
_CLEAR = "\r\x1b[K"


class Progress:
    """Counts work done; draws at most ten times a second, and clears itself at the end."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._shown = is_terminal(sys.stderr)
        self._next = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *details: object) -> None:
        if self._shown:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()

    def __call__(self, done: int, total: int | None = None) -> None:
        """Report ``done`` of ``total`` (if that is known)."""
        if not self._shown or time.monotonic() < self._next:
            return
        self._draw(f"{self._label} {_drawn(done, total)}")

    def tell(self, what: str, done: int) -> None:
        """Report what is being done now, and to how many things it was done yet."""
        if self._shown and (what != self._label or time.monotonic() >= self._next):
            self._label = what
            self._draw(f"{what} {done:,}" if done else f"{what} ...")

    def _draw(self, line: str) -> None:
        self._next = time.monotonic() + _REFRESH_SECONDS
        sys.stderr.write(_CLEAR + line)
        sys.stderr.flush()


def _drawn(done: int, total: int | None) -> str:
    if not total:
        return f"{done:,}"
    share = min(done / total, 1.0)
    full = int(share * _BAR)
    return f"[{'#' * full}{'.' * (_BAR - full)}] {share:4.0%}  {done:,}/{total:,}"
