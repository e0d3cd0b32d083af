"""The folder of a store: private, recognised, and refused where it cannot be safe."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import aicas
from aicas.backends.local import layout
from aicas.errors import AicasError, InvalidInput, NotFound, StorageFailed, UnsupportedFormat

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_folders_are_0700_and_files_0600_at_any_umask(tmp_path: Path, umask: int) -> None:
    with aicas.open(tmp_path / "store") as store:
        store.put("a", "x")
        store.put("b", b"large" * 500_000)
        store.put("a", {"f": b"1"}, inputs=["b"])
        store._backend._view.fold(wait=True)  # type: ignore[attr-defined]
        store.invalidate("b")
        store.gc(store.plan_gc(grace_hours=0, retention_hours=0))
        wrong = []
        for path in [tmp_path / "store", *(tmp_path / "store").rglob("*")]:
            wanted = 0o700 if path.is_dir() else 0o600
            if stat.S_IMODE(path.lstat().st_mode) != wanted:
                wrong.append((path.name, oct(path.lstat().st_mode)))
        assert wrong == []


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that every user may enter, unlike the usual ones of tests."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@AS_ROOT
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_strict_umask_locks_nobody_out(open_to_all: Path) -> None:
    """Root may open anything; an ordinary user needs the modes to be right at each step."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            os.umask(0o777)
            with aicas.open(open_to_all / "store") as store:
                store.put("a", b"large" * 500_000)
            with aicas.open(open_to_all / "store") as store:
                code = 0 if store.verify().clean else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def refused(folder: Path, kind: type[AicasError], text: str) -> None:
    """Refused in one line, and the folder is as it was."""
    before = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else None
    for create in (True, False):
        with pytest.raises(kind, match=text) as caught:
            aicas.open(folder, create=create)
        assert "\n" not in str(caught.value)
    assert (sorted(p.name for p in folder.iterdir()) if folder.is_dir() else None) == before


@AS_ROOT
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    empty, made = tmp_path / "empty", tmp_path / "made"
    empty.mkdir(0o700)
    aicas.init(made).close()
    for folder in (empty, made):
        os.chown(folder, 12345, 12345)
    with pytest.raises(StorageFailed, match="another user"):
        aicas.open(empty)
    assert list(empty.iterdir()) == []
    refused(made, StorageFailed, r"another user \(uid 12345\)")


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702, 0o720])
def test_a_folder_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    empty, made = tmp_path / "empty", tmp_path / "made"
    empty.mkdir()
    aicas.init(made).close()
    for folder in (empty, made):
        folder.chmod(mode)
    with pytest.raises(StorageFailed, match="written by other users") as caught:
        aicas.open(empty)
    assert "chmod 700" in (caught.value.hint or "")
    assert list(empty.iterdir()) == []
    refused(made, StorageFailed, "written by other users")


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    aicas.init(tmp_path / "made").close()
    (tmp_path / "link").symlink_to(tmp_path / "made")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused(tmp_path / "link", StorageFailed, "symbolic link")
    for name in ("dangling", "loop"):
        with pytest.raises(StorageFailed, match="symbolic link"):
            aicas.open(tmp_path / name)
    assert not (tmp_path / "nowhere").exists()


def test_a_segment_or_lock_that_was_replaced_by_a_link_is_not_followed(tmp_path: Path) -> None:
    aicas.init(tmp_path / "store").close()
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for name in ("lock", "log/00000001.seg"):
        path = tmp_path / "store" / name
        path.rename(tmp_path / "aside")
        path.symlink_to(victim)
        with pytest.raises(AicasError), aicas.open(tmp_path / "store") as store:
            store.put("a", "x")
        path.unlink()
        (tmp_path / "aside").rename(path)
    assert victim.read_bytes() == b"precious"


def test_a_folder_with_other_things_in_it_is_not_made_a_store(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="not empty and not a store"):
        aicas.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", AicasError, "file")


def test_a_folder_without_a_store_is_not_found_unless_it_may_be_made(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(NotFound, match="no store") as caught:
            aicas.open(folder, create=False)
        assert "aicas init" in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "aicas store\nformat 2\nid " + "0" * 32 + "\n",
        "aicas store\nformat 99999999999999999999999999\nid " + "0" * 32 + "\n",
        "aicas store\nformat 10\nsomething new\n",
        "aicas store\nformat x\n",
        "aicas store\nformat \u00b2\n",
        "aicas store\nformat 1\nid \n",
        "aicas store\nformat 1\nid 00\n",
        "aicas store\nformat 1\nid " + "z" * 32 + "\n",
        "aicas store\nformat 1\n",
        "something else\n",
        "",
        "\0" * 5000,
    ],
)
def test_a_format_that_is_not_this_one_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    with aicas.open(tmp_path / "store") as store:
        store.put("a", "x")
    (tmp_path / "store" / "format").write_text(text)
    refused(tmp_path / "store", UnsupportedFormat, "format|identity")


def test_a_newer_format_says_what_to_do(tmp_path: Path) -> None:
    aicas.init(tmp_path / "store").close()
    (tmp_path / "store" / "format").write_text("aicas store\nformat 7\nid x\n")
    with pytest.raises(UnsupportedFormat, match="has format 7; this aicas reads format 1") as e:
        aicas.open(tmp_path / "store")
    assert e.value.exit_code == 7
    assert "version of aicas" in (e.value.hint or "")


def test_a_segment_of_a_newer_version_is_refused_and_not_taken_for_damage(tmp_path: Path) -> None:
    import zlib

    with aicas.open(tmp_path / "store") as store:
        store.put("a", "x")
    segment = tmp_path / "store" / "log" / "00000001.seg"
    data = bytearray(segment.read_bytes())
    data[14:16] = (2).to_bytes(2, "little")
    data[32:36] = zlib.crc32(data[:32]).to_bytes(4, "little")
    segment.write_bytes(data)
    with pytest.raises(UnsupportedFormat, match="format version 2"):
        aicas.open(tmp_path / "store")


MOUNTS = r"""22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:30 / /home rw shared:1 master:2 - nfs4 server:/home rw
24 22 0:31 / /home/me/my\040disk rw - ext4 /dev/sdb rw
25 22 0:32 / /mnt/share rw - cifs //server/share rw
26 22 0:33 / /mnt/over rw - ext4 /dev/sdc rw
27 22 0:34 / /mnt/over rw - nfs server:/over rw

a line that means nothing
28 22 0:35 / /mnt/odd -
29 22 0:36 / /mnt/ssh rw - fuse.sshfs me@host: rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", "ext4"),
        ("/var/store", "ext4"),
        ("/home/me/.aicas", "nfs4"),
        ("/homes/me", "ext4"),
        ("/home/me/my disk/store", "ext4"),
        ("/mnt/share", "cifs"),
        ("/mnt/over/store", "nfs"),
        ("/mnt/odd/store", "ext4"),
        ("/mnt/ssh/x", "fuse.sshfs"),
    ],
)
def test_the_file_system_is_that_of_the_deepest_and_latest_mount(
    tmp_path: Path, folder: str, kind: str
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert layout._file_system(Path(folder), mounts) == kind


def test_where_the_system_does_not_tell_its_mounts_none_is_known(tmp_path: Path) -> None:
    assert layout._file_system(Path("/"), tmp_path / "nowhere") is None


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs"])
def test_a_network_file_system_is_refused_and_nothing_made_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    aicas.init(tmp_path / "made").close()
    monkeypatch.setattr(layout, "_file_system", lambda folder, mounts: kind)
    refused(tmp_path / "made", StorageFailed, "network file system")
    with pytest.raises(StorageFailed, match=f"network file system .{kind}"):
        aicas.open(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageFailed, match="cannot create a store"):
        aicas.open(tmp_path / "file" / "store")


def test_a_log_without_segments_is_damage(tmp_path: Path) -> None:
    aicas.init(tmp_path / "store").close()
    (tmp_path / "store" / "log" / "00000001.seg").unlink()
    with pytest.raises(aicas.Damaged, match="no log segment"):
        aicas.open(tmp_path / "store")


@pytest.mark.parametrize("name", ["index", "log"])
def test_a_part_of_the_store_that_cannot_be_used_is_said_so(tmp_path: Path, name: str) -> None:
    aicas.init(tmp_path / "store").close()
    (tmp_path / "store" / name).rename(tmp_path / "aside")
    (tmp_path / "store" / name).write_text("not a folder")
    with pytest.raises(AicasError) as caught:
        aicas.open(tmp_path / "store")
    assert "\n" not in str(caught.value)


def test_settings_of_the_store_are_kept_private_and_whole(tmp_path: Path) -> None:
    from aicas.config import write_setting

    aicas.init(tmp_path / "store").close()
    write_setting(tmp_path / "store", "gc_grace_hours", 5)
    with pytest.raises(InvalidInput):
        write_setting(tmp_path / "store", "gc_grace_hours", -1)
    with aicas.open(tmp_path / "store") as store:
        assert store.config.gc_grace_hours == 5
    path = tmp_path / "store" / "config.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("gc_grace_hours = [")
    with pytest.raises(InvalidInput, match="is not TOML"):
        aicas.open(tmp_path / "store")
