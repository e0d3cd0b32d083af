"""Rows of the view, believed only if they are as they were written: SQLite checks none.

Each function raises ``IndexDamagedError`` for a row that is not.
"""

from __future__ import annotations

from typing import Any

from aicas.backends.base import RefMove, RefState
from aicas.ids import SnapshotId, digest

# What a row of wrong types leads to; SQLite keeps whatever a damaged page says.
_MALFORMED = (TypeError, ValueError, AttributeError, OverflowError)


class IndexDamagedError(Exception):
    """The view contradicts itself or the log; it must be built anew. Never leaves the backend."""


def whole_numbers(row: tuple[Any, ...]) -> tuple[int, ...]:
    """The row's values, which must be integers from 0 on."""
    if set(map(type, row)) != {int} or min(row) < 0:
        raise IndexDamagedError("the view holds a row that no one wrote")
    return row


def reached_digest(store: bytes, numbers: tuple[int, ...], runs: bytes) -> bytes:
    """What the row that says how far the view has come must carry."""
    told = b"%d %d %d" % numbers
    return digest("index state v1", store, told, runs)[:16]


def state_digest(name: str, state: RefState) -> bytes:
    """What a row of refs must carry."""
    number = state.number.to_bytes(8, "little")
    return digest("ref row v1", name.encode(), state.target or b"", state.last, number)[:16]


def checked_state(name: str, target: Any, last: Any, number: Any, stated: Any) -> RefState:
    """The state a row of refs gives, if it is the row that was written for this name."""
    try:
        state = RefState(_snapshot_id(target), SnapshotId(last), number)
        if state_digest(name, state) == stated:
            return state
    except _MALFORMED as error:
        raise IndexDamagedError(f"row of ref {name} is malformed") from error
    raise IndexDamagedError(f"row of ref {name} does not match its digest")


def move_digest(name: str, move: RefMove) -> bytes:
    """What a row of moves must carry."""
    number, old, new = move
    # One string for all three: which ids are there is told first, so it can be read one way only.
    told = 2 * bool(old) + bool(new)
    moved = b"%d %d " % (number, told) + (old or b"") + (new or b"")
    return digest("reflog row v1", name.encode(), moved)[:16]


def checked_move(name: str, number: Any, old: Any, new: Any, stated: Any) -> RefMove:
    """The move a row of moves gives, if it is the row that was written for this name."""
    try:
        move = RefMove(number, _snapshot_id(old), _snapshot_id(new))
        if move_digest(name, move) == stated:
            return move
    except _MALFORMED as error:
        raise IndexDamagedError(f"reflog row {number} of {name} is malformed") from error
    raise IndexDamagedError(f"reflog row {number} of {name} does not match its digest")


def _snapshot_id(raw: Any) -> SnapshotId | None:
    return SnapshotId(raw) if raw else None
