"""What a store can be told to give up: by age, by worth, or because nothing needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from aicas.clock import HOUR
from aicas.config import check_hours
from aicas.errors import InvalidInput
from aicas.names import RefName, split_ref
from aicas.store.keeping import StoreKeeping
from aicas.store.writing import InvalidationPlan

if TYPE_CHECKING:
    from collections.abc import Collection

    from aicas.backends.operation import Operation, RefChange
    from aicas.ids import SnapshotId
    from aicas.objects.snapshot import Snapshot
    from aicas.retention.evicting import EvictionResult
    from aicas.retention.eviction import EvictionPlan
    from aicas.retention.expiry import ExpiryPlan
    from aicas.retention.gc import GcPlan, GcResult
    from aicas.retention.holdings import Holdings
    from aicas.retention.worth import Usage
    from aicas.verify import Progress, Report

_CLEARED = ("live", "samples", "quarantine")


class StoreUpkeep(StoreKeeping):
    """The part of a ``Store`` that decides what it goes on holding."""

    def stored_bytes(self) -> int:
        """What all objects of the whole store take, as ``max_cache_size_gb`` counts it."""
        return sum(found.stored_bytes for found in self._backend.scan())

    def plan_evict(
        self,
        keys: Sequence[str] | None = None,
        *,
        to_bytes: int | None = None,
        grace_hours: float | None = None,
    ) -> EvictionPlan:
        """What ``evict`` would drop, what each of that is worth, and what may not go.

        Args:
            keys: drop what these revisions hold, whatever it is worth; ``None`` drops what is
                worth least, in the whole store.
            to_bytes: until the store holds no more than this; ``None`` for ``max_cache_size_gb``.
            grace_hours: what is younger stays; ``None`` takes ``gc_grace_hours``.

        Raises:
            InvalidInput: keys and a size, no number of hours, or not a revision.
            NotFound: there is no such key.
            Damaged: what is stored cannot be read, so nothing may be chosen to be dropped. A
                damaged payload can be asked for, a snapshot cannot.
        """
        from aicas.retention.eviction import plan_asked, plan_down_to

        if to_bytes is not None and (keys is not None or to_bytes < 0):
            raise InvalidInput("say which keys to evict, or down to which size")
        asked = None if keys is None else [self.show(key).payload.id for key in keys]
        holdings, usage = self._holdings(grace_hours)
        if asked is not None:
            return plan_asked(holdings, asked, usage)
        goal = self.config.max_cache_bytes if to_bytes is None else to_bytes
        return plan_down_to(holdings, goal, usage)

    def _holdings(
        self, grace_hours: float | None = None, leaving: Collection[RefName] = ()
    ) -> tuple[Holdings, Mapping[SnapshotId, Usage]]:
        from aicas.retention.holdings import survey
        from aicas.retention.worth import recent_usage

        if self._recorder is not None:
            self._recorder.flush()
        now = self._clock()
        since = now - self._span("the grace period", grace_hours, self.config.gc_grace_hours)
        kept = dict(self._kept_versions())
        holdings = survey(self._backend, self._reader, since, leaving, kept)
        return holdings, recent_usage(self._backend, now)

    def _kept_versions(self) -> Iterator[tuple[SnapshotId, str]]:
        from aicas.retention.keeping import kept

        return kept(self._backend, self.config.keep_rules)

    @staticmethod
    def _span(what: str, hours: float | None, usual: float) -> int:
        return int(check_hours(what, usual if hours is None else hours) * HOUR)

    def evict(self, plan: EvictionPlan | None = None, reason: str | None = None) -> EvictionResult:
        """Drop the payloads a plan named and nothing has come to need since.

        Snapshots stay: what a stage was made from and what it cost is still known, and lookups
        say that it was evicted. What is put again is held again; ``undo`` cannot bring it back.

        Raises:
            Conflict, Damaged, StorageFailed: see ``retention.evicting``.
        """
        from aicas.retention.evicting import evict

        chosen = self.plan_evict() if plan is None else plan
        return evict(self._backend, self._reader, self._publisher, chosen, reason)

    def plan_expire(self) -> ExpiryPlan:
        """What ``expire`` would move away, in the whole store, and what it would cost again."""
        from aicas.retention.expiry import plan_expiry

        return plan_expiry(self._backend, self._reader, self._clock())

    def expire(self, reason: str | None = None) -> Operation | None:
        """Move away, in one operation, every ref whose artifact has expired.

        Lookups miss either way; this makes room for what it held. ``undo`` brings the refs back.

        Returns:
            The operation; ``None`` if nothing has expired.

        Raises:
            Conflict: others moved the same refs all the time.
        """
        from aicas.errors import NotFound
        from aicas.history.publish import Account
        from aicas.retention.expiry import EXPIRE, expired

        def plan() -> Iterator[RefChange]:
            return expired(self._backend, self._reader, self._clock())

        try:
            return self._moves.settle(plan, Account(EXPIRE, reason), "the store")
        except NotFound:
            return None

    def plan_clear(self) -> InvalidationPlan:
        """What ``clear`` would move away, and what producing it again would cost."""
        from aicas.graph import price_of

        refs = tuple(self._cleared())
        states = [self._backend.ref(ref) for ref in refs]
        targets = {state.target for state in states if state and state.target}
        found: dict[SnapshotId, Snapshot] = self._reader.snapshots(targets)
        return InvalidationPlan(
            refs, price_of(found[i].cost if i in found else None for i in targets)
        )

    def _cleared(self) -> list[RefName]:
        """The refs of the project that point at something it made."""
        return [
            ref
            for space in _CLEARED
            for ref, state in self._backend.refs(f"{space}/{self.project}/").items()
            if state.target and split_ref(ref)[1] == self.project
        ]

    def clear(self, reason: str | None = None) -> Operation:
        """Move away everything of the project, in one operation: nothing of it is served again.

        Nothing is deleted before a ``gc``; until then ``undo`` brings it back.

        Raises:
            NotFound: the project has nothing.
            Conflict: others moved the same refs all the time.
        """
        from aicas.backends.operation import RefChange
        from aicas.history.publish import Account

        def plan() -> Iterator[RefChange]:
            for ref in self._cleared():
                state = self._backend.ref(ref)
                if state and state.target:
                    yield RefChange(ref, state.target, None)

        return self._moves.settle(plan, Account("clear", reason), f"project {self.project}")

    def plan_gc(
        self, *, grace_hours: float | None = None, retention_hours: float | None = None
    ) -> GcPlan:
        """What ``gc`` would delete; see ``aicas.retention.gc``. ``None`` takes the settings.

        Raises:
            InvalidInput: no number of hours.
            Damaged: something reachable is missing or damaged, so nothing may be deleted.
        """
        from aicas.retention.gc import Margins, plan_gc

        margins = Margins(
            self._span("the grace period", grace_hours, self.config.gc_grace_hours),
            self._span("the retention", retention_hours, self.config.gc_retention_hours),
        )

        def kept() -> Iterator[SnapshotId]:
            return (snapshot for snapshot, _ in self._kept_versions())

        return plan_gc(self._backend, margins, self._clock(), kept)

    def gc(self, plan: GcPlan | None = None, *, reason: str | None = None) -> GcResult:
        """Delete what a plan condemned and nothing has come to need since.

        Safe beside any number of readers and writers. A crash leaves each object whole.

        Raises:
            Damaged: as ``plan_gc``; nothing was deleted.
        """
        from aicas.history.publish import Account
        from aicas.retention.gc import sweep

        chosen = plan or self.plan_gc()
        facts = {"objects": len(chosen.condemned), "bytes": chosen.condemned_bytes}
        operation = self._publisher.operation((), Account("gc", reason, facts=facts))
        return sweep(self._backend, chosen, operation)

    def verify(self, progress: Progress | None = None) -> Report:
        """Read and hash every object again and follow every link.

        Args:
            progress: called with the objects examined so far and in all.
        """
        from aicas.verify import Verifier

        return Verifier(self._backend, progress).run()
