"""Large objects: a file each, streamed both ways, shared, collected, and never left behind."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from backends_world import delete
from hand_clock import HandClock
from local_world import Folder
from peak_memory import PEAK

import aicas
from aicas.backends.local import large
from aicas.errors import Damaged, NotFound

MIB = 1 << 20
PIECE = random.Random(5).randbytes(MIB)


def big_file(path: Path, mebibytes: int) -> Path:
    """A file of so many MiB that is quickly made: much of it repeats, but no two MiB are equal."""
    with path.open("wb") as file:
        for number in range(mebibytes):
            file.write(number.to_bytes(8, "little") + PIECE[8:])
    return path


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_64_mib_are_put_and_read_back_whole(local_store: aicas.Store, tmp_path: Path) -> None:
    source = big_file(tmp_path / "big", 64)
    made = local_store.put("model", aicas.FromFile(source))
    assert made.size_bytes == 64 * MIB
    restored = tmp_path / "restored"
    assert local_store.restore("model", restored) == 1
    assert restored.read_bytes() == source.read_bytes()
    assert len(files_below(local_store.location / "large")) == 1  # type: ignore[operator]
    assert files_below(local_store.location / "incoming") == []  # type: ignore[operator]


CHILD = """
import sys, time
from pathlib import Path
import aicas
began = time.monotonic()
with aicas.open(sys.argv[1]) as store:
    made = store.put("model", aicas.FromFile(Path(sys.argv[2])))
    assert made.size_bytes == int(sys.argv[3]) << 20, made
    total = 0
    for piece in store.open_blob(made.payload.id):
        total += len(piece)
    assert total == made.size_bytes
print(peak_mib(), time.monotonic() - began)
"""


@pytest.mark.parametrize("compressed", ["true", pytest.param("false", marks=pytest.mark.stress)])
def test_2_gib_are_put_and_read_within_200_mib_of_memory(tmp_path: Path, compressed: str) -> None:
    mebibytes = 2048
    source = big_file(tmp_path / "big", mebibytes)
    aicas.init(tmp_path / "store").close()
    (tmp_path / "store" / "config.toml").write_text(f"compression_enabled = {compressed}\n")
    command = [
        sys.executable,
        "-c",
        PEAK + CHILD,
        str(tmp_path / "store"),
        str(source),
        str(mebibytes),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    source.unlink()
    for path in files_below(tmp_path / "store" / "large"):
        path.unlink()  # the folders of past test runs are kept for a while
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout.split()[0]) < 200


def test_the_same_large_content_is_stored_once(local_store: aicas.Store, tmp_path: Path) -> None:
    source = big_file(tmp_path / "big", 2)
    first = local_store.put("model", aicas.FromFile(source))
    second = local_store.put("model", {"a": source.read_bytes(), "b": source.read_bytes()})
    assert local_store.files("model").keys() == {"a", "b"}
    assert first.payload.id in {entry.id for entry in local_store.tree(second.payload.id).values()}  # type: ignore[arg-type]
    assert len(files_below(local_store.location / "large")) == 1  # type: ignore[operator]
    assert files_below(local_store.location / "incoming") == []  # type: ignore[operator]


def test_a_collection_deletes_the_file_and_says_what_it_freed(
    local_store: aicas.Store, tmp_path: Path, clock: HandClock
) -> None:
    source = tmp_path / "big"
    source.write_bytes(random.Random(6).randbytes(4 * MIB))
    made = local_store.put("model", aicas.FromFile(source))
    local_store.invalidate("model")
    clock.pass_time(hours=1)
    plan = local_store.plan_gc(grace_hours=0, retention_hours=0)
    assert 4 * MIB * 0.99 < plan.condemned_bytes < 4 * MIB * 1.01
    freed = local_store.gc(plan).freed_bytes
    assert freed > 4 * MIB * 0.99
    assert files_below(local_store.location / "large") == []  # type: ignore[operator]
    with pytest.raises(NotFound):
        local_store.snapshot(made.id).payload  # noqa: B018  (the reader may have it cached)
        list(local_store.open_blob(made.payload.id))  # type: ignore[arg-type]
    assert local_store.put("model", aicas.FromFile(source)).payload == made.payload
    assert local_store.get("model") == source.read_bytes()


def test_a_large_file_that_is_damaged_or_gone_is_reported_with_who_needs_it(
    folder: Folder, tmp_path: Path
) -> None:
    source = big_file(tmp_path / "big", 2)
    with aicas.open(folder.path) as store:
        made = store.put("model", aicas.FromFile(source))
        (path,) = files_below(folder.path / "large")
        whole = path.read_bytes()
        for spoilt in (whole[:-1], whole[: MIB // 2], b"", whole[:50] + b"x" + whole[51:], None):
            path.unlink() if spoilt is None else path.write_bytes(spoilt)
            with pytest.raises(Damaged), aicas.open(folder.path) as fresh:
                fresh.get("model")
            (finding,) = store.verify().damage
            assert finding.object_id == made.payload.id
            assert finding.needed_by == ("live/default/model",)


def test_an_artifact_that_cannot_be_stored_leaves_nothing_incoming(
    local_store: aicas.Store, tmp_path: Path
) -> None:
    source = big_file(tmp_path / "big", 2)
    source.write_bytes(source.read_bytes() + b"\xff")
    with pytest.raises(aicas.InvalidInput):
        local_store.put("model", aicas.FromFile(source), media_type="text/plain")
    assert files_below(local_store.location / "incoming") == []  # type: ignore[operator]
    assert local_store.keys() == []


def test_what_a_crash_left_incoming_is_swept_once_it_is_old(folder: Folder) -> None:
    backend = folder.open()
    young, old = (folder.path / "incoming" / name for name in ("0" * 32, "1" * 32))
    for path in (young, old):
        path.write_bytes(b"half")
    then = time.time() - large.ABANDONED_AFTER_SECONDS - 60
    os.utime(old, (then, then))
    with backend.stage() as staging:
        staging.write(b"x")
    assert files_below(folder.path / "incoming") == [young]


def test_many_files_too_many_to_hold_are_staged_however_small(
    local_store: aicas.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aicas.objects import intake

    monkeypatch.setattr(intake, "MAX_HELD", 10_000)
    files = {f"f{n}": bytes([n]) * 3000 for n in range(20)}
    local_store.put("code", files)
    assert dict(local_store.files("code")) == files
    assert len(files_below(local_store.location / "large")) == 17  # type: ignore[operator]


def test_a_collection_deletes_large_files_that_a_crash_left_without_a_name(
    local_store: aicas.Store, tmp_path: Path, clock: HandClock
) -> None:
    local_store.put("model", aicas.FromFile(big_file(tmp_path / "big", 2)))
    (named,) = files_below(local_store.location / "large")  # type: ignore[operator]
    orphan = named.with_name(named.name[:2] + "0" * 62)
    orphan.write_bytes(b"placed, and then the power went")
    local_store.put("gone", "x")
    local_store.undo()
    clock.pass_time(hours=1)
    local_store.gc(local_store.plan_gc(grace_hours=0, retention_hours=0))
    assert files_below(local_store.location / "large") == [named]  # type: ignore[operator]
    assert local_store.verify().clean


def test_a_collection_believes_only_the_log_that_a_large_file_has_no_name(
    folder: Folder, tmp_path: Path, clock: HandClock
) -> None:
    with aicas.open(folder.path, clock=clock) as store:
        store.put("model", aicas.FromFile(big_file(tmp_path / "big", 2)))
        store.put("gone", "x")
        store.undo()
    folder.fill_index()
    folder.misplace(lambda place: place if place.file else None)
    clock.pass_time(hours=1)
    backend = folder.open()
    gone = next(found.id for found in backend.scan() if found.id.kind == 1)
    assert delete(backend, gone) == {gone}
    assert len(files_below(folder.path / "large")) == 1
    with aicas.open(folder.path) as store:
        assert store.show("model").size_bytes == len(store.get("model"))
