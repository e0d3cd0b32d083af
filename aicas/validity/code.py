"""The version of a stage's code: one digest over a function and what it uses of its own package.

It covers what can be told by reading: the function, the functions and classes it names, those
that these name, and so on, and the constants they name, within one top-level package (or within
one module, for a script). It does not cover other packages, data files, nor what is only found
while running, such as ``getattr`` by a computed name.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from functools import partial
from importlib.util import resolve_name
from inspect import getattr_static, isclass, ismethod
from types import FunctionType, ModuleType
from typing import Any, Final

from aicas import canonical
from aicas.errors import InvalidInput
from aicas.ids import digest
from aicas.validity.definitions import Definition, definition_of

_NOTHING: Final = object()
_FIXED: Final = (str, bytes, int, float, type(None))
# Tables of tables of tables are followed no deeper.
_DEEPEST: Final = 4


def code_version(function: Callable[..., Any]) -> str:
    """A digest that changes with the code of a function and of what it uses of its package.

    Comments and formatting do not count, nor which Python runs it, nor where in the package the
    code stands. Constants are values by the names they are used under: numbers, text and tuples
    of them; lists, maps and sets only if the name is in capitals, for others are usually filled
    while running; and none that some function of its module assigns to.

    Args:
        function: the stage's code; what is beneath decorators and partial application counts, and
            of a bound method the whole class.

    Raises:
        InvalidInput: its source cannot be read.
    """
    bound: list[object] = []
    root = _beneath(function, bound)
    survey = _Survey(_package(root.__module__))
    survey.number(root)
    given = [survey.described("GIVEN", value, frozenset()) for value in bound]
    parts = list(survey.parts())
    if parts[0] is None:
        name = getattr(function, "__qualname__", None) or repr(function)
        raise InvalidInput(
            f"the source of {name[:80]!a} cannot be read, so its version cannot be told",
            hint="give the recipe a code_version of your own",
        )
    return digest("code version v1", *given, *(part or b"" for part in parts)).hex()


def _beneath(function: Any, bound: list[object] | None = None) -> FunctionType | type:
    """The function or class that is called in the end; ``bound`` takes what is given to it."""
    found = [] if bound is None else bound
    for _ in range(sys.getrecursionlimit()):
        if isinstance(function, (FunctionType, type)):
            if getattr_static(function, "__wrapped__", None) is None:
                return function
            function = vars(function)["__wrapped__"]
        elif isinstance(function, partial):
            found += [list(function.args), function.keywords]
            function = function.func
        elif isinstance(function, (staticmethod, classmethod)):
            function = function.__func__
        elif isinstance(function, property):
            function = function.fget
        elif ismethod(function):
            found.append(function.__name__)
            owner = function.__self__
            return owner if isclass(owner) else type(owner)
        elif callable(getattr_static(function, "__wrapped__", None)):
            function = function.__wrapped__
        else:
            break
    return type(function)


def _package(module: str | None) -> str:
    """The top-level package that a module belongs to, also when it runs as a program."""
    name = module or ""
    if name == "__main__":
        name = getattr(sys.modules[name], "__package__", None) or name
    return name.partition(".")[0]


class _Survey:
    """The functions and classes of one package that one of them leads to, numbered as found."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._numbers: dict[int, int] = {}
        self._subjects: list[FunctionType | type] = []

    def number(self, subject: FunctionType | type) -> int:
        """The subject's number, as it is found for the first time or again."""
        number = self._numbers.setdefault(id(subject), len(self._subjects))
        if number == len(self._subjects):
            self._subjects.append(subject)
        return number

    def parts(self) -> Iterator[bytes | None]:
        """What to digest of each subject, new ones included; ``None`` where there is no source."""
        for subject in self._subjects:  # which grows meanwhile
            definition = definition_of(subject)
            if definition is None:
                yield None
                continue
            scope = _scope(subject)
            used = []
            for chain in definition.chains:
                name, value = self._find(chain, definition, scope)
                described = self.described(name, value, definition.assigned)
                if described:
                    used += [".".join(chain).encode(), described]
            yield digest("code unit v1", definition.text.encode(), *used)

    def _find(
        self, chain: tuple[str, ...], definition: Definition, scope: Mapping[str, Any]
    ) -> tuple[str, Any]:
        """What a dotted name stands for, as far as it leads through modules."""
        name, *rest = chain
        if name in definition.imports:
            value = self._imported(*definition.imports[name], scope)
        else:
            value = scope.get(name, _NOTHING)
        for part in rest:
            if not isinstance(value, ModuleType):
                break
            name, value = part, self._member(value, part)
        return name, value

    def _imported(
        self, module: str, level: int, member: str | None, scope: Mapping[str, Any]
    ) -> Any:
        """What a function imports by itself, if that is of its package."""
        try:
            whole = resolve_name("." * level + module, scope.get("__package__") or None)
            if not self._is_own(whole):
                return _NOTHING
            found = importlib.import_module(whole)
            return found if member is None else self._member(found, member)
        except ImportError:
            return _NOTHING

    def _member(self, module: ModuleType, name: str) -> Any:
        if not self._is_own(module.__name__):
            return _NOTHING
        try:
            found = getattr(module, name, _NOTHING)
            if found is _NOTHING:
                found = importlib.import_module(f"{module.__name__}.{name}")
        except ImportError:
            return _NOTHING
        return found

    def _is_own(self, module: str | None) -> bool:
        return _package(module) == self._package

    def described(
        self, name: str, value: Any, assigned: frozenset[str], depth: int = _DEEPEST
    ) -> bytes:
        """What a name stands for, as bytes; none if that is not known to be code or constant."""
        if value is _NOTHING or isinstance(value, ModuleType):
            return b""
        constant = None if name in assigned else _constant(name, value)
        if constant is not None:
            return b"constant " + constant
        if isinstance(value, (list, tuple, dict)):
            return self._table(name, value, assigned, depth)
        subject = _beneath(value)
        return b"code %d" % self.number(subject) if self._is_own(subject.__module__) else b""

    def _table(
        self,
        name: str,
        value: list[Any] | tuple[Any, ...] | dict[Any, Any],
        assigned: frozenset[str],
        depth: int,
    ) -> bytes:
        """A table of functions, such as one that finds a handler by name."""
        if depth == 0 or not (name.isupper() or isinstance(value, tuple)):
            return b""
        items = value.items() if isinstance(value, dict) else enumerate(value)
        described = (
            ascii(key).encode() + b" " + self.described(name, item, assigned, depth - 1)
            for key, item in items
            if isinstance(key, _FIXED)
        )
        return digest("code table v1", *described)


def _scope(subject: FunctionType | type) -> Mapping[str, Any]:
    """The names that code can see around it."""
    if isinstance(subject, FunctionType):
        return {**subject.__globals__, **_closure(subject)}
    module = sys.modules.get(subject.__module__)
    scope = dict(vars(module)) if module else {}
    for member in vars(subject).values():
        if isinstance(member, FunctionType) and member.__module__ == subject.__module__:
            scope |= _closure(member)
    return scope


def _closure(function: FunctionType) -> dict[str, Any]:
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # not assigned yet
            found[name] = cell.cell_contents
    return found


def _constant(name: str, value: Any) -> bytes | None:
    """A value that stays as it is, as bytes."""
    if isinstance(value, Enum):
        return value.name.encode()
    if isinstance(value, re.Pattern):
        value = (value.pattern, value.flags)
    elif isinstance(value, (set, frozenset)) and (name.isupper() or isinstance(value, frozenset)):
        return _constant(name, tuple(sorted(value, key=repr)))
    if not name.isupper() and not _is_fixed(value):
        return None
    try:
        return canonical.pack(value)
    except InvalidInput:
        return None


def _is_fixed(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_fixed, value))
    return isinstance(value, _FIXED)
