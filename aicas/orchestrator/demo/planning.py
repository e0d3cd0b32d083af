"""From agreed features to modules, a data model, a diagram and phases."""

from __future__ import annotations

from typing import Any

from aicas.orchestrator.demo.catalogue import COMMANDS, FEATURES
from aicas.orchestrator.demo.language import Thing

_FOUNDATION = ("model", "storage", "shell")


def design(given: dict[str, Any]) -> dict[str, Any]:
    """The architecture: records with their fields, one module per concern, how they connect."""
    agreed = given["features"]
    package = agreed["package"]
    main = _record(agreed["record"], primary=True)
    features = [feature for feature in agreed["agreed"] if feature["id"] in FEATURES]
    main["fields"] += [
        {
            "name": FEATURES[feature["id"]].field,
            "type": FEATURES[feature["id"]].annotation,
            "feature": feature["id"],
        }
        for feature in features
        if FEATURES[feature["id"]].field
    ]
    others = [_record(f["record"], primary=False) for f in agreed["agreed"] if "record" in f]
    modules = _foundation(package, [main, *others])
    modules += [_feature_module(package, feature) for feature in features]
    modules += [_collection_module(package, record) for record in others]
    modules.append(_acceptance())
    return {
        "title": agreed["title"],
        "package": package,
        "summary": f"{agreed['title']}: a command line program over one JSON file.",
        "records": [main, *others],
        "modules": modules,
        "diagram": diagram(package, modules, [main, *others]),
    }


def _record(names: dict[str, Any], *, primary: bool) -> dict[str, Any]:
    thing = Thing(names["singular"], names["plural"])
    fields: list[dict[str, Any]] = [
        {"name": "title", "type": "str", "feature": None},
        {"name": "id", "type": "int", "feature": None},
    ]
    if not primary:
        fields.append({"name": "of", "type": "int", "feature": None})
    return {
        "class": thing.class_name,
        "collection": thing.collection,
        "singular": thing.singular,
        "plural": thing.plural,
        "primary": primary,
        "fields": fields,
    }


def _module(kind: str, name: str, purpose: str, *files: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "name": name, "purpose": purpose, "files": list(files), **more}


def _foundation(package: str, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = ", ".join(record["plural"] for record in records)
    return [
        _module(
            "model",
            "Data model",
            f"the records: {kept}",
            f"{package}/__init__.py",
            f"{package}/model.py",
            "tests/__init__.py",
            "tests/test_model.py",
            needs=[],
        ),
        _module(
            "storage",
            "Storage",
            "collections of records in one JSON file, replaced as a whole on every change",
            f"{package}/storage.py",
            "tests/test_storage.py",
            needs=["model"],
        ),
        _module(
            "shell",
            "Command line",
            "finds the commands of every feature and runs one",
            f"{package}/__main__.py",
            f"{package}/cli.py",
            f"{package}/commands/__init__.py",
            "tests/test_cli.py",
            needs=["storage"],
        ),
    ]


def _feature_module(package: str, feature: dict[str, Any]) -> dict[str, Any]:
    name = feature["id"]
    return _module(
        name,
        feature["title"],
        "commands " + ", ".join(FEATURES[name].commands),
        f"{package}/commands/{name}.py",
        f"tests/test_{name}.py",
        needs=list(_FOUNDATION),
        commands=list(FEATURES[name].commands),
    )


def _collection_module(package: str, record: dict[str, Any]) -> dict[str, Any]:
    name = f"manage_{record['collection']}"
    command = record["plural"].replace(" ", "-")
    if command in COMMANDS:
        command += "-records"
    return _module(
        name,
        f"Keep the {record['plural']}",
        f"command {command}: add, list and remove",
        f"{package}/commands/{name}.py",
        f"tests/test_{name}.py",
        needs=list(_FOUNDATION),
        commands=[command],
        collection=record["collection"],
    )


def _acceptance() -> dict[str, Any]:
    purpose = "all commands together, and how to use them"
    files = ("tests/test_acceptance.py", "docs/usage.md")
    return _module("acceptance", "Acceptance", purpose, *files)


def diagram(package: str, modules: list[dict[str, Any]], records: list[dict[str, Any]]) -> str:
    """The architecture as Mermaid text: modules, the file, and what each record is stored as."""
    lines = ["flowchart LR", f"  user([user]) --> shell[{package}.cli]"]
    for module in modules:
        if "commands" in module:
            lines.append(f"  shell --> {module['kind']}[{module['name']}]")
            lines.append(f"  {module['kind']} --> storage")
    lines += [f"  storage[{package}.storage] --> model[{package}.model]"]
    lines += [f"  storage --> file[({package}.json)]"]
    lines += [f"  model --> {record['class']}{{{{{record['class']}}}}}" for record in records]
    return "\n".join(lines) + "\n"


def break_down(given: dict[str, Any]) -> dict[str, Any]:
    """One phase per module, each after those it needs; the last one needs them all."""
    modules = given["architecture"]["modules"]
    number = {module["kind"]: place for place, module in enumerate(modules, 1)}
    phases = []
    for place, module in enumerate(modules, 1):
        needs = module.get("needs")
        before = list(range(1, place)) if needs is None else sorted(number[n] for n in needs)
        phases.append(
            {
                "id": place,
                "name": module["name"],
                "module": module["kind"],
                "responsibilities": [module["purpose"], "unit tests that pass"],
                "files": module["files"],
                "depends_on": before,
            }
        )
    return {"phases": phases}
