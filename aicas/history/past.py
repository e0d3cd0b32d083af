"""The past of a snapshot: the snapshots it was made from, theirs, and so on."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from aicas.errors import NotFound
from aicas.ids import SnapshotId
from aicas.names import Key
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Snapshot


class Past(NamedTuple):
    """One version of every stage that a snapshot rests on, itself included."""

    stages: dict[Key, Snapshot]
    """By the name the pipeline knows it by, each after what it was made from; itself last."""
    others: tuple[Snapshot, ...]
    """Further versions of the same stages, on which only something further up rests."""


def past_of(reader: ObjectReader, snapshot: Snapshot) -> Past:
    """Follow the inputs of a snapshot, transitively, within its own project.

    Where it rests on two versions of one stage, by different ways, the one on the shortest way
    counts: what the snapshot itself used comes before what its inputs had used. Inputs from other
    projects belong to those and are not followed.

    Raises:
        NotFound: a snapshot of the past is not in the store (any more).
        Damaged: one cannot be read.
    """
    chosen: dict[Key, Snapshot] = {Key(snapshot.key): snapshot}
    others: dict[SnapshotId, Snapshot] = {}
    level = chosen.copy()
    while level:
        used = [(Key(i.key), i.snapshot) for s in level.values() for i in s.inputs]
        wanted = {key_id for key_id in used if "/" not in key_id[0]}
        found = reader.snapshots({i for _, i in wanted})
        level = {}
        for key, snapshot_id in dict.fromkeys(key_id for key_id in used if key_id in wanted):
            above = found.get(snapshot_id) or _unreadable(reader, snapshot_id)
            if key not in chosen:
                chosen[key] = level[key] = above
            elif chosen[key].id != snapshot_id:
                others[snapshot_id] = above
    return Past(_in_order(chosen), tuple(others.values()))


def _unreadable(reader: ObjectReader, snapshot_id: SnapshotId) -> Snapshot:
    try:
        return reader.snapshot(snapshot_id)
    except NotFound as error:
        raise NotFound(f"its past is not whole any more: {error}") from error


def _in_order(chosen: dict[Key, Snapshot]) -> dict[Key, Snapshot]:
    above = {
        key: sorted({Key(name) for name in snapshot.dependencies}.intersection(chosen) - {key})
        for key, snapshot in sorted(chosen.items())
    }
    try:
        order = tuple(TopologicalSorter(above).static_order())
    except CycleError:  # made from one another in turns, over several versions
        order = tuple(reversed(chosen))
    return {key: chosen[key] for key in order}
