"""A store's objects as packed rows, and what marking leaves of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aicas
from aicas.backends.base import StoredObject
from aicas.errors import Damaged
from aicas.ids import BlobId, Kind, SnapshotId, id_of_kind
from aicas.retention.condemned import Condemned
from aicas.retention.listing import Listing
from aicas.retention.marking import MARKED, UNMARKED, Marking

# Few different bytes at both ends, so that ids share beginnings and overlap one another.
_BYTES = st.sampled_from([0, 1, 255])
RAW = st.tuples(_BYTES, _BYTES, _BYTES).map(lambda b: bytes(b[:2]) + bytes(29) + bytes([b[2]]))
OBJECTS = st.dictionaries(
    RAW,
    st.tuples(
        st.sampled_from(list(Kind)), st.integers(0, 2**60), st.integers(-(2**60), 2**60)
    ),
    max_size=50,
)  # fmt: skip


def stored(found: dict[bytes, tuple[Kind, int, int]]) -> list[StoredObject]:
    return [StoredObject(id_of_kind(k, raw), size, at) for raw, (k, size, at) in found.items()]


@given(OBJECTS, st.lists(RAW, max_size=20))
def test_every_object_is_found_by_its_id_and_no_other(
    found: dict[bytes, tuple[Kind, int, int]], others: list[bytes]
) -> None:
    listing = Listing(stored(found))
    assert len(listing) == len(found)
    assert [raw for raw, _, _, _ in listing.rows()] == sorted(found)
    for raw, (kind, size, at) in found.items():
        row = listing.find(raw)
        assert (listing.id(row), listing.kind(row), listing.stored_bytes(row)) == (raw, kind, size)
        assert [*listing.rows()][row] == (raw, kind, size, at)
    for raw in others:
        assert (listing.find(raw) >= 0) == (raw in found)


@given(OBJECTS, st.randoms(use_true_random=False))
def test_what_is_not_marked_is_condemned_and_counted(
    found: dict[bytes, tuple[Kind, int, int]], rng: random.Random
) -> None:
    objects = sorted(stored(found))
    listing = Listing(rng.sample(objects, len(objects)))
    marks = bytes(rng.choice([MARKED, UNMARKED]) for _ in objects)
    condemned = Condemned(listing, marks)
    gone = [each for each, mark in zip(objects, marks, strict=True) if mark == UNMARKED]
    kept = [each for each in objects if each not in gone]
    assert list(condemned) == gone
    assert list(condemned.ids()) == [each.id for each in gone]
    assert len(condemned) == len(condemned.ids()) == len(gone)
    assert all(each in condemned and each.id in condemned.ids() for each in gone)
    assert not any(each in condemned or each.id in condemned.ids() for each in kept)
    assert condemned.stored_bytes == sum(each.stored_bytes for each in gone)
    assert condemned.others == (len(kept), sum(each.stored_bytes for each in kept))
    for kind, amount in condemned.kinds.items():
        of_kind = [each.stored_bytes for each in gone if each.id.kind == kind]
        assert amount == (len(of_kind), sum(of_kind))
    assert list(condemned.snapshots()) == [e.id for e in gone if e.id.kind == Kind.SNAPSHOT]
    assert condemned.marked_in(bytes([MARKED]) * len(objects)) == [each.id for each in gone]
    assert condemned.marked_in(marks) == []


Lookup = Callable[[aicas.Store], Listing]


@pytest.fixture
def chain(store: aicas.Store) -> list[SnapshotId]:
    """Three stages of files, each made from the one before, and something beside."""
    made: list[SnapshotId] = []
    for number in range(3):
        files = {f"src/{n}.txt": b"%d" % n for n in range(number, number + 2)}
        inputs = [f"stage-{number - 1}"] if number else []
        made.append(store.put(f"stage-{number}", files, inputs=inputs).id)
    store.put("beside", "other")
    return made


def reached(store: aicas.Store, listing: Listing, root: SnapshotId) -> set[bytes]:
    marking = Marking(store._backend, listing, lambda payload: False)
    marking.mark([root])
    return {row[0] for row, mark in zip(listing.rows(), marking.marks, strict=True) if mark}


def test_marking_reaches_all_a_snapshot_was_made_from_and_nothing_else(
    store: aicas.Store, chain: list[SnapshotId]
) -> None:
    listing = Listing(store._backend.scan())
    sets = [reached(store, listing, snapshot) for snapshot in chain]
    for number, (found, snapshot) in enumerate(zip(sets, chain, strict=True)):
        payload = store.snapshot(snapshot).payload.id
        assert {snapshot, payload} <= found
        kinds = [id_of_kind(listing.kind(listing.find(raw)), raw).kind for raw in found]
        assert kinds.count(Kind.SNAPSHOT) == number + 1
        assert kinds.count(Kind.TREE) == 2 * (number + 1)
        assert kinds.count(Kind.BLOB) == number + 2
    assert all(smaller < larger for smaller, larger in pairwise(sets))


def test_what_was_stored_since_the_listing_is_followed_to_what_is_in_it(
    store: aicas.Store, chain: list[SnapshotId]
) -> None:
    listing = Listing(store._backend.scan())
    later = store.put("later", {"new.txt": b"new"}, inputs=["stage-2"])
    assert reached(store, listing, later.id) == reached(store, listing, chain[-1])


def test_what_is_missing_is_damage(store: aicas.Store, chain: list[SnapshotId]) -> None:
    everything = list(store._backend.scan())
    nothing = SnapshotId(bytes(32))
    with pytest.raises(Damaged, match="not in the store, but is reachable"):
        reached(store, Listing(everything), nothing)
    marking = Marking(store._backend, Listing(everything), lambda payload: False)
    with pytest.raises(Damaged, match="as what it is not"):
        marking.mark([BlobId(chain[0])])
