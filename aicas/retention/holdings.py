"""What a store holds, payload by payload: who made it, who points at it, what must not go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from aicas.backends.base import Backend, RefState, StoredObject
from aicas.errors import Damaged, NotFound
from aicas.ids import Kind, ObjectId, SnapshotId
from aicas.names import Key, RefName
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Cost, Snapshot
from aicas.retention.sharing import Sharing

SERVED = ("live/", "samples/", "remotes/")
"""Where refs stand that make what they point at worth more than history."""
_BATCH = 1_000
_NONE: Mapping[SnapshotId, str] = MappingProxyType({})


class Run(NamedTuple):
    """What retention needs to know of a snapshot."""

    id: SnapshotId
    key: Key
    payload: ObjectId
    inputs: tuple[SnapshotId, ...]
    cost: Cost | None
    size_bytes: int
    """Of its payload, as it was given."""
    stored_at: int


class Holding(NamedTuple):
    """One payload that runs produced."""

    payload: ObjectId
    runs: tuple[Run, ...]
    """What produced it, the newest first."""
    refs: tuple[RefName, ...]
    """What points at it now."""
    stored_at: int
    """When it, or the newest of its runs, was stored."""

    @property
    def key(self) -> Key:
        """The stage that produced it last."""
        return self.runs[0].key

    @property
    def is_served(self) -> bool:
        """Whether it is a current version, or one to choose from."""
        return any(ref.startswith(SERVED) for ref in self.refs)


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a store holds at one moment."""

    seen: int
    """The newest operation that was taken into account."""
    objects: Mapping[ObjectId, StoredObject]
    runs: Mapping[SnapshotId, Run]
    payloads: Mapping[ObjectId, Holding]
    lost: Mapping[ObjectId, Holding]
    """Those that runs produced and the store does not hold, evicted or not."""
    kept: Mapping[ObjectId, str]
    """The payloads that must not go, and why."""
    unsound: Mapping[ObjectId, str]
    """The payloads that cannot be given back whole, and why."""
    states: Mapping[RefName, RefState]
    sharing: Sharing
    """Of all payloads that are held; whoever drops some uses it up."""

    @property
    def stored_bytes(self) -> int:
        """Of all objects."""
        return sum(found.stored_bytes for found in self.objects.values())

    def bytes_of(self, objects: Iterable[ObjectId]) -> int:
        """Stored bytes of some objects, as far as they are held."""
        return sum(self.objects[i].stored_bytes for i in objects if i in self.objects)


def survey(
    backend: Backend,
    reader: ObjectReader,
    since: int,
    leaving: Collection[RefName] = (),
    kept_versions: Mapping[SnapshotId, str] = _NONE,
) -> Holdings:
    """Find every payload a store holds.

    Args:
        backend: the store's.
        reader: reads its objects.
        since: what was stored then or later may be somebody's work in flight, and must not go.
        leaving: refs that will have been moved away before anything goes.
        kept_versions: the snapshots whose payloads rules keep, and the rule.

    Raises:
        Damaged: a snapshot cannot be read, so what it needs is unknown.
    """
    seen = backend.last_number()
    states = {ref: s for ref, s in backend.refs("").items() if ref not in leaving}
    objects = {found.id: found for found in backend.scan()}
    runs = {run.id: run for run in _runs(backend, reader, objects)}
    produced = _payloads(objects, runs.values(), states)
    sharing = Sharing(reader.tree)
    unsound = _enter(sharing, [payload for payload in produced if payload in objects])
    absent = {object_id for object_id in sharing.objects if object_id not in objects}
    unsound |= dict.fromkeys(sharing.roots_above(absent), "parts of it are not in the store")
    lost = backend.missing(unsound)  # since the listing
    lost.update(payload for payload in produced if payload not in objects)
    payloads = {payload: h for payload, h in produced.items() if payload not in lost}
    kept: dict[ObjectId, str] = {}
    for payload, holding in payloads.items():
        if holding.stored_at >= since:
            kept[payload] = "too young to judge"
        for run in holding.runs:
            if run.id in kept_versions:
                kept[payload] = f"kept by {kept_versions[run.id]}"
        if any(ref.startswith("pins/") for ref in holding.refs):
            kept[payload] = "pinned"
    needed = set(leased(backend, reader))
    _enter(sharing, needed)
    kept |= dict.fromkeys(needed, "someone works from it")
    return Holdings(
        seen,
        objects,
        runs,
        payloads,
        {payload: produced[payload] for payload in lost},
        kept,
        {payload: problem for payload, problem in unsound.items() if payload in payloads},
        states,
        sharing,
    )


def leased(backend: Backend, reader: ObjectReader) -> Iterator[ObjectId]:
    """The payloads, or parts of them, that the holders of leases work from."""
    for lease in backend.leases():
        snapshots = reader.snapshots(SnapshotId(i) for i in lease.needs if i.kind == Kind.SNAPSHOT)
        held = {*(s.payload.id for s in snapshots.values())}
        held |= {i for i in lease.needs if i.kind != Kind.SNAPSHOT}
        yield from held - backend.missing(held)


def _runs(
    backend: Backend, reader: ObjectReader, objects: Mapping[ObjectId, StoredObject]
) -> Iterator[Run]:
    ids = (SnapshotId(i) for i in objects if i.kind == Kind.SNAPSHOT)
    while batch := list(islice(ids, _BATCH)):
        found = reader.snapshots(batch)
        unread = set(batch) - found.keys()
        unread -= backend.missing(unread)  # collected meanwhile
        if unread:
            lost = min(unread)
            raise Damaged(f"snapshot {lost.short} cannot be read", object_id=lost)
        for snapshot in found.values():
            yield _run(snapshot, objects[snapshot.id].at)


def _run(snapshot: Snapshot, stored_at: int) -> Run:
    return Run(
        snapshot.id,
        Key(snapshot.key),
        snapshot.payload.id,
        tuple(item.snapshot for item in snapshot.inputs),
        snapshot.cost,
        snapshot.payload.size_bytes,
        stored_at,
    )


def _payloads(
    objects: Mapping[ObjectId, StoredObject],
    runs: Iterable[Run],
    states: Mapping[RefName, RefState],
) -> dict[ObjectId, Holding]:
    made: dict[ObjectId, list[Run]] = defaultdict(list)
    for run in runs:
        made[run.payload].append(run)
    standing: dict[SnapshotId, list[RefName]] = defaultdict(list)
    for ref, state in states.items():
        if state.target:
            standing[state.target].append(ref)
    holdings = {}
    for payload, producers in made.items():
        newest = sorted(producers, key=lambda run: (run.stored_at, run.id), reverse=True)
        refs = sorted(ref for run in newest for ref in standing.get(run.id, ()))
        held = objects.get(payload)
        stored_at = max(held.at if held else 0, newest[0].stored_at)
        holdings[payload] = Holding(payload, tuple(newest), tuple(refs), stored_at)
    return holdings


def _enter(sharing: Sharing, payloads: Iterable[ObjectId]) -> dict[ObjectId, str]:
    """Count what payloads share; returns those that cannot be read whole, and why."""
    unread = {}
    for payload in payloads:
        try:
            sharing.add(payload)
        except (NotFound, Damaged) as error:
            unread[payload] = str(error)
    return unread
