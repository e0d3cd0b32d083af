"""Objects, operations and commits in the terms of the backend contract."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from aicas.backends.base import ABSENT, Arranged, Backend, Expected, Staged
from aicas.backends.operation import Operation, RefChange
from aicas.ids import BlobId, Kind, ObjectId, SnapshotId, hash_object
from aicas.names import RefName
from aicas.objects.codec import encode_frame, plain_frame

AT = 1_800_000_000_000_000
Frames = dict[ObjectId, bytes | Staged]


def frame(kind: Kind, content: bytes | str) -> tuple[ObjectId, bytes]:
    data = content.encode() if isinstance(content, str) else content
    return hash_object(kind, data), encode_frame(kind, data, compress=False)


def blob(content: bytes | str) -> tuple[BlobId, bytes]:
    object_id, stored = frame(Kind.BLOB, content)
    return BlobId(object_id), stored


def snapshot(content: bytes | str) -> tuple[SnapshotId, bytes]:
    object_id, stored = frame(Kind.SNAPSHOT, content)
    return SnapshotId(object_id), stored


def name(key: str) -> RefName:
    return RefName(f"live/default/{key}")


def operation(
    changes: Iterable[RefChange] = (), *, verb: str = "put", at: int = AT, reason: str | None = None
) -> Operation:
    return Operation(verb, at, "test", tuple(changes), reason=reason)


def expected(changes: Iterable[RefChange]) -> dict[RefName, Expected]:
    return {c.ref: ABSENT if c.old is None else c.old for c in changes}


def commit(
    backend: Backend,
    *changes: RefChange,
    objects: Mapping[ObjectId, bytes | Staged] | None = None,
    require: Collection[ObjectId] = (),
    at: int = AT,
    verb: str = "put",
) -> Operation:
    return backend.publish(
        objects or {}, operation(changes, at=at, verb=verb), expected(changes), require
    )


def put(backend: Backend, key: str, content: str, *inputs: str, at: int = AT) -> SnapshotId:
    """Commit a new version of a key: a snapshot and a blob that stand for it."""
    state = backend.ref(name(key))
    snapshot_id, stored = snapshot(f"{key} {content}")
    change = RefChange(
        name(key), state.target if state else None, snapshot_id, tuple(map(name, inputs))
    )
    commit(backend, change, objects={snapshot_id: stored, **dict([blob(content)])}, at=at)
    return snapshot_id


def delete(
    backend: Backend, *ids: ObjectId, spare: Collection[ObjectId] = (), seen: int | None = None
) -> frozenset[ObjectId]:
    number = backend.last_number() if seen is None else seen
    done = backend.delete(ids, operation(verb="gc"), number, lambda newer: spare)
    return done.ids


def in_order(ids: Collection[ObjectId]) -> list[Arranged]:
    """An arrangement as good as any where nothing resembles anything."""
    return [Arranged(object_id, None) for object_id in sorted(ids)]


def pack(backend: Backend) -> int:
    """Pack whatever can be; returns how many objects were moved."""
    return sum(done.objects for done in backend.pack(in_order, plain_frame))


def stage(backend: Backend, content: bytes) -> Staged:
    """Bring in a large object; nothing names it yet."""
    blob_id, stored = blob(content)
    with backend.stage() as staging:
        for at in range(0, len(stored), 1 << 16):
            staging.write(stored[at : at + (1 << 16)])
        return staging.finish(blob_id)


def facts(backend: Backend) -> dict[str, object]:
    """Everything a backend answers, for comparing two of them or one before and after."""
    refs = backend.refs("")
    objects = sorted((found.id, found.stored_bytes) for found in backend.scan())
    return {
        "refs": refs,
        "reflogs": {ref: backend.reflog(ref) for ref in refs},
        "dependents": {ref: backend.dependents(ref) for ref in refs},
        "operations": list(backend.operations()),
        "objects": objects,
        "frames": backend.read([object_id for object_id, _ in objects]),
        "last": backend.last_number(),
    }


def answers(backend: Backend) -> dict[str, object]:
    """The facts that do not depend on how much room an object takes."""
    found = facts(backend)
    objects = [(each.id, each.at) for each in backend.scan()]
    assert len(objects) == len(set(objects)), "each is listed once"
    return {**found, "objects": sorted(objects)}
