"""What a loss would orphan is what a plain walk finds, whatever goes in which order."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from aicas.ids import Kind, ObjectId, hash_object
from aicas.retention.orphans import Orphans

NAMES = [hash_object(Kind.BLOB, b"%d" % number) for number in range(9)]
Edges = dict[ObjectId, set[ObjectId]]


def orphaned(payload: ObjectId, own: dict[ObjectId, int], made_from: Edges) -> int:
    seen, todo = {payload}, [payload]
    while todo:
        current = todo.pop()
        below = {each for each, above in made_from.items() if current in above} - seen
        seen |= below
        todo += below
    return min(own[payload], sum(own.get(each, 0) for each in seen - {payload}))


@given(
    st.dictionaries(st.sampled_from(NAMES), st.integers(0, 20), min_size=1),
    st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES), max_size=3)),
    st.randoms(use_true_random=False),
)
def test_it_is_what_a_walk_finds_and_every_change_is_told(
    own: dict[ObjectId, int], linked: Edges, rng: random.Random
) -> None:
    made_from = {each: above - {each} for each, above in linked.items()}
    orphans = Orphans(own, made_from)
    held = dict(own)
    while held:
        before = {each: orphans.of(each) for each in held}
        assert before == {each: orphaned(each, held, made_from) for each in held}
        leaving = rng.choice(sorted(held))
        del held[leaving]
        told = set(orphans.leave(leaving))
        assert told <= held.keys()
        assert {each for each in held if orphans.of(each) != before[each]} <= told


def test_a_long_chain_is_looked_into_only_as_far_as_it_counts() -> None:
    from line_budget import at_most_lines

    chain = [hash_object(Kind.BLOB, b"%d" % number) for number in range(2_000)]
    made_from = {below: {above} for above, below in pairwise(chain)}
    with at_most_lines(200_000):
        orphans = Orphans(dict.fromkeys(chain, 1), made_from)
        for payload in chain:
            orphans.of(payload)
        for payload in reversed(chain):
            for concerned in orphans.leave(payload):
                orphans.of(concerned)
