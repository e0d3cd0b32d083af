"""What a producer gives, and what a caller of ``get_or_create`` gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aicas.objects.payload import Payload
from aicas.objects.snapshot import Cost, Snapshot
from aicas.validity.reasons import Reason


@dataclass(frozen=True, slots=True)
class Produced:
    """A payload with what is known of how it was produced."""

    payload: Payload
    cost: Cost | None = None
    """What producing it cost; ``None`` leaves it unpriced."""
    validation_status: str = "unchecked"
    """``passed``, ``unchecked``, or ``failed``: kept in quarantine and never served."""
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, made: Payload | Produced) -> Produced:
        """What a producer returned, whichever of the two it was."""
        return made if isinstance(made, Produced) else cls(made)


class Result(NamedTuple):
    """A payload that is stored and good to use."""

    payload: Payload
    snapshot: Snapshot
    reasons: tuple[Reason, ...] = ()
    """Why it had to be produced by this very call; empty for a hit."""
    moved: bool = False
    """Whether the hit was an earlier version, which was made current again."""

    @property
    def is_hit(self) -> bool:
        """Whether it was there, or another caller has produced it."""
        return not self.reasons
