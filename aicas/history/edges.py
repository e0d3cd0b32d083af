"""Which refs a ref was made from, as its snapshot names them."""

from __future__ import annotations

from aicas.names import Project, RefName, check_key, check_project, live_ref, split_ref
from aicas.objects.snapshot import Snapshot


def input_refs(ref: RefName, snapshot: Snapshot) -> tuple[RefName, ...]:
    """The live refs of a snapshot's inputs, each once, when the snapshot stands at ``ref``.

    A bare key means the ref's own project, so a fork's stages depend on the fork's.
    """
    _, project, _ = split_ref(ref)
    return tuple(dict.fromkeys(input_ref(project, item.key) for item in snapshot.inputs))


def input_ref(project: Project, name: str) -> RefName:
    """The live ref that ``KEY`` or ``PROJECT/KEY`` names, as seen from ``project``."""
    owner, slash, key = name.rpartition("/")
    return live_ref(check_project(owner) if slash else project, check_key(key))
