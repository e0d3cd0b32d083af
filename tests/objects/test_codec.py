"""Frames: what is written is read back, and nothing else is."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from objects_world import Reader
from peak_memory import PEAK

from aicas.errors import AicasError, Damaged, InvalidInput, UnsupportedFormat
from aicas.ids import BlobId, Kind, hash_object
from aicas.objects import codec
from aicas.objects.codec import FrameWriter, decode_frame, decode_stream, encode_frame

TEXT = b"the quick brown fox jumps over the lazy dog\n" * 100
TEXT_ID = BlobId(hash_object(Kind.BLOB, TEXT))


def blob_id(data: bytes) -> BlobId:
    return BlobId(hash_object(Kind.BLOB, data))


def streamed(data: bytes, *, compress: bool = True, piece: int = 70_001) -> bytes:
    parts: list[bytes] = []
    writer = FrameWriter(parts.append, compress=compress)
    for at in range(0, len(data), piece):
        writer.write(data[at : at + piece])
    assert writer.finish() == (blob_id(data), len(data))
    return b"".join(parts)


def frame_of(body: bytes, length: int, *, head: bytes = b"\x01\x11") -> bytes:
    return head + body + length.to_bytes(8, "little")


def by_whole(frame: bytes, expect: BlobId) -> bytes:
    return decode_frame(frame, expect)


def by_stream(frame: bytes, expect: BlobId) -> bytes:
    return b"".join(decode_stream(Reader(frame), expect))


both_readers = pytest.mark.parametrize("read", [by_whole, by_stream])
Read = Callable[[bytes, BlobId], bytes]


@given(st.binary(max_size=5000), st.booleans(), st.sampled_from(Kind))
def test_any_object_of_any_kind_comes_back(data: bytes, compress: bool, kind: Kind) -> None:
    frame = encode_frame(kind, data, compress=compress)
    assert decode_frame(frame, hash_object(kind, data)) == data


@given(st.binary(max_size=5000), st.integers(1, 9), st.booleans(), st.integers(1, 50))
def test_either_reader_reads_either_writer(
    seed: bytes, times: int, compress: bool, at_most: int
) -> None:
    data = seed * times
    whole = encode_frame(Kind.BLOB, data, compress=compress)
    pieces = streamed(data, compress=compress, piece=997)
    for frame in (whole, pieces):
        assert decode_frame(frame, blob_id(data)) == data
        assert b"".join(decode_stream(Reader(frame, at_most), blob_id(data))) == data


@pytest.mark.parametrize("compress", [True, False])
def test_a_large_blob_comes_back_in_small_pieces(compress: bool) -> None:
    data = b"".join(n.to_bytes(4, "little") for n in range(700_000)) + bytes(4_000_000)
    frame = streamed(data, compress=compress)
    pieces = list(decode_stream(Reader(frame), blob_id(data), length=len(data)))
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= 256 * 1024
    assert all(pieces)


def test_frozen_vectors() -> None:
    raw = encode_frame(Kind.BLOB, b"hello", compress=False)
    assert raw.hex() == "011068656c6c6f0500000000000000"
    assert encode_frame(Kind.TREE, b"", compress=True).hex() == "01200000000000000000"
    assert blob_id(b"hello").hex() == (
        "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f"
    )
    # zstd's output may differ between its versions; what was once written must stay readable.
    frozen = bytes.fromhex("011128b52ffd60e8024d00001000000100e32b8005e803000000000000")
    for read in (by_whole, by_stream):
        assert read(frozen, blob_id(bytes(1000))) == bytes(1000)


def test_what_zstd_does_not_shrink_is_stored_raw() -> None:
    frame = encode_frame(Kind.BLOB, b"ab")
    assert frame[1] == 0x10
    assert encode_frame(Kind.BLOB, TEXT)[1] == 0x11
    assert encode_frame(Kind.BLOB, TEXT, compress=False)[1] == 0x10


def test_a_frame_is_never_written_that_could_not_be_read() -> None:
    with pytest.raises(InvalidInput):
        encode_frame(Kind.BLOB, bytes(codec.MAX_WHOLE + 1))
    encode_frame(Kind.BLOB, bytes(codec.MAX_WHOLE))


@both_readers
def test_a_newer_version_is_refused_as_such(read: Read) -> None:
    frame = encode_frame(Kind.BLOB, TEXT)
    with pytest.raises(UnsupportedFormat, match="version 2"):
        read(b"\x02" + frame[1:], TEXT_ID)


@both_readers
@pytest.mark.parametrize("mark", [0x00, 0x12, 0x1F, 0x21, 0x31, 0x41, 0xFF])
def test_another_kind_or_codec_is_refused(read: Read, mark: int) -> None:
    frame = encode_frame(Kind.BLOB, TEXT)
    with pytest.raises(Damaged):
        read(frame[:1] + bytes([mark]) + frame[2:], TEXT_ID)


def test_a_blob_cannot_pass_for_a_tree_with_the_same_bytes() -> None:
    tree = hash_object(Kind.TREE, TEXT)
    with pytest.raises(Damaged):
        decode_frame(encode_frame(Kind.BLOB, TEXT), tree)
    with pytest.raises(Damaged, match="does not match"):
        decode_frame(encode_frame(Kind.TREE, TEXT), type(tree)(TEXT_ID))


@both_readers
@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("writer", [encode_frame, None])
def test_every_truncation_is_refused(
    read: Read, compress: bool, writer: Callable[..., bytes] | None
) -> None:
    if writer:
        frame = writer(Kind.BLOB, TEXT, compress=compress)
    else:
        frame = streamed(TEXT, compress=compress)
    cuts = range(len(frame)) if len(frame) < 500 else [*range(30), *range(30, len(frame), 97)]
    for cut in cuts:
        with pytest.raises(Damaged):
            read(frame[:cut], TEXT_ID)


@both_readers
def test_every_flipped_bit_is_refused(read: Read) -> None:
    for frame in (encode_frame(Kind.BLOB, TEXT), streamed(TEXT)):
        for at in range(len(frame)):
            for bit in range(8):
                bad = bytearray(frame)
                bad[at] ^= 1 << bit
                try:
                    assert read(bytes(bad), TEXT_ID) == TEXT
                except AicasError as error:
                    assert "\n" not in str(error)
                else:
                    # zstd has bits that change no content, such as the header's unused one.
                    assert 2 <= at < len(frame) - 8


@both_readers
@pytest.mark.parametrize("junk", [b"\0", b"junk", bytes(8), encode_frame(Kind.BLOB, TEXT)])
def test_what_follows_a_frame_is_refused(read: Read, junk: bytes) -> None:
    for frame in (encode_frame(Kind.BLOB, TEXT), streamed(TEXT), streamed(TEXT, compress=False)):
        with pytest.raises(Damaged):
            read(frame + junk, TEXT_ID)
        # The same between the body and the length.
        with pytest.raises(Damaged):
            read(frame[:-8] + junk + frame[-8:], TEXT_ID)


@both_readers
def test_a_second_zstd_frame_is_refused(read: Read) -> None:
    body = zstandard.ZstdCompressor().compress(TEXT)
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    for bad in (body + body, skippable + body, body + skippable, skippable, b""):
        with pytest.raises(Damaged):
            read(frame_of(bad, len(TEXT)), TEXT_ID)


@both_readers
def test_a_dictionary_is_refused(read: Read) -> None:
    words = zstandard.ZstdCompressionDict(TEXT * 3, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    samples: list[bytes | bytearray | memoryview] = [
        b"%d sample %d text %d" % (n, n * 7, n * 13) for n in range(3000)
    ]
    trained = zstandard.train_dictionary(2000, samples)
    assert words.dict_id() == 0
    assert trained.dict_id() != 0
    body = zstandard.ZstdCompressor(dict_data=trained).compress(TEXT)
    with pytest.raises(Damaged, match="dictionary"):
        read(frame_of(body, len(TEXT)), TEXT_ID)


@both_readers
def test_a_window_over_8_mib_is_refused(read: Read) -> None:
    wide = zstandard.ZstdCompressionParameters.from_level(3, window_log=24)
    packer = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    body = packer.compress(TEXT) + packer.flush()
    with pytest.raises(Damaged, match="window"):
        read(frame_of(body, len(TEXT)), TEXT_ID)


@both_readers
def test_a_wrong_length_is_refused(read: Read) -> None:
    for frame in (encode_frame(Kind.BLOB, TEXT), streamed(TEXT), streamed(TEXT, compress=False)):
        for length in (0, len(TEXT) - 1, len(TEXT) + 1, 2**63, 2**64 - 1):
            with pytest.raises(Damaged):
                read(frame[:-8] + length.to_bytes(8, "little"), TEXT_ID)


@both_readers
def test_content_of_another_blob_is_refused(read: Read) -> None:
    with pytest.raises(Damaged, match="does not match its id"):
        read(encode_frame(Kind.BLOB, b"other"), TEXT_ID)


def test_a_frame_that_outgrows_the_known_length_is_refused_at_once() -> None:
    data = bytes(50_000_000)
    pieces = decode_stream(Reader(streamed(data)), blob_id(data), length=1_000_000)
    taken = 0
    with pytest.raises(Damaged, match="longer than"):
        for piece in pieces:
            taken += len(piece)
    assert taken <= 1_000_000


def test_the_reader_is_closed_however_iteration_ends() -> None:
    frame = streamed(TEXT)
    done, failed, left = Reader(frame), Reader(frame[:-9]), Reader(frame)
    list(decode_stream(done, TEXT_ID))
    with pytest.raises(Damaged):
        list(decode_stream(failed, TEXT_ID))
    pieces = decode_stream(left, TEXT_ID)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert done.closed
    assert failed.closed
    assert left.closed


def test_threads_do_not_disturb_each_other() -> None:
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for n in range(300):
                data = b"%d-%d " % (seed, n) * 300
                assert decode_frame(encode_frame(Kind.BLOB, data), blob_id(data)) == data
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


BOMB = """
import sys
sys.path.insert(0, {here!r})
import zstandard
from objects_world import Reader
from aicas.errors import Damaged
from aicas.ids import BlobId
from aicas.objects.codec import decode_frame, decode_stream

size = 1 << 30
packer = zstandard.ZstdCompressor(level=3).compressobj(size={stated})
body = b"".join([packer.compress(bytes(1 << 20)) for _ in range(1024)] + [packer.flush()])
frame = b"\\x01\\x11" + body + int({length}).to_bytes(8, "little")
expect = BlobId(bytes(32))

def stream():
    for _ in decode_stream(Reader(frame), expect):
        pass

before = peak_mib()
for read in (lambda: decode_frame(frame, expect), stream):
    try:
        read()
    except Damaged:
        continue
    raise SystemExit("was accepted")
grown = peak_mib() - before
raise SystemExit(f"took {{grown}} MiB" if grown > 32 else 0)
"""


@pytest.mark.parametrize(
    ("stated", "length"),
    [
        pytest.param("size", "size", id="honest about its size"),
        pytest.param("-1", "size", id="silent about its size"),
        pytest.param("-1", "1000", id="claims to be small"),
        pytest.param("size", "1000", id="contradicts itself"),
    ],
)
def test_a_bomb_of_one_gib_costs_little_memory(stated: str, length: str) -> None:
    import objects_world

    code = BOMB.format(
        here=str(objects_world.__file__).rpartition("/")[0], stated=stated, length=length
    )
    done = subprocess.run(
        [sys.executable, "-c", PEAK + code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@both_readers
def test_a_claim_of_2_to_the_60_bytes_is_refused_without_allocating(read: Read) -> None:
    body = b"\x28\xb5\x2f\xfd\xe0" + (2**60).to_bytes(8, "little") + b"\x01\x00\x00"
    with pytest.raises(Damaged):
        read(frame_of(body, 2**60), TEXT_ID)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_only_our_errors(junk: bytes) -> None:
    for frame in (junk, b"\x01\x11" + junk, frame_of(b"\x28\xb5\x2f\xfd" + junk, 5)):
        for read in (by_whole, by_stream):
            with pytest.raises((Damaged, UnsupportedFormat)):
                read(frame, TEXT_ID)
