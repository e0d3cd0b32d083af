"""The rules of a snapshot's fields, one function each, the same on write and on read."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from aicas import clock, names
from aicas.errors import InvalidInput
from aicas.ids import SIZE, BlobId, Kind, ObjectId, TreeId
from aicas.objects import media
from aicas.objects.values import check_json

if TYPE_CHECKING:
    from aicas.objects.snapshot import Cost, Input, Snapshot

VALIDATION_STATUSES = ("passed", "failed", "unchecked", "overridden")
_MAX_COUNT = 2**63 - 1


def exactly(what: str, record: object, wanted: AbstractSet[str]) -> None:
    """A decoded map with just these fields."""
    if not isinstance(record, dict):
        raise InvalidInput(f"{what} is {type(record).__name__}, not a map")
    if record.keys() != wanted:
        odd = sorted(record.keys() ^ wanted)
        raise InvalidInput(f"{what} has missing or unknown fields: {', '.join(odd)[:80]!a}")


def listed(what: str, value: object) -> None:
    """A list."""
    if not isinstance(value, list):
        raise InvalidInput(f"{what} is {type(value).__name__}, not a list")


def text(what: str, value: object) -> str:
    """Any string."""
    if not isinstance(value, str):
        raise InvalidInput(f"{what} is {type(value).__name__}, not text")
    return value


def label(what: str, value: object) -> None:
    """One visible line."""
    names.check_label(what, text(what, value))


def key(what: str, value: object) -> None:
    """A stage's key."""
    names.check_key(text(what, value))


def input_key(value: object) -> None:
    """``KEY`` or ``PROJECT/KEY``."""
    project, slash, last = text("dependency", value).rpartition("/")
    names.check_key(last)
    if slash:
        names.check_project(project)


def count(what: str, value: object) -> None:
    """A whole number from 0 that fits 63 bits."""
    if type(value) is not int or not 0 <= value <= _MAX_COUNT:
        raise InvalidInput(f"{what} is not a whole number from 0: {str(value)[:40]!a}")


def time(what: str, value: object) -> None:
    """Microseconds since 1970 within the years 1 to 9999."""
    if type(value) is not int:
        raise InvalidInput(f"{what} is not a time in whole microseconds")
    clock.check_time(value)


def digest(what: str, value: object) -> None:
    """Exactly 32 bytes."""
    if not isinstance(value, bytes) or len(value) != SIZE:
        raise InvalidInput(f"{what} is not 32 bytes")


def payload_id(kind: Kind, value: ObjectId) -> None:
    """A blob's or a tree's id, typed as its kind says."""
    wanted = {Kind.BLOB: BlobId, Kind.TREE: TreeId}.get(kind)
    if wanted is None or type(value) is not wanted:
        raise InvalidInput(f"payload of kind {int(kind)} has the id {value!r}")
    digest("payload", value)


def media_type(value: object) -> None:
    """``type/subtype`` in visible ASCII, with optional parameters."""
    if isinstance(value, str) and value in media.USUAL:
        return
    label("media type", value)
    head, slash, rest = text("media type", value).partition("/")
    if not (head and slash and rest) or not text("media type", value).isascii():
        raise InvalidInput(f"{str(value)[:60]!a} is not a media type")


def validation_status(value: object) -> None:
    """passed, failed, unchecked, or overridden: failed, and promoted all the same."""
    if value not in VALIDATION_STATUSES:
        allowed = ", ".join(VALIDATION_STATUSES)
        raise InvalidInput(f"validation status {str(value)[:40]!a} is not one of {allowed}")


def values(what: str, value: object) -> None:
    """A map from names to JSON-like values."""
    if not isinstance(value, (dict, Mapping)):  # the first is common, and quick to tell
        raise InvalidInput(f"{what} is {type(value).__name__}, not a map")
    for name in value:
        label(f"{what} name", name)
    check_json(what, value)


def check_snapshot(snapshot: Snapshot) -> None:
    """Refuse a snapshot with a field that is not allowed.

    Raises:
        InvalidInput: names the field.
    """
    payload = snapshot.payload
    key("cache_key", snapshot.key)
    time("created_at", snapshot.created_at)
    if snapshot.expiry_time is not None:
        time("expiry_time", snapshot.expiry_time)
    payload_id(payload.kind, payload.id)
    media_type(payload.media_type)
    count("size_bytes", payload.size_bytes)
    count("file_count", payload.file_count)
    values("recipe", snapshot.recipe)
    values("meta", snapshot.meta)
    validation_status(snapshot.validation_status)
    if snapshot.fingerprint is not None:
        digest("fingerprint", snapshot.fingerprint)
    if snapshot.parent is not None:
        digest("parent", snapshot.parent)
    if snapshot.session_id is not None:
        label("session", snapshot.session_id)
    for tag in snapshot.tags:
        label("tag", tag)
    for used in snapshot.inputs:
        _check_input(used)
    if snapshot.cost is not None:
        check_cost(snapshot.cost)


def _check_input(used: Input) -> None:
    input_key(used.key)
    digest("snapshot of a dependency", used.snapshot)
    digest("digest of a dependency", used.digest)
    if used.selector is not None:
        text("selector", used.selector)


def check_cost(cost: Cost) -> None:
    """Refuse a cost with a field that is not allowed.

    Raises:
        InvalidInput: names the field.
    """
    if cost.usd_nano is not None:
        count("usd_nano", cost.usd_nano)
    for name in ("input_tokens", "output_tokens", "cached_tokens", "latency_us", "calls"):
        count(name, getattr(cost, name))
    if cost.model is not None:
        label("model", cost.model)
    if not isinstance(cost.unit_prices, Mapping):
        raise InvalidInput(f"unit_prices is {type(cost.unit_prices).__name__}, not a map")
    for name, price in cost.unit_prices.items():
        label("unit price", name)
        count(f"unit price of {name}", price)
