"""The recipe of a stage run, and the fingerprint of a recipe with its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aicas import canonical
from aicas.ids import Kind, ObjectId, digest, hash_object
from aicas.names import Key
from aicas.objects.snapshot import Input

PROMPT, PROMPT_HASH = "prompt", "prompt_hash"


def complete_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe with the hash of its prompt text, when it has a text and no hash yet."""
    complete = dict(recipe)
    prompt = complete.get(PROMPT)
    if isinstance(prompt, str) and PROMPT_HASH not in complete:
        complete[PROMPT_HASH] = hash_object(Kind.BLOB, prompt.encode()).hex()
    return complete


def fingerprint(key: Key, recipe: Mapping[str, Any], inputs: Sequence[Input]) -> bytes:
    """What decides a stage's result: its key, recipe components and the digests of its inputs.

    Not times, sessions, costs or snapshot ids: an input that was made anew with the same content
    leaves the fingerprint as it was. The order in which inputs are named does not matter.
    """
    components = [
        digest("recipe component v1", name.encode(), canonical.pack(recipe[name]))
        for name in sorted(recipe)
    ]
    used = sorted(
        digest("input v1", item.key.encode(), (item.selector or "").encode(), item.digest)
        for item in inputs
    )
    return digest("fingerprint v1", key.encode(), b"".join(components), b"".join(used))


def payload_digest(payload: ObjectId) -> bytes:
    """The digest of an input that was read as a whole: the id of its payload, kind included."""
    return digest("whole payload v1", bytes([payload.kind]), payload)
