"""Snapshots: everything recorded, typed on write and on read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicas import canonical
from aicas.errors import Damaged, InvalidInput, UnsupportedFormat
from aicas.ids import BlobId, Kind, SnapshotId, TreeId, hash_object
from aicas.objects.snapshot import (
    Cost,
    Input,
    PayloadRef,
    Snapshot,
    decode_snapshot,
    encode_snapshot,
    seal,
)

BLOB = BlobId(hash_object(Kind.BLOB, b"x"))
REF = PayloadRef(Kind.BLOB, BLOB, "text/plain; charset=utf-8", 1, 1)
PARENT = SnapshotId(bytes(range(32)))
FULL = Snapshot(
    key="phase-1-generated_code",
    created_at=1_751_452_200_000_000,
    payload=PayloadRef(Kind.TREE, TreeId(BLOB), "application/vnd.aicas.tree", 15_420, 5),
    recipe={
        "agent_version": "gpt-4-2024",
        "prompt_hash": "abc123",
        "parameters": {"temperature": 0.5},
        "extra": [1, None, True],
    },
    inputs=(
        Input("project_micro_phases", PARENT, "/phases/3", bytes(32)),
        Input("other/project/plan", PARENT, None, bytes(32)),
        Input("project_micro_phases", PARENT, "/phases/4", bytes(32)),
    ),
    fingerprint=bytes(32),
    parent=PARENT,
    session_id="sess_123",
    validation_status="passed",
    expiry_time=1_751_711_400_000_000,
    tags=("generated_code", "micro_phase"),
    cost=Cost(12_500_000, 100, 50, 10, 2_000_000, "gpt-4", {"input": 30_000}, 2),
    meta={"note": "x"},
)
MINIMAL = Snapshot("plan", 0, REF)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999),
    st.dictionaries(st.text("abcdef", min_size=1), json_values, max_size=4),
    st.lists(st.text("abc", min_size=1), max_size=3),
    st.none() | st.integers(0, 2**63 - 1),
)
def test_any_snapshot_comes_back(
    at: int, values: dict[str, Any], tags: list[str], nano: int | None
) -> None:
    snapshot = FULL._replace(
        created_at=at, recipe=values, meta=values, tags=tuple(tags), cost=Cost(nano)
    )
    sealed, data = seal(snapshot)
    back = decode_snapshot(data, sealed.id)
    assert back == snapshot
    assert back.id == sealed.id == hash_object(Kind.SNAPSHOT, data)
    assert encode_snapshot(back) == data


@pytest.mark.parametrize("snapshot", [FULL, MINIMAL])
def test_both_the_full_and_the_minimal_snapshot_come_back(snapshot: Snapshot) -> None:
    sealed, data = seal(snapshot)
    assert decode_snapshot(data, sealed.id) == snapshot
    assert snapshot.sealed().id == sealed.id


def test_frozen_vectors() -> None:
    assert (
        str(MINIMAL.sealed().id)
        == "8f4eb6ff9a5c8d6c62ad2df00f387bdb22aa377a686d3d38b4975dbc50f768ac"
    )
    assert (
        str(FULL.sealed().id) == "b926346f1a2d9a479c57a8343ad05d63e23b32bab7ec7feb7c34e0e48bd1a67d"
    )


def test_the_id_is_not_part_of_what_is_hashed() -> None:
    sealed = FULL.sealed()
    assert encode_snapshot(sealed) == encode_snapshot(FULL)
    assert sealed == FULL
    assert not FULL.id
    assert len(sealed.id) == 32


def test_json_has_the_metadata_people_know() -> None:
    shown = FULL.sealed().to_json()
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
    wanted = {
        "cache_key": "phase-1-generated_code",
        "created_at": "2025-07-02T10:30:00Z",
        "agent_version": "gpt-4-2024",
        "prompt_hash": "abc123",
        "dependencies": ["project_micro_phases", "other/project/plan"],
        "session_id": "sess_123",
        "validation_status": "passed",
        "expiry_time": "2025-07-05T10:30:00Z",
        "file_count": 5,
        "size_bytes": 15_420,
        "tags": ["generated_code", "micro_phase"],
    }
    assert {name: shown[name] for name in wanted} == wanted
    assert shown["cost"]["usd"] == "0.0125"
    assert shown["cost"]["usd_nano"] == 12_500_000
    assert shown["payload"] == {"kind": "tree", "id": BLOB.hex()}


def test_json_of_a_minimal_snapshot_says_null_and_not_zero() -> None:
    shown = MINIMAL.to_json()
    for name in ("id", "agent_version", "prompt_hash", "expiry_time", "cost", "parent"):
        assert shown[name] is None


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (None, None),
        (0, "0.00"),
        (1, "0.000000001"),
        (10_000_000, "0.01"),
        (1_500_000_000, "1.50"),
        (123_456_789_012, "123.456789012"),
    ],
)
def test_money_is_shown_exactly_and_unpriced_is_not_zero(nano: int | None, text: str) -> None:
    assert Cost(nano).usd == text


BAD: list[dict[str, Any]] = [
    {"key": "../x"},
    {"key": ""},
    {"key": "a/b"},
    {"key": 7},
    {"created_at": 2**62},
    {"created_at": True},
    {"created_at": 1.5},
    {"expiry_time": -(2**62)},
    {"validation_status": "maybe"},
    {"validation_status": None},
    {"tags": ("ok", "a\x1bb")},
    {"tags": (1,)},
    {"session_id": "a\nb"},
    {"session_id": 5},
    {"fingerprint": b"short"},
    {"parent": SnapshotId(b"short")},
    {"recipe": {"prompt": b"bytes"}},
    {"recipe": {"prompt": float("nan")}},
    {"recipe": {1: "x"}},
    {"recipe": []},
    {"recipe": {"n": 2**64}},
    {"meta": {"a\u202eb": 1}},
    {"meta": {"deep": {"er": [b"x"]}}},
    {"meta": {"text": "\ud800"}},
    {"inputs": (Input("../x", PARENT, None, bytes(32)),)},
    {"inputs": (Input("a", SnapshotId(b"x"), None, bytes(32)),)},
    {"inputs": (Input("a", PARENT, None, b"x"),)},
    {"inputs": (Input("a", PARENT, 5, bytes(32)),)},  # type: ignore[arg-type]
    {"cost": Cost(-1)},
    {"cost": Cost(1.5)},  # type: ignore[arg-type]
    {"cost": Cost(True)},
    {"cost": Cost(2**63)},
    {"cost": Cost(input_tokens=-1)},
    {"cost": Cost(model="a\0b")},
    {"cost": Cost(unit_prices={"input": 0.03})},  # type: ignore[dict-item]
    {"payload": REF._replace(id=TreeId(BLOB))},
    {"payload": REF._replace(kind=Kind.SNAPSHOT, id=PARENT)},
    {"payload": REF._replace(size_bytes=-1)},
    {"payload": REF._replace(file_count=True)},
    {"payload": REF._replace(media_type="nonsense")},
    {"payload": REF._replace(media_type="a/b\r\nX: y")},
]


@pytest.mark.parametrize("change", BAD, ids=lambda change: ascii(change)[:60])
def test_a_field_no_snapshot_may_hold_is_refused_on_write(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        encode_snapshot(FULL._replace(**change))
    assert "\n" not in str(caught.value)


def drop(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda record: record.pop(name)


def put(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda record: record.update({name: value})


def put_in(outer: str, name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda record: record[outer].update({name: value})


FIELDS = canonical.unpack(encode_snapshot(FULL)[1:])


@pytest.mark.parametrize(
    "edit",
    [
        *(drop(name) for name in FIELDS),
        *(put(name, 1.5) for name in FIELDS),
        *(put(name, {}) for name in FIELDS if name not in ("recipe", "meta")),
        put("access_count", 3),
        put("id", bytes(32)),
        put("dependencies", [["a", bytes(32), None]]),
        put("dependencies", ["abcd"]),
        put("dependencies", [[1, bytes(32), None, bytes(32)]]),
        put("tags", "abc"),
        put("cache_key", "-rf"),
        put("parent", bytes(31)),
        put_in("payload", "kind", True),
        put_in("payload", "kind", 3),
        put_in("payload", "kind", 9),
        put_in("payload", "kind", 2.0),
        put_in("payload", "id", bytes(16)),
        put_in("payload", "id", "x" * 32),
        put_in("payload", "more", 1),
        put_in("cost", "usd_nano", 1.5),
        put_in("cost", "unit_prices", []),
        put_in("cost", "more", 1),
        put_in("recipe", "prompt", b"bytes"),
    ],
)
def test_a_record_that_is_not_exactly_a_snapshot_is_refused_on_read(
    edit: Callable[[dict[str, Any]], object],
) -> None:
    record = canonical.unpack(encode_snapshot(FULL)[1:])
    edit(record)
    data = b"\x01" + canonical.pack(record)
    with pytest.raises(Damaged) as caught:
        decode_snapshot(data, PARENT)
    assert "\n" not in str(caught.value)
    assert caught.value.object_id == PARENT


@pytest.mark.parametrize("value", [None, 7, [], "text", [1, 2]])
def test_what_is_no_map_is_refused(value: object) -> None:
    with pytest.raises(Damaged):
        decode_snapshot(b"\x01" + canonical.pack(value), PARENT)


def test_another_version_is_refused_as_such() -> None:
    data = encode_snapshot(FULL)
    for bad in (b"", b"\x02" + data[1:], data[1:]):
        with pytest.raises(UnsupportedFormat):
            decode_snapshot(bad, PARENT)


@given(st.integers(1, 10**6), st.integers(0, 7))
def test_every_flipped_bit_is_refused_or_another_valid_snapshot(at: int, bit: int) -> None:
    data = bytearray(encode_snapshot(FULL))
    data[1 + at % (len(data) - 1)] ^= 1 << bit
    try:
        back = decode_snapshot(bytes(data), PARENT)
    except Damaged:
        return
    assert encode_snapshot(back) == bytes(data)
