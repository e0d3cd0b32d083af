"""What is valid after an import is what the recordings say; an edit reaches whom it concerns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from transfer_world import SAMPLES, WHOLE, raw_records, whole_trees

import aicas
from aicas.transfer.importing import import_records
from aicas.validity.reasons import InputChanged

EPICS = "project_micro_phases"
_EPIC = re.compile(r"docs/prd/epic-(\d+)\b.*\.md")
_STORY = re.compile(r"\bstory-(\d+)\.\d+\b")

Tree = dict[str, bytes]
Name = tuple[str, str]


class Recording:
    """A file of stage records, and what it says of every stage, replayed the plain way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last: dict[Name, dict[str, Any]] = {}
        """The latest record of each stage, by project and key."""
        self.trees: dict[tuple[str, str, int], Tree] = {}
        """What each version held."""
        for record, tree in whole_trees(raw_records(path)):
            name = record["project"], record["stage_key"]
            self.last[name] = record
            self.trees[*name, record["version"]] = tree

    def stages(self, project: str) -> dict[str, dict[str, Any]]:
        return {key: record for (owner, key), record in self.last.items() if owner == project}

    def current(self, project: str, key: str) -> Tree:
        return self.trees[project, key, self.last[project, key]["version"]]

    def outdated(self, project: str, record: Mapping[str, Any]) -> set[str]:
        """The dependencies that do not hold any more what this version was made from."""
        return {
            key
            for key, version in record["dep_versions"].items()
            if self.trees[project, key, version] != self.current(project, key)
        }


@pytest.fixture(
    scope="module",
    params=[SAMPLES / "bmad_sample.jsonl.zst", WHOLE / "bmad_projects.jsonl.zst"],
    ids=["sample", "whole"],
)
def recorded(request: pytest.FixtureRequest) -> Recording:
    if not request.param.exists():
        pytest.skip("the recorded pipelines are not here")
    return Recording(request.param)


@pytest.fixture
def imported(recorded: Recording) -> Iterator[aicas.Store]:
    with aicas.in_memory() as store:
        import_records(store, recorded.path)
        yield store
        assert store.verify().damage == ()


def test_a_stage_is_stale_exactly_if_an_input_moved_on_and_holds_something_else(
    recorded: Recording, imported: aicas.Store
) -> None:
    seen = set()
    for project in imported.projects():
        stages = recorded.stages(project)
        status = {found.key: found for found in imported.at_project(project).status()}
        assert set(status) == set(stages)
        for key, found in status.items():
            changed = {r.key for r in found.reasons if isinstance(r, InputChanged)}
            assert changed == recorded.outdated(project, stages[key])
            assert found.state == ("stale" if changed else "valid")
            assert len(found.reasons) == len(changed)
            seen.add(found.state)
    assert seen == {"valid", "stale"}


def test_the_whole_recording_ends_with_as_many_stale_stages_as_were_counted(
    recorded: Recording, imported: aicas.Store
) -> None:
    if recorded.path.parent != WHOLE:
        pytest.skip("counted in the whole recording")
    stale = {
        project: sum(found.state == "stale" for found in imported.at_project(project).status())
        for project in imported.projects()
    }
    assert stale == {"bmad/Permamind": 72, "bmad/ai-dungeon-master": 10}
    assert len(recorded.last) == 161 + 17


class Pipeline:
    """The last state of a recorded project, made again: what follows an epic reads only that."""

    def __init__(self, recorded: Recording, project: str, store: aicas.Store) -> None:
        self.store = store
        self.stages = recorded.stages(project)
        paths = recorded.current(project, EPICS)
        self.epics = {found[1]: path for path in paths if (found := _EPIC.match(path))}
        self.readers: dict[str, set[str]] = {number: set() for number in self.epics}
        """The stages that read an epic: its stories, and the reports on them."""
        deps = {key: record["deps"] for key, record in self.stages.items()}
        self.order = list(TopologicalSorter(deps).static_order())
        for key in self.order:
            store.put(key, recorded.current(project, key), inputs=self.inputs(key))

    def inputs(self, key: str) -> list[str]:
        """What a stage is recorded to depend on; of the epics, the one that its story is of."""
        deps: list[str] = self.stages[key]["deps"]
        story = _STORY.search(" ".join([key, *deps]))
        if EPICS not in deps or story is None:
            return deps
        self.readers[story[1]].add(key)
        return [f"{EPICS}#{self.epics[story[1]]}" if item == EPICS else item for item in deps]

    def edit(self, number: str) -> None:
        """Another wording in one epic."""
        files = dict(self.store.files(EPICS))
        files[self.epics[number]] += b"\nOne more thing.\n"
        self.store.amend(EPICS, files, f"epic {number} needs one more thing")

    def make_again(self, keys: set[str], more: bytes | None = None) -> None:
        """Run stages again; the same comes of it, or that and ``more``."""
        for key in filter(keys.__contains__, self.order):
            files = dict(self.store.files(key))
            if more is not None:
                files["more.md"] = more
            self.store.put(key, files, inputs=self.inputs(key))

    def made_from(self, keys: set[str]) -> set[str]:
        return {key for key, record in self.stages.items() if keys & set(record["deps"])}

    def not_valid(self) -> dict[str, set[str]]:
        """The stages that are not valid, each with the inputs that are to blame."""
        return {
            found.key: {reason.key for reason in found.reasons if isinstance(reason, InputChanged)}
            for found in self.store.status()
            if found.state != "valid"
        }


@pytest.fixture
def pipeline(recorded: Recording) -> Iterator[Pipeline]:
    with aicas.in_memory() as store:
        for owner, key in recorded.last:
            if key == EPICS:
                made = Pipeline(recorded, owner, store.at_project(owner))
                if sum(map(bool, made.readers.values())) > 1:
                    yield made
                    assert store.verify().damage == ()
                    return
        pytest.skip("no two epics here have stories that are recorded to follow them")


def test_editing_one_epic_makes_exactly_what_follows_it_stale(pipeline: Pipeline) -> None:
    assert pipeline.not_valid() == {}
    everyone = set().union(*pipeline.readers.values())
    assert everyone == pipeline.made_from({EPICS})
    for number, readers in pipeline.readers.items():
        pipeline.edit(number)
        assert pipeline.not_valid() == {key: {EPICS} for key in readers}
        assert len(readers) < len(everyone)
        pipeline.store.undo()
        assert pipeline.not_valid() == {}


def test_what_follows_a_story_is_stale_only_once_the_story_became_another(
    pipeline: Pipeline,
) -> None:
    number, readers = max(
        pipeline.readers.items(), key=lambda item: len(pipeline.made_from(item[1]))
    )
    following = pipeline.made_from(readers)
    assert following - readers
    pipeline.edit(number)
    pipeline.make_again(readers)
    assert pipeline.not_valid() == {}
    stories = {key for key in readers if key.startswith("story-")}
    pipeline.make_again(stories, b"One more thing.\n")
    assert set(pipeline.not_valid()) == pipeline.made_from(stories)
