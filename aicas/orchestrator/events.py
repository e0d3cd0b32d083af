"""What a run tells whoever watches it. Every event is told after what it says is durable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aicas import Cost, Reason


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins."""

    what: str
    session: str
    project: str
    agents: tuple[str, ...] = ()
    notice: str | None = None
    """Something to know before believing the rest."""

    def to_json(self) -> dict[str, Any]:
        """The event as plain JSON."""
        return {
            "event": "started",
            "run": self.what,
            "session": self.session,
            "project": self.project,
            "agents": list(self.agents),
            "notice": self.notice,
        }


@dataclass(frozen=True, slots=True)
class StageCached:
    """A stage was served from the store."""

    key: str
    snapshot: str
    cost: Cost | None
    """What it cost when it was made, which is what was saved now."""
    moved: bool
    """Whether an earlier version had to be made current again."""
    label: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The event as plain JSON."""
        return {
            "event": "stage",
            "status": "cached",
            **_stage_json(self.key, self.label, self.snapshot, self.cost),
            "moved": self.moved,
        }


@dataclass(frozen=True, slots=True)
class StageGenerated:
    """A stage was produced and stored."""

    key: str
    snapshot: str
    cost: Cost | None
    reasons: tuple[Reason, ...]
    """Why it was not served from the store."""
    label: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The event as plain JSON."""
        return {
            "event": "stage",
            "status": "generated",
            **_stage_json(self.key, self.label, self.snapshot, self.cost),
            "reasons": [{"code": r.code, "text": str(r)} for r in self.reasons],
        }


@dataclass(frozen=True, slots=True)
class StageStopped:
    """A stage could not be produced, or was refused; the run ends here."""

    key: str
    problem: str

    def to_json(self) -> dict[str, Any]:
        """The event as plain JSON."""
        return {"event": "stage", "status": "failed", "key": self.key, "problem": self.problem}


@dataclass(slots=True)
class Totals:
    """Sums over the stages of a run. Money is whole nano-USD; unpriced stages are counted apart."""

    cached: int = 0
    generated: int = 0
    calls_made: int = 0
    calls_saved: int = 0
    spent_nano: int = 0
    saved_nano: int = 0
    spent_unpriced: int = 0
    saved_unpriced: int = 0
    lost_nano: int = 0
    """What was spent on stages that then failed; part of what was spent."""

    def add_generated(self, cost: Cost | None) -> None:
        """Count a stage that was produced."""
        self.generated += 1
        self.calls_made += cost.calls if cost else 0
        if cost is None or cost.usd_nano is None:
            self.spent_unpriced += 1
        else:
            self.spent_nano += cost.usd_nano

    def add_lost(self, cost: Cost) -> None:
        """Count what was paid for a stage that then failed."""
        self.calls_made += cost.calls
        if cost.usd_nano is None:
            self.spent_unpriced += 1
        else:
            self.spent_nano += cost.usd_nano
            self.lost_nano += cost.usd_nano

    def add_cached(self, cost: Cost | None) -> None:
        """Count a stage that was served from the store."""
        self.cached += 1
        self.calls_saved += cost.calls if cost else 0
        if cost is None or cost.usd_nano is None:
            self.saved_unpriced += 1
        else:
            self.saved_nano += cost.usd_nano


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run is over, complete or not."""

    totals: Totals
    complete: bool
    output: str | None = None
    """Where the result was written."""
    files: int = 0

    def to_json(self) -> dict[str, Any]:
        """The event as plain JSON."""
        totals = self.totals
        return {
            "event": "ended",
            "complete": self.complete,
            "stages_cached": totals.cached,
            "stages_generated": totals.generated,
            "calls_made": totals.calls_made,
            "calls_saved": totals.calls_saved,
            "spent_usd_nano": totals.spent_nano,
            "saved_usd_nano": totals.saved_nano,
            "lost_usd_nano": totals.lost_nano,
            "spent_unpriced_stages": totals.spent_unpriced,
            "saved_unpriced_stages": totals.saved_unpriced,
            "output": self.output,
            "files_written": self.files,
        }


Event = RunStarted | StageCached | StageGenerated | StageStopped | RunEnded
Reporter = Callable[[Event], None]


def _stage_json(key: str, label: str | None, snapshot: str, cost: Cost | None) -> dict[str, Any]:
    return {
        "key": key,
        "label": label,
        "snapshot": snapshot,
        "calls": cost.calls if cost else 0,
        "usd_nano": cost.usd_nano if cost else None,
        "input_tokens": cost.input_tokens if cost else 0,
        "output_tokens": cost.output_tokens if cost else 0,
        "cached_tokens": cost.cached_tokens if cost else 0,
        "latency_us": cost.latency_us if cost else 0,
        "model": cost.model if cost else None,
    }
