"""Where a function or class is written: its source text, and the names that it uses."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Final, NamedTuple

from aicas.validity.tokens import normalised

_REMEMBERED: Final = 32
_Node = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


class Definition(NamedTuple):
    """What is known of a function or class by reading it."""

    text: str
    """Its source, normalised."""
    chains: tuple[tuple[str, ...], ...]
    """The dotted names in it that may be global, each once, in order: ``("tools", "run")``."""
    imports: Mapping[str, tuple[str, int, str | None]]
    """What it imports itself: the name, and the module, level and member it stands for."""
    assigned: frozenset[str]
    """Names that some function of its module assigns from inside, so that they are no constants."""


def definition_of(subject: FunctionType | type) -> Definition | None:
    """Read the source of a function or class; ``None`` if there is none to be read."""
    try:
        lines, _ = inspect.findsource(subject)
        return _read(lines, subject)
    except (OSError, TypeError, SyntaxError, ValueError, RecursionError):
        return None


def _read(lines: list[str], subject: FunctionType | type) -> Definition | None:
    module = _parsed("".join(lines))
    nodes = list(_nodes(module, subject))
    if not nodes:
        return None
    imports = {name: found for node in nodes for name, found in _imports(node)}
    chains: dict[tuple[str, ...], None] = {}
    for node in nodes:
        used = _global_names(node)
        for chain in _chains(node):
            if used is None or chain[0] in used or chain[0] in imports:
                chains[chain] = None
    text = "\n".join(normalised(_text(lines, node)) for node in nodes)
    return Definition(text, tuple(chains), imports, _assigned(module))


@lru_cache(maxsize=_REMEMBERED)
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


@lru_cache(maxsize=_REMEMBERED)
def _assigned(module: ast.Module) -> frozenset[str]:
    declared = (n for n in ast.walk(module) if isinstance(n, (ast.Global, ast.Nonlocal)))
    return frozenset(name for node in declared for name in node.names)


def _nodes(module: ast.Module, subject: FunctionType | type) -> Iterator[_Node]:
    """Where it is written; of several lambdas in one line, all, since nothing tells them apart."""
    if isinstance(subject, type):
        yield from _classes(module, subject.__qualname__.split("."))
        return
    code = subject.__code__
    for node in ast.walk(module):
        if not isinstance(node, (*_FUNCTIONS, ast.Lambda)):
            continue
        name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        if name == code.co_name and _first_line(node) == code.co_firstlineno:
            yield node


def _classes(scope: ast.AST, path: list[str]) -> Iterator[ast.ClassDef]:
    """The class of a qualified name; of several, the last, which is the one in force."""
    name, *rest = path
    if name == "<locals>":
        yield from _classes(scope, rest)
        return
    kinds = (ast.ClassDef,) if not rest or rest[0] != "<locals>" else (*_FUNCTIONS, ast.ClassDef)
    found = [n for n in _inside(scope) if isinstance(n, kinds) and n.name == name]
    for node in found[-1:]:
        if rest:
            yield from _classes(node, rest)
        elif isinstance(node, ast.ClassDef):
            yield node


def _inside(scope: ast.AST) -> Iterator[ast.AST]:
    """Everything in a scope, in blocks too, but not what stands in other scopes below it."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.Lambda)):
            yield from _inside(node)


def _first_line(node: _Node) -> int:
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return min(line.lineno for line in [node, *decorators])


def _text(lines: list[str], node: _Node) -> str:
    if isinstance(node, ast.Lambda):
        return f"({ast.get_source_segment(''.join(lines), node)})"
    return "".join(lines[_first_line(node) - 1 : node.end_lineno])


def _global_names(node: _Node) -> set[str] | None:
    """Names that are not only local in it, and those of attributes; ``None`` for all."""
    whole = ast.Expr(node, lineno=1, col_offset=0) if isinstance(node, ast.Lambda) else node
    try:
        code = compile(ast.Module([whole], []), "definition", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):  # it assigns to a variable of the function around it
        return None
    return set(_names(code))


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _chains(node: ast.AST) -> Iterator[tuple[str, ...]]:
    """Dotted names, as far as nothing but names and dots go, in the order of the source."""
    for child in ast.iter_child_nodes(node):
        chain = _chain(child)
        if chain:
            yield chain
        else:
            yield from _chains(child)


def _chain(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.Name):
        return (node.id,) if isinstance(node.ctx, ast.Load) else ()
    if isinstance(node, ast.Attribute):
        above = _chain(node.value)
        return (*above, node.attr) if above else ()
    return ()


def _imports(node: ast.AST) -> Iterator[tuple[str, tuple[str, int, str | None]]]:
    for found in ast.walk(node):
        if isinstance(found, ast.Import):
            for alias in found.names:
                whole = alias.asname or alias.name.partition(".")[0]
                module = alias.name if alias.asname else whole
                yield whole, (module, 0, None)
        elif isinstance(found, ast.ImportFrom):
            for alias in found.names:
                name = alias.asname or alias.name
                yield name, (found.module or "", found.level, alias.name)
