"""A pack is read with nothing but itself; whatever of it was changed is noticed or harmless."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import zstandard
from backends_world import AT, answers, blob, commit, delete, frame, pack, put
from local_world import Folder, flip
from pack_world import forge, packs, read_alone
from peak_memory import PEAK

from aicas.backends.local import pack as pack_format
from aicas.backends.local.backend import LocalBackend
from aicas.backends.local.pack import Entry
from aicas.backends.local.packreader import Pack
from aicas.errors import Damaged, UnsupportedFormat
from aicas.ids import Kind, ObjectId, hash_object
from aicas.objects.codec import decode_frame, encode_frame

KINDS = (Kind.BLOB, Kind.TREE, Kind.SNAPSHOT)


def fill(folder: Folder, count: int = 6) -> dict[ObjectId, bytes]:
    """A store with so many objects, all in one pack."""
    backend = folder.open()
    objects = dict(frame(KINDS[n % 3], f"object {n} " * (n + 1)) for n in range(count))
    commit(backend, objects=objects)
    assert pack(backend) == count
    folder.close()
    return objects


def install(folder: Folder, data: bytes, name: str = "made") -> None:
    (folder.path / "packs").mkdir(exist_ok=True)
    (folder.path / "packs" / f"{name}.pack").write_bytes(data)


def test_a_pack_is_read_with_nothing_but_itself(folder: Folder) -> None:
    objects = fill(folder, 100)
    (made,) = packs(folder)
    assert made.stat().st_mode & 0o777 == 0o600
    found = read_alone(made)
    assert found == {
        i: (i.kind, AT // 1_000_000, decode_frame(stored, i)) for i, stored in objects.items()
    }
    assert found.keys() == objects.keys()


def test_what_another_program_wrote_by_the_page_is_read(folder: Folder) -> None:
    objects = dict(frame(kind, f"a {kind.name}") for kind in KINDS)
    folder.open()
    install(folder, forge(objects))
    assert read_alone(packs(folder)[0]).keys() == objects.keys()
    backend = folder.open()
    assert backend.read(objects) == objects
    assert list(backend.check()) == []


def test_what_does_not_shrink_is_compressed_all_the_same_and_any_frame_is_taken(
    folder: Folder,
) -> None:
    content = b"compressible " * 900
    object_id = hash_object(Kind.BLOB, content)
    commit(folder.open(), objects={object_id: encode_frame(Kind.BLOB, content)})
    backend = folder.open()
    pack(backend)
    assert decode_frame(backend.read([object_id])[object_id], object_id) == content
    assert read_alone(packs(folder)[0])[object_id][2] == content


def test_a_flipped_bit_anywhere_is_noticed_or_harmless(folder: Folder) -> None:
    objects = fill(folder)
    unknown = blob("never stored")[0]
    (path,) = packs(folder)
    whole = path.read_bytes()
    tables = pack_format.decode_footer(whole[-44:], "pack", len(whole))[0].offset
    backend = folder.open()
    for offset in range(len(whole)):
        flip(path, offset, offset % 8)
        backend._view.packs.__init__(folder.path)  # type: ignore[misc]
        frames = backend.read([*objects, unknown])
        assert unknown not in frames
        wrong = 0
        for object_id, stored in objects.items():
            try:
                decode_frame(frames.get(object_id, b""), object_id)
            except (Damaged, UnsupportedFormat):
                wrong += 1
            else:
                assert frames[object_id] == stored
        assert {found.id for found in backend.scan()} <= set(objects)
        faults = list(backend.check())
        in_block = pack_format.HEADER_BYTES <= offset < tables
        assert bool(faults) != in_block, offset
        assert wrong or faults or in_block
        path.write_bytes(whole)
    backend._view.packs.__init__(folder.path)  # type: ignore[misc]
    assert backend.read(objects) == objects


def test_a_pack_cut_short_is_reported_and_holds_nothing(folder: Folder) -> None:
    objects = fill(folder)
    (path,) = packs(folder)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        backend = folder.open()
        assert backend.missing(objects) == set(objects)
        assert list(backend.scan()) == []
        assert any(path.name in fault.what for fault in backend.check())
        folder.close()
    commit(folder.open(), objects=objects)
    backend = folder.open()
    assert backend.read(objects) == objects, "what is put again is held again"
    pack(backend)
    assert path.exists(), "something of it might still be salvaged"
    assert backend.read(objects) == objects


def test_a_flipped_bit_in_the_entries_costs_the_objects_of_one_bucket(folder: Folder) -> None:
    objects = fill(folder, 400)
    (path,) = packs(folder)
    first = path.stat().st_size - 44 - 48 * 400
    flip(path, first + 48 * 50 + 3)
    backend = folder.open()
    held = set(objects).difference(backend.missing(objects))
    assert 350 < len(held) < 400
    assert {found.id for found in backend.scan()} == held
    assert backend.read(objects) == {i: objects[i] for i in held}
    assert any("damaged entries" in fault.what for fault in backend.check())


@pytest.mark.parametrize("spoil", ["entries", "block"])
def test_a_damaged_pack_is_never_folded_or_trimmed(folder: Folder, spoil: str) -> None:
    objects = fill(folder, 400)
    (path,) = packs(folder)
    flip(path, path.stat().st_size - 44 - 48 * 399 if spoil == "entries" else 40)
    backend = folder.open()
    truth = backend.read(objects)
    commit(backend, objects=dict(blob(f"newer {n}") for n in range(400)))
    pack(backend)
    assert path.exists()
    assert {i: s for i, s in backend.read(objects).items() if s} == {
        i: s for i, s in truth.items() if s
    }
    doomed = sorted(i for i, stored in truth.items() if stored)[:200]
    delete(backend, *doomed)
    assert path.exists()
    left = {i: s for i, s in truth.items() if i not in doomed}
    assert backend.read(objects) == left
    folder.drop_index()
    assert folder.open().read(objects) == left


def test_files_that_are_no_packs_are_left_alone(folder: Folder, tmp_path: Path) -> None:
    objects = fill(folder)
    home = folder.path / "packs"
    (home / "notes.txt").write_text("mine")
    (home / "folder.pack").mkdir()
    (home / "link.pack").symlink_to(packs(folder)[0])
    (home / "empty.pack").touch()
    (home / "text.pack").write_text("mine, too")
    backend = folder.open()
    assert backend.read(objects) == objects
    faults = sorted(fault.what for fault in backend.check())
    assert len(faults) == 2
    assert "empty.pack" in faults[0]
    assert "text.pack" in faults[1]
    commit(backend, objects=dict([blob("more")]))
    pack(backend)
    assert backend.read(objects) == objects
    assert (home / "notes.txt").exists()


def test_a_pack_of_a_newer_version_refuses_the_store(folder: Folder) -> None:
    objects = fill(folder)
    (path,) = packs(folder)
    data = bytearray(path.read_bytes())
    data[12] = 2
    data[24:28] = zlib.crc32(data[:24]).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(UnsupportedFormat, match="version 2"):
        folder.open().read(objects)
    with pytest.raises(UnsupportedFormat, match="version 2"):
        commit(folder.open(), objects=objects)


def test_objects_that_are_deleted_do_not_come_back_with_an_older_pack(folder: Folder) -> None:
    objects = fill(folder)
    old = packs(folder)[0].read_bytes()
    backend = folder.open()
    delete(backend, *objects)
    assert packs(folder) == []
    install(folder, old)
    assert backend.missing(objects) == set(objects)
    assert list(backend.scan()) == []
    assert list(backend.check()) == []


LIES = {
    "a longer block": {"raw": 1 << 16},
    "a shorter block": {"raw": 5},
    "an empty block": {"raw": 0},
    "a huge block": {"raw": (32 << 20) + 1},
    "no zstd": {"block": b"not zstd at all"},
    "nothing": {"block": b""},
    "more behind": {"block": zstandard.compress(b"x") + b"junk"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_block_that_is_not_what_is_said_of_it_gives_no_wrong_answer(
    folder: Folder, lie: dict[str, object]
) -> None:
    held, stored = blob("held")
    folder.open()
    install(folder, forge({held: stored}, **lie))  # type: ignore[arg-type]
    backend = folder.open()
    assert backend.missing([held]) == set()
    found = backend.read([held])[held]
    assert found in (b"", stored)
    (listed,) = backend.scan()
    assert listed.stored_bytes > 0


def test_entries_that_cannot_be_give_no_wrong_answer(folder: Folder) -> None:
    (held, stored), (other, frame_of_other) = blob("held"), blob("other")
    folder.open()
    whole = {held: stored, other: frame_of_other}
    lies = [
        Entry(held, 0, 1 << 31, 1 << 31, AT),
        Entry(held, 0, 0, 0xFFFFFFFF, AT),
        Entry(held, 0, 3, len(stored), AT),
        Entry(held, 0, len(stored), len(frame_of_other), AT),
    ]
    for number, lie in enumerate(lies):
        install(folder, forge(whole, entries=[lie, Entry(other, 0, 0, 0, AT)]), str(number))
        backend = folder.open()
        found = backend.read([held])[held]
        with pytest.raises((Damaged, UnsupportedFormat)):
            decode_frame(found, held)
        if number < 2:
            assert any("cannot be" in fault.what for fault in backend.check())
        packs(folder)[0].unlink()
        folder.close()


@pytest.mark.parametrize("claim", ["honest frame", "huge window", "states its size"])
def test_a_bomb_is_refused_within_bounds(folder: Folder, claim: str) -> None:
    """1 GiB of zeros in one block, said to be short or as long as a block may be."""
    folder.open()
    held, stored = blob("held")
    log = 27 if claim == "huge window" else 20
    parameters = zstandard.ZstdCompressionParameters.from_level(
        1, window_log=log, write_content_size=claim == "states its size"
    )
    packer = zstandard.ZstdCompressor(compression_params=parameters)
    size = 1 << 30 if claim == "states its size" else -1
    coder = packer.compressobj(size=size)
    block = b"".join([*(coder.compress(bytes(1 << 24)) for _ in range(64)), coder.flush()])
    entry = [Entry(held, 0, (32 << 20) - len(stored), len(stored), AT)]
    install(folder, forge({held: stored}, block=block, raw=32 << 20, entries=entry))
    code = f"""{PEAK}
import sys
from pathlib import Path
from aicas.backends.local.backend import LocalBackend
from aicas.ids import BlobId
backend = LocalBackend(Path(sys.argv[1]))
before = peak_mib()
found = backend.read([BlobId(bytes.fromhex(sys.argv[2]))])
print(peak_mib() - before, len(found), *map(len, found.values()))
"""
    command = [sys.executable, "-c", code, str(folder.path), held.hex()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    grown, count, length = map(int, done.stdout.split())
    assert (count, length) == (1, 0 if claim == "huge window" else len(stored))
    assert grown < 64 + 40


def test_reading_decodes_no_more_of_a_block_than_needed(folder: Folder) -> None:
    backend = folder.open()
    objects = dict(blob(bytes([n]) * 100_000) for n in range(60))
    commit(backend, objects=objects)
    pack(backend)
    ids = sorted(objects)
    cache = backend._view.packs._blocks
    for object_id in reversed(ids):
        assert backend.read([object_id]) == {object_id: objects[object_id]}
    assert cache._bytes == sum(len(block.content) for block in cache._held.values())
    fresh = folder.open()
    fresh.read(ids[:1])
    assert fresh._view.packs._blocks._bytes == 128 << 10


def test_the_blocks_that_are_kept_decoded_are_bounded(folder: Folder) -> None:
    backend = folder.open()
    objects = dict(blob(bytes([n]) * 300_000) for n in range(20))
    commit(backend, objects=objects)
    pack(backend)
    cache = backend._view.packs._blocks
    cache._budget = 1_000_000
    for object_id, stored in objects.items():
        assert backend.read([object_id]) == {object_id: stored}
        assert cache._bytes <= 1_000_000
    assert backend.read(objects) == objects


def test_a_sector_that_cannot_be_read_costs_what_it_held(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = fill(folder, 400)
    backend = folder.open()
    more = dict([blob("in the log")])
    commit(backend, objects=more)
    assert backend.missing(objects) == set()
    bad, read = backend._view.packs.current()[0]._fd, os.pread

    def unreadable(fd: int, length: int, offset: int) -> bytes:
        if fd == bad:
            raise OSError(errno.EIO, "Input/output error")
        return read(fd, length, offset)

    monkeypatch.setattr(os, "pread", unreadable)
    assert backend.read([*objects, *more]) == more
    assert any("cannot be read" in fault.what for fault in backend.check())
    pack(backend)
    monkeypatch.setattr(os, "pread", read)
    assert backend.read([*objects, *more]) == {**objects, **more}


def test_an_open_pack_outlives_its_file(folder: Folder) -> None:
    objects = fill(folder)
    (path,) = packs(folder)
    opened = Pack(path)
    path.unlink()
    assert {entry.id for entry in opened.entries()} == set(objects)
    assert [b"".join(opened.decode(0))] == [
        b"".join(objects[entry.id] for entry in sorted(opened.entries(), key=lambda e: e.offset))
    ]


def test_an_empty_and_a_single_object_pack_are_sound(folder: Folder) -> None:
    held, stored = blob("held")
    folder.open()
    install(folder, forge({held: stored}))
    empty = pack_format.encode_header(1)
    install(folder, empty + pack_format.encode_tables([], [], len(empty)), "empty")
    backend = folder.open()
    assert answers(backend)["frames"] == {held: stored}
    assert list(backend.check()) == []
    assert read_alone(folder.path / "packs" / "empty.pack") == {}


def test_a_pack_survives_a_put_of_all_it_holds(folder: Folder) -> None:
    backend: LocalBackend = folder.open()
    put(backend, "plan", "1")
    pack(backend)
    before = packs(folder)[0].read_bytes()
    put(backend, "plan", "1")
    assert packs(folder)[0].read_bytes() == before
    assert pack(backend) == 0
