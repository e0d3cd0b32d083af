"""Recorded pipelines become history: one snapshot per record, linked as recorded.

The file is read twice. The first reading checks everything, so that a bad record anywhere leaves
the store as it was; the second writes. Each record is one put of a batch, so an import that was
cut short goes on where it stopped when it is started again, and one that is complete adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aicas.errors import InvalidInput
from aicas.ids import SnapshotId
from aicas.names import Key, Project, TreePath, check_project
from aicas.objects.files import Files
from aicas.store import Store
from aicas.store.batch import Batch
from aicas.transfer.drafts import DIGEST, Draft, draft
from aicas.transfer.records import Record, read_records
from aicas.transfer.replayer import Replayed, Replayer
from aicas.transfer.survey import MAX_CONTENT, hollow, weight_of
from aicas.validity.inputs import Use

Progress = Callable[[int, int], object]
"""Called with the records done and how many there are."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import of records did."""

    records: int
    added: int
    """Records that became snapshots."""
    known: int
    """Records that were in the store already."""
    projects: tuple[Project, ...]
    """Where they are, in the order of the file."""


def import_records(
    store: Store,
    path: str | Path,
    *,
    project: str | None = None,
    progress: Progress | None = None,
) -> ImportResult:
    """Import every record of a ``.jsonl`` or ``.jsonl.zst`` file of recorded stage artifacts.

    Versions of a stage follow one another, deltas become whole trees, dependencies are linked at
    the versions recorded, recorded times are kept and nothing expires. Where a source recorded no
    time the snapshot has the time of the import, and ``time_recorded`` in its ``meta`` is false.

    Args:
        store: where to.
        path: the file.
        project: in place of the project the records name; for a file of one project.
        progress: see ``Progress``.

    Raises:
        NotFound: there is no such file.
        InvalidInput: see ``read_records`` and ``Replayer``; a field no snapshot may hold; over
            ``MAX_CONTENT``; ``project`` given for several. Nothing was written.
        Conflict, StorageFailed: see ``Store.put``. Records before it stay imported.
    """
    path = Path(path)
    wanted = None if project is None else check_project(project)
    total, projects = _check(path)
    if wanted is not None and len(projects) > 1:
        raise InvalidInput(
            f"{str(path)!a} holds {len(projects)} projects, which cannot all become {wanted}",
            hint="import it without naming a project",
        )
    targets = {found: wanted or found for found in projects}
    known = {found: _imported(store.at_project(target)) for found, target in targets.items()}
    added = 0
    with store.batch() as batch:
        importer = _Importer(batch, targets, known, f"imported from {path.name!a}")
        for done, step in enumerate(_replayed(path), start=1):
            added += importer.add(step)
            if progress is not None:
                progress(done, total)
    return ImportResult(total, added, total - added, tuple(targets.values()))


@dataclass(frozen=True, slots=True)
class _Step:
    record: Record
    replayed: Replayed
    draft: Draft


def _replayed(path: Path, simplify: Callable[[Record], Record] | None = None) -> Iterator[_Step]:
    replayer = Replayer()
    held: dict[tuple[Project, Key], frozenset[TreePath]] = {}
    for record in read_records(path):
        here = (record.project, record.stage_key)
        before = held.get(here, frozenset())
        unheld = tuple(sorted(set(record.payload.deleted) - before))
        replayed = replayer.replay(simplify(record) if simplify else record)
        files = () if isinstance(replayed.payload, str) else replayed.payload
        held[here] = frozenset([*files, *replayed.omitted])
        try:
            yield _Step(record, replayed, draft(record, replayed, unheld))
        except InvalidInput as error:
            raise InvalidInput(f"line {record.line} of {str(path)!a}: {error}") from error


def _check(path: Path) -> tuple[int, list[Project]]:
    """How many records there are, and of which projects, if all can be imported."""
    projects: dict[Project, None] = {}
    total = weight = 0
    for step in _replayed(path, hollow):
        total += 1
        projects[step.record.project] = None
        weight += weight_of(step.record)
        if weight > MAX_CONTENT:
            raise InvalidInput(f"{str(path)!a} holds over {MAX_CONTENT >> 30} GiB of content")
    return total, list(projects)


class _Importer:
    """Puts records into a batch, each at most once."""

    def __init__(
        self,
        batch: Batch,
        targets: Mapping[Project, Project],
        known: Mapping[Project, Mapping[str, SnapshotId]],
        reason: str,
    ) -> None:
        self._batches = {found: batch.at_project(target) for found, target in targets.items()}
        self._reason = reason
        self._known = known
        self._versions: dict[tuple[Project, Key, int], SnapshotId] = {}

    def add(self, step: _Step) -> bool:
        """Put one record, unless the store has it; whether it was put."""
        record = step.record
        found = self._known[record.project].get(step.draft.meta[DIGEST])
        here = (record.project, record.stage_key, record.version)
        self._versions[here] = found or self._put(step)
        return found is None

    def _put(self, step: _Step) -> SnapshotId:
        record, payload = step.record, step.replayed.payload
        snapshot = self._batches[record.project].put(
            record.stage_key,
            payload if isinstance(payload, str) else Files(dict(payload.items())),
            inputs=[
                Use(key, str(self._versions[record.project, key, version]))
                for key, version in record.deps
            ],
            recipe=step.draft.recipe,
            meta=step.draft.meta,
            cost=step.draft.cost,
            created_at=step.draft.created_at,
            expires_in_hours=0,
            reason=self._reason,
        )
        return snapshot.id


def _imported(store: Store) -> dict[str, SnapshotId]:
    """The snapshots of a project that were imported before, by what identifies their record."""
    identified = ((entry.snapshot.meta.get(DIGEST), entry.snapshot.id) for entry in store.log())
    return {digest: found for digest, found in identified if isinstance(digest, str)}
