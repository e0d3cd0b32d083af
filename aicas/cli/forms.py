"""The JSON forms of what commands list; ``docs/cli.md`` documents every field.

Names are stable. Every object always has all its fields, ``null`` where there is nothing; ids
are hexadecimal, times ISO 8601 in UTC, money whole nano-USD beside the exact decimal USD.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aicas.cli.render.terminal import Screen, escape_json
from aicas.cli.render.units import usd_decimal
from aicas.clock import format_time

if TYPE_CHECKING:
    from aicas.backends.operation import Operation
    from aicas.ids import ObjectId
    from aicas.objects.snapshot import Snapshot

Form = dict[str, Any]


def print_document(screen: Screen, document: Mapping[str, Any]) -> None:
    """Write one JSON document, indented."""
    import json

    text = json.dumps(document, ensure_ascii=False, indent=2, default=_encoded)
    screen.block(escape_json(text))


def print_listing(
    screen: Screen, name: str, entries: Iterable[Form], more: Form | None = None
) -> None:
    """Write ``{NAME: [...]}``, one entry a line, as the entries come; then the fields of more."""
    import json

    screen.block('{"%s": [' % name)  # noqa: UP031 (braces)
    waiting: str | None = None
    for entry in entries:
        if waiting is not None:
            screen.block(waiting + ",")
        waiting = escape_json(json.dumps(entry, ensure_ascii=False, default=_encoded))
    if waiting is not None:
        screen.block(waiting)
    rest = json.dumps(more, ensure_ascii=False, default=_encoded)[1:] if more else "}"
    screen.block(escape_json("]" + ("," if more else "") + rest))


def _encoded(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"a {type(value).__name__} has no JSON form")


def hex_or_none(value: bytes | None) -> str | None:
    """The hexadecimal form of an id or digest that may be absent."""
    return None if value is None else value.hex()


def money_form(name: str, nano: int | None) -> Form:
    """An amount as two fields: ``NAME_nano`` and the decimal ``NAME``; both null if unpriced."""
    return {f"{name}_nano": nano, name: None if nano is None else usd_decimal(nano)}


def snapshot_form(snapshot: Snapshot) -> Form:
    """Everything recorded about one run of one stage."""
    return snapshot.to_json()


def operation_form(operation: Operation) -> Form:
    """One atomic change of refs."""
    return {
        "number": operation.number,
        "verb": operation.verb,
        "at": format_time(operation.at),
        "actor": operation.actor,
        "reason": operation.reason,
        "session": operation.session,
        "undoes": operation.undoes,
        "changes": [
            {
                "ref": change.ref,
                "old": hex_or_none(change.old),
                "new": hex_or_none(change.new),
                "inputs": list(change.inputs),
            }
            for change in operation.changes
        ],
        "facts": dict(operation.facts),
    }


def object_form(object_id: ObjectId | None) -> Form:
    """The fields that name an object: its id and kind, both null for none."""
    return {
        "id": hex_or_none(object_id),
        "kind": None if object_id is None else object_id.kind.name.lower(),
    }
