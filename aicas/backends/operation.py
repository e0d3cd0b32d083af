"""The operation: one atomic change of refs, and its canonical bytes.

Operations are the only mutable history: refs, reflogs and the edges between stages are folds of
them. An operation's digest covers its number and every name and id in it, so neither a swapped
nor an edited record can pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from aicas import canonical, names
from aicas.errors import AicasError, Damaged, UnsupportedFormat
from aicas.ids import SnapshotId, digest
from aicas.names import RefName

VERSION = b"\x01"


class RefChange(NamedTuple):
    """One ref's move. ``None`` stands for an absent ref, before or after."""

    ref: RefName
    old: SnapshotId | None
    new: SnapshotId | None
    inputs: tuple[RefName, ...] = ()
    """The refs the new snapshot was made from; what a cascade follows."""


class Operation(NamedTuple):
    """One atomic change of refs: who, when, why, and what moved."""

    verb: str
    at: int
    actor: str
    changes: tuple[RefChange, ...] = ()
    reason: str | None = None
    session: str | None = None
    undoes: int | None = None
    facts: Mapping[str, Any] = MappingProxyType({})
    number: int = 0
    """Position in the log, from 1; 0 until the backend commits it."""

    def numbered(self, number: int) -> Operation:
        """The same operation at its place in the log."""
        return self._replace(number=number)


def encode(operation: Operation) -> bytes:
    """A version byte and the canonical map of all but the number, which is its position."""
    # In canonical order.
    return VERSION + canonical.pack_ordered(
        {
            "actor": operation.actor,
            "at": operation.at,
            "changes": operation.changes,  # ref, old, new, inputs
            "facts": canonical.ordered(operation.facts),
            "reason": operation.reason,
            "session": operation.session,
            "undoes": operation.undoes,
            "verb": operation.verb,
        }
    )


def decode(data: bytes, number: int) -> Operation:
    """Read what ``encode`` wrote.

    Raises:
        UnsupportedFormat: a version this code does not know.
        Damaged: not canonical, or a name or id that is not valid.
    """
    if data[:1] != VERSION:
        raise UnsupportedFormat(f"operation {number} has an unknown format version")
    value = canonical.unpack(data[1:])
    try:
        return Operation(
            verb=_text(value["verb"]),
            at=int(value["at"]),
            actor=_text(value["actor"]),
            changes=tuple(_change(*fields) for fields in value["changes"]),
            reason=value["reason"],
            session=value["session"],
            undoes=value["undoes"],
            facts=dict(value["facts"]),
            number=number,
        )
    except (KeyError, TypeError, ValueError, AicasError) as error:
        raise Damaged(f"operation {number} is not a valid record: {error}") from error


def _change(ref: str, old: bytes | None, new: bytes | None, inputs: list[str]) -> RefChange:
    return RefChange(
        ref=names.check_ref(ref),
        old=_snapshot_id(old),
        new=_snapshot_id(new),
        inputs=tuple(names.check_ref(name) for name in inputs),
    )


def _snapshot_id(raw: bytes | None) -> SnapshotId | None:
    if raw is None:
        return None
    if not isinstance(raw, bytes) or len(raw) != 32:
        raise ValueError("a snapshot id is 32 bytes")
    return SnapshotId(raw)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where text belongs")
    return value


def record_digest(number: int, data: bytes) -> bytes:
    """What a stored operation record must carry to be believed at position ``number``."""
    return digest("operation record v1", number.to_bytes(8, "little"), data)
