"""What going on from earlier versions means for the stages that follow them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from aicas.history.edges import input_ref, input_refs
from aicas.names import RefName, split_ref
from aicas.objects.snapshot import Input, Snapshot
from aicas.validity.comparing import input_reasons
from aicas.validity.inputs import InputDigests


class Aftermath(NamedTuple):
    """The stages that follow, by what becomes of them; those that stay valid are left out."""

    back: tuple[RefName, ...]
    """A lookup finds an earlier version that fits, at no cost."""
    again: dict[RefName, Snapshot | None]
    """They have to be made again; each with its version of now, if it can be read."""


def aftermath(
    pinned: Mapping[RefName, Snapshot],
    after: Mapping[RefName, Snapshot | None],
    digests: InputDigests,
    current: Callable[[RefName], Snapshot | None],
    recall: Callable[[RefName, Snapshot, Sequence[Input]], Snapshot | None],
) -> Aftermath:
    """Follow what changes when refs are pinned to other versions.

    Args:
        pinned: the versions the refs will have.
        after: the current versions of what was made from them, each after its own inputs.
        digests: of parts of inputs.
        current: gives the current version of a ref.
        recall: finds an earlier version of a ref with the recipe of a snapshot, made from these
            inputs.
    """
    standing = dict(pinned)
    back: list[RefName] = []
    again: dict[RefName, Snapshot | None] = {}
    for ref, snapshot in after.items():
        above = input_refs(ref, snapshot) if snapshot else ()
        if snapshot is None or not again.keys().isdisjoint(above):
            again[ref] = snapshot
            continue
        _, project, _ = split_ref(ref)
        named = {item.key: input_ref(project, item.key) for item in snapshot.inputs}
        now = {name: standing.get(at) or current(at) for name, at in named.items()}
        wanted = digests.now(snapshot.inputs, now.get)
        if not any(input_reasons(snapshot.inputs, wanted)):
            continue
        earlier = recall(ref, snapshot, wanted)
        if earlier is None:
            again[ref] = snapshot
        else:
            standing[ref] = earlier
            back.append(ref)
    return Aftermath(tuple(back), again)
