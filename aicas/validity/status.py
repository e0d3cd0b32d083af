"""Judging all stages of a project at once, with few reads however many there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from aicas.backends.base import Backend, RefState
from aicas.errors import Damaged, NotFound
from aicas.history.edges import input_ref, input_refs
from aicas.ids import SnapshotId
from aicas.names import Key, Project, RefName, live_ref, quarantine_ref, split_ref
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Snapshot
from aicas.validity.cause import Cause, Causes, Judged, Origins, used_input
from aicas.validity.check import Checker, Miss, Standing, absent_among
from aicas.validity.inputs import InputDigests
from aicas.validity.reasons import InputChanged, PayloadUnreadable, Reason, SelectorUnmatched

VALID: Final = "valid"
_STATE_OF_REASON: Final = {
    "payload_unreadable": "damaged",
    "evicted": "evicted",
    "invalidated": "invalidated",
    "expired": "expired",
}
"""States by the reason that gives them, the one that says most first."""
STATES: Final = (VALID, "stale", *_STATE_OF_REASON.values(), "quarantined")


class StageStatus(NamedTuple):
    """How one stage of a project stands."""

    key: Key
    state: str
    """One of ``STATES``."""
    reasons: tuple[Reason, ...]
    """Everything that keeps its current version from being used; empty when valid."""
    snapshot: Snapshot | None
    """Its current version, or the one last moved away or put aside, if it can be read."""
    cause: Cause | None = None
    """What set it off, where that lies in another stage; of a valid stage, what is first wrong
    among all that it rests on. Of the path only the end may be there."""


def state_of(reasons: tuple[Reason, ...], *, is_live: bool) -> str:
    """The one word for a stage with these reasons."""
    codes = {reason.code for reason in reasons}
    for code, state in _STATE_OF_REASON.items():
        if code in codes:
            return state
    if "quarantined" in codes and not is_live:
        return "quarantined"
    return "stale" if codes else VALID


def survey(
    backend: Backend, reader: ObjectReader, digests: InputDigests, project: Project, now: int
) -> list[StageStatus]:
    """The status of every stage a project ever had, by name.

    Refs are taken at one moment. Of payloads only the presence is judged.
    """
    return _Survey(backend, reader, digests, project, now).stages()


class _Survey:
    def __init__(
        self,
        backend: Backend,
        reader: ObjectReader,
        digests: InputDigests,
        project: Project,
        now: int,
    ) -> None:
        self._backend = backend
        self._reader = reader
        self._digests = digests
        self._project = project
        self._states = self._refs_of("live")
        self._asides = self._refs_of("quarantine")
        self._snapshots: dict[SnapshotId, Snapshot] = {}
        self._read(map(_shown, [*self._states.values(), *self._asides.values()]))
        payloads = {snapshot.payload.id for snapshot in self._snapshots.values()}
        self._checker = Checker(backend, reader, now, absent_among(backend.missing(payloads)))
        self._elsewhere = self._other_projects()

    def _refs_of(self, space: str) -> dict[RefName, RefState]:
        states = self._backend.refs(f"{space}/{self._project}/")
        return {ref: s for ref, s in states.items() if split_ref(ref)[1] == self._project}

    def _read(self, ids: Iterable[SnapshotId]) -> None:
        self._snapshots |= self._reader.snapshots(set(ids) - self._snapshots.keys())

    def _other_projects(self) -> dict[RefName, RefState | None]:
        """Where the inputs from other projects stand; their current versions are read."""
        names = {item.key for s in self._snapshots.values() for item in s.inputs if "/" in item.key}
        refs = {input_ref(self._project, name) for name in names}
        states = {ref: self._backend.ref(ref) for ref in refs}
        self._read(state.target for state in states.values() if state and state.target)
        return states

    def stages(self) -> list[StageStatus]:
        keys = {split_ref(ref)[2] for ref in [*self._states, *self._asides]}
        refs = {live_ref(self._project, key): key for key in sorted(keys)}
        judged = {ref: self._judge(ref, key) for ref, key in refs.items()}
        causes: Causes | None = None
        if any(stage.reasons for stage in judged.values()):
            self._read_used(judged.values())
            origins = Origins(
                self._backend, self._target, self._snapshot, self._absence, self._checker.operation
            )
            causes = Causes(judged, origins)
        return [
            StageStatus(
                refs[ref],
                state_of(stage.reasons, is_live=self._target(ref) is not None),
                stage.reasons,
                stage.snapshot,
                causes.end(ref) if causes else None,
            )
            for ref, stage in judged.items()
        ]

    def _read_used(self, judged: Iterable[Judged]) -> None:
        """Read, at once, the versions of changed inputs that stages used."""
        self._read(
            used.snapshot
            for stage in judged
            for reason in stage.reasons
            if stage.snapshot and isinstance(reason, InputChanged | SelectorUnmatched)
            if (used := used_input(stage.snapshot.inputs, reason))
        )

    def _judge(self, ref: RefName, key: Key) -> Judged:
        standing = self._standing(ref, key)
        shown = standing.state or standing.aside
        snapshot = self._snapshots.get(_shown(shown)) if shown else None
        above: tuple[RefName, ...] = ()
        if snapshot is not None:
            above = tuple(name for name in input_refs(ref, snapshot) if name in self._states)
        return Judged(ref, self._reasons(standing, snapshot), snapshot, above)

    def _standing(self, ref: RefName, key: Key) -> Standing:
        return Standing(
            ref, self._states.get(ref), self._asides.get(quarantine_ref(self._project, key))
        )

    def _reasons(self, standing: Standing, snapshot: Snapshot | None) -> tuple[Reason, ...]:
        state = standing.state
        if state is None or state.target is None:
            found = self._checker.check(standing, None, None)
        elif snapshot is None:
            return (PayloadUnreadable(state.target, "its snapshot cannot be read"),)
        else:
            wanted = self._digests.now(snapshot.inputs, self._current)
            found = self._checker.judge(standing, snapshot, None, wanted)
        return found.reasons if isinstance(found, Miss) else ()

    def _absence(self, ref: RefName) -> Reason | None:
        if ref in self._states:
            found = self._checker.check(self._standing(ref, split_ref(ref)[2]), None, None)
        else:
            found = self._checker.check(Standing(ref, self._backend.ref(ref)), None, None)
        return found.reasons[0] if isinstance(found, Miss) else None

    def _current(self, name: str) -> Snapshot | None:
        target = self._target(input_ref(self._project, name))
        return self._snapshots.get(target) if target else None

    def _target(self, ref: RefName) -> SnapshotId | None:
        state = self._states.get(ref) or self._elsewhere.get(ref)
        return state.target if state else None

    def _snapshot(self, snapshot_id: SnapshotId | None) -> Snapshot | None:
        if snapshot_id is None:
            return None
        try:
            return self._snapshots.get(snapshot_id) or self._reader.snapshot(snapshot_id)
        except (NotFound, Damaged):
            return None


def _shown(state: RefState) -> SnapshotId:
    """What to tell of a ref: what it points at, or did last."""
    return state.target or state.last
