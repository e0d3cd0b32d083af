"""Text on its way to people: safe on a terminal, raw through a pipe.

Artifacts are written by models and strangers. On a terminal every control sequence in them is
shown, not obeyed; nothing can be written to a ``Screen`` that goes around this.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol, TextIO

# C0 but tab and newline, DEL, C1, and the invisible characters that reorder or hide text: soft
# hyphen, bidi marks, embeddings and isolates, zero-width and line separators, BOM, tags,
# surrogates. The two joiners U+200C and U+200D are ordinary spelling and stay.
# Patterns as text: re compiles and keeps them at their first use, which a listing seldom has.
_UNSAFE = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff"
)
_UNSAFE_TEXT = f"[{_UNSAFE}]"
_UNSAFE_LINE = f"[{_UNSAFE}\n]"
_NAMED = {"\n": "\\n", "\r": "\\r", "\b": "\\b", "\0": "\\0"}

_CODES = {
    "id": "33",
    "key": "36",
    "added": "32",
    "removed": "31",
    "hunk": "36",
    "strong": "1",
    "dim": "2",
    "warn": "1;31",
    "good": "32",
    "added word": "30;42",
    "removed word": "30;41",
}
_USUAL_WIDTH = 80
_LANES = ("31", "32", "33", "34", "35", "36")


class Span(NamedTuple):
    """A piece of text and the style it is drawn in on a terminal with colour."""

    text: str
    style: str


Text = str | Span
Line = tuple[Text, ...]


def escape(text: str) -> str:
    """``text`` with control and invisible characters made visible; newlines and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_UNSAFE_TEXT, _visible, text)


def escape_line(text: str) -> str:
    """Like ``escape``, and newlines are made visible too, so it stays one line."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_UNSAFE_LINE, _visible, text)


def escape_json(document: str) -> str:
    """A JSON text of the same value that holds no character a terminal would obey."""
    if document.isascii() and document.isprintable():
        return document
    return re.sub(_UNSAFE_TEXT, _json_escape, document)


def _visible(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    if char in _NAMED:
        return _NAMED[char]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(match: re.Match[str]) -> str:
    encoded = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{encoded[i : i + 2].hex()}" for i in range(0, len(encoded), 2))


def text_of(parts: Iterable[Text]) -> str:
    """The parts' text without styles."""
    return "".join([part if isinstance(part, str) else part.text for part in parts])


class Writer(Protocol):
    """What a screen needs of a text stream."""

    def write(self, text: str, /) -> object:
        """Append text."""

    def flush(self) -> None:
        """Hand on what is buffered."""


class Screen:
    """Where a command writes for people: a terminal, or a pipe that gets the plain text."""

    def __init__(self, stream: Writer, *, terminal: bool, colour: bool, width: int) -> None:
        self._stream = stream
        self.terminal = terminal
        self.colour = colour and terminal
        self.width = width

    def line(self, *parts: Text) -> None:
        """Write one line. Whatever the parts hold, it stays one line."""
        self._stream.write(self.compose(parts) + "\n")

    def block(self, text: str, style: str | None = None) -> None:
        """Write text of many lines as it is (on a terminal: escaped), ending its last line."""
        shown = escape(text) if self.terminal else text
        if shown and not shown.endswith("\n"):
            shown += "\n"
        self._stream.write(self._painted(shown, style) if style else shown)

    def piece(self, text: str) -> None:
        """Write text that may continue, as a streamed artifact does."""
        self._stream.write(escape(text) if self.terminal else text)

    def compose(self, parts: Iterable[Text]) -> str:
        """One line of text with colours, without its newline."""
        if not self.terminal:
            return text_of(parts).replace("\n", "\\n")
        return "".join(
            escape_line(part)
            if isinstance(part, str)
            else self._painted(escape_line(part.text), part.style)
            for part in parts
        )

    def _painted(self, shown: str, style: str) -> str:
        if not self.colour or not shown:
            return shown
        code = _LANES[int(style[5:]) % len(_LANES)] if style.startswith("lane ") else _CODES[style]
        return f"\x1b[{code}m{shown}\x1b[0m"

    def flush(self) -> None:
        """Hand what was written to the system, so a broken pipe shows here."""
        self._stream.flush()


def colour_wanted(environment: Mapping[str, str]) -> bool:
    """Whether a terminal may be coloured: not with ``NO_COLOR``, not a dumb one."""
    return not environment.get("NO_COLOR") and environment.get("TERM", "") not in ("", "dumb")


def is_terminal(stream: TextIO) -> bool:
    """Whether a stream leads to a terminal; a closed or replaced one does not."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


def screen_on(stream: TextIO) -> Screen:
    """A screen on a stream of the process, with what the environment says of its terminal."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return terminal_screen(stream, terminal=is_terminal(stream))


def terminal_screen(stream: Writer, *, terminal: bool) -> Screen:
    """A screen on anything, such as a pipe whose far end is a terminal."""
    return Screen(
        stream,
        terminal=terminal,
        colour=colour_wanted(os.environ),
        width=_width(),
    )


def _width() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size().columns or _USUAL_WIDTH
    except OSError:
        return _USUAL_WIDTH


def stderr_line(text: str) -> None:
    """One escaped line on standard error."""
    print(escape_line(text), file=sys.stderr, flush=True)
