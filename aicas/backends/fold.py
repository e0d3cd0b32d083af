"""Refs, reflogs and edges as a fold of operations, and the check a commit must pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from aicas.backends.base import ABSENT, Commit, Expected, RefMove, RefState
from aicas.backends.operation import Operation
from aicas.errors import Conflict
from aicas.names import RefName


class RefFold:
    """What a run of operations did to the refs they touched.

    Applied from the first operation on, it is the state of all refs; applied from a later one
    on, it says which refs a view of the earlier operations must be corrected for. Every answer
    about a touched ref is complete: it needs nothing from before.
    """

    def __init__(self) -> None:
        self.states: dict[RefName, RefState] = {}
        self.moves: dict[RefName, list[RefMove]] = {}
        self.inputs: dict[RefName, tuple[RefName, ...]] = {}
        self._consumers: dict[RefName, set[RefName]] = {}

    def apply(self, operation: Operation) -> None:
        """Fold in the next operation."""
        for change in operation.changes:
            newest = change.new or change.old
            if newest is None:
                continue
            self.states[change.ref] = RefState(change.new, newest, operation.number)
            move = RefMove(operation.number, change.old, change.new)
            self.moves.setdefault(change.ref, []).append(move)
            for name in self.inputs.get(change.ref, ()):
                self._consumers[name].discard(change.ref)
            self.inputs[change.ref] = change.inputs if change.new else ()
            for name in self.inputs[change.ref]:
                self._consumers.setdefault(name, set()).add(change.ref)

    def consumers(self, name: RefName) -> set[RefName]:
        """The touched refs whose snapshot was made from ``name``."""
        return set(self._consumers.get(name, ()))


def check_expected(
    operation: Operation,
    expect: Mapping[RefName, Expected],
    state_of: Callable[[RefName], RefState | None],
) -> None:
    """Refuse the commit unless every ref is as expected and every moved ref was expected.

    Raises:
        Conflict: naming the ref and the operation that moved it.
    """
    for change in operation.changes:
        stated = expect.get(change.ref)
        if stated is None or (None if stated is ABSENT else stated) != change.old:
            raise ValueError(f"operation moves {change.ref} without expecting its old value")
    for name, expected in expect.items():
        state = state_of(name)
        target = state.target if state else None
        if target != (None if expected is ABSENT else expected):
            mover = f" by operation {state.number}" if state else ""
            raise Conflict(f"ref {name} was moved meanwhile{mover}")


def check_in_order(
    commits: Sequence[Commit], state_of: Callable[[RefName], RefState | None]
) -> None:
    """Check what each commit expects, given those before it; raises as ``check_expected``."""
    moved: dict[RefName, RefState] = {}
    for commit in commits:
        check_expected(
            commit.operation, commit.expect, lambda name: moved.get(name) or state_of(name)
        )
        for change in commit.operation.changes:
            newest = change.new or change.old
            if newest is not None:
                moved[change.ref] = RefState(change.new, newest, 0)
