"""What an object refers to, read without making more of it than that.

Following every link of a store reads every tree and snapshot once; a whole ``Snapshot`` costs
three times as much as its links. The bytes are checked against the id and must be in canonical
form, as for any reader; what only a reader of the rest would refuse is left to that reader.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from aicas import canonical
from aicas.errors import Damaged, InvalidInput, UnsupportedFormat
from aicas.ids import Kind, ObjectId, SnapshotId, id_of_kind
from aicas.objects import snapshot, tree
from aicas.objects.codec import decode_frame
from aicas.objects.snapshot import Cost, cost_from_map
from aicas.objects.tree import EntryKind

_VERSIONS = {Kind.TREE: tree.VERSION, Kind.SNAPSHOT: snapshot.VERSION}
_MALFORMED = (InvalidInput, KeyError, TypeError, ValueError)


class Links(NamedTuple):
    """What an object refers to."""

    payload: ObjectId | None
    """Of a snapshot: what may have been dropped by decision, so that nothing is there."""
    others: tuple[ObjectId, ...]
    """What must be there."""


NONE = Links(None, ())


def links_of(object_id: ObjectId, frame: bytes) -> Links:
    """The objects that a frame's object refers to; blobs are not looked at, they have none.

    Raises:
        UnsupportedFormat: the frame is of a version this code does not know.
        Damaged: it is not the object of this id, or no tree or snapshot could be like this.
    """
    if object_id.kind == Kind.BLOB:
        return NONE
    record = _record(object_id, frame)
    try:
        if object_id.kind == Kind.TREE:
            return Links(None, tuple(_id(_kind_of(mode), raw) for _, mode, raw, _ in record))
        payload = record["payload"]
        others = [_id(Kind.SNAPSHOT, used) for _, used, _, _ in record["dependencies"]]
        if record["parent"] is not None:
            others.append(_id(Kind.SNAPSHOT, record["parent"]))
        return Links(_id(payload["kind"], payload["id"]), tuple(others))
    except _MALFORMED as error:
        raise _malformed(object_id) from error


def cost_of(snapshot_id: SnapshotId, frame: bytes) -> Cost | None:
    """What a frame's snapshot says that it cost; raises as ``links_of``."""
    record = _record(snapshot_id, frame)
    try:
        cost = record["cost"]
        return None if cost is None else cost_from_map(cost)
    except _MALFORMED as error:
        raise _malformed(snapshot_id) from error


def _record(object_id: ObjectId, frame: bytes) -> Any:
    data = decode_frame(frame, object_id)
    if data[:1] != _VERSIONS[object_id.kind]:
        kind = object_id.kind.name.lower()
        raise UnsupportedFormat(f"{kind} {object_id.short} has an unknown format version")
    try:
        return canonical.unpack(data[1:])
    except Damaged as error:
        raise Damaged(str(error), object_id=object_id) from error


def _kind_of(mode: int) -> Kind:
    return Kind.TREE if mode == EntryKind.TREE.value else Kind.BLOB


def _id(kind: int, raw: object) -> ObjectId:
    if not isinstance(raw, bytes):
        raise TypeError(f"an id is bytes, not {type(raw).__name__}")
    return id_of_kind(kind, raw)


def _malformed(object_id: ObjectId) -> Damaged:
    kind = object_id.kind.name.lower()
    return Damaged(f"{kind} {object_id.short} is not valid", object_id=object_id)
