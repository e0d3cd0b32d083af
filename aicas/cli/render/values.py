"""A changed value as lines: on one line where it fits, texts line by line."""

from __future__ import annotations

import json
from collections.abc import Iterator

from aicas.cli.render.hunks import content_lines
from aicas.cli.render.terminal import Line, Span
from aicas.history.textdiff import diff_lines

_STYLES = {"+": "added", "-": "removed", "~": "strong"}


def change_lines(sign: str, name: str, old: object, new: object, *, words: bool) -> Iterator[Line]:
    """What happened to the value called ``name``: ``+`` added, ``-`` removed, ``~`` changed."""
    head = Span(f"{sign} {name}", _STYLES[sign])
    if sign == "~" and isinstance(old, str) and isinstance(new, str) and "\n" in old + new:
        yield (head,)
        for line in content_lines(diff_lines(old, new), words=words):
            yield ("    ", *line)
    elif sign == "~":
        yield (head, "  ", Span(_shown(old), "removed"), " -> ", Span(_shown(new), "added"))
    else:
        yield (head, "  ", Span(_shown(new if sign == "+" else old), _STYLES[sign]))


def _shown(value: object) -> str:
    return "absent" if value is None else json.dumps(value, ensure_ascii=False)
