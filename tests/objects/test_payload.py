"""Payloads: text, bytes, values and files come back as they were put."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from objects_world import World
from peak_memory import PEAK

from aicas.errors import Damaged, InvalidInput, InvalidName
from aicas.ids import BlobId, Kind, TreeId, hash_object
from aicas.objects import intake
from aicas.objects.codec import LARGE, encode_frame
from aicas.objects.files import Files
from aicas.objects.payload import FromDirectory, FromFile, decode_payload
from aicas.objects.snapshot import PayloadRef

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abcé/ "), inner),
    max_leaves=20,
)


@given(json_values | st.binary())
def test_any_value_text_or_bytes_comes_back(value: object) -> None:
    world = World()
    back = world.get(world.put(value))
    assert back == value
    assert type(back) is type(value)


@given(st.dictionaries(st.text("abcdefghij", min_size=1), st.binary(max_size=50), min_size=1))
def test_a_mapping_of_bytes_is_files(files: dict[str, bytes]) -> None:
    world = World()
    prepared = world.put(files)
    back = world.get(prepared)
    assert isinstance(back, Files)
    assert back == files
    assert prepared.ref.file_count == len(files)
    assert prepared.ref.size_bytes == sum(map(len, files.values()))


@pytest.mark.parametrize(
    ("payload", "media_type", "kind"),
    [
        ("text", "text/plain; charset=utf-8", Kind.BLOB),
        (b"bytes", "application/octet-stream", Kind.BLOB),
        (bytearray(b"bytes"), "application/octet-stream", Kind.BLOB),
        ({"a": 1}, "application/msgpack", Kind.BLOB),
        ({}, "application/msgpack", Kind.BLOB),
        ([], "application/msgpack", Kind.BLOB),
        (None, "application/msgpack", Kind.BLOB),
        ({"a": b"x"}, "application/vnd.aicas.tree", Kind.TREE),
        (Files({}), "application/vnd.aicas.tree", Kind.TREE),
    ],
)
def test_the_media_type_says_what_was_put(
    world: World, payload: object, media_type: str, kind: Kind
) -> None:
    ref = world.put(payload).ref
    assert (ref.media_type, ref.kind) == (media_type, kind)


def test_text_has_the_id_b3sum_prints(world: World) -> None:
    assert world.put("hello").ref.id.hex() == (
        "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f"
    )


@pytest.mark.parametrize(
    "payload",
    [
        {"a": b"x", "b": "text"},
        [b"x"],
        {"a": [{"b": b"x"}]},
        float("nan"),
        [float("inf")],
        2**64,
        -(2**63) - 1,
        "\ud800",
        {"a": "\ud800"},
        {"\ud800": 1},
        {1: 2},
        {None: 1},
        {"a"},
        Ellipsis,
        1 + 2j,
        {"a": {1}},
        Files({"a": "\ud800"}),
        Files({"a": 7}),  # type: ignore[dict-item]
        {1: b"x"},
        {"../a": b"x"},
        {"A": b"x", "a": b"y"},
        {"a": b"x", "a/b": b"y"},
    ],
    ids=lambda value: ascii(value)[:50],
)
def test_what_cannot_be_stored_is_refused_in_one_line(world: World, payload: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        world.put(payload)
    assert "\n" not in str(caught.value)
    assert not world.frames


def test_nesting_without_end_is_refused(world: World) -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(InvalidInput):
        world.put(value)


def test_bytes_inside_a_value_are_named_by_their_place(world: World) -> None:
    with pytest.raises(InvalidInput, match="/files/1"):
        world.put({"files": ["a", b"b"]})


def test_a_media_type_can_be_chosen_within_what_the_payload_is(world: World) -> None:
    markdown = world.put("# x", media_type="text/markdown; charset=utf-8")
    assert world.get(markdown) == "# x"
    image = world.put(b"\x89PNG", media_type="image/png")
    assert world.get(image) == b"\x89PNG"
    for payload, media_type in [
        ("x", "image/png"),
        (b"x", "text/plain"),
        (b"x", "application/msgpack"),
        ({"a": 1}, "application/json"),
        ({"a": b"x"}, "text/plain"),
        ("x", "nonsense"),
        ("x", "text/\x1b[31m"),
    ]:
        with pytest.raises(InvalidInput):
            world.put(payload, media_type=media_type)


class TestFiles:
    def test_listing_reads_no_content(self, world: World) -> None:
        back = world.get(world.put({"a": b"1", "b/c": b"2"}))
        assert isinstance(back, Files)
        assert len(back) == 2
        assert list(back) == ["a", "b/c"]
        assert "a" in back
        assert "z" not in back
        assert repr(back) == "Files(['a', 'b/c'])"
        assert back.mode("a") == 0o100644
        assert back != {"a": b"1"}
        assert not world.blob_reads
        assert back["b/c"] == b"2"
        assert len(world.blob_reads) == 1

    def test_modes_links_and_empty_folders_survive_put_get_put(self, world: World) -> None:
        first = world.put(
            Files(
                {"run": "#!/bin/sh\n", "link": "run", "plain": b""},
                modes={"run": 0o100755, "link": 0o120000},
                empty_folders=["empty/inner"],
            )
        )
        back = world.get(first)
        assert isinstance(back, Files)
        assert back.mode("run") == 0o100755
        assert back.empty_folders == ("empty/inner",)
        assert world.put(back).ref == first.ref

    def test_reading_is_read_only_and_unknown_paths_are_key_errors(self, world: World) -> None:
        back = world.get(world.put({"a": b"1"}))
        assert isinstance(back, Files)
        with pytest.raises(TypeError):
            back["a"] = b"2"  # type: ignore[index]
        with pytest.raises(KeyError):
            back["z"]
        with pytest.raises(KeyError):
            back.mode("z")

    def test_equality_is_that_of_mappings(self) -> None:
        files = Files({"a": "x"})
        assert files == {"a": b"x"}
        plain: dict[str, bytes] = {"a": b"x"}
        assert plain == files
        assert files != {"a": b"y"}
        assert files != {}
        assert files != "a"
        with pytest.raises(TypeError):
            hash(files)

    @pytest.mark.parametrize("modes", [{"a": 0o104755}, {"a": 0o040000}, {"zz": 0o100755}])
    def test_a_mode_that_fits_no_file_is_refused(self, modes: dict[str, int]) -> None:
        with pytest.raises(InvalidInput):
            Files({"a": b""}, modes=modes)

    def test_paths_are_checked_at_once(self) -> None:
        with pytest.raises(InvalidName):
            Files({"../a": b""})
        with pytest.raises(InvalidInput):
            Files({"a": b""}, empty_folders=["/b"])

    def test_a_link_with_a_target_no_link_may_have_is_refused(self, world: World) -> None:
        with pytest.raises(InvalidInput):
            world.put(Files({"a": "x\0y"}, modes={"a": 0o120000}))


class TestLarge:
    @pytest.mark.parametrize(
        "payload",
        [
            b"\1" * (LARGE + 1),
            "x" * (LARGE + 1),
            ["y" * LARGE],
            {"big": b"\2" * (LARGE + 1), "small": b"s"},
        ],
        ids=["bytes", "text", "value", "files"],
    )
    def test_large_content_is_staged_and_comes_back(self, world: World, payload: object) -> None:
        prepared = world.put(payload)
        assert len(prepared.staged) == 1
        assert not prepared.raw.keys() & prepared.staged.keys()
        assert world.get(prepared) == payload

    def test_small_content_is_not(self, world: World) -> None:
        assert not world.put(b"\1" * LARGE).staged

    def test_the_same_large_content_is_staged_once(self, world: World) -> None:
        big = b"\1" * (LARGE + 1)
        assert len(world.put({"a": big, "b": big}).staged) == 1

    def test_many_small_files_are_staged_once_they_are_much_together(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(intake, "MAX_HELD", 1000)
        files = {f"f{n}": bytes([n]) * 300 for n in range(10)}
        prepared = world.put(files)
        assert len(prepared.staged) == 7
        assert world.get(prepared) == files

    def test_putting_a_file_of_256_mib_takes_little_memory(self, tmp_path: Path) -> None:
        big = tmp_path / "big"
        with big.open("wb") as file:
            file.truncate(256 << 20)
        code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from objects_world import World
from aicas.objects.payload import FromFile
world = World()
before = peak_mib()
prepared = world.put(FromFile(Path({str(big)!r})))
blob = prepared.ref.id
total = sum(map(len, world.stream_blob(blob, prepared.ref.size_bytes)))
assert total == 256 << 20
grown = peak_mib() - before
raise SystemExit(f"took {{grown}} MiB" if grown > 32 else 0)
"""
        done = subprocess.run(
            [sys.executable, "-c", PEAK + code], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


class TestFromFile:
    def test_a_file_is_bytes_unless_said_to_be_text(self, world: World, tmp_path: Path) -> None:
        path = tmp_path / "f"
        path.write_bytes("é".encode())
        assert world.get(world.put(FromFile(path))) == "é".encode()
        assert world.get(world.put(FromFile(path), media_type="text/markdown")) == "é"

    def test_text_that_is_not_utf_8_is_refused(self, world: World, tmp_path: Path) -> None:
        path = tmp_path / "f"
        for content in (b"\xff", b"\xc3"):
            path.write_bytes(content)
            with pytest.raises(InvalidInput, match="not UTF-8"):
                world.put(FromFile(path), media_type="text/plain")

    def test_a_character_split_between_pieces_is_fine(self, world: World, tmp_path: Path) -> None:
        path = tmp_path / "f"
        path.write_bytes(b"a" + "é".encode() * (intake.PIECE // 2 + 5))
        assert world.put(FromFile(path), media_type="text/plain").staged

    def test_what_is_no_readable_file_is_refused(self, world: World, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        for path in (tmp_path / "none", tmp_path, tmp_path / "pipe"):
            with pytest.raises(InvalidInput):
                world.put(FromFile(path))
        with pytest.raises(InvalidInput):
            world.put(FromFile(tmp_path / "f"), media_type="application/msgpack")

    def test_nothing_stays_staged_when_reading_fails_midway(
        self, world: World, tmp_path: Path
    ) -> None:
        path = tmp_path / "f"
        path.write_bytes(b"a" * (3 * intake.PIECE) + b"\xff")
        with pytest.raises(InvalidInput):
            world.put(FromFile(path), media_type="text/plain")
        assert not world.frames


def test_a_folder_is_files(world: World, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b.txt").write_text("x")
    assert world.get(world.put(FromDirectory(tmp_path))) == {"a/b.txt": b"x"}


class TestDamage:
    def test_a_blob_of_another_length_than_recorded_is_refused(self, world: World) -> None:
        ref = world.put(b"abc").ref
        wrong = PayloadRef(ref.kind, ref.id, ref.media_type, 4, 1)
        with pytest.raises(Damaged):
            decode_payload(wrong, world.read_blob, world.read_tree)

    @pytest.mark.parametrize("media_type", ["text/plain", "application/msgpack"])
    def test_content_that_is_not_of_its_media_type_is_refused(
        self, world: World, media_type: str
    ) -> None:
        ref = world.put(b"\xff\xfe").ref
        wrong = PayloadRef(ref.kind, ref.id, media_type, 2, 1)
        with pytest.raises(Damaged):
            decode_payload(wrong, world.read_blob, world.read_tree)

    @pytest.mark.parametrize(("size", "count"), [(3, 1), (2, 2), (3, 3)])
    def test_files_other_than_recorded_are_refused(
        self, world: World, size: int, count: int
    ) -> None:
        ref = world.put({"a": b"x", "b": b"yz"}).ref
        wrong = PayloadRef(ref.kind, ref.id, ref.media_type, size, count)
        with pytest.raises(Damaged):
            decode_payload(wrong, world.read_blob, world.read_tree)

    def test_a_file_of_another_size_than_listed_is_refused(self, world: World) -> None:
        from aicas.objects.tree import Entry, build_tree

        blob = BlobId(hash_object(Kind.BLOB, b"x"))
        world.frames[blob] = encode_frame(Kind.BLOB, b"x")
        built = build_tree({"a": Entry(0o100644, blob, 9)})  # type: ignore[dict-item]
        for tree, data in built.trees.items():
            world.frames[tree] = encode_frame(Kind.TREE, data)
        ref = PayloadRef(Kind.TREE, TreeId(built.root), "application/vnd.aicas.tree", 9, 1)
        back = decode_payload(ref, world.read_blob, world.read_tree)
        with pytest.raises(Damaged):
            back["a"]


def test_any_mapping_will_do(world: World) -> None:
    class Custom(Mapping[str, bytes]):
        def __getitem__(self, path: str) -> bytes:
            return {"a": b"1"}[path]

        def __iter__(self) -> Iterator[str]:
            return iter(["a"])

        def __len__(self) -> int:
            return 1

    assert world.get(world.put(Custom())) == {"a": b"1"}
