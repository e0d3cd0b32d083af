"""A run answers as the mapping it was written from does, or is noticed to be damaged."""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aicas.backends.local import runs
from aicas.backends.local.overlay import Gone, Place
from aicas.backends.local.rows import IndexDamagedError
from aicas.backends.local.runs import PACKED, Entry, Run
from aicas.errors import StorageFailed
from aicas.ids import BlobId, Kind, ObjectId, TreeId, id_of_kind

STORE = bytes(range(16))
U64 = st.integers(0, 2**64 - 1)
# Few first bytes, so that some ids share buckets, pages and long prefixes.
IDS = st.builds(
    lambda kind, head, tail: id_of_kind(kind, bytes(head) + bytes(27) + bytes(tail)),
    st.sampled_from(Kind),
    st.lists(st.sampled_from([0, 1, 127, 255]), min_size=4, max_size=4),
    st.lists(st.integers(0, 255), min_size=1, max_size=1),
)
ENTRIES = st.one_of(
    st.builds(Place, U64, U64, U64, st.integers(-(2**63), 2**63 - 1)),
    st.builds(Gone, U64),
    st.just(PACKED),
)
SAID = st.dictionaries(IDS, ENTRIES, max_size=80)


def written(folder: Path, said: dict[ObjectId, Entry], part: int = 7, spare: int = 0) -> Path:
    """The file of a run that says ``said``, written in parts of so many entries."""
    entries = sorted(runs.encode_entry(i, entry) for i, entry in said.items())
    parts: Sequence[list[bytes]] = [entries[at : at + part] for at in range(0, len(entries), part)]
    draft = runs.write_run(folder, STORE, parts, len(entries) + spare)
    return folder / (runs.adopt(draft).hex() + runs.SUFFIX)


def some(count: int, seed: int = 1) -> dict[ObjectId, Entry]:
    draw = random.Random(seed)
    return {
        BlobId(draw.randbytes(32)): Place(draw.randrange(9), draw.randrange(1 << 40), 7, at)
        for at in range(count)
    }


@settings(max_examples=100)
@given(said=SAID, part=st.integers(1, 90), spare=st.sampled_from([0, 3, 5000]), others=SAID)
def test_it_says_what_was_written_and_no_more(
    tmp_path_factory: pytest.TempPathFactory,
    said: dict[ObjectId, Entry],
    part: int,
    spare: int,
    others: dict[ObjectId, Entry],
) -> None:
    path = written(tmp_path_factory.mktemp("run"), said, part, spare)
    run = Run(path, STORE)
    assert run.count == len(said)
    for asked in {*said, *others}:
        assert run.get(asked) == said.get(asked)
    everything = run.part(0, runs.PREFIXES)
    assert dict(map(runs.decode_entry, everything)) == said
    assert everything == sorted(everything)
    assert [runs.is_packed(entry) for entry in everything] == [
        said[runs.decode_entry(entry)[0]] is PACKED for entry in everything
    ]


@settings(max_examples=100)
@given(said=SAID, low=st.integers(0, runs.PREFIXES - 1), width=st.integers(1, runs.PREFIXES))
def test_a_part_is_what_lies_between_two_beginnings(
    tmp_path_factory: pytest.TempPathFactory, said: dict[ObjectId, Entry], low: int, width: int
) -> None:
    high = min(low + width, runs.PREFIXES)
    run = Run(written(tmp_path_factory.mktemp("run"), said), STORE)
    found = [runs.decode_entry(entry)[0] for entry in run.part(low, high)]
    assert found == sorted(i for i in said if low <= int.from_bytes(i[:4]) < high)


def test_an_id_of_another_kind_is_another_object(tmp_path: Path) -> None:
    run = Run(written(tmp_path, {BlobId(bytes(32)): Gone(1)}), STORE)
    assert run.get(BlobId(bytes(32))) == Gone(1)
    assert run.get(TreeId(bytes(32))) is None


def test_the_bytes_of_an_id_across_entries_are_no_entry(tmp_path: Path) -> None:
    """They lie in the same bucket, before the entry that is meant."""
    first = BlobId(bytes(32))
    place = Place(0, 0, 0x0102030405, 0)
    whole = runs.encode_entry(first, place) + bytes(32)
    hidden = BlobId(whole[20:52])
    said: dict[ObjectId, Entry] = {first: place, hidden: Gone(3)}
    run = Run(written(tmp_path, {first: place, BlobId(bytes(31) + b"\1"): place}), STORE)
    assert run.get(hidden) is None
    assert Run(written(tmp_path, said), STORE).get(hidden) == Gone(3)


def answers(path: Path, asked: Sequence[ObjectId]) -> list[Entry | None] | None:
    """What the run says of each id, and once more of all at once; ``None``: noticed."""
    try:
        run = Run(path, STORE)
        told = [run.get(i) for i in asked]
        whole = dict(map(runs.decode_entry, Run(path, STORE).part(0, runs.PREFIXES)))
    except IndexDamagedError:
        return None
    assert told == [whole.get(i) for i in asked]
    return told


def test_every_flipped_byte_is_noticed_or_harmless(tmp_path: Path) -> None:
    said = some(60)
    asked = [*said, *some(40, seed=2)]
    path = written(tmp_path, said)
    sound, truth = path.read_bytes(), [said.get(i) for i in asked]
    assert answers(path, asked) == truth
    harmless = 0
    for offset in range(len(sound)):
        spoilt = bytearray(sound)
        spoilt[offset] ^= 1 << offset % 8
        path.write_bytes(spoilt)
        found = answers(path, asked)
        assert found in (None, truth), offset
        harmless += found is not None
    assert harmless <= 8, "only the last row, behind all entries, is not covered"


def test_a_run_that_was_torn_anywhere_is_noticed(tmp_path: Path) -> None:
    said = some(60)
    path = written(tmp_path, said)
    sound = path.read_bytes()
    for end in range(0, len(sound), 17):
        zeros = bytes(len(sound) - end)
        for torn in (sound[:end], sound[:end] + zeros, bytes(end) + sound[end:]):
            path.write_bytes(torn)
            assert torn == sound or answers(path, list(said)) is None
    path.write_bytes(sound + b"\0")
    assert answers(path, list(said)) is None


def test_blocks_of_zeros_or_of_another_run_are_noticed(tmp_path: Path) -> None:
    """As a file system may leave them after a power cut: nothing of a run is flushed."""
    said = some(3000)
    path, other = written(tmp_path, said), written(tmp_path, some(3000, seed=2))
    sound, strange = path.read_bytes(), other.read_bytes()
    for start in range(0, len(sound), 4096):
        end = start + 4096
        for block in (bytes(len(sound[start:end])), strange[start:end]):
            path.write_bytes(sound[:start] + block + sound[end:])
            assert answers(path, list(said)) is None


def test_a_run_of_another_store_or_name_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, some(10))
    with pytest.raises(IndexDamagedError, match="another run"):
        Run(path, bytes(16))
    moved = path.with_name("00" * 16 + runs.SUFFIX)
    path.rename(moved)
    with pytest.raises(IndexDamagedError, match="another run"):
        Run(moved, STORE)
    with pytest.raises(IndexDamagedError, match="gone"):
        Run(path, STORE)


def test_it_is_private_and_stays_readable_after_its_file_was_deleted(tmp_path: Path) -> None:
    said = some(500)
    old = os.umask(0)
    try:
        path = written(tmp_path, said)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    run = Run(path, STORE)
    path.unlink()
    assert all(run.get(i) == entry for i, entry in said.items())


def test_nothing_is_left_of_a_run_that_could_not_be_written(tmp_path: Path) -> None:
    def broken() -> list[bytes]:
        raise IndexDamagedError("a run that is merged is damaged")

    with pytest.raises(IndexDamagedError):
        runs.write_run(tmp_path, STORE, (broken() for _ in range(1)), 10)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StorageFailed):
        runs.write_run(tmp_path / "gone", STORE, [], 0)
    with pytest.raises(StorageFailed):
        runs.adopt(tmp_path / ("00" * 16 + runs.DRAFT_SUFFIX))
