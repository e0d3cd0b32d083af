"""Restoring: byte for byte, never through a link, all of it or nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from objects_world import World

from aicas.errors import AicasError, Damaged, InvalidInput, InvalidName, StorageFailed
from aicas.ids import BlobId, Kind, ObjectId, TreeId, hash_object
from aicas.objects.checkout import restore
from aicas.objects.codec import encode_frame
from aicas.objects.files import Files
from aicas.objects.payload import FromDirectory
from aicas.objects.tree import Entry, Tree, encode_tree


def tree_of(world: World, payload: object) -> Entry:
    ref = world.put(payload).ref
    return Entry(0o040000, ref.id, ref.size_bytes)


def file_of(world: World, content: bytes, mode: int = 0o100644) -> Entry:
    return Entry(mode, world.put(content).ref.id, len(content))


def check_out(world: World, entry: Entry, to: Path, *, overwrite: bool = False) -> int:
    return restore(
        entry,
        to,
        read_tree=world.read_tree,
        stream_blob=world.stream_blob,
        overwrite=overwrite,
    )


def picture(folder: Path) -> dict[str, object]:
    """Everything below a folder: type, permissions and content."""
    seen: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        name = str(path.relative_to(folder))
        if stat.S_ISLNK(mode):
            seen[name] = ("link", str(path.readlink()))
        elif stat.S_ISDIR(mode):
            seen[name] = ("folder", oct(mode & 0o7777))
        else:
            seen[name] = (oct(mode & 0o7777), path.read_bytes())
    return seen


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


SAMPLE = Files(
    {
        "readme": "hello\n",
        "bin/run": "#!/bin/sh\n",
        "src/deep/empty": "",
        "src/日本 é.txt": "x",
        "src/here": "../readme",
        "away": "/etc/passwd",
        "up": "../../..",
        "dangling": "nowhere",
    },
    modes={"bin/run": 0o100755} | dict.fromkeys(("src/here", "away", "up", "dangling"), 0o120000),
    empty_folders=["void/inner"],
)


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    old = os.umask(request.param)
    yield
    os.umask(old)


def test_a_tree_comes_back_byte_for_byte_at_any_umask(
    world: World, tmp_path: Path, umask: None
) -> None:
    to = tmp_path / "out"
    assert check_out(world, tree_of(world, SAMPLE), to) == 8
    assert picture(to) == {
        "away": ("link", "/etc/passwd"),
        "bin": ("folder", "0o755"),
        "bin/run": ("0o755", b"#!/bin/sh\n"),
        "dangling": ("link", "nowhere"),
        "readme": ("0o644", b"hello\n"),
        "src": ("folder", "0o755"),
        "src/deep": ("folder", "0o755"),
        "src/deep/empty": ("0o644", b""),
        "src/here": ("link", "../readme"),
        "src/日本 é.txt": ("0o644", b"x"),
        "up": ("link", "../../.."),
        "void": ("folder", "0o755"),
        "void/inner": ("folder", "0o755"),
    }
    assert stat.S_IMODE(to.stat().st_mode) == 0o755


def test_gather_and_restore_are_inverse(world: World, tmp_path: Path) -> None:
    entry = tree_of(world, SAMPLE)
    check_out(world, entry, tmp_path / "one")
    assert tree_of(world, FromDirectory(tmp_path / "one")) == entry


names = st.text("abc.é", min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.lists(names, min_size=1, max_size=3).map("/".join), st.binary(max_size=30), min_size=1
    )
)
def test_any_files_come_back(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    world = World()
    try:
        entry = tree_of(world, Files(files))
    except InvalidName:
        return
    to = tmp_path_factory.mktemp("out") / "t"
    assert check_out(world, entry, to) == len(files)
    assert {
        str(path.relative_to(to)): path.read_bytes() for path in to.rglob("*") if path.is_file()
    } == files
    assert check_out(world, entry, to) == 0


def test_an_empty_tree_is_an_empty_folder(world: World, tmp_path: Path) -> None:
    assert check_out(world, tree_of(world, Files({})), tmp_path / "a/b") == 0
    assert list((tmp_path / "a/b").iterdir()) == []


def test_a_single_file_link_or_executable_is_restored(world: World, tmp_path: Path) -> None:
    for name, mode in [("f", 0o100644), ("x", 0o100755), ("l", 0o120000)]:
        assert check_out(world, file_of(world, b"target", mode), tmp_path / "new" / name) == 1
    assert picture(tmp_path) == {
        "new": ("folder", "0o755"),
        "new/f": ("0o644", b"target"),
        "new/l": ("link", "target"),
        "new/x": ("0o755", b"target"),
    }


def test_a_large_file_is_restored(world: World, tmp_path: Path) -> None:
    content = os.urandom(1000) * 3000
    check_out(world, file_of(world, content), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == content


class TestExisting:
    def test_identical_content_is_left_alone(self, world: World, tmp_path: Path) -> None:
        entry = tree_of(world, SAMPLE)
        check_out(world, entry, tmp_path / "t")
        before = {p: p.lstat().st_mtime_ns for p in (tmp_path / "t").rglob("*")}
        assert check_out(world, entry, tmp_path / "t") == 0
        assert {p: p.lstat().st_mtime_ns for p in (tmp_path / "t").rglob("*")} == before

    def test_only_what_is_missing_is_written(self, world: World, tmp_path: Path) -> None:
        entry = tree_of(world, SAMPLE)
        check_out(world, entry, tmp_path / "t")
        (tmp_path / "t/readme").unlink()
        (tmp_path / "t/mine").write_text("stays")
        assert check_out(world, entry, tmp_path / "t") == 1
        assert (tmp_path / "t/mine").read_text() == "stays"

    @pytest.mark.parametrize(
        "make",
        [
            lambda path: path.write_text("other"),
            lambda path: path.write_text("hello!"),
            lambda path: (path.write_text("hello\n"), path.chmod(0o755)),
            lambda path: path.symlink_to("elsewhere"),
            os.mkfifo,
        ],
        ids=["longer", "as long", "executable", "link", "pipe"],
    )
    def test_something_else_is_refused_then_replaced(
        self, world: World, tmp_path: Path, make: Callable[[Path], object]
    ) -> None:
        entry = tree_of(world, {"a": b"first", "readme": b"hello\n", "z/y": b"last"})
        make(tmp_path / "readme")
        before = (tmp_path / "readme").lstat()
        with pytest.raises(InvalidInput, match="readme") as caught:
            check_out(world, entry, tmp_path)
        assert "overwrite" in str(caught.value.hint)
        assert names_in(tmp_path) == ["readme"]
        assert (tmp_path / "readme").lstat() == before
        assert check_out(world, entry, tmp_path, overwrite=True) == 3
        assert picture(tmp_path)["readme"] == ("0o644", b"hello\n")

    def test_a_file_is_replaced_by_a_link_only_when_told(
        self, world: World, tmp_path: Path
    ) -> None:
        link = file_of(world, b"hello", 0o120000)
        (tmp_path / "l").write_text("hello")
        with pytest.raises(InvalidInput):
            check_out(world, link, tmp_path / "l")
        assert check_out(world, link, tmp_path / "l", overwrite=True) == 1
        assert str((tmp_path / "l").readlink()) == "hello"
        assert check_out(world, link, tmp_path / "l") == 0

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_folder_is_never_replaced_by_a_file(
        self, world: World, tmp_path: Path, overwrite: bool
    ) -> None:
        (tmp_path / "readme").mkdir()
        for entry, to in [
            (tree_of(world, {"a": b"1", "readme": b"x"}), tmp_path),
            (file_of(world, b"x"), tmp_path / "readme"),
        ]:
            with pytest.raises(InvalidInput, match="folder"):
                check_out(world, entry, to, overwrite=overwrite)
        assert names_in(tmp_path) == ["readme"]

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_file_is_never_replaced_by_a_folder(
        self, world: World, tmp_path: Path, overwrite: bool
    ) -> None:
        (tmp_path / "d").write_text("mine")
        for to in (tmp_path, tmp_path / "d", tmp_path / "d/x"):
            with pytest.raises(InvalidInput):
                check_out(world, tree_of(world, {"d/x": b"1"}), to, overwrite=overwrite)
        with pytest.raises(InvalidInput):
            check_out(world, file_of(world, b"1"), tmp_path / "d/x", overwrite=overwrite)
        assert picture(tmp_path) == {"d": ("0o644", b"mine")}

    def test_a_link_is_replaced_and_not_written_through(self, world: World, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.write_text("precious")
        (tmp_path / "in").mkdir()
        (tmp_path / "in/f").symlink_to(outside)
        for entry, to in [
            (tree_of(world, {"f": b"new"}), tmp_path / "in"),
            (file_of(world, b"newer"), tmp_path / "in/f"),
        ]:
            with pytest.raises(InvalidInput):
                check_out(world, file_of(world, b"other"), tmp_path / "in/f")
            check_out(world, entry, to, overwrite=True)
            assert not (tmp_path / "in/f").is_symlink()
        assert outside.read_text() == "precious"


class TestLinks:
    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_link_where_a_folder_is_to_be_is_not_followed(
        self, world: World, tmp_path: Path, overwrite: bool
    ) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (tmp_path / "in").mkdir()
        (tmp_path / "in/src").symlink_to(outside)
        with pytest.raises(InvalidInput, match="symbolic link"):
            check_out(
                world,
                tree_of(world, {"a": b"1", "src/x": b"2"}),
                tmp_path / "in",
                overwrite=overwrite,
            )
        assert names_in(outside) == []
        assert names_in(tmp_path / "in") == ["src"]

    @pytest.mark.parametrize("target", ["real", "nowhere"])
    def test_a_destination_that_is_a_link_is_refused(
        self, world: World, tmp_path: Path, target: str
    ) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(target)
        with pytest.raises(InvalidInput, match="symbolic link"):
            check_out(world, tree_of(world, {"a": b"1"}), tmp_path / "link")
        assert names_in(tmp_path / "real") == []

    def test_a_folder_above_the_destination_may_be_a_link(
        self, world: World, tmp_path: Path
    ) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        check_out(world, tree_of(world, {"a": b"1"}), tmp_path / "link/t")
        check_out(world, file_of(world, b"2"), tmp_path / "link/f")
        assert (tmp_path / "real/t/a").read_bytes() == b"1"
        assert (tmp_path / "real/f").read_bytes() == b"2"

    def test_a_tree_cannot_write_through_its_own_link(self, world: World, tmp_path: Path) -> None:
        # A link d and a folder D would be one place on a file system that folds case.
        link = file_of(world, str(tmp_path).encode(), 0o120000)
        inner = encode_tree(Tree({"x": file_of(world, b"evil")}))
        inner_id = TreeId(hash_object(Kind.TREE, inner))
        with pytest.raises(InvalidInput):
            Tree({"d": link, "D": Entry(0o040000, inner_id, 4)})

    def test_a_link_put_in_the_way_between_plan_and_placing_is_not_followed(
        self, world: World, tmp_path: Path
    ) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        to = tmp_path / "in"
        to.mkdir()

        def stream(blob: BlobId, length: int) -> Iterator[bytes]:
            if not (to / "src").is_symlink():
                (to / "src").symlink_to(outside)
            return world.stream_blob(blob, length)

        with pytest.raises(StorageFailed):
            restore(
                tree_of(world, {"src/x": b"evil"}),
                to,
                read_tree=world.read_tree,
                stream_blob=stream,
                overwrite=True,
            )
        assert names_in(outside) == []
        assert names_in(to) == ["src"]

    def test_a_file_that_appears_between_plan_and_placing_is_kept(
        self, world: World, tmp_path: Path
    ) -> None:
        def stream(blob: BlobId, length: int) -> Iterator[bytes]:
            (tmp_path / "f").write_text("mine")
            return world.stream_blob(blob, length)

        with pytest.raises(StorageFailed, match="exists"):
            restore(
                file_of(world, b"theirs"),
                tmp_path / "f",
                read_tree=world.read_tree,
                stream_blob=stream,
            )
        assert picture(tmp_path) == {"f": ("0o644", b"mine")}

    @pytest.mark.parametrize("target", [b"a\0b", b"a\x1bb", b"", b"x" * 5000, b"\xff"])
    def test_a_stored_link_with_a_hostile_target_is_refused(
        self, world: World, tmp_path: Path, target: bytes
    ) -> None:
        entry = file_of(world, target, 0o120000)
        with pytest.raises(Damaged):
            check_out(world, entry, tmp_path / "new/l")
        assert names_in(tmp_path) == []


class TestDamage:
    @pytest.fixture(params=["flip", "truncate", "longer", "absent"])
    def damage(self, request: pytest.FixtureRequest) -> Callable[[World, ObjectId], None]:
        def act(world: World, victim: ObjectId) -> None:
            frame = world.frames[victim]
            if request.param == "flip":
                world.frames[victim] = frame[:50] + bytes([frame[50] ^ 1]) + frame[51:]
            elif request.param == "truncate":
                world.frames[victim] = frame[: len(frame) // 2]
            elif request.param == "longer":
                world.frames[victim] = encode_frame(Kind.BLOB, bytes(10_000_000))
            else:
                world.frames[victim] = b""

        return act

    def test_nothing_is_visible_of_a_damaged_tree(
        self, world: World, tmp_path: Path, damage: Callable[[World, ObjectId], None]
    ) -> None:
        victim = os.urandom(2_000_000)
        entry = tree_of(world, {"a": b"fine", "m/victim": victim, "z": b"fine too"})
        damage(world, BlobId(hash_object(Kind.BLOB, victim)))
        (tmp_path / "old").mkdir()
        (tmp_path / "old/a").write_text("old")
        with pytest.raises(AicasError):
            check_out(world, entry, tmp_path / "new/t")
        with pytest.raises(AicasError):
            check_out(world, entry, tmp_path / "old", overwrite=True)
        assert picture(tmp_path) == {"old": ("folder", "0o755"), "old/a": ("0o644", b"old")}

    def test_nothing_is_visible_of_a_damaged_file(
        self, world: World, tmp_path: Path, damage: Callable[[World, ObjectId], None]
    ) -> None:
        entry = file_of(world, os.urandom(2_000_000))
        damage(world, entry.id)
        (tmp_path / "old").write_text("old")
        for name in ("new", "old"):
            with pytest.raises(AicasError):
                check_out(world, entry, tmp_path / name, overwrite=True)
        assert picture(tmp_path) == {"old": ("0o644", b"old")}

    def test_a_tree_with_a_path_no_tree_may_hold_is_refused_before_anything_is_written(
        self, world: World, tmp_path: Path
    ) -> None:
        from aicas import canonical

        blob = world.put(b"evil").ref.id
        for name in ("..", "../x", "/abs", "a/b", "-rf", "con"):
            data = b"\x01" + canonical.pack([[name, 0o100644, bytes(blob), 4]])
            tree = TreeId(hash_object(Kind.TREE, data))
            world.frames[tree] = encode_frame(Kind.TREE, data)
            with pytest.raises(Damaged):
                check_out(world, Entry(0o040000, tree, 4), tmp_path / "in/out")
        assert names_in(tmp_path) == []


@pytest.mark.parametrize("to", ["", "/", "..", "a/.."])
def test_a_file_needs_a_name(world: World, tmp_path: Path, to: str) -> None:
    with pytest.raises(InvalidInput):
        check_out(world, file_of(world, b"x"), Path(to))


def test_a_file_system_without_hard_links_will_do(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert check_out(world, tree_of(world, SAMPLE), tmp_path / "t") == 8
    assert tree_of(world, FromDirectory(tmp_path / "t")) == tree_of(world, SAMPLE)


def test_no_descriptor_is_left_open(world: World, tmp_path: Path) -> None:
    listing = Path("/proc/self/fd")
    if not listing.exists():
        pytest.skip("needs /proc")
    before = len(list(listing.iterdir()))
    check_out(world, tree_of(world, SAMPLE), tmp_path / "t")
    (tmp_path / "t/readme").write_text("changed")
    with pytest.raises(InvalidInput):
        check_out(world, tree_of(world, SAMPLE), tmp_path / "t")
    assert len(list(listing.iterdir())) == before
