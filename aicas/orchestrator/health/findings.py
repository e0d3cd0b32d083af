"""What an examination finds: one thing that is wrong, or soon will be, and what helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Area = Literal[
    "settings", "corruption", "dependencies", "expiry", "compatibility", "quarantine", "size"
]
Severity = Literal["damage", "finding", "note"]

SEVERITIES: Final[tuple[Severity, ...]] = ("damage", "finding", "note")
"""The worst first. A note is worth knowing, and no fault."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    area: Area
    what: str
    remedy: str | None
    """A command line after which it is not there any more; ``None`` where there is none."""
    severity: Severity = "finding"
    project: str | None = None
    """``None``: it concerns the whole store."""
    keys: tuple[str, ...] = ()
    """The stages it is about."""

    def to_json(self) -> dict[str, Any]:
        """The finding as plain JSON."""
        return {
            "severity": self.severity,
            "area": self.area,
            "project": self.project,
            "keys": list(self.keys),
            "what": self.what,
            "remedy": self.remedy,
        }


def some(names: tuple[str, ...], most: int = 3) -> str:
    """``a, b, c and 4 more``."""
    more = len(names) - most
    shown = ", ".join(names[:most] if more > 0 else names)
    return f"{shown} and {more:,} more" if more > 0 else shown
