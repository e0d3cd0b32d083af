"""What a store is given: the output of a stage, with all that is known of how it came to be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aicas.clock import HOUR
from aicas.config import check_hours
from aicas.names import Key, RefName, check_key, live_ref, quarantine_ref, sample_ref
from aicas.objects.snapshot import FAILED, Cost, Snapshot
from aicas.store.judging import StoreJudge
from aicas.validity.inputs import Use

if TYPE_CHECKING:
    from aicas.backends.base import RefState
    from aicas.backends.operation import Operation
    from aicas.history.publish import Draft
    from aicas.ids import ObjectId, SnapshotId
    from aicas.ledger.causes import Cause
    from aicas.objects.payload import Payload
    from aicas.validity.check import Standing


class StorePut(StoreJudge):
    """The part of a ``Store`` that takes outputs in."""

    def put(
        self,
        key: str,
        payload: Payload,
        *,
        inputs: Sequence[str | Use] = (),
        recipe: Mapping[str, Any] | None = None,
        session: str | None = None,
        sample: int | None = None,
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
        step. Concurrent puts to one key all stay in history, one after the other. An output that
        failed its validation goes to quarantine: it is kept, and the current version stays.

        Args:
            key: the stage's name.
            payload: ``str``, ``bytes``, a JSON-like value, ``Files`` or a mapping from paths to
                ``bytes``, ``FromFile`` or ``FromDirectory``.
            inputs: what it was made from: revisions, each with ``#`` and a selector where only a
                part was read, or ``Use`` where the revision's own key is not the name the pipeline
                knows the input by.
            recipe: what else decided the result: a ``Recipe`` or its components.
            session: the run it belongs to.
            sample: which of several outputs of one recipe this is; they are kept side by side. The
                first of a recipe also becomes the current version, until another is chosen.
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
            InvalidInput: a name, payload or field that no store may hold, or a selector that
                matches nothing. Nothing was written.
            NotFound: an input does not exist.
            Conflict, StorageFailed: see ``Publisher.put``.
        """
        from aicas.objects.payload import prepare
        from aicas.validity.recipe import Recipe, fingerprint

        refs = self._refs_of(key, sample)
        used = tuple(self._input_used(item) for item in inputs)
        made = Recipe.of(recipe or {})
        now = self._clock()
        prepared = prepare(
            payload,
            self._backend.stage,
            compress=self.config.compression_enabled,
            media_type=media_type,
        )
        snapshot = Snapshot(
            key=key,
            created_at=now if created_at is None else created_at,
            payload=prepared.ref,
            recipe=dict(made),
            inputs=used,
            fingerprint=fingerprint(Key(key), made, used),
            session_id=session,
            validation_status=validation_status,
            expiry_time=self._expiry(now, expires_in_hours) if expires_at is None else expires_at,
            tags=tuple(tags),
            cost=cost,
            meta=meta or {},
        )

        def draft(states: Mapping[RefName, RefState | None]) -> Draft:
            return self._draft(snapshot, refs, states, reason, created_at)

        stored = self._publisher.put(refs, prepared, draft)
        self._after_put(stored.size_bytes)
        return stored

    def spend(
        self,
        key: str,
        cost: Cost,
        *,
        inputs: Sequence[str | Use] = (),
        recipe: Mapping[str, Any] | None = None,
        session: str | None = None,
        reason: str | None = None,
    ) -> Operation:
        """Record money that was paid for a stage when nothing came of it that could be stored.

        Args:
            key: the stage.
            cost: what was paid.
            inputs, recipe, session: as ``put`` would have got them.
            reason: what went wrong.

        Raises:
            InvalidInput, NotFound, StorageFailed: as ``put``.
        """
        from aicas.history.publish import Account
        from aicas.ledger.causes import cause_of
        from aicas.ledger.spending import spend_facts
        from aicas.validity.check import Miss

        found = self.peek(key, recipe or {}, inputs)
        codes = [reason.code for reason in found.reasons] if isinstance(found, Miss) else []
        facts = spend_facts(self.project, check_key(key), cause_of(codes), cost)
        return self._publisher.move([], Account("spend", reason, session, facts=facts))

    def _refs_of(self, key: str, sample: int | None) -> tuple[RefName, ...]:
        """The live ref, the quarantine ref and, for a sample, its own."""
        checked = check_key(key)
        usual = live_ref(self.project, checked), quarantine_ref(self.project, checked)
        if sample is None:
            return usual
        return *usual, sample_ref(self.project, checked, sample)

    def _expiry(self, now: int, hours: float | None) -> int | None:
        lifetime = self.config.default_expiry_hours if hours is None else hours
        checked = check_hours("a lifetime", lifetime)
        return now + int(checked * HOUR) if checked else None

    def _draft(
        self,
        snapshot: Snapshot,
        refs: tuple[RefName, ...],
        states: Mapping[RefName, RefState | None],
        reason: str | None,
        spent_at: int | None,
    ) -> Draft:
        """What to commit, given where the refs stand: the parent, the refs to move, the cause."""
        from aicas.history.publish import Account, Draft
        from aicas.ledger.spending import put_facts
        from aicas.validity.check import Standing

        live, aside, *own = refs
        current, kept = states[live], states[aside]
        beside = self._target(current.target if current else None) if own else None
        sibling = beside is not None and beside.fingerprint == snapshot.fingerprint
        parent: SnapshotId | None
        if beside is not None and sibling:
            parent = beside.parent
        else:
            parent = kept.target if kept and kept.target else current.last if current else None
        judged = own[0] if own and states[own[0]] else live
        standing = Standing(judged, states[judged], kept if judged == live else None)
        used = self._target(standing.state.target if standing.state else None)
        missing = self._backend.missing([used.payload.id]) if used else ()
        cause = self._cause(snapshot, standing, used, missing)
        if cause == "repeated" and own and judged == live:
            cause = "sampled"
        facts = put_facts(cause, snapshot.cost, spent_at)
        account = Account("put", reason, snapshot.session_id, facts=facts)
        # Who has the very same made again may have found what is held of it damaged.
        last = self._target(current.last if current else None)
        again = last is not None and last.payload.id == snapshot.payload.id
        moves: tuple[RefName, ...] = live, *own
        if snapshot.validation_status == FAILED:
            moves = (aside,)
        elif sibling:
            moves = tuple(own)
        clears = (aside,) if live in moves else ()
        made = snapshot._replace(parent=parent)
        return Draft(made, moves, clears, account, again or cause == "damaged")

    def _cause(
        self,
        snapshot: Snapshot,
        standing: Standing,
        used: Snapshot | None,
        missing: Collection[ObjectId],
    ) -> Cause:
        """Why money was spent on this: what stood in the way of using what was there.

        Args:
            snapshot: what was made.
            standing: where the stage stood.
            used: the version it stood at.
            missing: ids that the store does not hold; that of its payload, if it does not.
        """
        from aicas.ledger.causes import cause_of
        from aicas.validity.check import absent_among, read_through

        checker = self._checker(absent_among(missing))
        found = checker.check(standing, snapshot.recipe, snapshot.inputs)
        if found and used and used.payload.id == snapshot.payload.id:
            found = self._checker(read_through(self._backend, self._reader)).check(
                standing, snapshot.recipe, snapshot.inputs
            )
        return cause_of(() if found else [reason.code for reason in found.reasons])
