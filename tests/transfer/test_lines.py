from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
import zstandard

from aicas.errors import InvalidInput, NotFound, StorageFailed
from aicas.transfer.lines import read_lines

CONTENT = b"".join(b"line %d\n" % n for n in range(5000))


def compress(data: bytes, *, checksum: bool = False) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=checksum).compress(data)


def lines(path: Path, limit: int = 1000) -> list[tuple[int, bytes]]:
    return list(read_lines(path, limit))


def write(folder: Path, data: bytes) -> Path:
    path = folder / "records"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "data", [CONTENT, compress(CONTENT), compress(CONTENT[:999]) + compress(CONTENT[999:])]
)
def test_lines_are_the_same_plain_or_in_zstd_frames(tmp_path: Path, data: bytes) -> None:
    expected = [(n + 1, b"line %d" % n) for n in range(5000)]
    assert lines(write(tmp_path, data)) == expected


def test_blank_lines_count_but_are_not_returned(tmp_path: Path) -> None:
    assert lines(write(tmp_path, b"\n a\n\r\n\nb")) == [(2, b" a"), (5, b"b")]
    assert lines(write(tmp_path, b"")) == []
    assert lines(write(tmp_path, compress(b""))) == []


@pytest.mark.parametrize("cut", [5, 20, 300, -1])
def test_a_truncated_frame_is_refused(tmp_path: Path, cut: int) -> None:
    data = compress(CONTENT)
    with pytest.raises(InvalidInput, match="cut short"):
        lines(write(tmp_path, data[:cut]))


def test_junk_after_a_frame_and_flipped_bits_are_refused(tmp_path: Path) -> None:
    data = compress(CONTENT, checksum=True)
    with pytest.raises(InvalidInput, match="zstd"):
        lines(write(tmp_path, data + b"junk"))
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    with pytest.raises(InvalidInput):
        lines(write(tmp_path, bytes(flipped)))


def test_a_window_over_128_mib_is_refused(tmp_path: Path) -> None:
    # Magic, then a frame header with a window of 2 GiB, then an empty last block.
    header = b"\x28\xb5\x2f\xfd\x00" + bytes([21 << 3]) + b"\x01\x00\x00"
    with pytest.raises(InvalidInput, match="zstd"):
        lines(write(tmp_path, header))


@pytest.mark.parametrize("packed", [False, True])
def test_an_endless_line_is_refused_within_bounded_memory(tmp_path: Path, packed: bool) -> None:
    data = bytes(200_000_000)
    path = write(tmp_path, compress(data) if packed else data)
    del data
    tracemalloc.start()
    with pytest.raises(InvalidInput, match=r"line 1 .* longer"):
        lines(path, 8 << 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20


def test_what_is_no_readable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no-such"):
        lines(tmp_path / "no-such")
    with pytest.raises(InvalidInput, match="directory"):
        lines(tmp_path)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(StorageFailed):
        lines(loop)
