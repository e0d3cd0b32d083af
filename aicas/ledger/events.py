"""Lookups, as they are recorded beside the log: one line of JSON each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final, NamedTuple

from aicas.backends.base import Backend
from aicas.clock import DAY
from aicas.errors import InvalidInput
from aicas.ids import SIZE, SnapshotId
from aicas.names import check_key, check_project
from aicas.objects import fields
from aicas.objects.snapshot import Cost
from aicas.validity.check import Hit, Miss

_MAX_REASONS: Final = 1_000
_REASON = re.compile(r"[a-z][a-z_]{0,39}")
_SNAPSHOT = re.compile(rf"[0-9a-f]{{{2 * SIZE}}}")
_COMMON: Final = {"at", "key", "model", "project", "session"}
_MISS: Final = _COMMON | {"reasons"}
_HIT: Final = _COMMON | {"recalled", "saved", "snapshot"}
_SAVED: Final = ("calls", "input_tokens", "latency_us", "output_tokens", "usd_nano")
# Names come again and again; numbers do not.
_text = lru_cache(maxsize=10_000)(json.dumps)


class Lookup(NamedTuple):
    """One lookup: a hit when it found a snapshot, a miss when it has reasons."""

    at: int
    project: str
    key: str
    session: str | None
    model: str | None
    reasons: tuple[str, ...] = ()
    """The codes of what a miss was due to."""
    snapshot: SnapshotId | None = None
    """What a hit found."""
    recalled: bool = False
    """Whether a hit found an earlier version, by its trace."""
    saved: Cost | None = None
    """What producing it had cost; of one read back, only what its event keeps."""


def lookup_of(at: int, project: str, key: str, session: str | None, found: Hit | Miss) -> Lookup:
    """What a lookup's answer comes to in the books."""
    if isinstance(found, Miss):
        codes = tuple(dict.fromkeys(reason.code for reason in found.reasons))
        return Lookup(at, project, key, session, None, reasons=codes)
    snapshot = found.snapshot
    cost, model = snapshot.cost, snapshot.recipe.get("model")
    if cost is not None and cost.model is not None:
        model = cost.model
    known = model if isinstance(model, str) else None
    return Lookup(at, project, key, session, known, (), snapshot.id, found.moved, cost)


def encode_lookup(lookup: Lookup) -> bytes:
    """The event's line: ASCII, keys sorted, no spaces.

    Raises:
        InvalidInput: a field that would not be read back.
    """
    _check(lookup)
    head = (
        f'{{"at":{lookup.at},"key":{_text(lookup.key)},"model":{_text(lookup.model)}'
        f',"project":{_text(lookup.project)}'
    )
    if lookup.snapshot is None:
        reasons = ",".join(map(_text, lookup.reasons))
        return f'{head},"reasons":[{reasons}],"session":{_text(lookup.session)}}}'.encode()
    recalled = "true" if lookup.recalled else "false"
    return (
        f'{head},"recalled":{recalled},"saved":{_saved_text(lookup.saved)}'
        f',"session":{_text(lookup.session)},"snapshot":"{lookup.snapshot.hex()}"}}'
    ).encode()


def _saved_text(saved: Cost | None) -> str:
    cost = saved or Cost(calls=0)
    return (
        f'{{"calls":{cost.calls},"input_tokens":{cost.input_tokens}'
        f',"latency_us":{cost.latency_us},"output_tokens":{cost.output_tokens}'
        f',"usd_nano":{"null" if cost.usd_nano is None else cost.usd_nano}}}'
    )


def decode_lookup(event: bytes) -> Lookup:
    """Read what ``encode_lookup`` wrote; anything it would not have written is refused.

    Raises:
        InvalidInput: it is no such event.
    """
    try:
        record = json.loads(event)
        lookup = _decode(record)
        if encode_lookup(lookup) == event:
            return lookup
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidInput(f"not a lookup: {str(error)[:80]}") from error
    raise InvalidInput("a lookup that is not in its usual form")


def _decode(record: Any) -> Lookup:
    is_hit = isinstance(record, dict) and "saved" in record
    fields.exactly("a lookup", record, _HIT if is_hit else _MISS)
    common = {name: record[name] for name in _COMMON}
    if not is_hit:
        fields.listed("reasons", record["reasons"])
        return Lookup(**common, reasons=tuple(record["reasons"]))
    found = fields.text("snapshot", record["snapshot"])
    if not _SNAPSHOT.fullmatch(found):
        raise InvalidInput("the snapshot of a lookup is no id")
    fields.exactly("saved", record["saved"], set(_SAVED))
    return Lookup(
        **common,
        snapshot=SnapshotId.fromhex(found),
        recalled=record["recalled"],
        saved=Cost(**record["saved"]),
    )


def _check(lookup: Lookup) -> None:
    fields.time("at", lookup.at)
    check_project(fields.text("project", lookup.project))
    check_key(fields.text("key", lookup.key))
    for name, value in (("session", lookup.session), ("model", lookup.model)):
        if value is not None:
            fields.label(name, value)
    if (lookup.snapshot is None) != bool(lookup.reasons) or len(lookup.reasons) > _MAX_REASONS:
        raise InvalidInput("a lookup either found a snapshot or has reasons why not")
    for reason in lookup.reasons:
        if not _REASON.fullmatch(fields.text("reason", reason)):
            raise InvalidInput(f"reason {reason[:40]!a} is no code")
    if type(lookup.recalled) is not bool:
        raise InvalidInput("whether a lookup was recalled is not said")
    if lookup.saved is not None:
        fields.check_cost(lookup.saved)


def lookups(backend: Backend, since: int = 0, until: int | None = None) -> Iterator[Lookup]:
    """Every lookup of a period, in the order recorded; events that say anything else are left out.

    Args:
        backend: the store's.
        since: the first moment of the period, in microseconds since 1970 UTC.
        until: the first moment after it; ``None`` for no end.
    """
    for event in backend.recorded(since // DAY * DAY):
        with suppress(InvalidInput):
            lookup = decode_lookup(event)
            if since <= lookup.at and (until is None or lookup.at < until):
                yield lookup
