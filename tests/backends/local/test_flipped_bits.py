"""Damage in the middle of the log costs what it hit, is reported, and never stops the store."""

from __future__ import annotations

from backends_world import blob, commit, facts, name, put, snapshot
from local_world import Folder, flip

from aicas.backends.local.backend import LocalBackend
from aicas.backends.local.group import DamagedRegion

KEYS = ("plan", "spec", "code", "tests", "docs")


def fill(folder: Folder, segment_bytes: int = 64 << 20) -> dict[str, object]:
    backend = folder.open(segment_bytes)
    for key in KEYS:
        put(backend, key, f"content of {key}")
    found = facts(backend)
    folder.close()
    return found


def spare_all_but(backend: LocalBackend, hit: str, truth: dict[str, object]) -> None:
    """Everything that the damage did not hit is as it was."""
    for key in KEYS:
        if key != hit:
            wanted = truth["refs"][name(key)]  # type: ignore[index]
            assert backend.ref(name(key)) == wanted
            found, stored = blob(f"content of {key}")
            assert backend.read([found]) == {found: stored}
            assert wanted.last in backend.read([wanted.last])


def test_a_flipped_bit_anywhere_in_a_group_costs_no_other_group(folder: Folder) -> None:
    truth = fill(folder)
    whole = folder.segments()[0].read_bytes()
    group = folder.groups()[2]
    for offset in range(group.offset, group.end):
        folder.segments()[0].write_bytes(whole)
        flip(folder.segments()[0], offset, offset % 8)
        folder.drop_index()
        backend = folder.open()
        spare_all_but(backend, "code", truth)
        list(backend.operations())
        faults = [fault.what for fault in backend.check()]
        assert any("damaged" in what or "checksum" in what for what in faults), offset
        put(backend, "code", "again")
        assert backend.operation(6) is not None
        folder.close()


def test_a_flipped_bit_in_one_frame_costs_that_frame_only(folder: Folder) -> None:
    truth = fill(folder)
    group = folder.groups()[2]
    assert not isinstance(group, DamagedRegion)
    hit = group.objects[1]
    flip(folder.segments()[0], hit.offset + hit.length - 9)
    folder.drop_index()
    backend = folder.open()
    assert backend.refs("") == truth["refs"]
    assert list(backend.operations()) == truth["operations"]
    frames = backend.read(truth["frames"])  # type: ignore[arg-type]
    changed = [i for i, stored in frames.items() if stored != truth["frames"][i]]  # type: ignore[index]
    assert changed == [hit.raw_id]


def test_neighbouring_damaged_groups_are_salvaged_each(folder: Folder) -> None:
    truth = fill(folder)
    for group in folder.groups()[1:3]:
        assert not isinstance(group, DamagedRegion)
        flip(folder.segments()[0], group.end - 1)  # the checksum itself
    folder.drop_index()
    backend = folder.open()
    assert facts(backend) == truth
    assert len([f for f in backend.check() if "checksum" in f.what]) == 2


def test_damage_is_found_the_same_with_an_index_that_knew_the_log_whole(folder: Folder) -> None:
    truth = fill(folder)
    folder.fill_index()
    group = folder.groups()[2]
    whole = folder.segments()[0].read_bytes()
    for offset in range(group.offset, group.end, 7):
        folder.segments()[0].write_bytes(whole)
        flip(folder.segments()[0], offset)
        backend = folder.open()
        spare_all_but(backend, "code", truth)
        list(backend.operations())
        assert list(backend.check())
        folder.close()


def test_a_flipped_bit_in_a_seal_hides_nothing(folder: Folder) -> None:
    truth = fill(folder, segment_bytes=1)
    seal = folder.groups(sequence=2)[-1]
    whole = folder.segments()[1].read_bytes()
    for offset in range(seal.offset, seal.end):
        folder.segments()[1].write_bytes(whole)
        flip(folder.segments()[1], offset)
        folder.drop_index()
        backend = folder.open()
        assert facts(backend) == truth, offset
        assert list(backend.check()), "the damage is reported"
        folder.close()
    backend = folder.open(segment_bytes=1)
    put(backend, "code", "2")
    folder.close()
    assert folder.open().last_number() == 6


def test_a_segment_cut_short_hides_no_later_one(folder: Folder) -> None:
    truth = fill(folder, segment_bytes=1)
    second = folder.segments()[1]
    whole = second.read_bytes()
    for length in range(0, len(whole), 11):
        second.write_bytes(whole[:length])
        folder.drop_index()
        backend = folder.open()
        spare_all_but(backend, "spec" if len(whole) - length > 33 else "", truth)
        assert list(backend.check())
        folder.close()


def test_a_segment_whose_header_is_damaged_is_left_out_and_reported(folder: Folder) -> None:
    truth = fill(folder, segment_bytes=1)
    for segment, key in zip(folder.segments(), KEYS, strict=False):
        whole = segment.read_bytes()
        for offset in range(0, 36, 5):
            flip(segment, offset)
            for _ in range(2):  # with the index from before, and without
                backend = folder.open(segment_bytes=1)
                spare_all_but(backend, key, truth)
                assert any(segment.name in fault.what for fault in backend.check())
                folder.close()
                folder.drop_index()
            segment.write_bytes(whole)
    assert facts(folder.open()) == truth


def test_writing_goes_on_behind_a_last_segment_that_cannot_be_read(folder: Folder) -> None:
    fill(folder, segment_bytes=1)
    flip(folder.segments()[-1], 3)
    backend = folder.open(segment_bytes=1)
    put(backend, "more", "1")
    after = facts(backend)
    folder.close()
    folder.drop_index()
    assert facts(folder.open()) == after


def test_a_segment_that_is_gone_is_reported_and_never_written_over(folder: Folder) -> None:
    truth = fill(folder, segment_bytes=1)
    folder.segments()[2].unlink()
    backend = folder.open(segment_bytes=1)
    spare_all_but(backend, "code", truth)
    put(backend, "more", "1")
    assert next(fault.what for fault in backend.check()) == "log segment 3 is not there"
    assert facts(folder.open())["refs"] == backend.refs("")


def test_an_artifact_that_is_a_copy_of_the_log_is_not_taken_for_commits(folder: Folder) -> None:
    backend = folder.open()
    old = put(backend, "plan", "old")
    put(backend, "plan", "new")
    copy_id, copy = blob(folder.segments()[0].read_bytes())
    holder, stored = snapshot("holder")
    commit(backend, objects={copy_id: copy, holder: stored})
    latest = put(backend, "plan", "latest")
    folder.close()
    flip(folder.segments()[0], folder.groups()[2].offset)
    folder.drop_index()
    backend = folder.open()
    assert [o.number for o in backend.operations()] == [4, 2, 1]
    state = backend.ref(name("plan"))
    assert state is not None
    assert (state.target, state.number) == (latest, 4)
    assert old in backend.read([old])
    regions = [g for g in folder.groups() if isinstance(g, DamagedRegion)]
    assert [(r.offset, r.end) for r in regions] == [(regions[0].offset, folder.groups()[-1].offset)]
