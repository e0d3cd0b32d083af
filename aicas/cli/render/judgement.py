"""Whether a stage is valid and why not, in words, as differences and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aicas.cli.render.hunks import content_lines
from aicas.cli.render.terminal import Line, Span
from aicas.cli.render.values import change_lines
from aicas.clock import format_time
from aicas.history.textdiff import diff_lines
from aicas.history.valuediff import diff_values

if TYPE_CHECKING:
    from aicas.names import Project
    from aicas.validity.cause import Cause
    from aicas.validity.reasons import Reason, RecipeChanged

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_STYLES = {"valid": "good", "stale": "hunk"}
_FACTS = ("component", "key", "selector", "old", "new", "policy", "snapshot", "problem", "why")


def state_span(state: str) -> Span:
    """A stage's state in its colour."""
    return Span(state, _STYLES.get(state, "warn"))


def reason_form(reason: Reason) -> dict[str, Any]:
    """A reason as JSON: its code, its words, and the facts of any reason, null where not said."""
    facts = asdict(reason)
    moment = facts.get("at")
    return {
        "code": reason.code,
        "text": str(reason),
        **{name: _fact(facts.get(name)) for name in _FACTS},
        "operation": facts.get("number"),
        "at": None if moment is None else format_time(moment),
    }


def _fact(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value


def component_lines(reason: RecipeChanged) -> Iterator[Line]:
    """What changed in a text, line by line, or in a nested component, place by place."""
    old, new = reason.old, reason.new
    if isinstance(old, dict) and isinstance(new, dict):
        for value in diff_values(old, new):
            place = reason.component + value.path
            sign = _SIGNS[value.change]
            yield from change_lines(sign, place, value.old, value.new, words=False)
    elif isinstance(old, str) and isinstance(new, str) and "\n" in old + new:
        yield from content_lines(diff_lines(old, new), words=False)


def cause_form(cause: Cause | None, project: Project) -> dict[str, Any] | None:
    """What set a stage off, as JSON."""
    if cause is None:
        return None
    reason = None if cause.reason is None else reason_form(cause.reason)
    return {"path": list(cause.names(project)), "reason": reason}


def cause_words(cause: Cause) -> str:
    """What happened where it began."""
    if cause.reason is None:
        return "made again from the same, and came out different"
    return str(cause.reason)


def cause_lines(cause: Cause, key: str, project: Project) -> Iterator[Line]:
    """The stage where it began and what happened there; then the way from there to ``key``."""
    names = cause.names(project)
    yield ("first cause: ", Span(names[-1], "key"), "  ", cause_words(cause))
    if len(names) > 1:
        way = " -> ".join([*reversed(names), key])
        yield (Span(f"  {way}", "dim"),)
