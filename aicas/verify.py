"""Verifying a whole store: every object read and hashed again, every link followed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aicas.backends.base import Backend
from aicas.clock import SECOND
from aicas.errors import AicasError, Damaged, NotFound
from aicas.history.evicted import Evicted
from aicas.ids import BlobId, Kind, ObjectId, SnapshotId
from aicas.ledger.balance import check_books
from aicas.names import RefName
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Snapshot, decode_snapshot
from aicas.objects.tree import decode_tree

Progress = Callable[[int, int], None]
"""Called with objects examined and objects in all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    what: str
    object_id: ObjectId | None = None
    needed_by: tuple[RefName, ...] = ()
    """Every ref whose snapshot, or the past it was made from, needs the object."""


@dataclass(frozen=True, slots=True)
class Report:
    """What verifying found."""

    objects: int
    stored_bytes: int
    operations: int
    damage: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damage


class Verifier:
    """Examines one store. Safe beside writers: what is committed meanwhile is not judged."""

    def __init__(self, backend: Backend, progress: Progress | None = None) -> None:
        self._backend = backend
        # A reader of its own: what another has cached must not stand in for what is stored.
        self._reader = ObjectReader(backend)
        self._progress = progress or (lambda done, total: None)
        self._referrers: dict[ObjectId, set[ObjectId]] = defaultdict(set)
        self._problems: dict[ObjectId, str] = {}
        self._stored: dict[ObjectId, int] = {}
        self._evicted = Evicted(backend)

    def run(self) -> Report:
        """Examine everything.

        Damage is reported, never raised; what raises is a backend that cannot be read at all.
        """
        faults = [Finding(fault.what, fault.object_id) for fault in self._backend.check()]
        refs = self._backend.refs("")
        operations = self._backend.last_number()
        held = list(self._backend.scan())
        self._stored = {f.id: f.at for f in held if f.id.kind == Kind.SNAPSHOT}
        for done, found in enumerate(held):
            self._progress(done, len(held))
            self._examine(found.id)
        self._progress(len(held), len(held))
        targets = {state.target: ref for ref, state in refs.items() if state.target}
        self._check_links({*self._referrers, *targets}.difference(found.id for found in held))
        findings = faults + self._findings()
        findings += self._edge_findings(refs)
        findings += [Finding(what) for what in check_books(self._backend, self._reader)]
        stored = sum(found.stored_bytes for found in held)
        return Report(len(held), stored, operations, tuple(findings))

    def _examine(self, object_id: ObjectId) -> None:
        try:
            if object_id.kind == Kind.BLOB:
                for _ in self._reader.pieces(BlobId(object_id)):
                    pass
                return
            self._follow(object_id, self._reader.raw(object_id))
        except NotFound:
            self._check_links([object_id])
        except AicasError as error:
            self._problems[object_id] = str(error)

    def _follow(self, object_id: ObjectId, data: bytes) -> None:
        if object_id.kind == Kind.TREE:
            below: Iterable[ObjectId] = [entry.id for entry in decode_tree(data).values()]
        else:
            below = _snapshot_links(decode_snapshot(data, SnapshotId(object_id)))
        for other in below:
            self._referrers[other].add(object_id)

    def _check_links(self, unseen: Iterable[ObjectId]) -> None:
        """What something refers to must be held; it may also have been collected meanwhile."""
        for object_id in self._backend.missing(unseen):
            referrers = self._referrers.get(object_id, set())
            standing = referrers - self._backend.missing(referrers)
            if (standing or not referrers) and not self._was_evicted(object_id, standing):
                self._problems.setdefault(object_id, "is not in the store")

    def _was_evicted(self, object_id: ObjectId, referrers: Iterable[ObjectId]) -> bool:
        """Whether it is the payload of these, and was evicted after the newest was stored.

        Of what lies in a pack, that time is told to the second, and rounded up.
        """
        dropped = self._evicted.dropped_at(object_id)
        return dropped is not None and all(
            i.kind == Kind.SNAPSHOT and self._stored.get(i, 0) < dropped + SECOND for i in referrers
        )

    def _findings(self) -> list[Finding]:
        if not self._problems:
            return []
        holders: dict[ObjectId, list[RefName]] = defaultdict(list)
        for ref, state in self._backend.refs("").items():
            if state.target:
                holders[state.target].append(ref)
        findings = []
        for object_id, problem in sorted(self._problems.items()):
            needed = {ref for i in self._above(object_id) for ref in holders.get(i, ())}
            if problem == "is not in the store" and not (needed or self._referrers.get(object_id)):
                continue  # collected between the listing and the look
            name = f"{object_id.kind.name.lower()} {object_id}"
            what = f"{name} {problem}" if problem.startswith("is ") else f"{name}: {problem}"
            findings.append(Finding(what, object_id, tuple(sorted(needed))))
        return findings

    def _above(self, object_id: ObjectId) -> set[ObjectId]:
        """Everything that reaches an object, itself included."""
        reached, todo = {object_id}, [object_id]
        while todo:
            for referrer in self._referrers.get(todo.pop(), ()):
                if referrer not in reached:
                    reached.add(referrer)
                    todo.append(referrer)
        return reached

    def _edge_findings(self, refs: Iterable[RefName]) -> list[Finding]:
        """The edges a cascade follows must be those the snapshots record."""
        from aicas.history.edges import input_refs

        findings = []
        for ref in refs:
            state = self._backend.ref(ref)
            if state is None or state.target is None:
                continue
            try:
                recorded = input_refs(ref, self._reader.snapshot(state.target))
            except (NotFound, Damaged):
                continue  # reported already
            lost = [name for name in recorded if ref not in self._backend.dependents(name)]
            if lost and self._backend.ref(ref) == state:
                findings.append(Finding(f"ref {ref} is not listed as made from {', '.join(lost)}"))
        return findings


def _snapshot_links(snapshot: Snapshot) -> list[ObjectId]:
    links: list[ObjectId] = [snapshot.payload.id, *(item.snapshot for item in snapshot.inputs)]
    return [*links, snapshot.parent] if snapshot.parent else links
