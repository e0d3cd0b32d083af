"""What a store can be told to do: put, invalidate, undo, fork.

Modules that only some commands need are imported where they are used, so that a short-lived
process which only lists does not pay for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from aicas.clock import HOUR, Clock, system_clock
from aicas.config import Config, check_hours
from aicas.history.edges import input_ref
from aicas.names import Key, RefName, check_key, check_project, live_ref, split_ref
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Cost, Input, Snapshot
from aicas.store.history import StoreHistory

if TYPE_CHECKING:
    from aicas.backends.base import Backend
    from aicas.backends.operation import Operation
    from aicas.history.moves import Moves
    from aicas.history.publish import Publisher
    from aicas.ids import SnapshotId
    from aicas.objects.payload import Payload

Recipe = Mapping[str, Any]


class Use(NamedTuple):
    """An input by the name it has in the pipeline, and the revision that was used for it."""

    key: str
    revision: str
    digest: bytes | None = None
    """The payload digest of what was read, where that is known not to be this revision's: an
    artifact from elsewhere, made from a version that did not come along. It counts as stale."""


class InvalidationPlan(NamedTuple):
    """What an invalidation would move away."""

    refs: tuple[RefName, ...]
    """The key's ref first, then its dependents, each after what it was made from."""
    cost: Cost
    """What producing them again would cost, as they cost last time; unpriced ones left out."""
    unpriced: int
    """How many of them have no recorded price."""


class StoreWriter(StoreHistory):
    """The part of a ``Store`` that publishes: every method that writes is one operation."""

    def __init__(
        self,
        backend: Backend,
        *,
        config: Config | None = None,
        project: str | None = None,
        location: Path | None = None,
        clock: Clock = system_clock,
        actor: str = "unknown",
        reader: ObjectReader | None = None,
    ) -> None:
        """Wire a store over a backend.

        Args:
            backend: where it lives.
            config: its settings; the defaults where none are given.
            project: the project that bare keys belong to; the settings name the usual one.
            location: its folder, for those who ask.
            clock: tells the time that is recorded and against which expiry is judged.
            actor: recorded in operations as who made them.
            reader: one to share caches with.
        """
        settings = config or Config()
        super().__init__(
            backend,
            reader or ObjectReader(backend),
            clock,
            config=settings,
            project=project or settings.project,
            location=location,
        )
        self._actor = actor

    @cached_property
    def _publisher(self) -> Publisher:
        from aicas.history.publish import Publisher

        return Publisher(
            self._backend,
            self._reader,
            self._clock,
            self._actor,
            compress=self.config.compression_enabled,
        )

    @cached_property
    def _moves(self) -> Moves:
        from aicas.history.moves import Moves

        return Moves(self._backend, self._publisher)

    def put(
        self,
        key: str,
        payload: Payload,
        *,
        inputs: Sequence[str | Use] = (),
        recipe: Recipe | None = None,
        session: str | None = None,
        tags: Sequence[str] = (),
        meta: Mapping[str, Any] | None = None,
        cost: Cost | None = None,
        validation_status: str = "unchecked",
        expires_in_hours: float | None = None,
        expires_at: int | None = None,
        created_at: int | None = None,
        media_type: str | None = None,
        reason: str | None = None,
    ) -> Snapshot:
        """Store what a stage produced as the new current version of its key.

        When it returns, the snapshot and everything it needs is durable and the ref moved, in one
        step. Concurrent puts to one key all stay in history, one after the other.

        Args:
            key: the stage's name.
            payload: ``str``, ``bytes``, a JSON-like value, ``Files`` or a mapping from paths to
                ``bytes``, ``FromFile`` or ``FromDirectory``.
            inputs: what it was made from: revisions, or ``Use`` where the revision's own key is
                not the name the pipeline knows the input by.
            recipe: what else decided the result: ``prompt``, ``agent_version``, ``model``,
                ``parameters``, ``code_version``, and components of your own.
            session: the run it belongs to.
            tags: labels.
            meta: anything JSON-like to keep with it; not part of its identity as a result.
            cost: what producing it cost.
            validation_status: ``passed``, ``failed`` or ``unchecked``.
            expires_in_hours: lifetime; ``None`` takes ``default_expiry_hours``, 0 means forever.
            expires_at: the end of its life in place of a lifetime, in microseconds since 1970 UTC.
            created_at: microseconds since 1970 UTC; ``None`` for now.
            media_type: in place of the usual one of the payload.
            reason: recorded in the operation.

        Raises:
            InvalidInput: a name, payload or field that no store may hold. Nothing was written.
            NotFound: an input does not exist.
            Conflict, StorageFailed: see ``Publisher.put``.
        """
        from aicas.history.publish import Account
        from aicas.objects.payload import prepare
        from aicas.validity.recipe import complete_recipe, fingerprint

        ref = live_ref(self.project, check_key(key))
        used = self._used(inputs)
        complete = complete_recipe(recipe or {})
        now = self._clock()
        prepared = prepare(
            payload,
            self._backend.stage,
            compress=self.config.compression_enabled,
            media_type=media_type,
        )
        draft = Snapshot(
            key=key,
            created_at=now if created_at is None else created_at,
            payload=prepared.ref,
            recipe=complete,
            inputs=used,
            fingerprint=fingerprint(Key(key), complete, used),
            session_id=session,
            validation_status=validation_status,
            expiry_time=self._expiry(now, expires_in_hours) if expires_at is None else expires_at,
            tags=tuple(tags),
            cost=cost,
            meta=meta or {},
        )

        def build(parent: SnapshotId | None) -> Snapshot:
            return draft._replace(parent=parent)

        return self._publisher.put(ref, prepared, Account("put", reason, session), build)

    def _expiry(self, now: int, hours: float | None) -> int | None:
        lifetime = self.config.default_expiry_hours if hours is None else hours
        checked = check_hours("a lifetime", lifetime)
        return now + int(checked * HOUR) if checked else None

    def _used(self, inputs: Sequence[str | Use]) -> tuple[Input, ...]:
        from aicas.validity.recipe import payload_digest

        resolver = self._resolver()
        used = []
        for item in inputs:
            use = item if isinstance(item, Use) else None
            snapshot = self._reader.snapshot(
                resolver.snapshot_id(use.revision if use else str(item))
            )
            name = use.key if use else self._input_name(str(item), snapshot)
            split_ref(input_ref(self.project, name))
            read = use.digest if use and use.digest else payload_digest(snapshot.payload.id)
            used.append(Input(name, snapshot.id, None, read))
        return tuple(used)

    def _input_name(self, revision: str, snapshot: Snapshot) -> str:
        """The key an input is known by: with its project, when that is another one."""
        base = revision.partition("@{")[0].partition("~")[0]
        ref = self._resolver().ref_of(base)
        if ref is None or split_ref(ref)[1] == self.project:
            return snapshot.key
        return f"{split_ref(ref)[1]}/{snapshot.key}"

    def plan_invalidate(self, key: str, *, only: bool = False) -> InvalidationPlan:
        """What ``invalidate`` would move away, and what producing it again would cost.

        Raises:
            NotFound: there is no such key.
        """
        from aicas import graph

        states = {name: self._backend.ref(name) for name in self._affected(key, only=only)}
        targets = {name: s.target for name, s in states.items() if s and s.target}
        costs = [self._reader.snapshot(target).cost for target in targets.values()]
        return InvalidationPlan(
            tuple(targets), graph.total_cost(costs), graph.count_unpriced(costs)
        )

    def invalidate(self, key: str, reason: str | None = None, *, only: bool = False) -> Operation:
        """Move a key's ref away and, unless ``only``, those of all its dependents: one operation.

        Nothing is deleted: ``undo`` brings everything back. A dependent that is published while
        this runs may stay; a lookup of it misses, because its input is gone.

        Raises:
            NotFound: there is no such key, or nothing current to move.
            Conflict: others moved the same refs all the time.
        """
        return self._moves.invalidate(self._affected(key, only=only), key, reason)

    def _affected(self, key: str, *, only: bool) -> list[RefName]:
        ref = self._ref(key)
        return [ref] if only else [ref, *self.dependents(key)]

    def undo(
        self, number: int | None = None, reason: str | None = None, *, session: str | None = None
    ) -> Operation:
        """Revert an operation, by another one; see ``Moves.undo`` for what it raises."""
        return self._moves.undo(number, reason, session)

    def fork(self, source: str, target: str, reason: str | None = None) -> Operation:
        """Start a new project from another's current state, copying refs and no objects.

        Raises:
            NotFound: the source has no live keys.
            InvalidInput: the target is taken.
        """
        return self._moves.fork(check_project(source), check_project(target), reason)
