"""What a store can be told about whole runs: resume from a stage, fork a project, compare two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from aicas.errors import InvalidInput, NotFound
from aicas.names import Key, Project, RefName, check_project, live_ref, split_ref
from aicas.objects.snapshot import Input, Snapshot
from aicas.store.writing import StoreWriter

if TYPE_CHECKING:
    from aicas.backends.operation import Operation
    from aicas.graph import Price
    from aicas.ids import SnapshotId
    from aicas.ledger.estimates import Estimates
    from aicas.ledger.sessions import Session
    from aicas.validity.aftermath import Aftermath
    from aicas.validity.comparison import Comparison


class Pin(NamedTuple):
    """A stage, and the version of it that a run is to go on from."""

    key: Key
    snapshot: Snapshot
    old: SnapshotId | None
    """Where the stage stands now in the project it is pinned in."""


class ResumePlan(NamedTuple):
    """What going on from a snapshot means."""

    revision: str
    snapshot: Snapshot
    """What the revision names."""
    project: Project
    is_new: bool
    """Whether it goes on in a new project."""
    pins: tuple[Pin, ...]
    """All it rests on and itself, each after what it was made from."""
    others: tuple[Snapshot, ...]
    """Versions of the same stages that only something further up rested on; not pinned."""
    back: tuple[RefName, ...]
    """Stages that follow and that lookups bring back as they were, at no cost."""
    again: tuple[RefName, ...]
    """Stages that follow and will not be valid: they have to be made again."""
    kept: Price
    """What the pinned stages cost, which is not paid again."""
    price: Price
    """What making the others again would cost, as they cost last time."""


class ForkPlan(NamedTuple):
    """What a new project would start with."""

    source: Project
    target: Project
    pins: tuple[Pin, ...]
    price: Price
    """What its stages cost, which the new project does not pay."""


class StoreRuns(StoreWriter):
    """The part of a ``Store`` that deals with whole runs."""

    def plan_resume(self, revision: str, into: str | None = None) -> ResumePlan:
        """What ``resume`` would pin, and what would have to be made again after it.

        Raises:
            InvalidInput: not a revision, the project to go on in exists already, or one of the
                stages failed its validation.
            NotFound: there is no such revision, or its past is not whole any more: a snapshot
                was collected, or what one of its stages produced was evicted.
        """
        from aicas.graph import price_of
        from aicas.history.past import past_of

        snapshot, source = self._located(revision)
        target = source if into is None else self._unused(into)
        past = past_of(self._reader, snapshot)
        self._check_held(past.stages)
        for stage in past.stages.values():
            self._check_served(stage)
        back, again = self._aftermath(source, past.stages, is_new=into is not None)
        return ResumePlan(
            revision,
            snapshot,
            target,
            into is not None,
            self._pins(target, past.stages),
            past.others,
            back,
            tuple(again),
            price_of(pinned.cost for pinned in past.stages.values()),
            price_of(stage.cost if stage else None for stage in again.values()),
        )

    def resume(
        self,
        revision: str | ResumePlan,
        into: str | None = None,
        reason: str | None = None,
        *,
        session: str | None = None,
    ) -> Operation | None:
        """Make a snapshot and all it rests on current again, exactly as they were: one operation.

        What was made from other versions stays where it is, and is stale by then. Nothing is
        copied and nothing is lost; ``undo`` goes back.

        Args:
            revision: where to go on from, or a plan for it.
            into: a new project to go on in, which starts with these stages and no others; the
                one it came from stays as it is. ``None`` goes on in its own project. A plan says
                it already.
            reason, session: recorded.

        Returns:
            The operation; ``None`` if all of them are current already.

        Raises:
            InvalidInput, NotFound: as ``plan_resume``. Nothing was changed.
            Conflict: others moved the same stages all the time.
        """
        from aicas.history.publish import Account

        plan = self.plan_resume(revision, into) if isinstance(revision, str) else revision
        targets = {live_ref(plan.project, pin.key): pin.snapshot.id for pin in plan.pins}
        facts = {"of": plan.snapshot.id, "revision": plan.revision}
        account = Account("resume", reason, session, facts=facts)
        if plan.is_new:
            return self._moves.start(targets, account)
        return self._moves.pin(targets, account, plan.snapshot.key)

    def plan_fork(self, source: str, target: str, start: str | None = None) -> ForkPlan:
        """What ``fork`` would start the new project with.

        Raises:
            NotFound: the source has no live keys, or there is no ``start``.
            InvalidInput: the target is taken, or a stage failed its validation.
        """
        from aicas.graph import price_of
        from aicas.history.past import past_of

        named = check_project(source)
        stages: Mapping[Key, Snapshot]
        if start is None:
            stages = self._live(named)
        else:
            stages = past_of(self._reader, self.show(f"{named}/{start}")).stages
        if not stages:
            raise NotFound(f"project {named!r} has no keys to fork")
        for stage in stages.values():
            self._check_served(stage)
        free = self._unused(target)
        return ForkPlan(
            named,
            free,
            self._pins(free, stages),
            price_of(snapshot.cost for snapshot in stages.values()),
        )

    def fork(
        self, source: str, target: str, reason: str | None = None, *, start: str | None = None
    ) -> Operation:
        """Start a new project from another's current state, copying refs and no objects.

        Args:
            source, target: the projects.
            reason: recorded.
            start: start from this stage, and what it was made from, in place of all; a key of the
                source, or any revision of one.

        Raises:
            NotFound, InvalidInput: as ``plan_fork``.
            Conflict: others put something into the new project just now.
        """
        from aicas.history.publish import Account

        plan = self.plan_fork(source, target, start)
        targets = {live_ref(plan.target, pin.key): pin.snapshot.id for pin in plan.pins}
        facts = {"source": plan.source, "target": plan.target}
        return self._moves.start(targets, Account("fork", reason, facts=facts))

    def estimates(self) -> Estimates:
        """What each stage may cost, judged by its earlier runs."""
        from aicas.ledger.estimates import Estimates

        return Estimates(self._backend)

    def session(self, name: str) -> Session:
        """What one run did, stage by stage, as operations and recorded lookups tell.

        Raises:
            NotFound: nothing of a session of that name is recorded.
        """
        from aicas.ledger.sessions import read_session

        if self._recorder is not None:
            self._recorder.flush()
        return read_session(self._backend, name)

    def compare(self, first: str, second: str) -> Comparison:
        """Where two runs first went apart, and what made them.

        Args:
            first, second: each a session, ``PROJECT``, or ``PROJECT@{op:N}``.

        Raises:
            NotFound: there is neither a session nor a project of that name.
            InvalidInput: as ``resolve_view``.
        """
        from aicas.validity.comparison import compare

        return compare(self._run(first), self._run(second))

    def _run(self, name: str) -> dict[Key, Snapshot]:
        """The snapshots a session used, or a project holds, by key."""
        if "@{" not in name:
            try:
                return self._snapshots(self.session(name).used(self.project))
            except NotFound:
                if name not in self.projects():
                    raise NotFound(
                        f"there is no session and no project {name!a}",
                        hint="'aicas log' shows the session of each version",
                    ) from None
        return self._snapshots(self.resolve_view(name).refs)

    def _snapshots(self, ids: Mapping[Key, SnapshotId]) -> dict[Key, Snapshot]:
        found = self._reader.snapshots(set(ids.values()))
        return {key: found[i] for key, i in ids.items() if i in found}

    def _live(self, project: Project) -> dict[Key, Snapshot]:
        states = self._backend.refs(f"live/{project}/").items()
        targets = {ref: s.target for ref, s in states if s.target and split_ref(ref)[1] == project}
        return self._snapshots({split_ref(ref)[2]: target for ref, target in targets.items()})

    def _located(self, revision: str) -> tuple[Snapshot, Project]:
        """The snapshot a revision names, and the project it belongs to."""
        snapshot = self.show(revision)
        ref = self._resolver().ref_of(revision.partition("@{")[0].partition("~")[0])
        return snapshot, split_ref(ref)[1] if ref else self.project

    def _unused(self, project: str) -> Project:
        checked = check_project(project)
        states = self._backend.refs(f"live/{checked}/").items()
        if any(state.target and split_ref(ref)[1] == checked for ref, state in states):
            raise InvalidInput(f"project {project!r} exists already", hint="name a new one")
        return checked

    def _pins(self, project: Project, stages: Mapping[Key, Snapshot]) -> tuple[Pin, ...]:
        states = {key: self._backend.ref(live_ref(project, key)) for key in stages}
        return tuple(
            Pin(key, snapshot, state.target if (state := states[key]) else None)
            for key, snapshot in stages.items()
        )

    def _check_held(self, stages: Mapping[Key, Snapshot]) -> None:
        missing = self._backend.missing({s.payload.id for s in stages.values()})
        lost = [key for key, snapshot in stages.items() if snapshot.payload.id in missing]
        if lost:
            raise NotFound(
                f"what {', '.join(lost)} produced then is not in the store any more",
                hint="make it again, and go on from there",
            )

    def _last(self, ref: RefName) -> Snapshot | None:
        state = self._backend.ref(ref)
        return self._target(state.target or state.last) if state else None

    def _aftermath(
        self, project: Project, stages: Mapping[Key, Snapshot], *, is_new: bool
    ) -> Aftermath:
        """What becomes of the stages that follow when these versions are current."""
        from aicas.graph import dependents
        from aicas.validity.aftermath import Aftermath, aftermath

        pinned = {live_ref(project, key): snapshot for key, snapshot in stages.items()}
        after = {ref: self._last(ref) for ref in dependents(self._backend, *pinned)}
        if is_new:  # it has no earlier versions that could come back
            mine = {ref: s for ref, s in after.items() if split_ref(ref)[:2] == ("live", project)}
            return Aftermath((), mine)
        return aftermath(pinned, after, self._digests, self._current, self._earlier)

    def _earlier(self, ref: RefName, like: Snapshot, inputs: Sequence[Input]) -> Snapshot | None:
        from aicas.validity.check import absent_among

        checker = self._checker(lambda p: absent_among(self._backend.missing([p.id]))(p))
        return checker.recall(ref, like.recipe, inputs)

    def _current(self, ref: RefName) -> Snapshot | None:
        state = self._backend.ref(ref)
        return self._target(state.target) if state else None
