"""Hunks of changed text as lines, whole or word by word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aicas.cli.render.terminal import Line, Span, Text
from aicas.history.textdiff import Hunk, Segment, diff_words

_STYLES = {"-": "removed", "+": "added", " ": ""}
_NO_NEWLINE = "\\ No newline at end of file"


def content_lines(hunks: Iterable[Hunk], *, words: bool) -> Iterator[Line]:
    """The hunks of a text, each under its header."""
    for hunk in hunks:
        yield (Span(hunk.header, "hunk"),)
        yield from _by_word(hunk.lines) if words else _by_line(hunk.lines)


def _by_line(lines: Iterable[Segment]) -> Iterator[Line]:
    for tag, text in lines:
        shown = tag + text.removesuffix("\n")
        yield (shown if tag == " " else Span(shown, _STYLES[tag]),)
        if not text.endswith("\n"):
            yield (Span(_NO_NEWLINE, "dim"),)


def _by_word(lines: Iterable[Segment]) -> Iterator[Line]:
    old: list[str] = []
    new: list[str] = []
    for tag, text in lines:
        if tag == " ":
            yield from _word_lines("".join(old), "".join(new))
            old, new = [], []
            yield (text.removesuffix("\n"),)
        else:
            (old if tag == "-" else new).append(text)
    yield from _word_lines("".join(old), "".join(new))


def _word_lines(old: str, new: str) -> Iterator[Line]:
    """Changed lines once, with ``[-what went-]`` and ``{+what came+}``."""
    if not (old or new):
        return
    line: list[Text] = []
    for tag, text in diff_words(old, new):
        first, *rest = text.split("\n")
        line += _marked(tag, first)
        for piece in rest:
            yield tuple(line)
            line = list(_marked(tag, piece))
    if line:
        yield tuple(line)


def _marked(tag: str, text: str) -> Iterator[Text]:
    if not text:
        return
    if tag == " ":
        yield text
    else:
        yield Span(f"[-{text}-]" if tag == "-" else f"{{+{text}+}}", _STYLES[tag])
