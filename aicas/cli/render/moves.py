"""What an operation did, as lines: which refs moved, from where to where."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

from aicas.backends.operation import Operation
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Line, Screen, Span, Text
from aicas.ids import ObjectId
from aicas.names import Project, RefName, split_ref


@lru_cache(maxsize=4096)
def name_of(ref: RefName, current: Project) -> str:
    """A ref as people name it: the bare key in the current project, else ``project/key``."""
    space, project, key = split_ref(ref)
    if space != "live":
        return ref
    return key if project == current else f"{project}/{key}"


def print_moves(screen: Screen, operation: Operation, current: Project) -> None:
    """Write one line per moved ref."""
    rows = [
        (
            "",
            Span(name_of(change.ref, current), "key"),
            *moved(change),
        )
        for change in operation.changes
    ]
    print_table(screen, rows)


class Move(Protocol):
    """A name that led from one snapshot to another."""

    @property
    def old(self) -> ObjectId | None:
        """Where it led before."""

    @property
    def new(self) -> ObjectId | None:
        """Where it leads now."""


def moved(move: Move) -> Line:
    """Three cells: from where, an arrow, to where."""
    return _short(move.old), Span("->", "dim"), _short(move.new)


def summary(operation: Operation, current: Project) -> str:
    """What moved, in a few words: the only ref's name, or the first and how many more."""
    if not operation.changes:
        return ""
    first = name_of(operation.changes[0].ref, current)
    more = len(operation.changes) - 1
    return f"{first} and {more:,} more" if more else first


def _short(target: ObjectId | None) -> Text:
    return Span("absent", "dim") if target is None else Span(target.short, "id")
