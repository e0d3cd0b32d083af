"""Text on a terminal shows control sequences; text in a pipe keeps them."""

from __future__ import annotations

import io
import json

import pytest

from aicas.cli.render.terminal import (
    Screen,
    Span,
    colour_wanted,
    escape,
    escape_json,
    escape_line,
)

HOSTILE = "\x1b]52;c;ZXZpbA==\x07 a\rb\bc \x9b31m \u202egpj.exe \u2066x\u2069 \ufeff\u200b\x00\x7f"


def on_terminal(*, colour: bool = False) -> tuple[io.StringIO, Screen]:
    stream = io.StringIO()
    return stream, Screen(stream, terminal=True, colour=colour, width=80)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x1b]52;c;eA==\x07", r"\x1b]52;c;eA==\x07"),
        ("done\rfake", r"done\rfake"),
        ("a\bb", r"a\bb"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202eabc\u2069", r"\u202eabc\u2069"),
        ("\U000e0041", r"\U000e0041"),
        ("\udc80", r"\udc80"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("grüße 日本 👩\u200d👩\u200d👧", "grüße 日本 👩\u200d👩\u200d👧"),
    ],
)
def test_control_and_invisible_characters_are_shown_not_obeyed(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_one_line_stays_one_line() -> None:
    assert escape_line("a\nb\u2028d\x85e\tf") == "a\\nb\\u2028d\\x85e\tf"


def test_json_of_hostile_text_is_printable_and_equal() -> None:
    value = {"text": HOSTILE + "\U000e0041 ü"}
    document = escape_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(document) == value
    assert escape(document) == document


def test_nothing_written_to_a_terminal_goes_unescaped() -> None:
    stream, screen = on_terminal(colour=True)
    screen.line(HOSTILE, Span(HOSTILE, "id"))
    screen.block(HOSTILE, "dim")
    screen.piece(HOSTILE)
    ours_removed = stream.getvalue()
    for code in ("33", "2", "0"):
        ours_removed = ours_removed.replace(f"\x1b[{code}m", "")
    assert escape(ours_removed) == ours_removed


def test_a_pipe_gets_blocks_raw_and_lines_that_stay_lines() -> None:
    stream = io.StringIO()
    screen = Screen(stream, terminal=False, colour=True, width=80)
    screen.block(HOSTILE)
    screen.line("a\nb", Span("\x1b", "id"))
    assert stream.getvalue() == HOSTILE + "\n" + "a\\nb\x1b\n"


def test_without_colour_no_sequence_is_written() -> None:
    stream, screen = on_terminal(colour=False)
    screen.line(Span("id", "id"), " ", Span("lane", "lane 3"))
    assert stream.getvalue() == "id lane\n"


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_colour_only_where_it_is_wanted(environment: dict[str, str], wanted: bool) -> None:
    assert colour_wanted(environment) is wanted
