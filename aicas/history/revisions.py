"""Naming a snapshot: keys, ids, ancestors, and where a ref stood at some time.

REVISION = BASE SUFFIX*
BASE     = KEY | PROJECT/KEY | a unique prefix (4 digits or more) of a snapshot's id
         | the whole name of a ref: quarantine/PROJECT/KEY, samples/PROJECT/KEY=N
SUFFIX   = ~N      the N-th parent
         | @{N}    where the ref stood N moves ago
         | @{WHEN} where it stood then: a date, a time, "3 days ago"
         | @{op:N} where it stood after operation N
VIEW     = PROJECT[@{op:N}]     all refs of a project, now or after operation N
"""

from __future__ import annotations

import re
from typing import NamedTuple

from aicas.backends.base import Backend, RefMove
from aicas.clock import format_time
from aicas.errors import AicasError, InvalidInput, InvalidName, NotFound
from aicas.history.edges import input_ref
from aicas.history.evicted import is_standstill
from aicas.ids import Kind, SnapshotId
from aicas.names import (
    Key,
    Project,
    RefName,
    check_project,
    check_ref,
    quarantine_ref,
    split_ref,
)
from aicas.objects.reader import ObjectReader

# Patterns as text: re compiles and keeps them at first use, which a listing has none of.
_SUFFIX = r"~([0-9]{0,9})|@\{([^{}]*)\}"
_REVISION = r"([^~@{}]+)((?:~[0-9]{0,9}|@\{[^{}]*\})*)"
_ID_PREFIX = r"[0-9a-f]{4,64}"
_OPERATION = r"op:([0-9]{1,18})"
_AMBIGUOUS_SHOWN = 5


class ProjectView(NamedTuple):
    """The live refs of a project after some operation."""

    project: Project
    number: int
    refs: dict[Key, SnapshotId]


class Resolver:
    """Turns revision text into snapshots of one store, as seen from one project."""

    def __init__(self, backend: Backend, reader: ObjectReader, project: Project, now: int) -> None:
        self._backend = backend
        self._reader = reader
        self._project = project
        self._now = now

    def snapshot_id(self, text: str) -> SnapshotId:
        """The snapshot a revision names.

        Raises:
            InvalidInput: not a revision, or an ambiguous id prefix.
            NotFound: nothing of that name, with near names.
        """
        match = re.fullmatch(_REVISION, text)
        if not match:
            raise InvalidInput(
                f"{text[:80]!a} is not a revision",
                hint="write KEY, PROJECT/KEY, an id, KEY~2, KEY@{1} or KEY@{3 days ago}",
            )
        base, suffixes = match[1], list(re.finditer(_SUFFIX, match[2]))
        return self._follow(base, suffixes)

    def _follow(self, base: str, suffixes: list[re.Match[str]]) -> SnapshotId:
        ref = self.ref_of(base) or self._whole_ref(base)
        if ref is None:
            found = self._by_prefix(base)
        elif suffixes and suffixes[0][2] is not None:
            found = self._at(ref, base, suffixes.pop(0)[2])
        else:
            found = self._current(ref, base)
        for suffix in suffixes:
            if suffix[2] is not None:
                raise InvalidInput(f"@{{{suffix[2]}}} must follow a key directly")
            found = self._ancestor(found, base, int(suffix[1] or 1))
        return found

    def ref_of(self, base: str) -> RefName | None:
        """The ref a key or PROJECT/KEY names, if any operation ever moved it."""
        try:
            ref = input_ref(self._project, base)
        except InvalidName:
            return None
        return ref if self._backend.ref(ref) else None

    def stage_of(self, base: str) -> RefName | None:
        """The live ref a key or PROJECT/KEY names, if anything was ever stored or put aside."""
        try:
            ref = input_ref(self._project, base)
        except InvalidName:
            return None
        return ref if self._backend.ref(ref) or self._backend.ref(_aside(ref)) else None

    def _whole_ref(self, base: str) -> RefName | None:
        try:
            ref = check_ref(base)
        except InvalidName:
            return None
        return ref if self._backend.ref(ref) else None

    def _current(self, ref: RefName, base: str) -> SnapshotId:
        state = self._backend.ref(ref)
        if state is None:
            raise self.unknown(base)
        if state.target is None:
            raise NotFound(
                f"{base} has no current version: {self._departure(state.number)}",
                hint=f"{base}@{{1}} is what it was; 'aicas undo {state.number}' reverts that",
            )
        return state.target

    def _departure(self, number: int) -> str:
        operation = self._backend.operation(number)
        if operation is None:
            return f"moved away by operation {number}"
        why = f", because: {operation.reason}" if operation.reason else ""
        return f"{operation.verb} by operation {number} at {format_time(operation.at)}{why}"

    def _at(self, ref: RefName, base: str, inside: str) -> SnapshotId:
        moves = self._backend.reflog(ref)
        by_operation = re.fullmatch(_OPERATION, inside)
        if inside.isascii() and inside.isdigit() and len(inside) < 10:
            found = _stood([m for m in moves if not is_standstill(m)], int(inside))
        elif by_operation:
            number = self._known(int(by_operation[1]))
            found = next((move.new for move in moves if move.number <= number), None)
        else:
            from aicas.history.when import parse_when

            found = self._at_time(moves, parse_when(inside, self._now))
        if found is None:
            raise NotFound(f"{base} pointed at nothing at @{{{inside}}}")
        return found

    def _known(self, number: int) -> int:
        last = self._backend.last_number()
        if number > last:
            raise NotFound(f"there is no operation {number}; the newest is {last}")
        return number

    def _at_time(self, moves: list[RefMove], when: int) -> SnapshotId | None:
        for move in moves:
            operation = self._backend.operation(move.number)
            if operation and operation.at <= when:
                return move.new
        # Imported history is older than the operations that brought it in.
        found = moves[-1].new
        while found and self._reader.snapshot(found).created_at > when:
            found = self._reader.snapshot(found).parent
        return found

    def _ancestor(self, start: SnapshotId, base: str, steps: int) -> SnapshotId:
        found = start
        for step in range(steps):
            parent = self._reader.snapshot(found).parent
            if parent is None:
                raise NotFound(f"{base} has only {step} earlier versions, not {steps}")
            found = parent
        return found

    def _by_prefix(self, base: str) -> SnapshotId:
        if not re.fullmatch(_ID_PREFIX, base):
            raise self.unknown(base)
        found = self._backend.find(base, 100)
        snapshots = [SnapshotId(i) for i in found if i.kind == Kind.SNAPSHOT]
        if len(snapshots) > 1:
            shown = ", ".join(i.short for i in snapshots[:_AMBIGUOUS_SHOWN])
            raise InvalidInput(f"id prefix {base} is ambiguous: {shown}")
        if snapshots:
            return snapshots[0]
        if found:
            raise InvalidInput(
                f"{base} is the id of a {found[0].kind.name.lower()}, not a snapshot"
            )
        raise self.unknown(base)

    def unknown(self, base: str) -> AicasError:
        """The error to raise for a key that is not there, with near names."""
        try:
            ref = input_ref(self._project, base)
        except InvalidName as error:
            return error
        _, owner, name = split_ref(ref)
        aside = self._backend.ref(_aside(ref))
        if aside is not None and aside.target:
            return NotFound(
                f"{base} has no current version: what it produced is in quarantine",
                hint=f"{_aside(ref)} is what was put aside; 'aicas promote {base}' takes it out",
            )
        near = self._near(base, owner)
        return NotFound(f"there is no {name!r} in project {owner}", near=near)

    def _near(self, base: str, owner: Project) -> list[str]:
        from difflib import get_close_matches

        names = [split_ref(ref)[1:] for ref in self._backend.refs("live/")]
        offered = {(key if p == self._project else f"{p}/{key}") for p, key in names}
        _, _, name = base.rpartition("/")
        same_key = [f"{p}/{key}" for p, key in names if key == name and p != owner]
        return (get_close_matches(base, offered, n=3, cutoff=0.5) or same_key)[:3]

    def view(self, text: str) -> ProjectView:
        """The refs of ``PROJECT`` or ``PROJECT@{op:N}``.

        Raises:
            InvalidInput: not of that form.
            NotFound: no such project, or no such operation.
        """
        match = re.fullmatch(r"([^~@{}]+)(?:@\{op:([0-9]{1,18})\})?", text)
        if not match:
            raise InvalidInput(f"{text[:80]!a} is not PROJECT or PROJECT@{{op:N}}")
        project = check_project(match[1])
        number = self._known(int(match[2])) if match[2] else self._backend.last_number()
        return ProjectView(project, number, self._refs_after(project, number))

    def _refs_after(self, project: Project, number: int) -> dict[Key, SnapshotId]:
        states = self._backend.refs(f"live/{project}/")
        mine = {ref: s for ref, s in states.items() if split_ref(ref)[1] == project}
        if not mine:
            projects = {split_ref(ref)[1] for ref in self._backend.refs("live/")}
            raise NotFound(f"there is no project {project!r}", near=sorted(projects)[:3])
        found = {}
        for ref, state in mine.items():
            target = state.target
            if state.number > number:
                moves = self._backend.reflog(ref)
                target = next((move.new for move in moves if move.number <= number), None)
            if target:
                found[split_ref(ref)[2]] = target
        return found


def _aside(ref: RefName) -> RefName:
    _, project, key = split_ref(ref)
    return quarantine_ref(project, key)


def _stood(moves: list[RefMove], steps: int) -> SnapshotId | None:
    if steps < len(moves):
        return moves[steps].new
    return moves[-1].old if steps == len(moves) else None
