"""Who made a commit, and what its message says: a subject for people, trailers for programs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aicas.clock import SECOND, format_time
from aicas.objects.snapshot import Snapshot
from aicas.transfer.git.steps import Step

_EMAIL = "aicas@localhost"
_NOT_IN_NAMES = re.compile(r"[<>]")
_MAX_NAME = 100
_MAX_VALUE = 500
_MAX_LISTED = 20


def author(snapshot: Snapshot | None) -> str:
    """The agent that made a snapshot, where its recipe names one, as git writes people."""
    recipe = {} if snapshot is None else snapshot.recipe
    agent = recipe.get("agent") or recipe.get("agent_version")
    name = _NOT_IN_NAMES.sub("", _line(agent) if isinstance(agent, str) else "")
    return f"{name[:_MAX_NAME].strip() or 'aicas'} <{_EMAIL}>"


def date(micros: int) -> str:
    """A time as git takes it; git knows no second before 1970."""
    return f"{max(micros // SECOND, 0)} +0000"


def message(step: Step, snapshot: Snapshot | None) -> str:
    """What a commit says. ``snapshot`` is the one the step published."""
    trailers = [f"Aicas-{name}: {_line(value)}" for name, value in _trailers(step, snapshot)]
    return f"{_subject(step, snapshot)}\n\n" + "\n".join(trailers) + "\n"


def _subject(step: Step, snapshot: Snapshot | None) -> str:
    if snapshot is not None:
        files = "" if snapshot.file_count == 1 else f"{snapshot.file_count} files, "
        return f"{snapshot.key} v{step.version}: {files}{snapshot.size_bytes} bytes"
    verb = step.operation.verb if step.operation else "move"
    keys = sorted(step.changes)
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return f"{_line(verb)} {', '.join(keys[:3])}{more}"


def _trailers(step: Step, snapshot: Snapshot | None) -> Iterator[tuple[str, str]]:
    if snapshot is not None:
        yield from _facts(snapshot)
    else:
        for key in sorted(step.changes)[:_MAX_LISTED]:
            target = step.changes[key]
            yield "Moved", f"{key} to {target}" if target else f"{key} away"
    if step.operation is not None:
        yield "Operation", str(step.operation.number)
        if step.operation.reason:
            yield "Reason", step.operation.reason


def _facts(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    yield "Snapshot", str(snapshot.id)
    yield "Created-At", format_time(snapshot.created_at)
    for used in snapshot.inputs:
        yield "Input", f"{used.key}@{used.snapshot}"
    if snapshot.cost is not None and snapshot.cost.usd is not None:
        yield "Cost-Usd", snapshot.cost.usd
    model = snapshot.recipe.get("model")
    if isinstance(model, str):
        yield "Model", model
    if snapshot.session_id is not None:
        yield "Session", snapshot.session_id
    if snapshot.validation_status != "unchecked":
        yield "Validation", snapshot.validation_status
    for tag in snapshot.tags:
        yield "Tag", tag


def _line(text: str) -> str:
    """One line of visible text, so that no value can pass for another trailer."""
    shown = " ".join(text.split())[:_MAX_VALUE]
    return shown if shown.isprintable() else ascii(shown)[1:-1]
