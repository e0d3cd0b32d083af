"""Comparing what a result was made from with what it would be made from now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aicas import canonical
from aicas.objects.snapshot import Input
from aicas.validity.reasons import (
    AgentIncompatible,
    InputChanged,
    Reason,
    RecipeChanged,
    SelectorUnmatched,
)
from aicas.validity.recipe import AGENT_VERSION, PROMPT, PROMPT_HASH, UNMATCHED, Recipe


def recipe_reasons(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Reason]:
    """Every component that differs, by name; a ``Recipe``'s policy decides on agent versions."""
    for name in sorted({*old, *new}):
        # The hash and the text of a prompt change together; the text says more.
        if name == PROMPT_HASH and PROMPT in old and PROMPT in new:
            continue
        before, after = old.get(name), new.get(name)
        if name == AGENT_VERSION:
            policy = new.agent_policy if isinstance(new, Recipe) else "exact"
            if not _compatible(before, after, policy):
                yield AgentIncompatible(before, after, policy)
        elif not _same(before, after):
            yield RecipeChanged(name, before, after)


def _same(before: Any, after: Any) -> bool:
    # Equal values of different types, as 1 and True, are different parameters of a call.
    if isinstance(before, str) or isinstance(after, str) or before is None or after is None:
        return bool(before == after)
    return canonical.pack(before) == canonical.pack(after)


def _compatible(before: Any, after: Any, policy: str) -> bool:
    if policy == "any":
        return True
    if policy == "major" and isinstance(before, str) and isinstance(after, str):
        return _major(before) == _major(after)
    return _same(before, after)


def _major(version: str) -> str:
    """A version up to the end of its first number: ``coder-v2`` of ``coder-v2.1``."""
    number = re.search(r"[0-9]+", version)
    return version[: number.end()] if number else version


def input_reasons(old: Sequence[Input], new: Sequence[Input]) -> Iterator[Reason]:
    """Every input that differs, by key and selector.

    Digests are compared, not snapshots: an input that was made anew with the same content is the
    same input. In ``new``, the digest ``UNMATCHED`` says that its selector finds nothing.
    """
    before = {(item.key, item.selector): item.digest for item in old}
    after = {(item.key, item.selector): item.digest for item in new}
    for name in sorted({*before, *after}, key=lambda pair: (pair[0], pair[1] or "")):
        key, selector = name
        was, now = before.get(name), after.get(name)
        if now == UNMATCHED and selector is not None:
            yield SelectorUnmatched(key, selector)
        elif was != now:
            yield InputChanged(key, selector, was, now)
