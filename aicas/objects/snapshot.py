"""Snapshots: the immutable record of one run of one stage.

A snapshot's canonical bytes are a version byte and a canonical map with the field names of the
cache metadata people know (``cache_key``, ``dependencies``, ...). What changes after the fact,
such as access counts, is never part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, cast

from aicas import canonical
from aicas.clock import format_time
from aicas.errors import AicasError, Damaged, UnsupportedFormat
from aicas.ids import SIZE, Kind, ObjectId, SnapshotId, hash_object, id_of_kind
from aicas.objects import fields

VERSION = b"\x01"
_NANO = 1_000_000_000
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_UNSEALED = SnapshotId()
FAILED: Final = "failed"
"""The validation status of what is kept, and never served."""


class PayloadRef(NamedTuple):
    """What the stage produced, by id."""

    kind: Kind
    """BLOB or TREE."""
    id: ObjectId
    media_type: str
    size_bytes: int
    file_count: int


class Input(NamedTuple):
    """A dependency as it was used."""

    key: str
    """A key of the same project, or ``PROJECT/KEY``."""
    snapshot: SnapshotId
    selector: str | None
    """The part that was read; ``None`` for all of it."""
    digest: bytes
    """32 bytes over exactly the part that was read."""

    @property
    def name(self) -> str:
        """The input as it is written: ``KEY``, or ``KEY#SELECTOR`` for a part."""
        return self.key if self.selector is None else f"{self.key}#{self.selector}"


class Cost(NamedTuple):
    """What one run cost. Money is whole nano-USD; ``None`` means unpriced, which is not free."""

    usd_nano: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    latency_us: int = 0
    model: str | None = None
    unit_prices: Mapping[str, int] = _NOTHING
    """Nano-USD per million tokens, as they were applied: ``input``, ``output``, ``cached``."""
    calls: int = 1

    @property
    def usd(self) -> str | None:
        """The exact amount as decimal text, at least two places; ``None`` when unpriced."""
        if self.usd_nano is None:
            return None
        whole, nano = divmod(self.usd_nano, _NANO)
        return f"{whole}.{f'{nano:09d}'.rstrip('0'):0<2}"


class Snapshot(NamedTuple):
    """One run of one stage. Two snapshots are equal when everything recorded is equal.

    A named tuple, as are its parts: a listing makes thousands of them.
    """

    key: str
    created_at: int
    payload: PayloadRef
    recipe: Mapping[str, Any] = _NOTHING
    inputs: tuple[Input, ...] = ()
    fingerprint: bytes | None = None
    parent: SnapshotId | None = None
    session_id: str | None = None
    validation_status: str = "unchecked"
    expiry_time: int | None = None
    tags: tuple[str, ...] = ()
    cost: Cost | None = None
    meta: Mapping[str, Any] = _NOTHING
    id: SnapshotId = _UNSEALED
    """Empty until ``seal`` or ``decode_snapshot`` sets it; not part of the encoding."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and self[:-1] == other[:-1]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.key, self.created_at, self.payload.id, self.parent))

    @property
    def agent_version(self) -> str | None:
        """The recipe's agent version."""
        return _text_or_none(self.recipe.get("agent_version"))

    @property
    def prompt_hash(self) -> str | None:
        """The recipe's prompt hash."""
        return _text_or_none(self.recipe.get("prompt_hash"))

    @property
    def size_bytes(self) -> int:
        """Raw bytes of the payload."""
        return self.payload.size_bytes

    @property
    def file_count(self) -> int:
        """Files of the payload."""
        return self.payload.file_count

    @property
    def dependencies(self) -> tuple[str, ...]:
        """The keys of the inputs, in order, each once."""
        return tuple(dict.fromkeys(item.key for item in self.inputs))

    def sealed(self) -> Snapshot:
        """The same snapshot with its id."""
        return seal(self)[0]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON: ISO times, hexadecimal ids, money as nano-USD and as text."""
        return {
            "id": str(self.id) or None,
            "cache_key": self.key,
            "created_at": format_time(self.created_at),
            "agent_version": self.agent_version,
            "prompt_hash": self.prompt_hash,
            "dependencies": list(self.dependencies),
            "session_id": self.session_id,
            "validation_status": self.validation_status,
            "expiry_time": None if self.expiry_time is None else format_time(self.expiry_time),
            "file_count": self.file_count,
            "size_bytes": self.size_bytes,
            "tags": list(self.tags),
            "media_type": self.payload.media_type,
            "payload": {"kind": self.payload.kind.name.lower(), "id": str(self.payload.id)},
            "inputs": [_input_json(item) for item in self.inputs],
            "recipe": dict(self.recipe),
            "fingerprint": None if self.fingerprint is None else self.fingerprint.hex(),
            "parent": None if self.parent is None else str(self.parent),
            "cost": None if self.cost is None else _cost_json(self.cost),
            "meta": dict(self.meta),
        }


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _input_json(item: Input) -> dict[str, Any]:
    return {
        "key": item.key,
        "snapshot": str(item.snapshot),
        "selector": item.selector,
        "digest": item.digest.hex(),
    }


def _cost_json(cost: Cost) -> dict[str, Any]:
    return {"usd": cost.usd, **cost_map(cost)}


def seal(snapshot: Snapshot) -> tuple[Snapshot, bytes]:
    """The snapshot with its id, and the canonical bytes the id is the hash of.

    What it returns shares no map with the caller's, and can be kept.

    Raises:
        InvalidInput: as ``encode_snapshot``.
    """
    fields.check_snapshot(snapshot)
    recipe, meta = canonical.ordered(snapshot.recipe), canonical.ordered(snapshot.meta)
    cost = snapshot.cost
    if cost is not None:
        cost = cost._replace(unit_prices=canonical.ordered(cost.unit_prices))
    data = _encode(snapshot, recipe, meta)
    sealed = snapshot._replace(
        recipe=recipe, meta=meta, cost=cost, id=SnapshotId(hash_object(Kind.SNAPSHOT, data))
    )
    return sealed, data


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """The canonical bytes of a snapshot.

    Raises:
        InvalidInput: a field no snapshot may hold.
    """
    return seal(snapshot)[1]


def _encode(snapshot: Snapshot, recipe: dict[str, Any], meta: dict[str, Any]) -> bytes:
    """The canonical bytes; the maps here are in the order that is canonical."""
    payload = snapshot.payload
    return VERSION + canonical.pack_ordered(
        {
            "cache_key": snapshot.key,
            "cost": None if snapshot.cost is None else canonical.ordered(cost_map(snapshot.cost)),
            "created_at": snapshot.created_at,
            "dependencies": snapshot.inputs,  # key, snapshot, selector, digest
            "expiry_time": snapshot.expiry_time,
            "fingerprint": snapshot.fingerprint,
            "meta": meta,
            "parent": snapshot.parent,
            "payload": {
                "file_count": payload.file_count,
                "id": payload.id,
                "kind": int(payload.kind),
                "media_type": payload.media_type,
                "size_bytes": payload.size_bytes,
            },
            "recipe": recipe,
            "session_id": snapshot.session_id,
            "tags": snapshot.tags,
            "validation_status": snapshot.validation_status,
        }
    )


def cost_map(cost: Cost) -> dict[str, Any]:
    """A cost as records hold it; ``cost_from_map`` reads it."""
    return {
        "usd_nano": cost.usd_nano,
        "input_tokens": cost.input_tokens,
        "output_tokens": cost.output_tokens,
        "cached_tokens": cost.cached_tokens,
        "latency_us": cost.latency_us,
        "model": cost.model,
        "unit_prices": dict(cost.unit_prices),
        "calls": cost.calls,
    }


def cost_from_map(record: object) -> Cost:
    """The cost that a map says.

    Raises:
        InvalidInput: a field is missing, unknown or not allowed.
    """
    cost = _decode_cost(record)
    fields.check_cost(cost)
    return cost


def _decode_cost(record: object) -> Cost:
    fields.exactly("cost", record, _COST_FIELDS)
    return Cost(**cast("dict[str, Any]", record))


def decode_snapshot(data: bytes, snapshot_id: SnapshotId) -> Snapshot:
    """Read what ``encode_snapshot`` wrote. The caller has checked ``data`` against the id.

    Raises:
        UnsupportedFormat: a version this code does not know.
        Damaged: not canonical, a field missing, unknown, of a wrong type or not allowed.
    """
    if data[:1] != VERSION:
        raise UnsupportedFormat(f"snapshot {snapshot_id.short} has an unknown format version")
    try:
        return _decode(canonical.unpack(data[1:]), snapshot_id)
    except (AicasError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Damaged(
            f"snapshot {snapshot_id.short} is not valid: {error}", object_id=snapshot_id
        ) from error


def _decode(record: dict[str, Any], snapshot_id: SnapshotId) -> Snapshot:
    fields.exactly("snapshot", record, _FIELDS)
    payload, cost, parent = record["payload"], record["cost"], record["parent"]
    fields.exactly("payload", payload, _PAYLOAD_FIELDS)
    for name in ("dependencies", "tags"):
        fields.listed(name, record[name])
    fields.count("kind", payload["kind"])
    snapshot = Snapshot(
        key=record["cache_key"],
        created_at=record["created_at"],
        payload=PayloadRef(
            Kind(payload["kind"]),
            id_of_kind(payload["kind"], payload["id"]),
            payload["media_type"],
            payload["size_bytes"],
            payload["file_count"],
        ),
        inputs=tuple(
            Input(key, SnapshotId(_raw32(used)), selector, digest)
            for key, used, selector, digest in record["dependencies"]
        ),
        parent=None if parent is None else SnapshotId(_raw32(parent)),
        recipe=record["recipe"],
        fingerprint=record["fingerprint"],
        session_id=record["session_id"],
        validation_status=record["validation_status"],
        expiry_time=record["expiry_time"],
        meta=record["meta"],
        tags=tuple(record["tags"]),
        cost=None if cost is None else _decode_cost(cost),  # checked with the rest
        id=snapshot_id,
    )
    fields.check_snapshot(snapshot)
    return snapshot


def _raw32(raw: object) -> bytes:
    if not isinstance(raw, bytes) or len(raw) != SIZE:
        raise ValueError("an id is 32 bytes")
    return raw


_FIELDS = frozenset(
    [
        "cache_key",
        "cost",
        "created_at",
        "dependencies",
        "expiry_time",
        "fingerprint",
        "meta",
        "parent",
        "payload",
        "recipe",
        "session_id",
        "tags",
        "validation_status",
    ]
)
_PAYLOAD_FIELDS = frozenset(PayloadRef._fields)
_COST_FIELDS = frozenset(Cost._fields)
