"""Which versions of a key its rules keep, beyond what can be undone and however little they earn.

A version is what an operation made current; its age counts from then. As with restic, the newest
so many are kept, and those within a span before the newest one, so that a project which rests for
a year keeps what it had. A version stays if any rule that fits its key keeps it. What no rule
keeps is not deleted for that: it is history like that of a key without rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import translate
from typing import NamedTuple

from aicas.backends.base import Backend
from aicas.config import KeepRule
from aicas.history.evicted import is_standstill
from aicas.ids import SnapshotId
from aicas.names import RefName, split_ref

KEEP_LAST = "keep_last"
KEEP_WITHIN = "keep_within"


class Version(NamedTuple):
    """One version of a key."""

    snapshot: SnapshotId
    number: int
    """The operation that made it current last."""
    at: int | None
    """When; ``None`` where the record of that was lost to damage."""
    kept_by: tuple[str, ...]
    """What keeps it, as it is set: ``phase-*: keep_last = 3``. Empty if nothing does."""


class Judged(NamedTuple):
    """A key that rules are for."""

    ref: RefName
    versions: tuple[Version, ...]
    """The newest first."""


def judge(backend: Backend, rules: Sequence[KeepRule]) -> Iterator[Judged]:
    """Every key of any project that a rule fits, invalidated ones too, by name."""
    for ref, fitting in _fitted(backend, rules):
        yield Judged(ref, tuple(_versions(backend, ref, fitting)))


def kept(backend: Backend, rules: Sequence[KeepRule]) -> Iterator[tuple[SnapshotId, str]]:
    """Every version that some rule keeps, and the first that does."""
    for ref, fitting in _fitted(backend, rules):
        by_time = any(rule.keep_within for rule in fitting)
        for version in _versions(backend, ref, fitting):
            if version.kept_by:
                yield version.snapshot, version.kept_by[0]
            elif not by_time:
                break  # by number alone, no older one is kept; by time, a clock may have been wrong


def _fitted(
    backend: Backend, rules: Sequence[KeepRule]
) -> Iterator[tuple[RefName, list[KeepRule]]]:
    patterns = [(re.compile(translate(rule.pattern)), rule) for rule in rules]
    for ref in backend.refs("live/") if rules else ():
        _, project, key = split_ref(ref)
        whole = f"{project}/{key}"
        fitting = [
            rule
            for pattern, rule in patterns
            if pattern.match(whole if "/" in rule.pattern else key)
        ]
        if fitting:
            yield ref, fitting


def _versions(backend: Backend, ref: RefName, rules: Sequence[KeepRule]) -> Iterator[Version]:
    seen: set[SnapshotId] = set()
    newest: int | None = None
    for move in backend.reflog(ref):
        if move.new is None or is_standstill(move) or move.new in seen:
            continue
        operation = backend.operation(move.number)
        at = operation.at if operation else None
        newest = at if newest is None else newest
        age = None if newest is None or at is None else newest - at
        yield Version(move.new, move.number, at, tuple(_kept_by(rules, len(seen), age)))
        seen.add(move.new)


def _kept_by(rules: Sequence[KeepRule], newer: int, age: int | None) -> Iterator[str]:
    """What keeps a version with so many newer ones, so much younger; unknown ages are kept."""
    for rule in rules:
        if rule.keep_last is not None and newer < rule.keep_last:
            yield f"{rule.pattern}: {KEEP_LAST} = {rule.keep_last}"
        if rule.span_us is not None and (age is None or age <= rule.span_us):
            yield f"{rule.pattern}: {KEEP_WITHIN} = {rule.keep_within}"
