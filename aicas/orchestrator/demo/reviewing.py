"""A verdict on the files of a phase, and the README of the whole."""

from __future__ import annotations

from typing import Any

from aicas.orchestrator.demo.coding import Plan, write_readme


def review(given: dict[str, Any]) -> dict[str, Any]:
    """Pass what passed every check and has code as well as tests; say what is thin."""
    phase, checks = given["phase"], given["checks"]
    failed = [check["name"] for check in checks if not check["passed"]]
    remarks = [f"check failed: {name}" for name in failed]
    files = given["files"]
    if not any(path.startswith("tests/") for path in files):
        remarks.append("the phase has no tests")
    remarks += [f"{path} is empty" for path, size in files.items() if size == 0]
    return {
        "verdict": "fail" if failed else "pass",
        "remarks": remarks or [f"{phase['name']}: {len(files)} files as promised"],
    }


def integrate(given: dict[str, Any]) -> dict[str, Any]:
    """The README of the finished project, and a summary in two sentences."""
    plan = Plan(given["architecture"])
    phases = given["phases"]
    conflicts = len(given["conflicts"])
    return {
        "readme": write_readme(plan, " ".join(given["request"].split()), phases),
        "summary": (
            f"{plan.title}: {len(phases)} phases, {len(given['files'])} files,"
            f" {conflicts} conflicts. Demonstration output: composed by rules."
        ),
    }
