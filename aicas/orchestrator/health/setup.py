"""The settings of a store: each within its range, or nothing can be opened."""

from __future__ import annotations

import re
from collections.abc import Iterator

import aicas
from aicas.orchestrator.health.findings import Finding
from aicas.orchestrator.lines import Lines

_VARIABLE = re.compile(r"(AICAS_[A-Z_]+): ")
_IN_FILE = re.compile(r"config\.toml: ([a-z_]+) must ")


def settings_findings(lines: Lines) -> Iterator[Finding]:
    """The first setting that is refused; the others cannot be told before it is put right.

    Args:
        lines: names the store, and makes the remedies.

    Raises:
        NotFound: there is no store.
    """
    try:
        aicas.settings(aicas.find(lines.store))
    except aicas.InvalidInput as error:
        text = str(error)
        variable, setting = _VARIABLE.match(text), _IN_FILE.search(text)
        remedy = None
        if variable:
            remedy = f"unset {variable[1]}"
        elif setting:
            remedy = Lines(lines.store).of_aicas("config", "unset", setting[1])
        yield Finding("settings", text, remedy)
