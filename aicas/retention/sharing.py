"""Which objects payloads share: what dropping one of them would really free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from aicas.errors import Damaged, NotFound
from aicas.ids import Kind, ObjectId, TreeId
from aicas.objects.tree import Tree


class Dropped(NamedTuple):
    """What became of dropping a payload."""

    objects: frozenset[ObjectId]
    """What nothing holds any more."""
    sole: frozenset[ObjectId]
    """Payloads that are the only ones left to hold something they shared with it."""


class Sharing:
    """Payloads and the objects below them, each with the number of those that hold it.

    Objects form no circles, so an object is held as long as its number is not zero. It does not
    matter how large what payloads have in common is: it is entered once.
    """

    def __init__(self, read_tree: Callable[[TreeId], Tree]) -> None:
        """Begin with no payload.

        Args:
            read_tree: may raise ``NotFound`` or ``Damaged``.
        """
        self._read_tree = read_tree
        self._roots: set[ObjectId] = set()
        self._holders: Counter[ObjectId] = Counter()
        self._below: dict[ObjectId, frozenset[ObjectId]] = {}
        self._above: dict[ObjectId, set[ObjectId]] = {}

    @property
    def objects(self) -> Iterable[ObjectId]:
        """Everything below the payloads, themselves included, whether the store holds it or not."""
        return self._holders.keys()

    def add(self, payload: ObjectId) -> None:
        """Enter a payload with everything below it.

        Raises:
            NotFound, Damaged: a tree of it cannot be read. All else of it is entered.
        """
        if payload in self._roots:
            return
        problem: NotFound | Damaged | None = None
        self._roots.add(payload)
        self._holders[payload] += 1
        todo = [payload]
        while todo:
            tree = todo.pop()
            if tree.kind != Kind.TREE or tree in self._below:
                continue
            try:
                entries = self._read_tree(TreeId(tree)).values()
            except (NotFound, Damaged) as error:
                problem = problem or error
                continue
            self._below[tree] = frozenset(entry.id for entry in entries)
            for object_id in self._below[tree]:
                self._holders[object_id] += 1
                self._above.setdefault(object_id, set()).add(tree)
                todo.append(object_id)
        if problem is not None:
            raise problem

    def only_in(self, payload: ObjectId) -> frozenset[ObjectId]:
        """The objects that nothing but this payload holds."""
        return frozenset(self._released(payload)[1])

    def drop(self, payload: ObjectId) -> Dropped:
        """Take a payload out."""
        let_go, gone = self._released(payload)
        self._roots.discard(payload)
        self._holders.subtract(let_go)
        for object_id in gone:
            for below in self._below.get(object_id, ()):
                self._above[below].discard(object_id)
        kept = let_go.keys() - gone
        sole = {root for root in map(self._sole_root, kept) if root is not None}
        return Dropped(frozenset(gone), frozenset(sole))

    def _released(self, payload: ObjectId) -> tuple[Counter[ObjectId], set[ObjectId]]:
        """How often each object would be let go, and which would not be held any more."""
        let_go: Counter[ObjectId] = Counter()
        gone: set[ObjectId] = set()
        todo = [payload]
        while todo:
            object_id = todo.pop()
            let_go[object_id] += 1
            if let_go[object_id] == self._holders[object_id]:
                gone.add(object_id)
                todo += self._below.get(object_id, ())
        return let_go, gone

    def _sole_root(self, object_id: ObjectId) -> ObjectId | None:
        """The payload an object belongs to, if it is only one."""
        first_two = list(islice(self.roots_above([object_id]), 2))
        return first_two[0] if len(first_two) == 1 else None

    def roots_above(self, objects: Iterable[ObjectId]) -> Iterator[ObjectId]:
        """The payloads that some objects belong to; one by one, for few are ever looked at."""
        seen: set[ObjectId] = set()
        levels = [iter(objects)]
        while levels:
            object_id = next(levels[-1], None)
            if object_id is None:
                levels.pop()
            elif object_id not in seen:
                seen.add(object_id)
                if object_id in self._roots:
                    yield object_id
                levels.append(iter(self._above.get(object_id, ())))
