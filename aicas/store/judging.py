"""What a store can be asked to judge: is a stage still valid, and if not, why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from aicas.errors import Damaged, InvalidInput, NotFound
from aicas.history.edges import input_ref
from aicas.names import check_key, live_ref, quarantine_ref, sample_ref, split_ref
from aicas.objects.snapshot import Input, Snapshot
from aicas.store.history import StoreHistory
from aicas.validity.inputs import Use, parse_input
from aicas.validity.recipe import UNMATCHED, Recipe

if TYPE_CHECKING:
    from aicas.ids import SnapshotId
    from aicas.names import RefName
    from aicas.validity.check import Checker, Hit, Miss, PayloadProblem, Standing
    from aicas.validity.explain import Explanation
    from aicas.validity.status import StageStatus

_HITS_LIMIT = 10_000
_FOREVER = 1 << 63


class Question(NamedTuple):
    """What a lookup asks."""

    key: str
    sample: int | None
    recipe: tuple[bytes, str] | None
    inputs: tuple[str | Use, ...] | None


class Answer(NamedTuple):
    """What it was told, and until when that is right if nothing is committed."""

    stamp: object
    hit: Hit
    until: int


class Seen(NamedTuple):
    """What a look at a stage found."""

    ref: RefName
    found: Hit | Miss
    """What the ref's current version comes to."""
    earlier: Hit | None
    """An earlier version that is what is wanted, where the current one is not."""


class StoreJudge(StoreHistory):
    """The part of a ``Store`` that judges what is valid."""

    def lookup(
        self,
        key: str,
        recipe: Mapping[str, Any] | None = None,
        inputs: Sequence[str | Use] | None = None,
        *,
        sample: int | None = None,
        session: str | None = None,
    ) -> Hit | Miss:
        """Is the artifact of this key, recipe and inputs stored and good to use?

        Where the current version does not match but an earlier one does, which no invalidation
        has revoked, the ref moves back to that one: a hit at no cost. What was found is recorded
        in the ledger, without waiting for the disk.

        Args:
            key: the stage.
            recipe: as it would be run now; ``None`` accepts any. Make a ``Recipe`` of one that is
                looked up often.
            inputs: as they would be used now: revisions, each with ``#`` and a selector where only
                a part is read; ``None`` compares with the inputs' current versions.
            sample: which of several outputs of the same recipe; ``None`` for the current one.
            session: recorded with the lookup, and if the ref moves.

        Returns:
            ``Hit`` (true) or ``Miss`` (false) with every reason.

        Raises:
            InvalidInput: a name, selector or recipe that no store may hold.
            NotFound: one of ``inputs`` does not exist.
        """
        made = None if recipe is None else Recipe.of(recipe)
        question = Question(
            key,
            sample,
            None if made is None else (made.digest, made.agent_policy),
            None if inputs is None else tuple(inputs),
        )
        now = self._clock()
        stamp = self._backend.stamp()
        known = self._hits.get(question)
        if known is not None and known.stamp == stamp and now < known.until:
            found: Hit | Miss = known.hit
        else:
            found = self._judge(question, made, session, now)
            self._remember(question, found, stamp)
        self._record_lookup(key, found, session, now)
        return found

    def _record_lookup(self, key: str, found: Hit | Miss, session: str | None, now: int) -> None:
        if self._recorder is not None:
            self._recorder.record(now, self.project, key, session, found)

    @cached_property
    def _hits(self) -> dict[Question, Answer]:
        """Lookups that hit, and what they were told."""
        return {}

    def _remember(self, question: Question, found: Hit | Miss, stamp: object) -> None:
        """Keep a hit for as long as nothing is committed and it does not expire."""
        if not found or any("{" in str(item) for item in question.inputs or ()):
            return  # what a time in a revision means changes without a commit
        if len(self._hits) > _HITS_LIMIT:
            self._hits.clear()
        until = found.snapshot.expiry_time
        self._hits[question] = Answer(stamp, found, _FOREVER if until is None else until)

    def _judge(
        self, question: Question, recipe: Recipe | None, session: str | None, now: int
    ) -> Hit | Miss:
        seen = self._see(question, recipe, now)
        if seen.earlier and self._moves.recall(seen.ref, seen.earlier.snapshot.id, session):
            return seen.earlier
        return seen.found

    def _see(self, question: Question, recipe: Recipe | None, now: int) -> Seen:
        from aicas.validity.check import Hit, read_through

        standing = self._standing(question.key, question.sample)
        checker = self._checker(read_through(self._backend, self._reader), now)
        wanted = self._wanted(standing, question.inputs)
        found = checker.check(standing, recipe, wanted)
        if found or recipe is None or question.inputs is None or wanted is None:
            return Seen(standing.ref, found, None)
        earlier = checker.recall(standing.ref, recipe, wanted)
        return Seen(standing.ref, found, Hit(earlier, moved=True) if earlier else None)

    def peek(
        self,
        key: str,
        recipe: Mapping[str, Any] | None = None,
        inputs: Sequence[str | Use] | None = None,
    ) -> Hit | Miss:
        """What ``lookup`` would answer; nothing is recorded, and no ref moves.

        Raises:
            InvalidInput, NotFound: as ``lookup``.
        """
        made = None if recipe is None else Recipe.of(recipe)
        used = None if inputs is None else tuple(inputs)
        seen = self._see(Question(key, None, None, used), made, self._clock())
        return seen.earlier or seen.found

    def _standing(self, key: str, sample: int | None = None) -> Standing:
        from aicas.validity.check import Standing

        checked = check_key(key)
        if sample is not None:
            ref = sample_ref(self.project, checked, sample)
            return Standing(ref, self._backend.ref(ref))
        ref = live_ref(self.project, checked)
        aside = self._backend.ref(quarantine_ref(self.project, checked))
        return Standing(ref, self._backend.ref(ref), aside)

    def _checker(self, problem: PayloadProblem, now: int | None = None) -> Checker:
        from aicas.validity.check import Checker

        moment = self._clock() if now is None else now
        return Checker(self._backend, self._reader, moment, problem)

    def _wanted(
        self, standing: Standing, inputs: Sequence[str | Use] | None
    ) -> tuple[Input, ...] | None:
        """Inputs as they would be used now; ``None`` if nothing says which."""
        if inputs is not None:
            return tuple(self._input_now(item) for item in inputs)
        used = self._target(standing.state.target if standing.state else None)
        if used is None:
            return None
        return self._digests.now(used.inputs, self._current_input)

    def _current_input(self, name: str) -> Snapshot | None:
        state = self._backend.ref(input_ref(self.project, name))
        return self._target(state.target if state else None)

    def _target(self, snapshot_id: SnapshotId | None) -> Snapshot | None:
        try:
            return self._reader.snapshot(snapshot_id) if snapshot_id else None
        except (NotFound, Damaged):
            return None

    def _input_now(self, item: str | Use) -> Input:
        """An input as a lookup judges it: a part that is not there is a reason, no error."""
        use, snapshot = self._named(item)
        try:
            digest = use.digest or self._digests.of(snapshot, use.selector)
        except InvalidInput:
            digest = UNMATCHED
        return Input(use.key, snapshot.id, use.selector, digest)

    def _input_used(self, item: str | Use) -> Input:
        """An input as a put records it.

        Raises:
            InvalidInput: its selector finds nothing.
        """
        use, snapshot = self._named(item)
        digest = use.digest or self._digests.of(snapshot, use.selector)
        if not digest:
            raise InvalidInput(
                f"selector {use.selector!a} matches nothing in {use.key}",
                hint=f"'aicas show {use.key}' shows what it holds",
            )
        return Input(use.key, snapshot.id, use.selector, digest)

    def _named(self, item: str | Use) -> tuple[Use, Snapshot]:
        """The use an input stands for, and the snapshot it names."""
        if isinstance(item, Use):
            snapshot = self.show(item.revision)
            split_ref(input_ref(self.project, item.key))
            return item, snapshot
        revision, selector = parse_input(item)
        snapshot = self.show(revision)
        return Use(self._input_key(revision, snapshot), revision, selector), snapshot

    def _input_key(self, revision: str, snapshot: Snapshot) -> str:
        """The key an input is known by: with its project, when that is another one."""
        base = revision.partition("@{")[0].partition("~")[0]
        ref = self._resolver().ref_of(base)
        if ref is None or split_ref(ref)[1] == self.project:
            return snapshot.key
        return f"{split_ref(ref)[1]}/{snapshot.key}"

    def status(self) -> list[StageStatus]:
        """Every stage of the project, judged, by name.

        Of payloads only the presence is judged; ``lookup`` and ``verify`` read them.
        """
        from aicas.validity.status import survey

        return survey(self._backend, self._reader, self._digests, self.project, self._clock())

    def why(
        self,
        key: str,
        recipe: Mapping[str, Any] | None = None,
        inputs: Sequence[str | Use] | None = None,
    ) -> Explanation:
        """Why a lookup would miss: every reason, the first cause upstream and what changed.

        Nothing is recorded and nothing moves.

        Args:
            key: the stage, in this project.
            recipe, inputs: as for ``lookup``.

        Raises:
            InvalidInput: as ``lookup``.
            NotFound: no stage of that name was ever stored, or one of ``inputs`` does not exist.
        """
        from aicas.validity.check import read_through
        from aicas.validity.explain import Explainer

        standing = self._standing(key)
        if standing.state is None and (standing.aside is None):
            raise self._resolver().unknown(key)
        checker = self._checker(read_through(self._backend, self._reader))
        explainer = Explainer(self._backend, self._reader, self._digests, checker)
        made = None if recipe is None else Recipe.of(recipe)
        return explainer.explain(standing, made, self._wanted(standing, inputs))
