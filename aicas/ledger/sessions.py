"""What one run did: the stages it made and the stages it found, in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Literal, NamedTuple

from aicas.backends.base import Backend
from aicas.errors import InvalidInput, NotFound
from aicas.ids import SnapshotId
from aicas.ledger.causes import Cause
from aicas.ledger.events import lookups
from aicas.ledger.spending import spending_of
from aicas.names import Key, Project, check_key, check_project
from aicas.objects.snapshot import Cost

How = Literal["generated", "cached", "failed"]


class Step(NamedTuple):
    """One stage as a run got it."""

    at: int
    project: Project
    key: Key
    how: How
    """``failed``: money was spent, and no snapshot came of it."""
    snapshot: SnapshotId | None
    cost: Cost | None
    """What was spent on it or, if cached, what was saved."""
    cause: Cause | None
    """Why it was generated."""


class Session(NamedTuple):
    """One run, as operations and recorded lookups tell."""

    name: str
    steps: tuple[Step, ...]
    """In the order in which they happened; a stage may occur more than once."""

    @property
    def projects(self) -> tuple[Project, ...]:
        """The projects it worked in, in order."""
        return tuple(dict.fromkeys(step.project for step in self.steps))

    def used(self, usual: Project) -> dict[Key, SnapshotId]:
        """The snapshot it got last of each stage, in one project: its only one, or ``usual``."""
        project = self.projects[0] if len(self.projects) == 1 else usual
        mine = (step for step in self.steps if step.project == project)
        return {step.key: step.snapshot for step in mine if step.snapshot}


def read_session(backend: Backend, name: str) -> Session:
    """Find what a session did. Costs one look at every operation, and at the events since then.

    Lookups are recorded only while the settings have ``analytics_enabled``; without them a
    session consists of what it generated.

    Raises:
        NotFound: nothing of a session of that name is recorded.
    """
    made = list(_made(backend, name))
    found = list(_found(backend, name))
    if not made and not found:
        raise NotFound(
            f"there is no session {name!a}", hint="'aicas log' shows the session of each version"
        )
    # Of one moment: who has looked may then make, and what was made is not looked for at once.
    return Session(name, tuple(sorted([*found, *made], key=lambda step: step.at)))


def _made(backend: Backend, name: str) -> Iterator[Step]:
    for operation in backend.operations(newest_first=False):
        if operation.session != name:
            continue
        with suppress(InvalidInput):
            spent = spending_of(operation)
            if spent is not None:
                how: How = "generated" if spent.snapshot else "failed"
                yield Step(
                    operation.at,
                    spent.project,
                    spent.key,
                    how,
                    spent.snapshot,
                    spent.cost,
                    spent.cause,
                )


def _found(backend: Backend, name: str) -> Iterator[Step]:
    for lookup in lookups(backend):
        if lookup.session == name and lookup.snapshot is not None:
            yield Step(
                lookup.at,
                check_project(lookup.project),
                check_key(lookup.key),
                "cached",
                lookup.snapshot,
                lookup.saved,
                None,
            )
