"""Packing beside readers, writers and collections, and dying in the middle of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from backends_world import AT, answers, blob, commit, delete, in_order, name, pack, put, stage
from contract import run_threads
from crashing import crashes_at
from faulty_disk import FaultyDisk
from local_world import Folder, flip, fold_often
from pack_world import packs, read_alone

from aicas.backends.base import Arranged
from aicas.backends.local import packing, reclaim
from aicas.backends.local.backend import LocalBackend
from aicas.errors import StorageFailed
from aicas.ids import ObjectId
from aicas.objects.codec import plain_frame

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

LARGE = b"large " * 100_000


def some(prefix: str, count: int = 20) -> dict[ObjectId, bytes]:
    return dict(blob(f"{prefix} {n}" * 30) for n in range(count))


def inline_bytes(folder: Folder) -> int:
    return sum(path.stat().st_size for path in folder.segments())


def clean(folder: Folder) -> None:
    """No draft, no mark, no second generation, nothing of an object in two places."""
    backend = folder.open()
    assert not (folder.path / "reclaiming").exists()
    assert list((folder.path / "packs").glob("*.new")) == []
    assert set(reclaim.dead_records(backend._view)) == set()
    hot = {object_id for object_id, _ in backend._view.hot_places()}
    listed = [object_id for path in packs(folder) for object_id in read_alone(path)]
    assert len(listed) == len(set(listed))
    assert hot.isdisjoint(listed)
    assert hot.union(listed) >= {found.id for found in backend.scan()}


def test_packed_objects_leave_the_log(folder: Folder) -> None:
    backend = folder.open()
    objects = some("text", 200)
    commit(backend, objects=objects)
    before = inline_bytes(folder)
    (done,) = backend.pack(in_order, plain_frame)
    (made,) = packs(folder)
    assert done.objects == 200
    assert done.freed_bytes == before - inline_bytes(folder) - made.stat().st_size + 36 + 33
    assert inline_bytes(folder) < 1_000
    assert read_alone(made).keys() == objects.keys()
    assert pack(backend) == 0, "there is nothing left to do"
    assert packs(folder) == [made]


WORK: dict[str, Callable[[LocalBackend], object]] = {
    "first": pack,
    "delete": lambda backend: delete(backend, *some("packed", 15)),
    "delete all": lambda backend: delete(backend, *some("packed"), *some("again")),
    "fold": lambda backend: (commit(backend, objects=some("newer")), pack(backend)),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK.keys())
@pytest.mark.parametrize("segment_bytes", [64 << 20, 2_000])
def test_a_crash_at_any_step_loses_nothing(
    folder: Folder, work: Callable[[LocalBackend], object], segment_bytes: int
) -> None:
    backend = folder.open(segment_bytes)
    if work is not pack:
        commit(backend, objects=some("packed"))
        commit(backend, objects=some("again", 4))
        pack(backend)
        delete(backend, *list(some("again", 4)))
    for key, stored in some("again", 4).items():
        commit(backend, objects={key: stored})
    put(backend, "plan", "1")
    commit(backend, objects={blob(LARGE)[0]: stage(backend, LARGE)})
    before = answers(backend)
    folder.close()
    for call in range(1, 400):
        trial = folder.copy(folder.path.with_name(f"trial{call}"))

        def in_child(trial: Folder = trial) -> None:
            work(trial.open(segment_bytes))

        crashed = crashes_at(call, in_child)
        survivor = trial.open(segment_bytes)
        after = answers(survivor)
        assert list(survivor.check()) == []
        if after["last"] == before["last"]:
            assert after == before
        trial.close()
        trial.drop_index()
        survivor = trial.open(segment_bytes)
        assert answers(survivor) == after
        if call % 2:
            pack(survivor)
        else:
            delete(survivor, blob("1")[0])
            pack(survivor)
        assert list(survivor.check()) == []
        truth = answers(survivor)
        trial.close()
        clean(trial)
        trial.close()
        trial.drop_index()
        assert answers(trial.open()) == truth
        trial.close()
        if not crashed:
            return
    raise AssertionError("the work never finished")


def test_what_was_deleted_from_a_pack_stays_deleted_whatever_the_index_forgets(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = folder.open(segment_bytes=900)
    objects = some("object", 12)
    ids = sorted(objects)
    commit(backend, objects=objects)
    pack(backend)
    monkeypatch.setattr(packing, "_DEAD_SHARE", 2)  # so that the dead stay in their pack
    delete(backend, *ids[:6])
    commit(backend, objects={i: objects[i] for i in ids[:3]})
    for repacked in (False, True):
        if repacked:
            pack(backend)
        for _ in range(2):
            assert backend.missing(ids) == set(ids[3:6])
            assert backend.read(ids) == {i: objects[i] for i in ids[:3] + ids[6:]}
            assert list(backend.check()) == []
            folder.close()
            folder.drop_index()
            backend = folder.open(segment_bytes=900)
    delete(backend, ids[0])
    folder.close()
    folder.drop_index()
    assert folder.open().missing(ids) == {ids[0], *ids[3:6]}


def test_a_deletion_gives_back_what_it_took_from_packs(folder: Folder) -> None:
    backend = folder.open()
    objects = dict(blob(bytes([n]) + bytes(range(256)) * n) for n in range(1, 120))
    commit(backend, objects=objects)
    pack(backend)
    ids = sorted(objects)
    before = packs(folder)[0].stat().st_size
    done = backend.delete(
        ids[:100], commit(backend, verb="gc"), backend.last_number() + 1, lambda newer: ()
    )
    (made,) = packs(folder)
    assert 0 < before - made.stat().st_size <= done.freed_bytes
    assert read_alone(made).keys() == set(ids[100:])
    assert backend.read(ids) == {i: objects[i] for i in ids[100:]}


def test_a_few_deleted_objects_stay_in_their_pack_until_more_are(folder: Folder) -> None:
    backend = folder.open()
    objects = some("object", 100)
    ids = sorted(objects)
    commit(backend, objects=objects)
    pack(backend)
    (made,) = packs(folder)
    for step in range(100):
        delete(backend, ids[step])
        assert backend.missing(ids) == set(ids[: step + 1])
        listed = sum(len(read_alone(path)) for path in packs(folder))
        assert listed <= (99 - step) / 0.85 + 1
        if step < 5:
            assert packs(folder) == [made]
    assert packs(folder) == []


def test_blocks_in_which_all_live_are_taken_over_as_they_are(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aicas.backends.local import packwriter

    monkeypatch.setattr(packwriter, "FULL_BLOCK", 5_000)
    backend = folder.open()
    objects = some("object", 200)
    commit(backend, objects=objects)
    pack(backend)
    old = packs(folder)[0].read_bytes()
    delete(backend, *sorted(objects)[:60])
    (made,) = packs(folder)
    kept = read_alone(made)
    assert kept.keys() == set(sorted(objects)[60:])
    tail = old[-(44 + 48 * 200) - 3_000 : -(44 + 48 * 200) - 2_000]
    assert tail  # the last blocks of the old pack lie before its tables
    assert any(old[at : at + 200] in made.read_bytes() for at in range(28, len(old) // 2, 50))
    assert backend.read(objects) == {i: objects[i] for i in kept}


def test_packs_are_few_however_often_little_is_packed(folder: Folder) -> None:
    backend = folder.open()
    held: dict[ObjectId, bytes] = {}
    for step in range(40):
        more = some(f"step {step}", 5)
        held.update(more)
        commit(backend, objects=more)
        pack(backend)
        assert len(packs(folder)) <= 6
        assert backend.read(held) == held
    assert sum(len(read_alone(path)) for path in packs(folder)) == 200


def test_a_backend_that_was_open_before_sees_the_same_after(folder: Folder) -> None:
    """Each does another thing first with a picture in which nothing was packed."""
    packer = folder.open(segment_bytes=2_000)
    objects = some("object", 30)
    ids = sorted(objects)
    for object_id, stored in objects.items():
        commit(packer, objects={object_id: stored})
    old = [folder.open(segment_bytes=2_000) for _ in range(7)]
    for backend in old:
        list(backend.scan())
    begun = old[0].scan()
    next(begun)
    pack(packer)
    assert len({found.id for found in begun}) == 29
    assert old[1].read(ids) == objects
    assert sorted(found.id for found in old[2].scan()) == ids
    assert old[3].find(ids[3].hex()[:9], 2) == [ids[3]]
    assert old[3].missing(ids) == set()
    assert old[4]._view.fold(wait=True)
    assert old[4].read(ids) == objects
    assert delete(old[5], *ids[:10]) == set(ids[:10])
    commit(old[6], objects={ids[0]: objects[ids[0]]})
    for backend in (packer, *old, folder.open()):
        assert backend.missing(ids) == set(ids[1:10])
        assert backend.read(ids) == {i: objects[i] for i in [ids[0], *ids[10:]]}
        assert list(backend.check()) == []


def test_an_overlay_that_knew_the_old_places_does_not_spoil_the_index(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper, packer = folder.open(), folder.open()
    put(sleeper, "plan", "1")
    objects = some("object")
    commit(sleeper, objects=objects)
    pack(packer)
    fold_often(monkeypatch, 1)
    put(sleeper, "plan", "2")
    for backend in (sleeper, packer, folder.open()):
        assert backend.read(objects) == objects
        assert list(backend.check()) == []
        assert answers(backend) == answers(sleeper)
    pack(sleeper)
    clean(folder)


def test_a_reader_outlives_the_packs_it_reads_from(folder: Folder) -> None:
    packer, reader = folder.open(), folder.open()
    objects = some("object", 40)
    ids = sorted(objects)
    commit(packer, objects=objects)
    pack(packer)
    half = [reader.scan(), reader.scan()]
    first = next(half[0]).id
    streams = [reader.stream(object_id) for object_id in ids]
    folded = packs(folder)
    commit(packer, objects=some("more", 40))
    pack(packer)
    assert not any(path.exists() for path in folded)
    assert reader.read(ids) == objects
    delete(packer, *ids[:30])
    assert {found.id for found in half[0]} == set(ids) - {first}
    for object_id, stream in zip(ids, streams, strict=True):
        assert stream is not None
        assert stream.read(1 << 20) == objects[object_id]
    assert reader.read(ids) == {i: objects[i] for i in ids[30:]}
    assert {found.id for found in half[1]} == {*ids[30:], *some("more", 40)}


def test_another_process_that_was_open_before_reads_on(folder: Folder) -> None:
    packer = folder.open()
    objects = some("object", 30)
    commit(packer, objects=objects)
    code = """
import sys
from pathlib import Path
from aicas.backends.local.backend import LocalBackend
from aicas.ids import BlobId
backend = LocalBackend(Path(sys.argv[1]))
ids = [BlobId(bytes.fromhex(each)) for each in sys.argv[2:]]
for line in sys.stdin:
    frames = backend.read(ids)
    print(len(frames), sum(map(len, frames.values())), len(list(backend.scan())), flush=True)
"""
    command = [sys.executable, "-c", code, str(folder.path), *(i.hex() for i in objects)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None

        def ask() -> list[int]:
            assert other.stdin is not None
            assert other.stdout is not None
            other.stdin.write("\n")
            other.stdin.flush()
            return list(map(int, other.stdout.readline().split()))

        size = sum(map(len, objects.values()))
        assert ask() == [30, size, 30]
        pack(packer)
        assert ask() == [30, size, 30]
        commit(packer, objects=some("more", 30))
        pack(packer)
        assert ask() == [30, size, 60]
        delete(packer, *some("more", 30))
        assert ask() == [30, size, 30]
        delete(packer, *objects)
        assert ask() == [0, 0, 0]
        other.stdin.close()


def test_a_full_disk_stops_a_packing_and_nothing_else(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = folder.open()
    objects = some("object", 60)
    commit(backend, objects=objects)
    truth = answers(backend)
    disk = FaultyDisk(monkeypatch)
    for room in range(0, 4_000, 150):
        disk.full_after(room)
        try:
            pack(backend)
        except StorageFailed:
            disk.heal()
            assert answers(backend) == truth
            assert list(backend.check()) == []
        disk.heal()
    pack(backend)
    assert answers(folder.open()) == truth
    assert list(backend.check()) == []
    clean(folder)


def test_a_failing_flush_stops_a_packing_and_nothing_else(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = folder.open()
    objects = some("object", 60)
    commit(backend, objects=objects)
    truth = answers(backend)
    disk = FaultyDisk(monkeypatch)
    flush = disk.fdatasync
    for bad in range(1, 6):
        left = [bad]

        def failing(fd: int, left: list[int] = left) -> None:
            left[0] -= 1
            disk.fail_flushes(left[0] == 0)
            flush(fd)

        monkeypatch.setattr("os.fdatasync", failing)
        try:
            pack(backend)
        except StorageFailed:
            assert packs(folder) == [] or bad > 2
        monkeypatch.setattr("os.fdatasync", flush)
        assert answers(backend) == truth
    pack(backend)
    assert answers(folder.open()) == truth
    clean(folder)


def test_a_damaged_segment_is_not_packed_and_stops_nothing(folder: Folder) -> None:
    backend = folder.open(segment_bytes=1)
    for key in ("a", "b", "c"):
        put(backend, key, key)
    folder.close()
    folder.fill_index()
    flip(folder.segments()[0], folder.groups()[0].end - 2)  # type: ignore[union-attr]
    flip(folder.segments()[1], 30)  # its header
    damaged = [path.read_bytes() for path in folder.segments()[:2]]
    backend = folder.open(segment_bytes=1)
    for _ in range(2):
        pack(backend)
        assert [path.read_bytes() for path in folder.segments()[:2]] == damaged
        assert backend.read([blob("a")[0], blob("c")[0]]) == dict([blob("a"), blob("c")])
    assert [object_id for path in packs(folder) for object_id in read_alone(path)].count(
        blob("c")[0]
    ) == 1


def test_large_objects_are_not_packed(folder: Folder) -> None:
    backend = folder.open()
    content = b"large " * 100_000
    object_id, stored = blob(content)
    commit(backend, objects={object_id: stage(backend, content)})
    assert pack(backend) == 0
    assert packs(folder) == []
    assert backend.read([object_id]) == {object_id: stored}
    assert not (folder.path / "reclaiming").exists()


def test_what_is_put_while_a_packing_is_under_way_stays_hot(folder: Folder) -> None:
    packer, writer = folder.open(segment_bytes=2_000), folder.open(segment_bytes=2_000)
    before, during = some("before", 30), some("during", 30)
    commit(writer, objects=before)

    def arranged(ids: Collection[ObjectId]) -> list[Arranged]:
        for object_id, stored in during.items():
            commit(writer, objects={object_id: stored})
        commit(writer, objects=before)
        return in_order(ids)

    assert sum(done.objects for done in packer.pack(arranged, plain_frame)) == 30
    for backend in (packer, writer, folder.open()):
        assert backend.read([*before, *during]) == {**before, **during}
        assert list(backend.check()) == []
    assert pack(packer) >= 30, "what came meanwhile"
    clean(folder)


def test_batches_are_packed_one_by_one(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "BATCH_OBJECTS", 10)
    backend = folder.open(segment_bytes=1_500)
    objects = some("object", 50)
    for object_id, stored in objects.items():
        commit(backend, objects={object_id: stored})
    counts = []
    for done in backend.pack(in_order, plain_frame):
        counts.append(done.objects)
        assert 0 < done.objects <= 10
        assert folder.open().read(objects) == objects
    assert sum(counts) >= 50
    assert all(len(read_alone(path)) <= 10 for path in packs(folder))
    clean(folder)


def test_readers_writers_and_collectors_go_on_beside_a_packer(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "BATCH_OBJECTS", 40)
    writer = folder.open(segment_bytes=3_000)
    kept = [put(writer, f"kept{n}", f"kept {n}") for n in range(10)]
    running = [4]

    def read(backend: LocalBackend) -> None:
        while running[0]:
            frames = backend.read(kept)
            assert all(frames.get(i) for i in kept)
            assert {found.id for found in backend.scan()} >= set(kept)

    def collect(backend: LocalBackend) -> None:
        for step in range(12):
            passing = blob(f"passing {step} of {id(backend)}")
            commit(backend, objects=dict([passing]))
            assert delete(backend, passing[0]) == {passing[0]}
            assert backend.missing([passing[0]]) == {passing[0]}

    def write(backend: LocalBackend) -> None:
        for step in range(40):
            put(backend, "written", str(step))

    def keep_packing(backend: LocalBackend) -> None:
        for _ in range(8):
            pack(backend)

    jobs = [read, collect, collect, write, keep_packing]

    def work(number: int) -> None:
        try:
            jobs[number](folder.open(segment_bytes=3_000))
        finally:
            if number:
                running[0] -= 1

    run_threads(work, 5)
    fresh = folder.open()
    assert len(fresh.reflog(name("written"))) == 40
    assert list(fresh.check()) == []
    assert answers(fresh) == answers(writer)
    folder.close()
    folder.drop_index()
    assert folder.open().missing(kept) == set()


def test_the_time_of_a_packed_object_is_rounded_up_to_the_second(folder: Folder) -> None:
    backend = folder.open()
    times = {blob(str(more))[0]: AT + more for more in (0, 1, 999_999, 1_000_000)}
    for object_id, at in times.items():
        commit(backend, objects=dict([blob(str(at - AT))]), at=at)
        assert object_id == blob(str(at - AT))[0]
    for _ in range(2):
        pack(backend)
        found = {each.id: each.at - AT for each in backend.scan()}
        assert [found[i] for i in times] == [0, 1_000_000, 1_000_000, 1_000_000]
        commit(backend, objects=some("more"))


def test_a_store_without_packs_is_not_given_a_folder_for_them(folder: Folder) -> None:
    put(folder.open(), "plan", "1")
    assert not Path(folder.path / "packs").exists()
