"""Holding a page that documents a program to the program."""

from __future__ import annotations

import doctest
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import click

_TABLE_ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|", re.MULTILINE)
_TYPES = {
    "text": str,
    "time": str,
    "number": int,
    "percent": float,
    "amount": float,
    "boolean": bool,
    "object": dict,
}


class Page:
    """One page of the documentation: examples, a section for each command, one for each document.

    Attributes:
        commands: the texts of the commands' sections.
        schemas: the types of the fields of every JSON document.
    """

    def __init__(self, name: str, program: str) -> None:
        self._text = (Path(__file__).parents[1] / "docs" / name).read_text("utf-8")
        self.commands = self._sections(f"{program} ")
        self.schemas = {
            title: dict(_TABLE_ROW.findall(text))
            for title, text in self._sections("JSON: ").items()
        }

    def _sections(self, title: str) -> dict[str, str]:
        """The texts under the headings that begin with ``title``, by the rest of the heading."""
        parts = re.split(rf"^### {title}(.+)$", self._text, flags=re.MULTILINE)
        texts = [re.split(r"^##+ ", text, flags=re.MULTILINE)[0] for text in parts[2::2]]
        return dict(zip(parts[1::2], texts, strict=True))

    def check_examples(self, run: Callable[[str], str]) -> None:
        """Run the examples from first to last; ``...`` in what they print stands for anything.

        Args:
            run: runs a command line; returns all that it printed.
        """
        checker = doctest.OutputChecker()
        blocks = "".join(re.findall(r"```console\n(.*?)```", self._text, re.DOTALL))
        found = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", blocks, re.MULTILINE)
        assert found
        for command, wanted in found:
            printed = run(command)
            assert checker.check_output(wanted, printed, doctest.ELLIPSIS), (command, printed)

    def check_options(self, cli: click.Group, names: Collection[str]) -> None:
        """Every command and option is on the page, and no other."""
        assert set(self.commands) == set(names)
        context = click.Context(cli)
        for name, text in self.commands.items():
            command = cli.get_command(context, name)
            assert command is not None
            commands = [command]
            if isinstance(command, click.Group):
                commands += command.commands.values()
            options = {o for c in commands for p in c.params for o in p.opts if o.startswith("-")}
            rows = re.findall(r"^\| (`-.*?) \|", text, re.MULTILINE)
            documented = {
                option
                for row in rows
                for option in re.findall(r"(?<![\w-])(--?[A-Za-z][\w-]*)", row)
            }
            assert documented == options, name


class Seen:
    """Checks documents against a page, and remembers which fields were there."""

    def __init__(self, page: Page) -> None:
        self._schemas = page.schemas
        self._fields: dict[str, set[str]] = {name: set() for name in page.schemas}

    def check(self, name: str, value: dict[str, Any]) -> None:
        """A document has all fields of the page, each of its type, and no other."""
        self._walk(name, value, "")
        top = {field for field in self._schemas[name] if not re.search(r"[.\[]", field)}
        assert top == set(value), name

    def check_all_seen(self) -> None:
        """Every field of the page was in some document."""
        for name, schema in self._schemas.items():
            assert self._fields[name] == set(schema), name

    def _walk(self, name: str, value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                self._field(name, inner, f"{path}.{key}" if path else key)
        elif isinstance(value, list):
            for inner in value:
                if isinstance(inner, dict):
                    self._walk(name, inner, f"{path}[]")

    def _field(self, name: str, value: Any, path: str) -> None:
        kind = self._schemas[name].get(path)
        assert kind is not None, f"{name}: {path} is not on the page"
        self._fields[name].add(path)
        base = kind.removesuffix(" or null").removeprefix("list of ")
        assert value is not None or kind.endswith(" or null") or kind == "any", f"{name}: {path}"
        if value is None or base == "any":
            return
        if base in self._schemas:
            for inner in value if isinstance(value, list) else [value]:
                self.check(base, inner)
            return
        if kind.startswith("list"):
            assert isinstance(value, list), f"{name}: {path}"
        else:
            assert type(value) is _TYPES[base], f"{name}: {path}"
        self._walk(name, value, path)
