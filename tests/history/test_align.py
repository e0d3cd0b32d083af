"""The alignment under every diff: always true, shortest where promised, never quadratic."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_budget import at_most_lines

from aicas.history import align
from aicas.history.align import Block, gaps, matching_blocks

SEQUENCES = st.lists(st.integers(0, 6), max_size=40)


def longest_common(a: list[int], b: list[int]) -> int:
    row = [0] * (len(b) + 1)
    for x in a:
        above = row[:]
        for j, y in enumerate(b):
            row[j + 1] = above[j] + 1 if x == y else max(above[j + 1], row[j])
    return row[-1]


def assert_aligned(a: list[int], b: list[int], blocks: list[Block]) -> None:
    x = y = -1
    for block in blocks:
        assert block.size > 0
        assert block.old_at >= max(x, 0) and block.new_at >= max(y, 0)
        assert (block.old_at, block.new_at) != (x, y), "adjacent blocks are joined"
        x, y = block.old_at + block.size, block.new_at + block.size
        assert a[block.old_at : x] == b[block.new_at : y]
    assert x <= len(a) and y <= len(b)


@given(SEQUENCES, SEQUENCES)
def test_alignment_is_a_longest_common_subsequence(a: list[int], b: list[int]) -> None:
    blocks = matching_blocks(a, b)
    assert_aligned(a, b, blocks)
    assert sum(block.size for block in blocks) == longest_common(a, b)


@given(SEQUENCES, SEQUENCES)
def test_alignment_stays_true_when_the_edit_cap_is_hit(a: list[int], b: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(align, "MAX_EDITS", 2)
        patch.setattr(align, "_MIN_WINDOW", 1)
        assert_aligned(a, b, matching_blocks(a, b))


@given(SEQUENCES, SEQUENCES)
def test_gaps_and_blocks_together_cover_both_sides(a: list[int], b: list[int]) -> None:
    blocks = matching_blocks(a, b)
    holes = list(gaps(blocks, len(a), len(b)))
    assert all(hole[0].start < hole[0].stop or hole[1].start < hole[1].stop for hole in holes)
    same = sum(block.size for block in blocks)
    assert sum(hole[0].stop - hole[0].start for hole in holes) + same == len(a)
    assert sum(hole[1].stop - hole[1].start for hole in holes) + same == len(b)


def test_a_moved_half_is_found_beyond_the_edit_cap() -> None:
    rng = random.Random(1)
    common = ["", "}", "    return", "else:"]
    head = [rng.choice([*common, f"head {i}"]) for i in range(4000)]
    tail = [rng.choice([*common, f"tail {i}"]) for i in range(8000)]
    blocks = matching_blocks(head + tail, tail + head)
    assert sum(block.size for block in blocks) >= 8000


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([f"a{i}" for i in range(3000)], [f"b{i}" for i in range(3000)]),
        (random.Random(1).sample(range(3000), 3000), random.Random(2).sample(range(3000), 3000)),
        (random.Random(1).choices(range(5), k=3000), random.Random(2).choices(range(5), k=3000)),
        (random.Random(1).choices(range(300), k=3000), [299 - i % 300 for i in range(3000)]),
        ([0] * 3000 + [1] * 3000, [1] * 3000 + [0] * 3000),
    ],
    ids=["all different", "shuffled", "few distinct", "counting", "swapped"],
)
def test_unlike_sequences_take_bounded_work(a: list[object], b: list[object]) -> None:
    with at_most_lines(30_000_000):
        matching_blocks(a, b)
