"""The files of a phase, composed from the architecture's records, features and commands."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files as package_files
from string import Template
from typing import Any

from aicas.orchestrator.demo.catalogue import FEATURES

Composer = Callable[["Plan", dict[str, Any]], list[str]]


class Plan:
    """An architecture, with the names every template needs."""

    def __init__(self, architecture: dict[str, Any]) -> None:
        self.package: str = architecture["package"]
        self.title: str = architecture["title"]
        self.records: list[dict[str, Any]] = architecture["records"]
        self.modules: list[dict[str, Any]] = architecture["modules"]
        self.main = next(record for record in self.records if record["primary"])
        self.names = {"package": self.package, "title": self.title, **_record_names(self.main)}

    def record_of(self, collection: str) -> dict[str, Any]:
        """The record kept in a collection."""
        return next(r for r in self.records if r["collection"] == collection)


def _record_names(record: Mapping[str, Any]) -> dict[str, str]:
    return {
        "class_name": record["class"],
        "collection": record["collection"],
        "singular": record["singular"],
        "plural": record["plural"],
    }


@cache
def _template(name: str) -> Template:
    return Template((package_files(__package__) / "templates" / f"{name}.txt").read_text("utf-8"))


def _fill(name: str, *names: Mapping[str, str]) -> str:
    merged: dict[str, str] = {}
    for mapping in names:
        merged |= mapping
    return _template(name).substitute(merged)


def write_code(given: dict[str, Any]) -> dict[str, Any]:
    """Every file a phase promised, in the order it promised them."""
    plan = Plan(given["architecture"])
    phase = given["phase"]
    module = next(m for m in plan.modules if m["kind"] == phase["module"])
    compose = _COMPOSERS.get(module["kind"], _collection if "collection" in module else _feature)
    contents = compose(plan, module)
    return {"files": dict(zip(phase["files"], contents, strict=True))}


def _model(plan: Plan, _: dict[str, Any]) -> list[str]:
    classes = "".join(
        _fill("model_class", _record_names(record), _class_body(record)) for record in plan.records
    )
    collections = ", ".join(f'"{r["collection"]}": {r["class"]}' for r in plan.records)
    return [
        _fill("package", plan.names),
        _fill("model", plan.names, {"classes": classes, "collections": collections}),
        f'"""Tests of {plan.title}."""\n',
        _fill("test_model", plan.names),
    ]


def _class_body(record: Mapping[str, Any]) -> dict[str, str]:
    features = [FEATURES[f["feature"]] for f in record["fields"] if f["feature"]]
    declared = [f"    {f.field}: {f.annotation} = {f.default}\n" for f in features]
    if any(f["name"] == "of" for f in record["fields"]):
        declared.append("    of: int = 0\n")
    marks = [f"[{{{feature.mark}}}] " for feature in features if feature.mark]
    line = 'f"{self.id:>3} ' + "".join(marks) + '{self.title}"'
    shown = [feature.shown for feature in features if feature.shown]
    if shown:
        parts = [line, *(part if part.startswith('"".join') else f"({part})" for part in shown)]
        line = "(\n            " + "\n            + ".join(parts) + "\n        )"
    return {"fields": "".join(declared), "line": line}


def _storage(plan: Plan, _: dict[str, Any]) -> list[str]:
    return [_fill("storage", plan.names), _fill("test_storage", plan.names)]


def _shell(plan: Plan, _: dict[str, Any]) -> list[str]:
    return [_fill(name, plan.names) for name in ("main", "cli", "commands", "test_cli")]


def _feature(plan: Plan, module: dict[str, Any]) -> list[str]:
    feature = FEATURES[module["kind"]]
    names = {
        **plan.names,
        "feature": feature.id,
        "feature_title": module["name"],
        "test_class": feature.id.capitalize(),
        "field": feature.field,
        "label": feature.label or feature.field,
        "counted": repr([f["name"] for f in plan.main["fields"] if f["feature"]]),
        "spoken": plan.main["collection"].replace("_", " "),
        **_snippets(plan.package, feature.snippets or {}),
    }
    test = _fill("test_head", names) + _fill(f"test_{feature.template}", names)
    return [_fill(feature.template, names), test]


def _snippets(package: str, given: Mapping[str, str]) -> dict[str, str]:
    snippets = {"imports": "", **given}
    helpers = [name for name in ("between", "required") if f"{name}(" in given.get("parse", "")]
    imported = f"from {package}.commands import {', '.join(helpers)}\n"
    snippets["helper_import"] = imported if helpers else ""
    query = given.get("query")
    view = [given["view"], query] if query and "view" in given else [given.get("view", "")]
    snippets["view_words"] = ", ".join(f'"{word}"' for word in view)
    snippets["view_argument"] = '    viewing.add_argument("value")\n' if query else ""
    snippets["wanted"] = "    wanted = args.value\n" if query else ""
    footer = given.get("footer")
    snippets["footer"] = f"    lines.append({footer})\n" if footer else ""
    return snippets


def _collection(plan: Plan, module: dict[str, Any]) -> list[str]:
    record = plan.record_of(module["collection"])
    names = {
        **plan.names,
        **_record_names(record),
        "feature": record["plural"],
        "test_class": record["class"],
        "command": module["commands"][0],
        "main": plan.main["singular"],
        "main_collection": plan.main["collection"],
        "main_class": plan.main["class"],
    }
    imported = f"import {plan.main['class']}, {record['class']}"
    head = _fill("test_head", names).replace(f"import {record['class']}\n", f"{imported}\n")
    return [_fill("collection", names), head + _fill("test_collection", names)]


def _acceptance(plan: Plan, _: dict[str, Any]) -> list[str]:
    commands = [name for module in plan.modules for name in module.get("commands", ())]
    steps = [words for words in example_commands(plan) if words[0] not in ("add", "list")]
    names = {"commands": _lines(commands), "steps": _lines(steps)}
    examples = {"examples": usage_examples(plan)}
    return [_fill("test_acceptance", plan.names, names), _fill("usage", plan.names, examples)]


def _lines(items: Sequence[object]) -> str:
    return "(\n" + "".join(f"            {item!r},\n" for item in items) + "        )"


def example_commands(plan: Plan) -> list[list[str]]:
    """One working call of every command, for a store that holds records 1 and 2."""
    calls: list[list[str]] = []
    for module in plan.modules:
        if "collection" in module:
            calls += [[module["commands"][0], "add", "something"], [module["commands"][0], "list"]]
        elif module["kind"] in FEATURES:
            calls += _feature_calls(module["kind"])
    return calls


def _feature_calls(name: str) -> list[list[str]]:
    feature = FEATURES[name]
    given = feature.snippets or {}
    if feature.template == "flag":
        return [[given["set"], "1"], [given["view"]]]
    if feature.template == "attribute":
        query = [given["query"]] if "query" in given else []
        return [[given["set"], "1", given["good"]], [given["view"], *query]]
    return {
        "capture": [["add", "first"], ["list"]],
        "editing": [["edit", "1", "first, better said"]],
        "search": [["find", "first"]],
        "summary": [["stats"]],
        "export": [["export", "--format", "csv"]],
    }[name]


def usage_examples(plan: Plan) -> str:
    """The example commands as a shell would take them."""
    return "\n".join(
        shlex.join(["python", "-m", plan.package, *words]) for words in example_commands(plan)
    )


def write_readme(plan: Plan, request: str, phases: list[dict[str, Any]]) -> str:
    """The README of the finished project."""
    listed = "\n".join(f"{p['id']}. {p['name']}: {p['responsibilities'][0]}" for p in phases)
    more = {"request": request, "examples": usage_examples(plan), "phases": listed}
    return _fill("readme", plan.names, more)


_COMPOSERS: dict[str, Composer] = {
    "model": _model,
    "storage": _storage,
    "shell": _shell,
    "acceptance": _acceptance,
}
