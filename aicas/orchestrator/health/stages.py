"""The stages of a project: do their inputs stand, have they expired, did their validation fail?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter

from aicas import StageStatus, Store
from aicas.orchestrator.health.findings import Area, Finding, some
from aicas.orchestrator.lines import Lines

HOUR = 3_600_000_000
_OF_INPUTS = frozenset({"input_changed", "selector_unmatched"})


class StageHealth:
    """Examines the stages of one project, as they stand at one moment."""

    def __init__(self, store: Store, lines: Lines, now: int, soon_hours: float) -> None:
        """Judge all stages.

        Args:
            store: seen from the project.
            lines: makes the remedies, for this project.
            now: the time, in microseconds since 1970 UTC.
            soon_hours: what expires within them does so soon.
        """
        self._store = store
        self._project: str = store.project
        self._lines = lines
        self._now = now
        self._soon_hours = soon_hours
        live = set(self._keys("live"))
        self._stages: dict[str, StageStatus] = {
            stage.key: stage for stage in store.status() if stage.key in live
        }
        self._edges: dict[str, tuple[str, ...]] = {
            key: tuple(name for name in stage.snapshot.dependencies if name in self._stages)
            for key, stage in self._stages.items()
            if stage.snapshot
        }

    @property
    def count(self) -> int:
        """How many stages have a current version."""
        return len(self._stages)

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong with them."""
        yield from self._dependency_findings()
        yield from self._cycles()
        yield from self._expiry_findings()
        yield from self._quarantine_findings()

    def _dependency_findings(self) -> Iterator[Finding]:
        """The inputs of every stage exist, and are, in the part it read, what it was made from.

        Stages made from one that is reported are not: they leave together with it.
        """
        stale = {key: reasons for key in self._stages if (reasons := self._changes(key))}
        below = self._below(stale)
        for key, reasons in stale.items():
            if key not in below:
                what = f"{key}: {'; '.join(reasons)}"
                yield self._finding("dependencies", what, self._leaving(key), key)

    def _changes(self, key: str) -> list[str]:
        """How the inputs of a stage are not what it was made from."""
        return [str(each) for each in self._stages[key].reasons if each.code in _OF_INPUTS]

    def _below(self, keys: Iterable[str]) -> set[str]:
        """The stages made from these, directly or not."""
        users = defaultdict(list)
        for key, inputs in self._edges.items():
            for name in inputs:
                users[name].append(key)
        found, todo = set[str](), list(keys)
        while todo:
            for user in users[todo.pop()]:
                if user not in found:
                    found.add(user)
                    todo.append(user)
        return found

    def _cycles(self) -> Iterator[Finding]:
        try:
            TopologicalSorter(self._edges).prepare()
        except CycleError as error:
            circle: list[str] = error.args[1]
            what = f"made from one another in a circle: {' -> '.join(reversed(circle))}"
            first, *others = dict.fromkeys(circle)
            yield self._finding("dependencies", what, self._leaving(first), first, *others)

    def _expiry_findings(self) -> Iterator[Finding]:
        times = {
            key: stage.snapshot.expiry_time
            for key, stage in self._stages.items()
            if stage.snapshot and stage.snapshot.expiry_time is not None
        }
        over = tuple(key for key, time in times.items() if time <= self._now)
        if over:
            what = f"expired, and still held as current: {some(over)}"
            remedy = Lines(self._lines.store).of_aicas("maintain")
            yield self._finding("expiry", what, remedy, *over)
        limit = self._now + int(self._soon_hours * HOUR)
        soon = tuple(key for key, time in times.items() if self._now < time <= limit)
        if soon:
            what = f"will expire within {self._soon_hours:g} hours: {some(soon)}"
            yield Finding("expiry", what, None, "note", self._project, soon)

    def _quarantine_findings(self) -> Iterator[Finding]:
        for key in self._keys("quarantine"):
            what = f"{key}: its newest output did not pass its validation and is not served"
            words = ("promote", key, "--reason", "looked at, and good")
            yield self._finding("quarantine", what, self._lines.of_aicas(*words), key)

    def _keys(self, space: str) -> Iterator[str]:
        """The keys that point at something in this project, and in none below it."""
        prefix = f"{space}/{self._project}/"
        keys = (ref.removeprefix(prefix) for ref in self._store.refs(prefix))
        return (key for key in keys if "/" not in key)

    def _finding(self, area: Area, what: str, remedy: str, *keys: str) -> Finding:
        return Finding(area, what, remedy, project=self._project, keys=keys)

    def _leaving(self, key: str) -> str:
        return self._lines.of_orchestrator("invalidate-cache", key, "--confirm")
