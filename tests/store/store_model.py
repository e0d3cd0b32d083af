"""A store as plainly as it can be said: dictionaries, no files, no ids of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Ref = tuple[str, str]
"""A project and a key."""


@dataclass(frozen=True)
class Version:
    """One put: what was stored, and what it came from."""

    ref: Ref
    payload: Any
    parent: bytes | None
    inputs: tuple[tuple[str, bytes], ...]
    """Each input's name as its snapshot has it, and the version that was used."""
    at: int


@dataclass
class Operation:
    verb: str
    at: int
    changes: list[tuple[Ref, bytes | None, bytes | None]]
    undoes: int | None = None


@dataclass
class Model:
    """What a store should answer after the same calls."""

    versions: dict[bytes, Version] = field(default_factory=dict)
    """Every version that was not collected."""
    live: dict[Ref, bytes] = field(default_factory=dict)
    last: dict[Ref, bytes] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)

    def move(
        self,
        verb: str,
        at: int,
        changes: Iterable[tuple[Ref, bytes | None, bytes | None]],
        undoes: int | None = None,
    ) -> None:
        done = Operation(verb, at, list(changes), undoes)
        for ref, old, new in done.changes:
            assert self.live.get(ref) == old
            if new is None:
                del self.live[ref]
            else:
                self.live[ref] = new
            newest = new or old
            assert newest is not None
            self.last[ref] = newest
        self.operations.append(done)

    def parent_of_next(self, ref: Ref) -> bytes | None:
        last = self.last.get(ref)
        return last if last in self.versions else None

    def made_from(self, ref: Ref) -> set[Ref]:
        """The refs that the current version of a ref was made from."""
        found = set()
        for name, _ in self.versions[self.live[ref]].inputs:
            project, _, key = name.rpartition("/")
            found.add((project or ref[0], key))
        return found

    def dependents(self, ref: Ref) -> set[Ref]:
        """Directly or not; never the ref itself."""
        found: set[Ref] = set()
        todo = [ref]
        while todo:
            above = todo.pop()
            for other in self.live:
                if other not in found and above in self.made_from(other):
                    found.add(other)
                    todo.append(other)
        return found - {ref}

    def undoable(self) -> int | None:
        undone: set[int] = set()
        for number in range(len(self.operations), 0, -1):
            done = self.operations[number - 1]
            if number in undone:
                continue
            if done.undoes is not None:
                undone.add(done.undoes)
            elif done.changes:
                return number
        return None

    def undo_problem(self, number: int) -> str | None:
        done = self.operations[number - 1]
        if not done.changes:
            return "InvalidInput"
        for ref, _, new in done.changes:
            if self.live.get(ref) != new:
                return "Conflict"
        if any(old is not None and old not in self.versions for _, old, _ in done.changes):
            return "Vanished"
        return None

    def undo(self, number: int, at: int) -> None:
        back = [(ref, new, old) for ref, old, new in self.operations[number - 1].changes]
        self.move("undo", at, back, undoes=number)

    def history(self, ref: Ref) -> list[bytes]:
        """The versions a ref came through, newest first."""
        found, chain = self.last[ref], []
        while found in self.versions:
            chain.append(found)
            parent = self.versions[found].parent
            if parent is None:
                break
            found = parent
        return chain

    def moves(self, ref: Ref) -> list[tuple[int, bytes | None, bytes | None]]:
        return [
            (number, old, new)
            for number, done in reversed(list(enumerate(self.operations, 1)))
            for moved, old, new in done.changes
            if moved == ref
        ]

    def collect(self, now: int, grace: int, retention: int) -> None:
        """Forget what a collection may forget."""
        roots = set(self.live.values())
        recent = False
        for done in self.operations:
            recent = recent or done.at >= now - retention
            if recent:
                roots.update(i for _, old, new in done.changes for i in (old, new) if i)
        roots.update(i for i, version in self.versions.items() if version.at >= now - grace)
        todo, kept = [i for i in roots if i in self.versions], set[bytes]()
        while todo:
            found = todo.pop()
            if found not in kept:
                kept.add(found)
                version = self.versions[found]
                todo += [used for _, used in version.inputs]
                todo += [version.parent] if version.parent else []
        self.versions = {i: version for i, version in self.versions.items() if i in kept}
