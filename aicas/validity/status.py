"""Judging all stages of a project at once, with few reads however many there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from aicas.backends.base import Backend, RefState
from aicas.history.edges import input_ref
from aicas.ids import SnapshotId
from aicas.names import Key, Project, RefName, quarantine_ref, split_ref
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Snapshot
from aicas.validity.check import Checker, Miss, Standing, absent_among
from aicas.validity.inputs import InputDigests
from aicas.validity.reasons import PayloadUnreadable, Reason

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
    upstream: Key | None = None
    """The first stage it rests on, directly or not, that is not valid itself."""


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
        self._digests = digests
        self._project = project
        self._refs = {**backend.refs("live/"), **backend.refs("quarantine/")}
        self._snapshots = reader.snapshots({self._shown(s) for s in self._refs.values()})
        payloads = {snapshot.payload.id for snapshot in self._snapshots.values()}
        problem = absent_among(backend.missing(payloads))
        self._checker = Checker(backend, reader, now, problem)

    @staticmethod
    def _shown(state: RefState) -> SnapshotId:
        return state.target or state.last

    def stages(self) -> list[StageStatus]:
        mine: dict[Key, RefName] = {}
        for ref in self._refs:
            _, project, key = split_ref(ref)
            if project == self._project:
                mine.setdefault(key, RefName(f"live/{project}/{key}"))
        judged = {key: self._judge(key, ref) for key, ref in sorted(mine.items())}
        upstream = _Upstream(judged)
        return [stage._replace(upstream=upstream.of(stage.key)) for stage in judged.values()]

    def _judge(self, key: Key, ref: RefName) -> StageStatus:
        state = self._refs.get(ref)
        aside = self._refs.get(quarantine_ref(self._project, key))
        standing = Standing(ref, state, aside)
        shown = state or aside
        snapshot = self._snapshots.get(self._shown(shown)) if shown else None
        reasons = self._reasons(standing, snapshot)
        is_live = state is not None and state.target is not None
        return StageStatus(key, state_of(reasons, is_live=is_live), reasons, snapshot)

    def _reasons(self, standing: Standing, snapshot: Snapshot | None) -> tuple[Reason, ...]:
        state = standing.state
        if state and state.target and snapshot is None:
            return (PayloadUnreadable(state.target, "its snapshot cannot be read"),)
        wanted = self._digests.now(snapshot.inputs, self._current) if snapshot else None
        found = self._checker.check(standing, None, wanted)
        return found.reasons if isinstance(found, Miss) else ()

    def _current(self, name: str) -> Snapshot | None:
        state = self._refs.get(input_ref(self._project, name))
        return self._snapshots.get(state.target) if state and state.target else None


class _Upstream:
    """Finds what stages rest on, each stage looked at once."""

    def __init__(self, judged: Mapping[Key, StageStatus]) -> None:
        self._judged = judged
        self._found: dict[Key, Key | None] = {}

    def of(self, key: Key) -> Key | None:
        """The first stage above a key that is not valid itself; in a circle, none."""
        todo = [key]
        while todo:
            name = todo[-1]
            above = self._above(name)
            unknown = [i for i in above if i not in self._found and i not in todo]
            if unknown:
                todo.append(unknown[0])
                continue
            todo.pop()
            self._found[name] = self._first(above)
        return self._found[key]

    def _above(self, key: Key) -> list[Key]:
        snapshot = self._judged[key].snapshot
        names = snapshot.dependencies if snapshot else ()
        return [Key(name) for name in names if name in self._judged]

    def _first(self, above: list[Key]) -> Key | None:
        for name in above:
            root = self._found.get(name)
            if root is not None:
                return root
            if self._judged[name].state != VALID:
                return name
        return None
