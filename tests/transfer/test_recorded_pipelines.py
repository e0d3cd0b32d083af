"""Real recordings become real history: the sample in the repository, and all of it if present."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transfer_world import (
    NAMES,
    SAMPLES,
    WHOLE,
    expected_git_tree,
    git,
    git_tree,
    raw_records,
    whole_trees,
)

import aicas
from aicas.clock import parse_iso
from aicas.transfer.git.exporting import export_git
from aicas.transfer.importing import import_records
from aicas.transfer.seed.reading import import_seed
from aicas.transfer.seed.writing import export_seed

SETS = {
    "sample": [SAMPLES / f"{name}_sample.jsonl.zst" for name in NAMES],
    "whole": [WHOLE / f"{name}_projects.jsonl.zst" for name in NAMES],
}


class Imported:
    """A store with recordings in it, and what the recordings say."""

    def __init__(self, store: aicas.Store, paths: list[Path]) -> None:
        self.store = store
        self.paths = paths
        self.records = [record for path in paths for record in raw_records(path)]
        self.results = [import_records(store, path) for path in paths]

    def versions(self) -> Iterator[tuple[dict[str, Any], dict[str, bytes], aicas.Snapshot]]:
        """Each record, its whole tree, and the snapshot that stands at its place in the log."""
        logs: dict[tuple[str, str], list[aicas.Snapshot]] = {}
        for record, tree in whole_trees(self.records):
            project, key = record["project"], record["stage_key"]
            if (project, key) not in logs:
                log = [found.snapshot for found in self.store.at_project(project).log(key)]
                logs[project, key] = log[::-1]
            yield record, tree, logs[project, key][record["version"] - 1]


@pytest.fixture(scope="module", params=SETS)
def imported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Imported]:
    paths = SETS[request.param]
    if not all(path.exists() for path in paths):
        pytest.skip("the recorded pipelines are not here")
    with aicas.open(tmp_path_factory.mktemp("recorded") / "store") as store:
        yield Imported(store, paths)


def test_every_version_reads_back_equal_to_its_record(imported: Imported) -> None:
    for record, tree, snapshot in imported.versions():
        assert imported.store.payload(snapshot) == tree, (record["project"], record["seq"])


def test_every_record_is_one_snapshot_and_the_log_lists_them_in_order(imported: Imported) -> None:
    assert sum(result.added for result in imported.results) == len(imported.records)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for record, _, snapshot in imported.versions():
        counts[record["project"], record["stage_key"]] += 1
        assert snapshot.key == record["stage_key"]
        assert snapshot.meta["version"] == record["version"]
        assert snapshot.meta["seq"] == record["seq"]
    for (project, key), count in counts.items():
        entries = list(imported.store.at_project(project).log(key))
        assert len(entries) == count
        assert [found.is_current for found in entries] == [True] + [False] * (count - 1)
        assert [found.snapshot.parent for found in entries[:-1]] == [
            found.snapshot.id for found in entries[1:]
        ]


def test_dependencies_are_linked_at_the_versions_recorded(imported: Imported) -> None:
    ids = {
        (record["project"], record["stage_key"], record["version"]): snapshot.id
        for record, _, snapshot in imported.versions()
    }
    for record, _, snapshot in imported.versions():
        assert {used.key: used.snapshot for used in snapshot.inputs} == {
            key: ids[record["project"], key, record["dep_versions"][key]] for key in record["deps"]
        }


def test_what_was_recorded_is_kept_and_nothing_is_invented(imported: Imported) -> None:
    for record, _, snapshot in imported.versions():
        recorded = record["ended_at"] or record["started_at"]
        assert snapshot.meta["time_recorded"] is (recorded is not None)
        if recorded is not None:
            assert snapshot.created_at == parse_iso(recorded)
        assert snapshot.cost is None
        assert snapshot.expiry_time is None
        for field in ("source", "source_phase", "mapping", "commit_subject"):
            assert snapshot.meta.get(field) == record.get(field)
        assert snapshot.recipe == ({"agent": record["agent"]} if record["agent"] else {})


def test_a_diff_of_consecutive_versions_names_exactly_what_changed(imported: Imported) -> None:
    before: dict[tuple[str, str], tuple[dict[str, bytes], aicas.Snapshot]] = {}
    for record, tree, snapshot in imported.versions():
        here = (record["project"], record["stage_key"])
        if here in before:
            old, parent = before[here]
            diff = imported.store.diff(str(parent.id), str(snapshot.id))
            named = {change.path for change, _ in diff.files}
            named |= {change.old_path for change, _ in diff.files if change.old_path}
            changed = {path for path in old.keys() | tree.keys() if old.get(path) != tree.get(path)}
            assert named == changed
        before[here] = tree, snapshot


def test_deleted_paths_that_lie_elsewhere_are_not_lost(imported: Imported) -> None:
    before: dict[tuple[str, str], dict[str, bytes]] = {}
    for record, tree, snapshot in imported.versions():
        here = (record["project"], record["stage_key"])
        held = before.get(here, {})
        unheld = sorted(set(record["payload"].get("deleted", [])) - held.keys())
        assert snapshot.meta.get("deleted_not_held", []) == unheld
        before[here] = tree


def test_the_store_is_clean(imported: Imported) -> None:
    assert imported.store.verify().damage == ()


def test_importing_again_adds_nothing(imported: Imported) -> None:
    last = next(imported.store.ops(limit=1)).number
    for path, first in zip(imported.paths, imported.results, strict=True):
        again = import_records(imported.store, path)
        assert (again.added, again.known) == (0, first.records)
    assert next(imported.store.ops(limit=1)).number == last


def test_git_holds_the_same_history(imported: Imported, tmp_path: Path) -> None:
    for number, project in enumerate(imported.store.projects()):
        view = imported.store.at_project(project)
        repository = tmp_path / str(number)
        result = export_git(imported.store, repository, project)
        assert git(repository, "fsck", "--strict") == ""
        count = sum(record["project"] == project for record in imported.records)
        assert result.snapshots == result.commits == count
        assert git_tree(repository) == expected_git_tree(view)
        assert git(repository, "status", "--porcelain") == ""
        shown = git(repository, "log", "--reverse", "--format=%(trailers:key=Aicas-Snapshot)")
        logged = [str(found.snapshot.id) for found in view.log()]
        assert shown.replace("Aicas-Snapshot: ", "").split() == logged[::-1]


def test_the_cache_folder_brings_the_current_versions_over(
    imported: Imported, tmp_path: Path
) -> None:
    for number, project in enumerate(imported.store.projects()):
        view = imported.store.at_project(project)
        export_seed(view, tmp_path / str(number))
        with aicas.in_memory() as other:
            import_seed(other, tmp_path / str(number), project)
            there = other.at_project(project)
            keys = view.keys()
            assert sorted(there.keys()) == sorted(keys)
            for key in keys:
                here, come = view.show(key), there.show(key)
                assert come.payload == here.payload
                assert (come.meta, come.recipe) == (here.meta, here.recipe)
                assert (come.created_at, come.dependencies) == (here.created_at, here.dependencies)
                assert bool(there.lookup(key)) == bool(view.lookup(key))
            assert other.verify().damage == ()
