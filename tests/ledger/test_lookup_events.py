"""Lookups as events: one form, read back strictly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicas import Cost
from aicas.backends.events import MAX_EVENT_BYTES
from aicas.backends.memory import MemoryBackend
from aicas.clock import DAY
from aicas.errors import InvalidInput
from aicas.ids import SnapshotId
from aicas.ledger.events import Lookup, decode_lookup, encode_lookup, lookups

HIT = Lookup(
    1_700_000_000_000_000,
    "shop/eu",
    "pl\u00e4ne",
    "run \u4e00",
    "gpt-4",
    (),
    SnapshotId(bytes(range(32))),
    True,
    Cost(5, 3, 2, 0, 9, None, {}, 4),
)
MISS = Lookup(7, "default", "plan", None, None, ("expired", "input_changed"))


def test_an_event_is_one_line_of_sorted_ascii_json_as_documented() -> None:
    assert encode_lookup(MISS) == (
        b'{"at":7,"key":"plan","model":null,"project":"default",'
        b'"reasons":["expired","input_changed"],"session":null}'
    )
    assert json.loads(encode_lookup(HIT)) == {
        "at": 1_700_000_000_000_000,
        "key": "pl\u00e4ne",
        "model": "gpt-4",
        "project": "shop/eu",
        "recalled": True,
        "saved": {
            "calls": 4,
            "input_tokens": 3,
            "latency_us": 9,
            "output_tokens": 2,
            "usd_nano": 5,
        },
        "session": "run \u4e00",
        "snapshot": bytes(range(32)).hex(),
    }
    for lookup in (HIT, MISS):
        event = encode_lookup(lookup)
        assert event.isascii()
        again = json.dumps(json.loads(event), sort_keys=True, separators=(",", ":"))
        assert event == again.encode()


counts = st.integers(0, 2**63 - 1)
words = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=20)
labels = st.none() | words
hits = st.builds(
    Lookup,
    counts.map(lambda n: n % 10**17),
    st.sampled_from(["default", "a/b"]),
    st.sampled_from(["plan", "phase-1", "\u00e9t\u00e9"]),
    labels,
    labels,
    st.just(()),
    st.binary(min_size=32, max_size=32).map(SnapshotId),
    st.booleans(),
    st.builds(
        Cost, st.none() | counts, counts, counts, st.just(0), counts, st.none(), st.just({}), counts
    ),
)


@given(hits)
def test_what_is_recorded_of_a_hit_is_read_back(lookup: Lookup) -> None:
    assert decode_lookup(encode_lookup(lookup)) == lookup


def test_a_hit_on_what_nobody_priced_saves_nothing_that_is_known() -> None:
    again = decode_lookup(encode_lookup(HIT._replace(saved=None)))
    assert again.saved == Cost(calls=0)


def edited(lookup: Lookup, **changes: Any) -> bytes:
    record = {**json.loads(encode_lookup(lookup)), **changes}
    kept = {name: value for name, value in record.items() if value is not ...}
    return json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()


ODD = {
    "unknown field": edited(MISS, more=1),
    "missing field": edited(MISS, session=...),
    "another kind": b'{"at":7,"evicted":3}',
    "no object": b"[]",
    "no JSON": b"lookup",
    "not UTF-8": b'{"at":7,"key":"\xff"}',
    "spaces": json.dumps(json.loads(encode_lookup(MISS)), sort_keys=True).encode(),
    "repeated field": encode_lookup(MISS).replace(b'{"at":7', b'{"at":7,"at":7'),
    "float": edited(MISS, at=7.0),
    "infinite": edited(MISS, at=float("inf")),
    "truth for a number": edited(MISS, at=True),
    "year 10,000": edited(MISS, at=2**60),
    "bad key": edited(MISS, key="../plan"),
    "bad project": edited(MISS, project=""),
    "control character": edited(MISS, session="a\x1b[31m"),
    "no reasons": edited(MISS, reasons=[]),
    "odd reason": edited(MISS, reasons=["<b>"]),
    "reasons as text": edited(MISS, reasons="expired"),
    "too many reasons": edited(MISS, reasons=["expired"] * 1_001),
    "bad id": edited(HIT, snapshot="00" * 31),
    "id in capitals": edited(HIT, snapshot="AB" * 32),
    "negative": edited(HIT, saved={**json.loads(encode_lookup(HIT))["saved"], "usd_nano": -1}),
    "saved more": edited(HIT, saved={**json.loads(encode_lookup(HIT))["saved"], "model": "m"}),
    "recalled maybe": edited(HIT, recalled=1),
    "deep": b"[" * MAX_EVENT_BYTES,
}


@pytest.mark.parametrize("event", ODD.values(), ids=ODD.keys())
def test_an_odd_event_is_refused_and_left_out(event: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_lookup(event)
    backend = MemoryBackend()
    backend.record(0, [encode_lookup(MISS), event, encode_lookup(MISS)])
    assert list(lookups(backend)) == [MISS, MISS]


@given(st.binary(max_size=80))
def test_no_bytes_do_more_than_be_refused(event: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_lookup(event)


@pytest.mark.parametrize(
    "lookup",
    [
        MISS._replace(reasons=()),
        HIT._replace(reasons=("expired",)),
        MISS._replace(session="a\nb"),
        MISS._replace(key="a b"),
        MISS._replace(session="s" * 300),
    ],
)
def test_what_could_not_be_read_back_is_not_written(lookup: Lookup) -> None:
    with pytest.raises(InvalidInput):
        encode_lookup(lookup)


def test_a_period_is_from_its_first_moment_up_to_its_end() -> None:
    backend = MemoryBackend()
    for at in (DAY - 1, DAY, DAY + 5, 2 * DAY):
        backend.record(at, [encode_lookup(MISS._replace(at=at))])
    assert [lookup.at for lookup in lookups(backend, DAY, 2 * DAY)] == [DAY, DAY + 5]
    assert len(list(lookups(backend))) == 4
