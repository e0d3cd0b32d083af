"""Where two runs first went apart, and what made them."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Final, Literal, NamedTuple

from aicas.names import Key
from aicas.objects.snapshot import Snapshot
from aicas.validity.comparing import input_reasons, recipe_reasons
from aicas.validity.reasons import Reason

SAME: Final = "same"
Verdict = Literal["same", "differs", "only in the first", "only in the second"]


class StagePair(NamedTuple):
    """One stage as two runs have it."""

    key: Key
    verdict: Verdict
    """Whether both runs have the same output, byte for byte."""
    first: Snapshot | None
    second: Snapshot | None


class Comparison(NamedTuple):
    """Two runs, stage by stage."""

    stages: tuple[StagePair, ...]
    """Every stage of either run, each after what it was made from."""
    divergence: StagePair | None
    """The first one that is not the same in both; ``None`` if all are."""
    reasons: tuple[Reason, ...]
    """What differs in its recipe and inputs. Empty though it differs: the same recipe, run on the
    same inputs, gave another output; or only one of the runs has the stage."""


def compare(first: Mapping[Key, Snapshot], second: Mapping[Key, Snapshot]) -> Comparison:
    """Compare two runs by the content of what their stages produced.

    Args:
        first, second: the snapshot each run used, by key.
    """
    stages = tuple(_pair(key, first.get(key), second.get(key)) for key in _order(first, second))
    divergence = next((pair for pair in stages if pair.verdict != SAME), None)
    reasons = _reasons(divergence) if divergence else ()
    return Comparison(stages, divergence, reasons)


def _pair(key: Key, first: Snapshot | None, second: Snapshot | None) -> StagePair:
    if first is None or second is None:
        return StagePair(
            key, "only in the second" if first is None else "only in the first", first, second
        )
    same = first.payload.id == second.payload.id
    return StagePair(key, "same" if same else "differs", first, second)


def _reasons(pair: StagePair) -> tuple[Reason, ...]:
    if pair.first is None or pair.second is None:
        return ()
    recipe = recipe_reasons(pair.first.recipe, pair.second.recipe)
    return (*recipe, *input_reasons(pair.first.inputs, pair.second.inputs))


def _order(*runs: Mapping[Key, Snapshot]) -> list[Key]:
    """Keys of all runs, inputs first, by name where nothing else decides."""
    above: dict[Key, set[Key]] = {}
    for run in runs:
        for key, snapshot in run.items():
            above.setdefault(key, set()).update(map(Key, snapshot.dependencies))
    graph = {key: sorted((above[key] & above.keys()) - {key}) for key in sorted(above)}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError:  # made from one another in turns, over several versions
        return sorted(above)
