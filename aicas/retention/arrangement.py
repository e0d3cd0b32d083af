"""In which order to lay objects out in packs, so that what resembles each other is together.

Blobs come by the name of their file, then its path, then the newest version first: versions of one
file are neighbours, and the version that is read most needs the least decoding. Snapshots come by
key and trees by path, the newest first too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from aicas.backends.base import Arranged
from aicas.errors import AicasError
from aicas.ids import Kind, ObjectId, SnapshotId, TreeId
from aicas.objects.reader import ObjectReader

_BATCH = 1_000
_Place = tuple[str, str, int]
"""The name of a file, its path, and how many came before it: the newest have come first."""


def arrange(reader: ObjectReader, ids: Collection[ObjectId]) -> Iterator[Arranged]:
    """Each of the ids once, in the order in which they belong.

    What cannot be read is arranged like what has no name; whoever packs it will notice.

    Args:
        reader: reads snapshots and trees.
        ids: what is to be laid out; memory for all of them, and their names, is needed.
    """
    runs = sorted(_runs(reader, ids), reverse=True)
    walk = _Walk(reader, ids)
    for run in runs:
        walk.enter(run.payload, run.key)
    places = walk.places
    unnamed: _Place = ("", "", 0)

    def by_place(object_id: ObjectId) -> tuple[_Place, ObjectId]:
        return places.get(object_id, unnamed), object_id

    for blob in sorted((i for i in ids if i.kind == Kind.BLOB), key=by_place):
        yield Arranged(blob, places.get(blob, unnamed)[1] or None)
    for tree in sorted((i for i in ids if i.kind == Kind.TREE), key=by_place):
        yield Arranged(tree, None)
    lines = {run.id: (run.key, age) for age, run in enumerate(runs)}
    rest = (i for i in ids if i.kind == Kind.SNAPSHOT)
    for snapshot in sorted(rest, key=lambda i: (lines.get(i, ("", 0)), i)):
        yield Arranged(snapshot, None)


class _Run(NamedTuple):
    created_at: int
    id: ObjectId
    key: str
    payload: ObjectId


def _runs(reader: ObjectReader, ids: Iterable[ObjectId]) -> Iterator[_Run]:
    wanted = (SnapshotId(i) for i in ids if i.kind == Kind.SNAPSHOT)
    while batch := list(islice(wanted, _BATCH)):
        for found in reader.snapshots(batch).values():
            yield _Run(found.created_at, found.id, found.key, found.payload.id)


class _Walk:
    """Names what snapshots hold, each object by where it was met first."""

    def __init__(self, reader: ObjectReader, ids: Collection[ObjectId]) -> None:
        self._reader = reader
        self._ids = ids if isinstance(ids, set | frozenset | dict) else set(ids)
        self.places: dict[ObjectId, _Place] = {}

    def enter(self, payload: ObjectId, key: str) -> None:
        todo = [(payload, key)]
        while todo:
            object_id, path = todo.pop()
            if object_id in self.places or object_id not in self._ids:
                continue  # an older pack has it, or a newer snapshot led here
            self.places[object_id] = (path.rpartition("/")[2], path, len(self.places))
            if object_id.kind == Kind.TREE:
                todo += self._below(TreeId(object_id), path)

    def _below(self, tree: TreeId, path: str) -> Iterator[tuple[ObjectId, str]]:
        try:
            entries = self._reader.tree(tree).items()
        except AicasError:
            return
        for name, entry in entries:
            yield entry.id, f"{path}/{name}"
