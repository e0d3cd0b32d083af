"""Mechanical checks of a phase's files; nothing of them is run."""

from __future__ import annotations

import ast
import json
import sys
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from aicas import Files
from aicas.orchestrator.replies import Phase

Check = dict[str, Any]


def check_phase(phase: Phase, files: Files, others: Mapping[str, bytes]) -> list[Check]:
    """All checks of a phase, passed or not, in a fixed order.

    Args:
        phase: what was promised.
        files: what was delivered.
        others: the files of the phases it builds on.
    """
    parsed = [_parse(path, files[path]) for path in files]
    return [
        _check("promised files", _undelivered(phase, files)),
        _check("no other files", [f"{p} was not promised" for p in files if p not in phase.files]),
        _check("files parse", [problem for _, problem in parsed if problem]),
        _check("imports resolve", list(_imports(files, others))),
    ]


def _check(name: str, problems: list[str]) -> Check:
    return {"name": name, "passed": not problems, "problems": problems}


def _undelivered(phase: Phase, files: Files) -> list[str]:
    return [f"{path} was not delivered" for path in phase.files if path not in files]


def _parse(path: str, content: bytes) -> tuple[ast.Module | None, str | None]:
    """The syntax tree of a Python file, and what is wrong with a file of a known kind."""
    suffix = path.rpartition(".")[2]
    try:
        text = content.decode()
        if suffix == "py":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what the compiler merely dislikes is valid
                return ast.parse(text), None
        if suffix == "json":
            json.loads(text)
        elif suffix == "toml":
            tomllib.loads(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return None, f"{path}: {type(error).__name__}: {' '.join(str(error).split())}"
    return None, None


class _Modules:
    """The Python modules among some files, by dotted name."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._trees: dict[str, ast.Module] = {}
        self.folders: set[str] = set()
        for path in files:
            if path.endswith(".py"):
                tree, _ = _parse(path, files[path])
                name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
                self._trees[name] = tree or ast.Module(body=[], type_ignores=[])
                parts = name.split(".")
                self.folders.update(".".join(parts[:end]) for end in range(1, len(parts)))
        self.roots = {name.split(".")[0] for name in self._trees}

    def has(self, name: str) -> bool:
        return name in self._trees or name in self.folders

    def defines(self, module: str, name: str) -> bool:
        """Whether ``from module import name`` would find it."""
        if self.has(f"{module}.{name}") or name == "*":
            return True
        tree = self._trees.get(module)
        return tree is not None and name in _top_level(tree)


def _top_level(tree: ast.Module) -> set[str]:
    """Names a module binds anywhere outside functions and classes."""
    names: set[str] = set()
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((a.asname or a.name).split(".")[0] for a in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        pending.extend(ast.iter_child_nodes(node))
    return names


def _imports(files: Files, others: Mapping[str, bytes]) -> Iterator[str]:
    """What is imported by the phase's files and exists nowhere."""
    modules = _Modules({**others, **files})
    for path in files:
        tree = _parse(path, files[path])[0] if path.endswith(".py") else None
        for node in ast.walk(tree) if tree else ():
            for module, name in _imported(path, node):
                problem = _unresolved(modules, module, name)
                if problem:
                    yield f"{path}: {problem}"


def _imported(path: str, node: ast.AST) -> Iterator[tuple[str, str | None]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, None) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = path.split("/")[: -node.level] if node.level else []
        module = ".".join([*package, *([node.module] if node.module else [])])
        yield from ((module, alias.name) for alias in node.names)


def _unresolved(modules: _Modules, module: str, name: str | None) -> str | None:
    root = module.split(".", maxsplit=1)[0]
    if root not in modules.roots:
        known = root in sys.stdlib_module_names
        return None if known else f"{module!a} is neither in the project nor in Python itself"
    if not modules.has(module):
        return f"there is no module {module!a} in this phase or those it builds on"
    if name is not None and not modules.defines(module, name):
        return f"{module!a} defines no {name!a}"
    return None
