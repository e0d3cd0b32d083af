"""Where each key of a project lies in the cache folder."""

from __future__ import annotations

import re

from aicas.errors import InvalidName
from aicas.names import Key, TreePath, check_key, check_tree_name, check_tree_path

INDEX = "metadata/cache_index.json"
REPORTS = "analytics/cost_reports.json"
FOLDERS = (
    "metadata",
    "brainstorming",
    "architecture",
    "architecture/diagrams",
    "phases",
    "integration",
    "integration/build_artifacts",
    "files",
    "analytics",
)
FOLDER_OF_KEY = {
    Key("architecture_diagrams"): "architecture/diagrams",
    Key("build_artifacts"): "integration/build_artifacts",
}
"""Keys whose files, where they hold files, lie there as files and not inside JSON."""

_FIXED = {
    "brainstorming_features": "brainstorming/features.json",
    "system_architecture_plan": "architecture/plan.json",
    "project_micro_phases": "metadata/micro_phases.json",
    "final_integration_summary": "integration/summary.json",
}
_PHASE = re.compile(r"phase-(.+)-(generated_code|validation_report)", re.DOTALL)
_WITH_SIDECAR = ("brainstorming/", "architecture/", "phases/")
_SIDECAR = "metadata.json"


def document_path(key: Key) -> TreePath:
    """The JSON file that holds a key's payload.

    Raises:
        InvalidName: the key makes no valid file name, being too long.
    """
    phase = _PHASE.fullmatch(key)
    if phase and _is_folder_name(f"phase_{phase[1]}"):
        return check_tree_path(f"phases/phase_{phase[1]}/{phase[2]}.json")
    return check_tree_path(_FIXED.get(key) or f"files/{check_key(key)}.json")


def _is_folder_name(name: str) -> bool:
    try:
        check_tree_name(name)
    except InvalidName:
        return False
    return True


def sidecar_path(document: TreePath) -> TreePath | None:
    """The ``metadata.json`` beside a document, where its folder has one."""
    if not document.startswith(_WITH_SIDECAR):
        return None
    return TreePath(f"{document.rpartition('/')[0]}/{_SIDECAR}")
