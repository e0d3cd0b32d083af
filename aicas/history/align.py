"""Which items of two sequences belong together: the one alignment under every diff.

Greedy O(ND) after Myers (1986), exact while the edit distance of what is left after trimming
stays within ``MAX_EDITS``. Beyond that it splits at items that occur once on both sides, and
walks what lies between in windows of bounded effort, so no input takes quadratic time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

MAX_EDITS = 1000
_WINDOW_WORK = 2_000_000
_MIN_WINDOW = 16


class Block(NamedTuple):
    """``old[old_at:old_at + size]`` equals ``new[new_at:new_at + size]``."""

    old_at: int
    new_at: int
    size: int


class _Box(NamedTuple):
    """The part of both sequences an alignment is sought in; ends are exclusive."""

    x: int
    y: int
    x_end: int
    y_end: int


# Matching runs of a path, last one first; paths share their beginnings.
_Run: TypeAlias = "tuple[int, int, int, _Run | None]"


def matching_blocks(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Block]:
    """Equal runs in rising order on both sides, adjacent ones joined, none of them empty.

    Time grows with the length and the number of edits, not with their product; the answer is
    a longest common subsequence while at most ``MAX_EDITS`` edits are needed among the items
    that occur on both sides.
    """
    start = _common_start(old, new)
    stop = _common_end(old, new, start)
    numbers: dict[Hashable, int] = {}
    left = [numbers.setdefault(i, len(numbers)) for i in old[start : len(old) - stop]]
    right = [numbers.setdefault(i, len(numbers)) for i in new[start : len(new) - stop]]
    # An item of one side only can match nothing, so it need not take part.
    shared = set(left).intersection(right)
    left_at = [at for at, number in enumerate(left, start) if number in shared]
    right_at = [at for at, number in enumerate(right, start) if number in shared]
    a = [left[at - start] for at in left_at]
    b = [right[at - start] for at in right_at]
    pairs = [Block(0, 0, start)]
    for x, y, size in _align(a, b):
        xs, ys = left_at[x : x + size], right_at[y : y + size]
        pairs.extend(Block(i, j, 1) for i, j in zip(xs, ys, strict=True))
    pairs.append(Block(len(old) - stop, len(new) - stop, stop))
    return _joined(pairs)


def gaps(blocks: Iterable[Block], old_size: int, new_size: int) -> Iterator[tuple[slice, slice]]:
    """What lies before, between and after ``blocks``: the slices of old and new that differ."""
    x = y = 0
    for block in (*blocks, Block(old_size, new_size, 0)):
        if block.old_at > x or block.new_at > y:
            yield slice(x, block.old_at), slice(y, block.new_at)
        x, y = block.old_at + block.size, block.new_at + block.size


def _common_start(old: Sequence[Hashable], new: Sequence[Hashable]) -> int:
    limit = min(len(old), len(new))
    return next((i for i in range(limit) if old[i] != new[i]), limit)


def _common_end(old: Sequence[Hashable], new: Sequence[Hashable], start: int) -> int:
    limit = min(len(old), len(new)) - start
    return next((i for i in range(limit) if old[-1 - i] != new[-1 - i]), limit)


def _joined(blocks: Iterable[Block]) -> list[Block]:
    joined: list[Block] = []
    x = y = size = 0
    for block in blocks:
        if block.old_at == x + size and block.new_at == y + size:
            size += block.size
        else:
            joined.append(Block(x, y, size))
            x, y, size = block
    joined.append(Block(x, y, size))
    return [block for block in joined if block.size]


def _align(a: list[int], b: list[int]) -> list[Block]:
    whole = _Box(0, 0, len(a), len(b))
    x, y, run = _furthest(a, b, whole, MAX_EDITS)
    if (x, y) == (len(a), len(b)):
        return _unrolled(run)
    limit = max(_MIN_WINDOW, min(MAX_EDITS, _WINDOW_WORK // (len(a) + len(b))))
    blocks: list[Block] = []
    x = y = 0
    for anchor in [*_anchors(a, b), Block(len(a), len(b), 0)]:
        blocks += _windows(a, b, _Box(x, y, anchor.old_at, anchor.new_at), limit)
        blocks.append(anchor)
        x, y = anchor.old_at + anchor.size, anchor.new_at + anchor.size
    return blocks


def _windows(a: list[int], b: list[int], box: _Box, limit: int) -> Iterator[Block]:
    """Go as far as ``limit`` edits lead, settle on that path, and go on from its end."""
    x, y = box.x, box.y
    while x < box.x_end and y < box.y_end:
        x, y, run = _furthest(a, b, _Box(x, y, box.x_end, box.y_end), limit)
        yield from _unrolled(run)


def _furthest(a: list[int], b: list[int], box: _Box, limit: int) -> tuple[int, int, _Run | None]:
    """The end of ``box`` if ``limit`` edits reach it, else the furthest point they do reach.

    Diagonals are counted from the box's corner. A path that leaves the box can only come to
    its end with more edits than one that stays, so it needs no check before it is dropped.
    """
    x0, y0, x_end, y_end = box
    drift, mid = y0 - x0, limit + 1
    reach = [x0] * (2 * limit + 3)
    runs: list[_Run | None] = [None] * len(reach)
    low = high = 0
    for edits in range(limit + 1):
        for k in range(-edits + low, edits + 1 - high, 2):
            at = mid + k
            if k == -edits or (k != edits and reach[at - 1] < reach[at + 1]):
                x, run = reach[at + 1], runs[at + 1]
            else:
                x, run = reach[at - 1] + 1, runs[at - 1]
            start, y = x, x - k + drift
            while x < x_end and y < y_end and a[x] == b[y]:
                x += 1
                y += 1
            reach[at] = x
            runs[at] = run if x == start else (start, start - k + drift, x - start, run)
            if x > x_end:
                high += 2
            elif y > y_end:
                low += 2
            elif x == x_end and y == y_end:
                return x, y, runs[at]
    ends = [(reach[mid + k], reach[mid + k] - k + drift, k) for k in range(-limit, limit + 1, 2)]
    inside = (end for end in ends if end[0] <= x_end and end[1] <= y_end)
    x, y, k = max(inside, key=lambda end: end[0] + end[1])
    return x, y, runs[mid + k]


def _unrolled(run: _Run | None) -> list[Block]:
    blocks = []
    while run is not None:
        x, y, size, run = run
        blocks.append(Block(x, y, size))
    return blocks[::-1]


def _anchors(a: list[int], b: list[int]) -> list[Block]:
    """Items that occur once on each side, and of those a longest run in the same order."""
    once = {number for number, count in Counter(a).items() if count == 1}
    once &= {number for number, count in Counter(b).items() if count == 1}
    places = {number: at for at, number in enumerate(b) if number in once}
    pairs = [(at, places[number]) for at, number in enumerate(a) if number in once]
    ends: list[int] = []  # the smallest place in b a rising chain of this length can end at
    last: list[int] = []  # which pair that is
    before: list[int] = []  # for each pair, the one before it in its chain
    for index, (_, place) in enumerate(pairs):
        length = bisect_left(ends, place)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [place]
        last[length : length + 1] = [index]
    chain = []
    index = last[-1] if last else -1
    while index >= 0:
        chain.append(Block(*pairs[index], 1))
        index = before[index]
    return chain[::-1]
