"""Reading a folder: links stay links, nothing special gets in, what was read is what is hashed."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from objects_world import World

import aicas
from aicas.errors import InvalidInput
from aicas.ids import Kind, hash_object
from aicas.objects.codec import LARGE
from aicas.objects.gather import gather, gather_file
from aicas.objects.intake import Intake
from aicas.objects.tree import EMPTY_TREE, MAX_DEPTH, Entry


def entries(folder: Path) -> dict[str, Entry]:
    return {str(path): entry for path, entry in gather(folder, Intake(World().stage)).items()}


def test_files_modes_links_and_empty_folders_are_kept(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "sub/none").mkdir(parents=True)
    (tmp_path / "日本 é.txt").write_text("x")
    (tmp_path / "run").write_text("#!")
    (tmp_path / "run").chmod(0o700)
    (tmp_path / "private").touch(0o600)
    (tmp_path / "out").symlink_to("../../etc/passwd")
    (tmp_path / "loop").symlink_to(".")
    found = entries(tmp_path)
    assert {path: (oct(e.mode), e.size) for path, e in found.items()} == {
        "empty": ("0o100644", 0),
        "loop": ("0o120000", 1),
        "out": ("0o120000", 16),
        "private": ("0o100644", 0),
        "run": ("0o100755", 2),
        "sub/none": ("0o40000", 0),
        "日本 é.txt": ("0o100644", 1),
    }
    assert found["sub/none"].id == EMPTY_TREE
    assert found["out"].id == hash_object(Kind.BLOB, b"../../etc/passwd")


def test_the_folder_named_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/f").touch()
    (tmp_path / "link").symlink_to("real")
    assert list(entries(tmp_path / "link")) == ["f"]


def test_large_files_are_staged(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(LARGE + 1))
    intake = Intake(World().stage)
    found = gather(tmp_path, intake)
    assert list(intake.staged) == [found["big"].id]  # type: ignore[index]
    assert not intake.raw


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket is limited to some hundred bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize("make", [fifo, unix_socket])
def test_special_files_are_refused_by_name(tmp_path: Path, make: Callable[[Path], None]) -> None:
    (tmp_path / "d").mkdir()
    make(tmp_path / "d/odd")
    with pytest.raises(InvalidInput, match="d/odd"):
        entries(tmp_path)


@pytest.mark.parametrize(
    "name", ["-rf", "a\nb", "a\x1b[2J", "con", "dot.", "a:b", "a\\b", b"\xff", "a\u202eb", "q?"]
)
def test_names_no_tree_may_hold_are_refused(tmp_path: Path, name: str | bytes) -> None:
    (tmp_path / os.fsdecode(name)).touch()
    with pytest.raises(InvalidInput) as caught:
        entries(tmp_path)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("pair", [("a", "A"), ("\u00e9", "e\u0301")])
def test_names_that_collide_are_refused(tmp_path: Path, pair: tuple[str, str]) -> None:
    for name in pair:
        (tmp_path / name).touch()
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system takes them for one")
    with pytest.raises(InvalidInput):
        entries(tmp_path)


def test_a_link_target_that_could_fake_a_display_is_refused(tmp_path: Path) -> None:
    (tmp_path / "l").symlink_to("a\x1b[2Jb")
    with pytest.raises(InvalidInput, match="'l'"):
        entries(tmp_path)


def test_folders_nested_too_deeply_are_refused(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(MAX_DEPTH + 1):
        deep /= "d"
    deep.mkdir(parents=True)
    with pytest.raises(InvalidInput):
        entries(tmp_path)


def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="none"):
        entries(tmp_path / "none")
    (tmp_path / "f").touch()
    with pytest.raises(InvalidInput, match="f"):
        entries(tmp_path / "f")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "secret").touch(0)
    with pytest.raises(InvalidInput, match="secret"):
        entries(tmp_path)


class Meddler:
    """Runs once, between the look at a name and the opening of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], None]) -> None:
        real = os.open

        def meddled(path: str, flags: int, *rest: int, dir_fd: int | None = None) -> int:
            if path == name:
                monkeypatch.setattr(os, "open", real)
                act()
            return real(path, flags, *rest, dir_fd=dir_fd)

        monkeypatch.setattr(os, "open", meddled)


def test_a_file_swapped_for_a_link_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("secret")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "f").write_text("x")

    def swap() -> None:
        (folder / "f").unlink()
        (folder / "f").symlink_to(outside)

    Meddler(monkeypatch, "f", swap)
    with pytest.raises(InvalidInput, match="f"):
        entries(folder)


def test_a_file_swapped_for_a_pipe_does_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_text("x")

    def swap() -> None:
        (tmp_path / "f").unlink()
        os.mkfifo(tmp_path / "f")

    Meddler(monkeypatch, "f", swap)
    with pytest.raises(InvalidInput, match="not a regular file"):
        entries(tmp_path)


def test_a_folder_swapped_for_a_link_is_not_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in/d").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").touch()

    def swap() -> None:
        (tmp_path / "in/d").rmdir()
        (tmp_path / "in/d").symlink_to(tmp_path / "outside")

    Meddler(monkeypatch, "d", swap)
    with pytest.raises(InvalidInput, match="d"):
        entries(tmp_path / "in")


def test_a_file_that_vanishes_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_text("x")
    Meddler(monkeypatch, "f", (tmp_path / "f").unlink)
    with pytest.raises(InvalidInput, match="f"):
        entries(tmp_path)


def test_a_file_that_grows_meanwhile_is_stored_as_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a" * (2 * LARGE))
    read = bytearray()
    pieces = gather_file(path)
    for piece in pieces:
        read += piece
        if len(read) < 3 * LARGE:
            with path.open("ab") as file:
                file.write(b"b" * LARGE)
    world = World()
    intake = Intake(world.stage)
    blob, size = intake.add_pieces([bytes(read)])
    assert size == len(read)
    assert blob == hash_object(Kind.BLOB, bytes(read))


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "a/b/c/f").touch()
    os.mkfifo(tmp_path / "z")
    listing = Path("/proc/self/fd")
    if not listing.exists():
        pytest.skip("needs /proc")
    before = len(list(listing.iterdir()))
    with pytest.raises(InvalidInput):
        entries(tmp_path)
    assert len(list(listing.iterdir())) == before


def test_the_folder_of_a_store_is_left_out_and_no_tree_may_plant_one(tmp_path: Path) -> None:
    (tmp_path / ".aicas").mkdir()
    (tmp_path / ".aicas" / "format").write_text("aicas store")
    (tmp_path / "kept.txt").write_text("x")
    with aicas.in_memory() as store:
        store.put("code", aicas.FromDirectory(tmp_path))
        assert list(store.files("code")) == ["kept.txt"]
        with pytest.raises(aicas.InvalidName, match="folder of a store"):
            store.put("code", {"sub/.AICAS/format": b"x"})
