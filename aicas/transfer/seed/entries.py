"""What the index says about a key: a snapshot's metadata as JSON, and back.

The index holds all of it. The ``metadata.json`` files beside the payloads repeat the fields that
the cache folder has always had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aicas.clock import parse_iso
from aicas.errors import InvalidInput
from aicas.ids import SIZE
from aicas.objects.fields import VALIDATION_STATUSES
from aicas.objects.snapshot import Cost, Snapshot
from aicas.transfer.fields import Fields

_SEED_FIELDS = (
    "cache_key",
    "created_at",
    "agent_version",
    "prompt_hash",
    "dependencies",
    "session_id",
    "validation_status",
    "expiry_time",
    "file_count",
    "size_bytes",
    "access_count",
    "tags",
)
_OWN_FIELDS = ("id", "media_type", "payload", "inputs", "recipe", "fingerprint", "parent", "cost")
_KNOWN = frozenset((*_SEED_FIELDS, *_OWN_FIELDS, "meta"))
_COST_COUNTS = ("input_tokens", "output_tokens", "cached_tokens", "latency_us", "calls")


@dataclass(frozen=True, slots=True)
class RecordedInput:
    """A dependency as the index names it; a foreign index knows its key alone."""

    key: str
    snapshot: str | None = None
    digest: bytes | None = None
    selector: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One key's metadata."""

    id: str | None
    """The snapshot it was exported from."""
    media_type: str | None
    created_at: int | None
    recipe: Mapping[str, Any]
    inputs: tuple[RecordedInput, ...]
    session_id: str | None
    validation_status: str
    expiry_time: int | None
    tags: tuple[str, ...]
    cost: Cost | None
    meta: Mapping[str, Any]


def to_entry(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot's metadata. It has not been accessed yet where it goes."""
    return {**snapshot.to_json(), "access_count": 0}


def seed_fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The fields every cache folder has."""
    return {name: entry[name] for name in _SEED_FIELDS}


def from_entry(value: Any, key: str) -> Entry:
    """Read one entry of an index, our own or a foreign one. What is not said stays open.

    Fields we do not know are kept in ``meta``, and so is a validation status that is none of
    ours; the artifact then counts as unchecked.

    Raises:
        InvalidInput: a field has another type, or the entry names another key.
    """
    fields = Fields(value)
    if fields.optional_text("cache_key") not in (None, key):
        raise InvalidInput(f"names the key {fields.text('cache_key')[:60]!a}")
    extra = {name: inner for name, inner in fields.value.items() if name not in _KNOWN}
    status = fields.optional_text("validation_status") or "unchecked"
    if status not in VALIDATION_STATUSES:
        extra["validation_status"], status = status, "unchecked"
    return Entry(
        id=fields.optional_text("id"),
        media_type=fields.optional_text("media_type"),
        created_at=_time(fields, "created_at"),
        recipe=_recipe(fields),
        inputs=_inputs(fields),
        session_id=fields.optional_text("session_id"),
        validation_status=status,
        expiry_time=_time(fields, "expiry_time"),
        tags=tuple(fields.items("tags", str, "strings")),
        cost=_cost(fields),
        meta=extra | dict(fields.members("meta")),
    )


def _time(fields: Fields, name: str) -> int | None:
    text = fields.optional_text(name)
    return None if text is None else parse_iso(text)


def _recipe(fields: Fields) -> dict[str, Any]:
    recipe = dict(fields.members("recipe"))
    for name in ("agent_version", "prompt_hash"):
        text = fields.optional_text(name)
        if text is not None:
            recipe.setdefault(name, text)
    return recipe


def _inputs(fields: Fields) -> tuple[RecordedInput, ...]:
    if not fields.value.get("inputs"):
        keys = fields.items("dependencies", str, "strings")
        return tuple(RecordedInput(key) for key in dict.fromkeys(keys))
    inputs = [Fields(item) for item in fields.items("inputs", dict, "objects")]
    return tuple(
        RecordedInput(
            item.text("key"),
            item.text("snapshot"),
            _digest(item),
            item.optional_text("selector"),
        )
        for item in inputs
    )


def _digest(fields: Fields) -> bytes:
    try:
        digest = bytes.fromhex(fields.text("digest"))
    except ValueError as error:
        raise InvalidInput("the digest of an input is not hexadecimal") from error
    if len(digest) != SIZE:
        raise InvalidInput(f"the digest of an input is {len(digest)} bytes long")
    return digest


def _cost(fields: Fields) -> Cost | None:
    if fields.optional("cost", dict, "an object") is None:
        return None
    cost = Fields(fields.value["cost"])
    counts = {name: cost.count(name, least=0) for name in _COST_COUNTS if name in cost.value}
    priced = cost.value.get("usd_nano") is not None
    return Cost(
        usd_nano=cost.count("usd_nano", least=0) if priced else None,
        model=cost.optional_text("model"),
        unit_prices=dict(cost.members("unit_prices")),
        **counts,
    )
