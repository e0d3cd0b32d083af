"""What a recorded stage becomes in a store, worked out and checked before anything is written.

What decides the result (prompt, model, agent) goes to the recipe; everything else the source
recorded stays readable in ``meta``, under the source's own names. Nothing is filled in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from aicas import canonical, ids
from aicas.errors import InvalidInput
from aicas.names import TreePath
from aicas.objects.media import TEXT
from aicas.objects.snapshot import Cost, PayloadRef, Snapshot, encode_snapshot
from aicas.objects.tree import MAX_DEPTH
from aicas.transfer.records import Omitted, Record
from aicas.transfer.replayer import Replayed

DIGEST = "record_digest"
"""The name in ``meta`` of what identifies the record a snapshot was made from."""

_NANO = 1_000_000_000
_NO_PAYLOAD = PayloadRef(ids.Kind.BLOB, ids.BlobId(bytes(ids.SIZE)), TEXT, 0, 1)
_INPUT_NAMES = ("prompt_tokens", "input_tokens", "prompt", "input")
_OUTPUT_NAMES = ("completion_tokens", "output_tokens", "completion", "output")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a record says beside its payload, as a snapshot holds it."""

    created_at: int | None
    """``None`` where the source recorded no time."""
    recipe: Mapping[str, Any]
    cost: Cost | None
    meta: Mapping[str, Any]


def draft(record: Record, replayed: Replayed, unheld: tuple[TreePath, ...]) -> Draft:
    """A record as a snapshot's fields.

    Args:
        record: the record.
        replayed: its payload with what came before.
        unheld: the paths it says were deleted that its key's tree did not hold.

    Raises:
        InvalidInput: a field no snapshot may hold.
    """
    made = Draft(
        created_at=record.recorded_at,
        recipe=_present(prompt=record.prompt, model=record.model, agent=record.agent),
        cost=_cost(record),
        meta=_meta(record, replayed, unheld),
    )
    _check(record, made)
    return made


def record_digest(record: Record) -> str:
    """What tells two records apart, wherever they stand in a file.

    Raises:
        InvalidInput: a field nested deeper than any store may hold.
    """
    payload = record.payload
    content = canonical.pack(
        {
            "project": record.project,
            "seq": record.seq,
            "stage_key": record.stage_key,
            "version": record.version,
            "kind": payload.kind,
            "text": payload.text,
            "files": payload.files,
            "omitted": _omitted(payload.omitted),
            "deleted": payload.deleted,
            "deps": record.deps,
            "agent": record.agent,
            "model": record.model,
            "prompt": record.prompt,
            "tokens": record.tokens,
            "cost_usd": record.cost_usd,
            "calls": record.calls,
            "started_at": record.started_at,
            "ended_at": record.ended_at,
            "rest": record.rest,
        }
    )
    return ids.digest("imported record v1", content).hex()


def _meta(record: Record, replayed: Replayed, unheld: tuple[TreePath, ...]) -> dict[str, Any]:
    return {
        **record.rest,
        **_present(
            tokens=record.tokens,
            calls=list(record.calls) or None,
            started_at=record.started_at,
            ended_at=record.ended_at,
            omitted_files=_omitted(replayed.omitted) or None,
            deleted_not_held=list(unheld) or None,
        ),
        "seq": record.seq,
        "version": record.version,
        "time_recorded": record.recorded_at is not None,
        DIGEST: record_digest(record),
    }


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _omitted(files: Mapping[TreePath, Omitted]) -> dict[str, Any]:
    return {path: {"bytes": file.bytes, "sha256": file.sha256} for path, file in files.items()}


def _cost(record: Record) -> Cost | None:
    """The recorded cost; a count that is a mere total says nothing about its price."""
    tokens = record.tokens if isinstance(record.tokens, Mapping) else {}
    used, made = _first(tokens, _INPUT_NAMES), _first(tokens, _OUTPUT_NAMES)
    if record.cost_usd is None and used is None and made is None:
        return None
    return Cost(
        usd_nano=None if record.cost_usd is None else _nano(record.cost_usd),
        input_tokens=used or 0,
        output_tokens=made or 0,
        model=record.model,
        calls=len(record.calls) or 1,
    )


def _first(tokens: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((tokens[name] for name in names if tokens.get(name) is not None), None)


def _nano(usd: float) -> int:
    """The nearest whole nano-USD: recorded sums carry the rounding noise of their addition."""
    return int((Decimal(repr(usd)) * _NANO).to_integral_value())


def _check(record: Record, made: Draft) -> None:
    """Refuse now what a put would refuse later, when part of the file would be imported."""
    for path in record.payload.files:
        if path.count("/") >= MAX_DEPTH:
            raise InvalidInput(f"path {path[:60]!a} has more than {MAX_DEPTH} parts")
    encode_snapshot(
        Snapshot(
            key=record.stage_key,
            created_at=made.created_at or 0,
            payload=_NO_PAYLOAD,
            recipe=made.recipe,
            cost=made.cost,
            meta=made.meta,
        )
    )
