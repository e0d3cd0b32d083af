"""What dropping a payload frees is what no other payload reaches, whatever is dropped when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aicas.ids import Kind, ObjectId, TreeId, hash_object
from aicas.objects.tree import Entry, EntryKind, Tree
from aicas.retention.sharing import Sharing

Shape = list[list[int]]


def objects(shape: Shape) -> tuple[list[ObjectId], dict[TreeId, Tree]]:
    """Objects of which each refers to some that come before it: trees, or blobs for those
    that refer to nothing."""
    ids: list[ObjectId] = []
    trees: dict[TreeId, Tree] = {}
    for number, below in enumerate(shape):
        chosen = {ids[i % number] for i in below} if number else set()
        if not chosen:
            ids.append(hash_object(Kind.BLOB, b"%d" % number))
            continue
        entries = {
            f"{position}": Entry(
                (EntryKind.TREE if i.kind == Kind.TREE else EntryKind.FILE).value, i, 1
            )
            for position, i in enumerate(sorted(chosen))
        }
        name = TreeId(hash_object(Kind.TREE, b"%d" % number))
        trees[name] = Tree(entries)
        ids.append(name)
    return ids, trees


def reached(roots: set[ObjectId], trees: dict[TreeId, Tree]) -> set[ObjectId]:
    seen: set[ObjectId] = set()
    todo = list(roots)
    while todo:
        each = todo.pop()
        if each not in seen:
            seen.add(each)
            if each.kind == Kind.TREE:
                todo += [entry.id for entry in trees[TreeId(each)].values()]
    return seen


@given(
    st.lists(st.lists(st.integers(0, 30), max_size=4), min_size=1, max_size=20),
    st.lists(st.integers(0, 30), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_only_what_no_other_payload_reaches_is_freed(
    shape: Shape, chosen: list[int], rng: object
) -> None:
    ids, trees = objects(shape)
    roots = {ids[i % len(ids)] for i in chosen}
    sharing = Sharing(trees.__getitem__)
    for root in roots:
        sharing.add(root)
        sharing.add(root)
    assert set(sharing.objects) == reached(roots, trees)
    while roots:
        for root in roots:
            others = reached(roots - {root}, trees)
            assert sharing.only_in(root) == reached({root}, trees) - others
        before = {root: sharing.only_in(root) for root in roots}
        root = rng.choice(sorted(roots))  # type: ignore[attr-defined]
        roots.discard(root)
        gone, sole = sharing.drop(root)
        assert gone == before[root]
        changed = {other for other in roots if sharing.only_in(other) != before[other]}
        assert changed <= sole <= roots
