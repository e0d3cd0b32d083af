"""What a store can be asked about: how its stages came to be, and what depends on what.

Modules that only some questions need are imported where they are used, so that a short-lived
process which only lists does not pay for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from aicas.history.log import LogEntry, ReflogEntry, find_operation, read_reflog, walk_log
from aicas.names import (
    Key,
    Project,
    RefName,
    check_key,
    check_label,
    live_ref,
    quarantine_ref,
    split_ref,
)
from aicas.store.reading import StoreReader

if TYPE_CHECKING:
    from aicas.backends.base import RefState
    from aicas.backends.operation import Operation
    from aicas.history.diff import Diff, KeyChange
    from aicas.ids import SnapshotId
    from aicas.objects.snapshot import Snapshot


class StoreHistory(StoreReader):
    """The part of a ``Store`` that tells history. Nothing here changes anything."""

    def dependents(self, key: str) -> list[RefName]:
        """The refs made from a key's artifact, directly or not, in the order they were made.

        Raises:
            NotFound: there is no such key.
        """
        from aicas import graph

        return graph.dependents(self._backend, self._ref(key))

    def _ref(self, key: str) -> RefName:
        """The live ref of ``KEY`` or ``PROJECT/KEY``, which some operation must have moved."""
        resolver = self._resolver()
        ref = resolver.ref_of(key)
        if ref is None:
            raise resolver.unknown(key)
        return ref

    def log(
        self,
        key: str | None = None,
        *,
        limit: int | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[LogEntry]:
        """Versions, newest first: of a key (or any revision), or of every key of the project.

        Args:
            key: ``None`` for all stages of the project, invalidated ones included.
            limit: at most so many.
            since, until: only those created in between, in microseconds since 1970 UTC.

        Raises:
            NotFound: there is no such key.
        """
        entries = self._log_of_all() if key is None else self._log_of(key)
        shown = 0
        for entry in entries:
            created = entry.snapshot.created_at
            if (since is None or created >= since) and (until is None or created <= until):
                if shown == limit:
                    return
                shown += 1
                yield entry

    def _log_of_all(self) -> Iterator[LogEntry]:
        asides = {self._live_of(ref): s for ref, s in self._states("quarantine").items()}
        states = dict.fromkeys(asides) | self._states()
        return walk_log(self._backend, self._reader, states, asides)

    def _log_of(self, revision: str) -> Iterator[LogEntry]:
        ref = self._resolver().stage_of(revision)
        if ref is None:
            return self._ancestry(self.show(revision))
        _, project, key = split_ref(ref)
        aside = self._backend.ref(quarantine_ref(project, key))
        states = {ref: self._backend.ref(ref)}
        return walk_log(self._backend, self._reader, states, {ref: aside} if aside else {})

    @staticmethod
    def _live_of(ref: RefName) -> RefName:
        _, project, key = split_ref(ref)
        return live_ref(project, key)

    def _ancestry(self, snapshot: Snapshot) -> Iterator[LogEntry]:
        ref = live_ref(self.project, check_key(snapshot.key))
        state = self._backend.ref(ref)
        found: Snapshot | None = snapshot
        while found is not None:
            current = state is not None and state.target == found.id
            yield LogEntry(found, ref, None, current)
            found = self._reader.snapshot(found.parent) if found.parent else None

    def _states(self, space: str = "live") -> dict[RefName, RefState]:
        states = self._backend.refs(f"{space}/{self.project}/")
        return {ref: s for ref, s in states.items() if split_ref(ref)[1] == self.project}

    def reflog(self, key: str) -> list[ReflogEntry]:
        """Every move of a key's ref, newest first; raises NotFound for an unknown key."""
        return read_reflog(self._backend, self._ref(key))

    def ops(self, *, limit: int | None = None, since: int = 0) -> Iterator[Operation]:
        """Operations of the whole store with a number above ``since``, newest first."""
        return islice(self._backend.operations(since=since), limit)

    def operation(self, number: int) -> Operation:
        """One operation; raises NotFound if there is none of that number."""
        return find_operation(self._backend, number)

    def refs(self, prefix: str = "") -> dict[RefName, SnapshotId]:
        """The refs that point at something, by whole name, e.g. under ``live/``.

        Raises:
            InvalidName: no ref can begin like that.
        """
        if prefix:
            check_label("prefix", prefix)
        states = self._backend.refs(prefix).items()
        return {ref: state.target for ref, state in states if state.target}

    def keys(self) -> list[Key]:
        """The keys of this project that have a current version."""
        return [split_ref(ref)[2] for ref, state in self._states().items() if state.target]

    def projects(self) -> list[Project]:
        """The projects that have any current version."""
        return sorted({split_ref(ref)[1] for ref in self.refs("live/")})

    def diff(self, old: str, new: str | None = None, *, context: int = 3) -> Diff:
        """What changed between two revisions; with one, between its parent and itself.

        Args:
            old, new: revisions.
            context: unchanged lines shown around changed ones.

        Raises:
            InvalidInput, NotFound, Damaged: as ``show``.
        """
        from aicas.history.diff import diff_snapshots

        after = self.show(old if new is None else new)
        before: Snapshot | None = None
        if new is not None:
            before = self.show(old)
        elif after.parent:
            before = self._reader.snapshot(after.parent)
        with self._naming_evictions(before, after):
            return diff_snapshots(before, after, self, context=context)

    def diff_parts(
        self, old: Snapshot | None, new: Snapshot | None, selector: str | None = None
    ) -> Diff:
        """What changed in the part of an input that is read; see ``partdiff.diff_parts``."""
        from aicas.validity.partdiff import diff_parts

        return diff_parts(old, new, selector, self._reader)

    def diff_views(self, old: str, new: str) -> tuple[KeyChange, ...]:
        """Which keys differ between two views, each ``PROJECT`` or ``PROJECT@{op:N}``.

        Raises:
            InvalidInput, NotFound: as ``resolve_view``.
        """
        from aicas.history.diff import diff_views

        return diff_views(self.resolve_view(old).refs, self.resolve_view(new).refs)
