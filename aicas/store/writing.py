"""What a store can be told to do with what it holds: invalidate, undo, put aside, choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from aicas.errors import InvalidInput, NotFound
from aicas.names import (
    RefName,
    check_key,
    live_ref,
    quarantine_ref,
    sample_of,
    split_ref,
)
from aicas.objects.snapshot import FAILED, Snapshot
from aicas.store.claiming import StoreClaims
from aicas.validity.inputs import Use

if TYPE_CHECKING:
    from aicas.backends.base import RefState
    from aicas.backends.operation import Operation
    from aicas.graph import Price
    from aicas.history.publish import Draft
    from aicas.objects.payload import Payload


class InvalidationPlan(NamedTuple):
    """What an invalidation would move away."""

    refs: tuple[RefName, ...]
    """The key's ref first, then its samples and dependents, each after what it was made from."""
    price: Price
    """What producing them again would cost, each artifact counted once."""


class Sample(NamedTuple):
    """One of several outputs kept for a stage."""

    number: int
    snapshot: Snapshot
    is_current: bool
    """Whether it is the one that was chosen, or the only one."""


class StoreWriter(StoreClaims):
    """The part of a ``Store`` that moves what is there: every method is one operation."""

    def plan_invalidate(self, key: str, *, only: bool = False) -> InvalidationPlan:
        """What ``invalidate`` would move away, and what producing it again would cost.

        Raises:
            NotFound: there is no such key.
        """
        from aicas.graph import price_of

        states = {name: self._backend.ref(name) for name in self._affected(key, only=only)}
        targets = {name: s.target for name, s in states.items() if s and s.target}
        made = [self._target(target) for target in dict.fromkeys(targets.values())]
        return InvalidationPlan(tuple(targets), price_of(s.cost if s else None for s in made))

    def invalidate(self, key: str, reason: str | None = None, *, only: bool = False) -> Operation:
        """Move a key's ref away and, unless ``only``, those of all its dependents: one operation.

        Nothing is deleted: ``undo`` brings everything back. Results stored for the key before are
        not served again, those of its dependents are, if the key comes back as it was. A dependent
        that is published while this runs may stay; a lookup of it misses, because its input is
        gone.

        Raises:
            NotFound: there is no such key, or nothing current to move.
            Conflict: others moved the same refs all the time.
        """
        return self._moves.invalidate(self._affected(key, only=only), reason)

    def _affected(self, key: str, *, only: bool) -> list[RefName]:
        ref = self._ref(key)
        own = [ref, *self._sample_states(ref)]
        return own if only else [*own, *self.dependents(key)]

    def undo(
        self, number: int | None = None, reason: str | None = None, *, session: str | None = None
    ) -> Operation:
        """Revert an operation, by another one; see ``Moves.undo`` for what it raises."""
        return self._moves.undo(number, reason, session)

    def quarantine(self, key: str, reason: str) -> Operation:
        """Put the current version aside: it is kept, and no lookup finds it until ``promote``.

        Raises:
            NotFound: there is no such key, or it has no current version.
            Conflict: others moved it all the time.
        """
        ref = self._ref(key)
        _, project, name = split_ref(ref)
        refs = [ref, *self._sample_states(ref)]
        return self._moves.quarantine(name, refs, quarantine_ref(project, name), reason)

    def promote(self, key: str, reason: str, *, session: str | None = None) -> Snapshot:
        """Make what is in quarantine the current version after all; ``log`` keeps who and why.

        Raises:
            NotFound: nothing of this key is in quarantine.
            Conflict: others moved it all the time.
        """
        from aicas.history.publish import Account, Draft

        live, aside = self._refs_of(key, None)

        def draft(states: Mapping[RefName, RefState | None]) -> Draft:
            kept = states[aside]
            if kept is None or kept.target is None:
                raise NotFound(f"nothing of {key} is in quarantine")
            failed = self._reader.snapshot(kept.target)
            account = Account("promote", reason, session, facts={"of": kept.target})
            promoted = failed._replace(
                parent=kept.target, validation_status="overridden", created_at=self._clock()
            )
            return Draft(promoted, (live,), (aside,), account)

        return self._publisher.restate((live, aside), draft)

    def accept(
        self,
        key: str,
        reason: str,
        recipe: Mapping[str, Any] | None = None,
        inputs: Sequence[str | Use] | None = None,
        *,
        session: str | None = None,
    ) -> Snapshot:
        """Declare a stale artifact good for the recipe and inputs of today, without a re-run.

        A new snapshot with the same payload and cost becomes the current version; its parent is
        the one accepted, and ``log`` keeps who and why.

        Args:
            key: the stage.
            reason: why it is good.
            recipe: as it would be run now; ``None`` for the one it was made with.
            inputs: as they would be used now; ``None`` for the current versions of those it was
                made from.
            session: recorded.

        Raises:
            InvalidInput: it is valid already, or an input's selector matches nothing.
            NotFound: there is nothing to accept, its payload was evicted, or an input is gone.
            Damaged: what is stored cannot be read.
        """
        from aicas.history.publish import Account, Draft
        from aicas.validity.recipe import Recipe, fingerprint

        live, aside = self._refs_of(key, None)
        if not self.why(key, recipe, inputs).reasons:
            raise InvalidInput(f"{key} is valid as it is; there is nothing to accept")

        def draft(states: Mapping[RefName, RefState | None]) -> Draft:
            old = self._acceptable(key, states[live], states[aside])
            uses = self._uses_of(old) if inputs is None else inputs
            made = Recipe.of(old.recipe if recipe is None else recipe)
            used = tuple(self._input_used(item) for item in uses)
            now = self._clock()
            accepted = old._replace(
                created_at=now,
                recipe=dict(made),
                inputs=used,
                fingerprint=fingerprint(check_key(key), made, used),
                parent=old.id,
                expiry_time=self._expiry(now, None),
                session_id=session,
            )
            account = Account("accept", reason, session, facts={"of": old.id})
            return Draft(accepted, (live,), (aside,), account)

        return self._publisher.restate((live, aside), draft)

    def amend(
        self,
        key: str,
        payload: Payload,
        reason: str,
        *,
        media_type: str | None = None,
        session: str | None = None,
    ) -> Snapshot:
        """Put another payload in place of the current version's: a result corrected by hand.

        The new version counts as made with the same recipe from the same inputs, so lookups that
        found the old one find it; what was made from the old one is judged by what it read of it.
        Nothing was paid, so nothing is added to the books.

        Args:
            key: the stage.
            payload: as for ``put``.
            reason: what was corrected; ``log`` keeps it, with who and when.
            media_type: as for ``put``.
            session: recorded.

        Raises:
            InvalidInput: a payload that no store may hold.
            NotFound: there is no such key, or it has no current version.
            Conflict, StorageFailed: see ``Publisher.put``.
        """
        from aicas.history.publish import Account, Draft
        from aicas.objects.payload import prepare

        live, aside = self._refs_of(key, None)
        self._ref(key)
        prepared = prepare(
            payload,
            self._backend.stage,
            compress=self.config.compression_enabled,
            media_type=media_type,
        )

        def draft(states: Mapping[RefName, RefState | None]) -> Draft:
            state = states[live]
            if state is None or state.target is None:
                raise NotFound(f"{key} has no current version to amend")
            old = self._reader.snapshot(state.target)
            amended = old._replace(
                created_at=self._clock(),
                payload=prepared.ref,
                parent=old.id,
                session_id=session,
                validation_status="unchecked",
            )
            account = Account("amend", reason, session, facts={"of": old.id})
            return Draft(amended, (live,), (aside,), account)

        stored = self._publisher.put((live, aside), prepared, draft)
        self._after_put(stored.size_bytes)
        return stored

    def _acceptable(self, key: str, state: RefState | None, aside: RefState | None) -> Snapshot:
        """What ``accept`` would accept: the current version, or the one last moved away."""
        if state is None:
            if aside is not None and aside.target:
                raise InvalidInput(
                    f"{key} is in quarantine", hint=f"'aicas promote {key}' takes it out"
                )
            raise self._resolver().unknown(key)
        old = self._reader.snapshot(state.target or state.last)
        if self._backend.missing([old.payload.id]):
            raise NotFound(f"what {key} held is not in the store any more; make it again")
        return old

    def _uses_of(self, snapshot: Snapshot) -> Iterator[Use]:
        """The inputs of a snapshot as they would be used now."""
        for item in snapshot.inputs:
            yield Use(item.key, item.key, item.selector)

    def samples(self, key: str) -> list[Sample]:
        """The outputs kept side by side for a key, by number.

        Raises:
            NotFound: there is no such key.
        """
        ref = self._ref(key)
        live = self._backend.ref(ref)
        found = []
        for name, state in self._sample_states(ref).items():
            if state.target:
                current = live is not None and live.target == state.target
                found.append(Sample(sample_of(name), self._reader.snapshot(state.target), current))
        return sorted(found, key=lambda sample: sample.number)

    @staticmethod
    def _check_served(snapshot: Snapshot) -> None:
        """Refuse to make current what no lookup may find."""
        if snapshot.validation_status == FAILED:
            raise InvalidInput(
                f"{snapshot.key} {snapshot.id.short} failed its validation",
                hint=f"'aicas promote {snapshot.key}' makes what is in quarantine current",
            )

    def _sample_states(self, ref: RefName) -> dict[RefName, RefState]:
        _, project, key = split_ref(ref)
        states = self._backend.refs(f"samples/{project}/{key}=")
        return {name: s for name, s in states.items() if split_ref(name)[1:] == (project, key)}

    def choose(self, key: str, choice: str, reason: str | None = None) -> Operation:
        """Make one of several outputs of a key the current version.

        Args:
            key: the stage.
            choice: the number of a sample, or any revision of this key.
            reason: recorded.

        Raises:
            NotFound: there is no such sample or revision.
            InvalidInput: it is no output of this key, is the current version already, or failed its
                validation.
            Conflict: others moved the key all the time.
        """
        ref = live_ref(self.project, check_key(key))
        by_number = {str(sample.number): sample.snapshot for sample in self.samples(key)}
        chosen = by_number.get(choice) or self.show(choice)
        if chosen.key != key:
            raise InvalidInput(f"{choice} is a version of {chosen.key}, not of {key}")
        self._check_served(chosen)
        state = self._backend.ref(ref)
        if state and state.target == chosen.id:
            raise InvalidInput(f"{choice} is the current version of {key} already")
        return self._moves.choose(check_key(key), ref, chosen.id, reason)
