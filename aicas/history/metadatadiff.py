"""What differs between two snapshots beside their payloads: how they were made and judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from aicas.history.valuediff import diff_values
from aicas.objects.snapshot import Input, Snapshot


class MetadataChange(NamedTuple):
    """Something other than the payload that differs, ``None`` where it is absent.

    ``name`` is ``media_type``, ``validation_status``, ``tags``, ``recipe.COMPONENT``, or
    ``input.KEY`` (``input.KEY#SELECTOR`` for a part), whose values are the ids of the snapshots
    used; an input is named when the content that was read from it differs.
    """

    name: str
    old: Any
    new: Any


def metadata_changes(old: Snapshot, new: Snapshot) -> tuple[MetadataChange, ...]:
    """What differs in recipe, inputs, media type, validation status and tags.

    Times, sessions, costs and ids differ between any two runs and are not named.
    """
    before, after = dict(_fields(old)), dict(_fields(new))
    changes = [
        MetadataChange(name, before.get(name), after.get(name))
        for name in dict.fromkeys([*before, *after])
        if diff_values(before.get(name), after.get(name))
    ]
    used, using = _inputs(old), _inputs(new)
    for name in sorted(used.keys() | using.keys()):
        was, now = used.get(name), using.get(name)
        if (was and was.digest) != (now and now.digest):
            changes.append(MetadataChange(name, _snapshot(was), _snapshot(now)))
    return tuple(changes)


def _fields(snapshot: Snapshot) -> Iterator[tuple[str, Any]]:
    yield "media_type", snapshot.payload.media_type
    yield "validation_status", snapshot.validation_status
    yield "tags", list(snapshot.tags)
    for component in sorted(snapshot.recipe):
        yield f"recipe.{component}", snapshot.recipe[component]


def _inputs(snapshot: Snapshot) -> dict[str, Input]:
    return {f"input.{item.name}": item for item in snapshot.inputs}


def _snapshot(item: Input | None) -> str | None:
    return None if item is None else str(item.snapshot)
