"""What a store is told to hold on to: pins, and versions that rules keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aicas.errors import InvalidInput, NotFound
from aicas.names import Key, RefName, check_key, pin_ref, split_ref
from aicas.store.accounts import StoreAccounts

if TYPE_CHECKING:
    from aicas.backends.operation import Operation
    from aicas.objects.snapshot import Snapshot
    from aicas.retention.keeping import Judged


class Pin(NamedTuple):
    """A version that stays, whatever it is worth, until it is unpinned."""

    name: Key
    ref: RefName
    snapshot: Snapshot
    number: int
    """The operation that pinned it."""


class StoreKeeping(StoreAccounts):
    """The part of a ``Store`` that says what must not go."""

    def pins(self) -> list[Pin]:
        """The pins of the project, by name.

        Raises:
            Damaged: a pinned snapshot cannot be read.
        """
        return [
            Pin(split_ref(ref)[2], ref, self._reader.snapshot(state.target), state.number)
            for ref, state in self._backend.refs(f"pins/{self.project}/").items()
            if state.target and split_ref(ref)[1] == self.project
        ]

    def pin(self, revision: str, name: str | None = None, reason: str | None = None) -> Operation:
        """Keep a version: no collection and no eviction takes it, whatever becomes of its key.

        What it was made from stays on record; what that held may be evicted, if it is not pinned.
        ``pins/PROJECT/NAME`` is a revision then.

        Args:
            revision: what to pin.
            name: of the pin, in this project; ``None`` for the key of what it pins.
            reason: recorded.

        Raises:
            InvalidInput: a pin has that name already.
            NotFound: there is no such revision, or what it held was evicted.
            Conflict: another pinned something by that name at the same moment.
        """
        from aicas.history.publish import Account

        snapshot = self.show(revision)
        self.check_not_evicted(snapshot)
        ref = pin_ref(self.project, check_key(snapshot.key if name is None else name))
        state = self._backend.ref(ref)
        if state and state.target:
            chosen = split_ref(ref)[2]
            what = "that already" if state.target == snapshot.id else "another version"
            raise InvalidInput(
                f"the pin {chosen} holds {what}",
                hint=f"give this one a name, or 'aicas unpin {chosen}' first",
            )
        change = self._publisher.change(ref, None, snapshot.id)
        return self._publisher.move([change], Account("pin", reason))

    def unpin(self, name: str, reason: str | None = None) -> Operation:
        """Let go of what a pin of this project holds; ``undo`` pins it again.

        Raises:
            NotFound: there is no such pin; near names are suggested.
            Conflict: another moved it at the same moment.
        """
        from difflib import get_close_matches

        from aicas.backends.operation import RefChange
        from aicas.history.publish import Account

        ref = pin_ref(self.project, check_key(name))
        state = self._backend.ref(ref)
        if state is None or state.target is None:
            near = get_close_matches(name, [pin.name for pin in self.pins()], n=3)
            raise NotFound(f"there is no pin {name}", near=near)
        return self._publisher.move([RefChange(ref, state.target, None)], Account("unpin", reason))

    def retention(self) -> list[Judged]:
        """The keys of every project that the setting ``retention`` has a rule for, by name.

        Each with its versions, and what keeps them. Nothing is read but the log.
        """
        from aicas.retention.keeping import judge

        return list(judge(self._backend, self.config.keep_rules))
