"""What agents answered, checked before a pipeline believes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aicas import Files, InvalidInput, parse_json

MAX_PHASES = 200
_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*)\n```\s*", re.DOTALL)


def read_answer(text: str) -> dict[str, Any]:
    """The JSON object of a reply, which may stand in a code fence.

    Raises:
        InvalidInput: it is not one strict JSON object.
    """
    fenced = _FENCED.fullmatch(text)
    value = parse_json(fenced[1] if fenced else text, what="the reply")
    if not isinstance(value, dict):
        raise InvalidInput(f"the reply is a {type(value).__name__}, not a JSON object")
    return value


def member(answer: Mapping[str, Any], name: str, kind: type) -> Any:
    """A member that must be there and of one type.

    Raises:
        InvalidInput: it is not.
    """
    value = answer.get(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InvalidInput(f"the reply's {name!a} is not a {kind.__name__}")
    return value


def texts(answer: Mapping[str, Any], name: str) -> list[str]:
    """A list of strings that must be there.

    Raises:
        InvalidInput: it is not.
    """
    found: list[Any] = member(answer, name, list)
    if not all(isinstance(item, str) for item in found):
        raise InvalidInput(f"the reply's {name!a} holds something other than strings")
    return found


@dataclass(frozen=True, slots=True)
class Phase:
    """One micro-phase of a plan."""

    id: int
    name: str
    responsibilities: tuple[str, ...]
    files: tuple[str, ...]
    """The paths it promises."""
    depends_on: tuple[int, ...]
    content: Mapping[str, Any]
    """All of it, as planned."""


def read_phases(plan: Mapping[str, Any]) -> tuple[Phase, ...]:
    """The phases of a plan, in order.

    Raises:
        InvalidInput: none or over 200; ids that do not count from 1; a phase that depends on a
            later one or on itself; a path promised twice, or one no store may hold.
    """
    listed = member(plan, "phases", list)
    if not 1 <= len(listed) <= MAX_PHASES:
        raise InvalidInput(f"the plan has {len(listed)} phases, not 1 to {MAX_PHASES}")
    phases = tuple(_phase(number, item) for number, item in enumerate(listed, 1))
    promised: dict[str, int] = {}
    for phase in phases:
        Files(dict.fromkeys(phase.files, b""))
        for path in phase.files:
            if path in promised:
                raise InvalidInput(f"phases {promised[path]} and {phase.id} both promise {path!a}")
            promised[path] = phase.id
    return phases


def _phase(number: int, item: Any) -> Phase:
    if not isinstance(item, dict):
        raise InvalidInput(f"phase {number} is not an object")
    if member(item, "id", int) != number:
        raise InvalidInput(f"phase {number} has the id {item['id']}")
    depends_on = member(item, "depends_on", list)
    for other in depends_on:
        if type(other) is not int or not 1 <= other < number:
            raise InvalidInput(f"phase {number} depends on {str(other)[:20]!a}, no earlier phase")
    files = texts(item, "files")
    if not files:
        raise InvalidInput(f"phase {number} promises no files")
    return Phase(
        id=number,
        name=member(item, "name", str),
        responsibilities=tuple(texts(item, "responsibilities")),
        files=tuple(files),
        depends_on=tuple(sorted(set(depends_on))),
        content=item,
    )


def read_files(answer: Mapping[str, Any]) -> Files:
    """The files of a coder's answer.

    Raises:
        InvalidInput: none, a path no store may hold, or a content that is not text.
    """
    found: dict[str, Any] = member(answer, "files", dict)
    if not found:
        raise InvalidInput("the reply holds no files")
    if not all(isinstance(content, str) for content in found.values()):
        raise InvalidInput("the reply's files hold something other than text")
    return Files({path: content.encode() for path, content in found.items()})
