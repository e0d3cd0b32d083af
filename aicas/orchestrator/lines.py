"""Command lines to print: what somebody may type next, whole and quoted for a shell."""

from __future__ import annotations

import shlex
from typing import NamedTuple


class Lines(NamedTuple):
    """Makes command lines for the store and project that a command was given."""

    store: str | None = None
    """As ``--store`` named it; ``None`` where it is found again without."""
    project: str | None = None
    """As ``--project`` named it; ``None`` for the usual one."""

    def of_aicas(self, *words: str) -> str:
        """A line of ``aicas``, whose common options come first."""
        return shlex.join(["aicas", *self._common(), *words])

    def of_orchestrator(self, *words: str) -> str:
        """A line of ``ai-orchestrator``, whose options follow the command."""
        return shlex.join(["ai-orchestrator", *words, *self._common()])

    def _common(self) -> list[str]:
        store = [] if self.store is None else ["--store", self.store]
        return store + ([] if self.project is None else ["--project", self.project])
