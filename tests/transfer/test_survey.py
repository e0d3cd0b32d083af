from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aicas.errors import InvalidInput
from aicas.names import Project
from aicas.transfer import survey
from aicas.transfer.records import Record
from aicas.transfer.survey import Survey, survey_records


def write(folder: Path, *projects: str, text: str = "x") -> Path:
    plain: dict[str, Any] = {"stage_key": "a", "version": 1, "payload_kind": "full"}
    path = folder / "records.jsonl"
    with path.open("w") as file:
        for seq, project in enumerate(projects):
            record = {"project": project, "seq": seq, "payload": {"text": text}, **plain}
            file.write(json.dumps(record) + "\n")
    return path


def test_a_survey_names_the_projects_in_order(tmp_path: Path) -> None:
    assert survey_records(write(tmp_path, "b", "a")) == Survey((Project("b"), Project("a")), 2)


def test_the_caller_may_refuse_a_record(tmp_path: Path) -> None:
    def refuse(record: Record) -> None:
        raise InvalidInput(f"no {record.project}")

    with pytest.raises(InvalidInput, match="no b"):
        survey_records(write(tmp_path, "b"), inspect=refuse)


def test_more_content_than_a_replay_may_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "MAX_CONTENT", 10_000)
    assert survey_records(write(tmp_path, "a", text="x" * 5000)).records == 1
    with pytest.raises(InvalidInput, match="holds over"):
        survey_records(write(tmp_path, "a", "b", text="x" * 5000))
