"""What the loss of a payload would orphan: what is held and was made from it, directly or not.

Made again, a payload is seldom the same, and then what was made from the lost one is not valid any
more. How much that is counts up to a limit, so a payload is looked into only as far as the limit
needs: a plan costs about as much as there are payloads, however long their chains are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from aicas.ids import ObjectId

Edges = Mapping[ObjectId, Iterable[ObjectId]]


class _Look:
    """How far one payload was looked into."""

    __slots__ = ("counted", "seen", "todo")

    def __init__(self, payload: ObjectId) -> None:
        self.todo = [payload]
        self.seen = {payload}
        self.counted = 0


class Orphans:
    """Sums over what is held and was made from each payload, kept up while some go."""

    def __init__(self, own: Mapping[ObjectId, int], made_from: Edges) -> None:
        """Begin with everything that is held.

        Args:
            own: what each payload that is held cost; the limit of what counts for it besides.
            made_from: what each payload, held or not, was made from.
        """
        self._own = own
        self._held = set(own)
        self._made_from = {payload: set(above) for payload, above in made_from.items()}
        self._made_into: dict[ObjectId, set[ObjectId]] = defaultdict(set)
        for payload, above in self._made_from.items():
            for each in above:
                self._made_into[each].add(payload)
        self._looks: dict[ObjectId, _Look] = {}
        self._counted_for: dict[ObjectId, list[ObjectId]] = defaultdict(list)
        for payload in [p for p in self._made_from if p not in self._held]:
            self._forget(payload)

    def of(self, payload: ObjectId) -> int:
        """What its loss would orphan, up to what it cost itself."""
        limit = self._own[payload]
        if not self._made_into.get(payload):
            return 0
        look = self._looks.get(payload)
        if look is None:
            look = self._looks[payload] = _Look(payload)
        if look.counted < limit:
            self._look_on(payload, look, limit)
        return min(look.counted, limit)

    def _look_on(self, payload: ObjectId, look: _Look, limit: int) -> None:
        while look.todo and look.counted < limit:
            current = look.todo.pop()
            if current in self._held and current != payload:
                look.counted += self._own[current]
                self._counted_for[current].append(payload)
            fresh = self._made_into.get(current, set()) - look.seen
            look.seen |= fresh
            look.todo += fresh

    def leave(self, payload: ObjectId) -> list[ObjectId]:
        """Note that one goes; returns those that are held and for which it counted."""
        self._held.discard(payload)
        self._looks.pop(payload, None)
        self._forget(payload)
        concerned = [i for i in self._counted_for.pop(payload, ()) if i in self._held]
        for each in concerned:
            self._looks[each].counted -= self._own[payload]
        return concerned

    def _forget(self, payload: ObjectId) -> None:
        """Leave out what is not held and has nothing below it that is."""
        todo = [payload]
        while todo:
            current = todo.pop()
            if current in self._held or self._made_into.get(current):
                continue
            for above in self._made_from.get(current, ()):
                self._made_into[above].discard(current)
                todo.append(above)
