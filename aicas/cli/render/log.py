"""History as lines: one or several for each snapshot, with lanes for its dependencies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from aicas.cli.render.moves import name_of
from aicas.cli.render.snapshot import Row, holds, summary_rows
from aicas.cli.render.table import aligned
from aicas.cli.render.terminal import Line, Span, Text
from aicas.cli.render.units import age, money, size

if TYPE_CHECKING:
    from aicas.backends.operation import Operation
    from aicas.history.log import LogEntry
    from aicas.ids import SnapshotId
    from aicas.names import Project

_AGE_WIDTH = 14
_LANE_WIDTH = 2
_NOTED = {"failed": "failed validation", "overridden": "overridden"}
_DONE = {
    "accept": "accepted",
    "promote": "promoted",
    "choose": "chosen",
    "resume": "resumed",
    "quarantine": "quarantined",
}


class Shown(NamedTuple):
    """One entry of the history and the lines that say it."""

    entry: LogEntry
    lines: tuple[Line, ...]


def oneline(entry: LogEntry, current: Project, now: int) -> Line:
    """``4f0c1a2b3c4d  2 hours ago     phase-1-generated_code  3 files, 12.0 KiB``."""
    snapshot = entry.snapshot
    parts = [holds(snapshot), size(snapshot.size_bytes)]
    if snapshot.cost is not None:
        parts.append(money(snapshot.cost.usd_nano))
    line: list[Text] = [
        Span(snapshot.id.short, "id"),
        "  ",
        Span(age(snapshot.created_at, now).ljust(_AGE_WIDTH), "dim"),
        "  ",
        Span(name_of(entry.ref, current), "key"),
        Span("  " + ", ".join(parts), "dim"),
    ]
    if snapshot.validation_status in _NOTED:
        line.append(Span(f"  {_NOTED[snapshot.validation_status]}", "warn"))
    return (*line, *_standing(entry))


def full(
    entry: LogEntry, current: Project, now: int, operations: Iterable[Operation]
) -> Iterator[Line]:
    """The whole id, then what is recorded, indented.

    Args:
        entry: the version.
        current: the project whose keys are named without it.
        now: the time.
        operations: those that brought the version where it is, or was.
    """
    name = Span(f"  {name_of(entry.ref, current)}", "key")
    yield ("snapshot ", Span(str(entry.snapshot.id), "id"), name, *_standing(entry))
    audit = [row for operation in operations for row in _audit_rows(operation, now)]
    for line in aligned([*summary_rows(entry.snapshot, now), *audit]):
        yield ("    ", *line)


def _standing(entry: LogEntry) -> Line:
    current: Line = (Span("  current", "good"),) if entry.is_current else ()
    kept: Line = (Span("  quarantined", "warn"),) if entry.is_quarantined else ()
    return (*current, *kept)


def _audit_rows(operation: Operation, now: int) -> Iterator[Row]:
    """Who did something with a version that is more than storing it, when and why."""
    if operation.verb in _DONE:
        who = f"by {operation.actor} in operation {operation.number}, {age(operation.at, now)}"
        why = f": {operation.reason}" if operation.reason else ""
        yield Span(_DONE[operation.verb], "dim"), who + why
    elif operation.reason:
        yield Span("reason", "dim"), operation.reason


def with_lanes(shown: Sequence[Shown]) -> Iterator[Line]:
    """The lines beside lanes that lead from each snapshot to those it was made from.

    A snapshot listed more than once is drawn where it is listed first.
    """
    from aicas.history.graph import draw_graph

    first = {item.entry.snapshot.id: item for item in reversed(shown)}
    drawn = [item for item in shown if first[item.entry.snapshot.id] is item]
    for row in draw_graph(_edges(drawn)):
        lines = first[row.node].lines
        for index in range(max(len(row.lines), len(lines))):
            lanes = row.lines[index] if index < len(row.lines) else row.pad
            text = lines[index] if index < len(lines) else ()
            yield (*_coloured(lanes if text else lanes.rstrip()), *text)


def _edges(drawn: Iterable[Shown]) -> Iterator[tuple[SnapshotId, list[SnapshotId]]]:
    places = {item.entry.snapshot.id: place for place, item in enumerate(drawn)}
    for item in drawn:
        snapshot = item.entry.snapshot
        # A lane can only lead down, and to something that is listed.
        below = [
            used.snapshot
            for used in snapshot.inputs
            if places.get(used.snapshot, -1) > places[snapshot.id]
        ]
        yield snapshot.id, below


def _coloured(lanes: str) -> Iterator[Text]:
    for at in range(0, len(lanes), _LANE_WIDTH):
        yield Span(lanes[at : at + _LANE_WIDTH], f"lane {at // _LANE_WIDTH}")
