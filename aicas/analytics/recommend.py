"""What would have saved money: a rule looks for one cause in the books, and is silent without it.

A rule counts only runs that its advice would have spared, at the price that was paid for them, so
a saving is never overstated. Its confidence says how far the runs seen outweigh three imagined
ones that say the opposite: with ``n`` runs, ``n / (n + 3)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Literal

from aicas.analytics.evidence import Evidence, Rerun, Waste, price, waste
from aicas.analytics.parts import part_kept
from aicas.analytics.prompts import Prompts, differ_in_passing
from aicas.analytics.report import usd
from aicas.clock import HOUR
from aicas.ledger.spending import Spending
from aicas.validity.recipe import PROMPT, PROMPT_HASH

Effort = Literal["low", "medium", "high"]
_DOUBT: Final = 3


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One piece of advice, with what the books say for it."""

    strategy: str
    description: str
    implementation_effort: Effort
    wasted: Waste

    @property
    def confidence(self) -> float:
        """From 0 to 1, growing with the number of runs behind it."""
        return round(self.wasted.runs / (self.wasted.runs + _DOUBT), 2)

    def as_dict(self) -> dict[str, Any]:
        """The advice as plain values; the saving is that of the period looked at."""
        return {
            "strategy": self.strategy,
            "description": self.description,
            "potential_savings_usd": usd(self.wasted.nano),
            "potential_savings_usd_nano": self.wasted.nano,
            "implementation_effort": self.implementation_effort,
            "confidence": self.confidence,
            "runs": self.wasted.runs,
            "unpriced_runs": self.wasted.unpriced,
        }


Rule = Callable[[Evidence], Recommendation | None]


def recommend(evidence: Evidence) -> list[Recommendation]:
    """Everything the evidence speaks for, the largest saving first."""
    found = [advice for rule in RULES if (advice := rule(evidence))]
    return sorted(found, key=lambda advice: (-advice.wasted.nano, -advice.wasted.runs))


def _aggressive_caching(evidence: Evidence) -> Recommendation | None:
    """Runs of what was there and valid: somebody did not look it up first."""
    wasted = waste((s, price(s)) for s in evidence.of_cause("repeated"))
    totals = evidence.totals
    now = totals.hit_rate or 0.0
    then = (totals.hits + wasted.runs) / ((totals.lookups + wasted.runs) or 1)
    return _advice(
        "aggressive_caching",
        f"Increase cache hit rate from {now:.0%} to {then:.0%}: {_runs(wasted)} made although a"
        " valid version was stored, most of all {stage}; let get_or_create look first",
        "medium",
        wasted,
    )


def _longer_expiry(evidence: Evidence) -> Recommendation | None:
    """Runs that made the same work again because its time was up."""
    again = [rerun for rerun in evidence.reruns("expired") if rerun.is_same_work]
    oldest = max((rerun.spending.at - rerun.old.created_at for rerun in again), default=0)
    hours = math.ceil(oldest / HOUR)
    wasted = _on_reruns(again)
    return _advice(
        "longer_expiry",
        f"Let artifacts live {hours} hours or longer: {_runs(wasted)} made only because a version"
        " had expired, most of all {stage}; see default_expiry_hours",
        "low",
        wasted,
    )


def _larger_cache(evidence: Evidence) -> Recommendation | None:
    """Runs that made the same work again because it had been dropped to make room."""
    wasted = _on_reruns(rerun for rerun in evidence.reruns("evicted") if rerun.is_same_work)
    return _advice(
        "larger_cache",
        f"Keep more: {_runs(wasted)} made only because what they made had been evicted, most of"
        " all {stage}; raise max_cache_size_gb",
        "low",
        wasted,
    )


def _invalidate_less(evidence: Evidence) -> Recommendation | None:
    """Runs after an invalidation that brought back exactly what had been taken away."""
    again = evidence.reruns("invalidated")
    wasted = _on_reruns(rerun for rerun in again if rerun.is_same_work and rerun.is_same_output)
    return _advice(
        "invalidate_less",
        f"Invalidate less: {_runs(wasted)} made after an invalidation and gave the same output as"
        " before, most of all {stage}; undo an invalidation that was a mistake, or use --only",
        "low",
        wasted,
    )


def _stabilise_prompts(evidence: Evidence) -> Recommendation | None:
    """Runs that nothing but a changed prompt caused, and that bought nothing.

    The change was one of spacing, numbers or ids; or the same output came of it; or the next
    change of the prompt replaced what did.
    """
    again = [
        rerun
        for rerun in evidence.reruns("recipe_changed")
        if rerun.has_same_inputs and rerun.changed_components <= {PROMPT, PROMPT_HASH}
    ]
    replaced = {rerun.old.id for rerun in again}
    wasted = _on_reruns(
        rerun
        for rerun in again
        if rerun.new.id in replaced
        or rerun.is_same_output
        or differ_in_passing(rerun.old.recipe.get(PROMPT), rerun.new.recipe.get(PROMPT))
    )
    return _advice(
        "stabilise_prompts",
        f"Keep prompts as they are between runs: {_runs(wasted)} made only because a prompt"
        " changed, in passing or on the way to the next change, most of all {stage}; keep times"
        " and ids out of prompts, and try wordings out in a fork",
        "medium",
        wasted,
    )


def _narrower_inputs(evidence: Evidence) -> Recommendation | None:
    """Runs for the sake of an input that was taken whole and changed only in part.

    Counted of each is the part of its price that corresponds to the part that stayed: one that
    reads a single part is spared as often as that.
    """
    wasted = waste(
        (rerun.spending, amount if amount is None else int(amount * kept))
        for rerun in evidence.reruns("input_changed")
        for amount in [price(rerun.spending)]
        if (kept := _kept_of_inputs(evidence, rerun))
    )
    return _advice(
        "narrower_inputs",
        f"Depend on parts of inputs: {_runs(wasted)} made because an input changed of which most"
        " or some stayed, and which was taken whole, most of all {stage}; name the part with a"
        " selector, as in plan#/phases/3",
        "medium",
        wasted,
    )


def _kept_of_inputs(evidence: Evidence, rerun: Rerun) -> Fraction | None:
    """The part that stayed of the inputs that changed; ``None`` if no selector could tell."""
    before = {(item.key, item.selector): item for item in rerun.old.inputs}
    if before.keys() != {(item.key, item.selector) for item in rerun.new.inputs}:
        return None
    kept = Fraction(1)
    for item in rerun.new.inputs:
        was = before[item.key, item.selector]
        if was.digest == item.digest:
            continue
        old, new = evidence.held(was.snapshot), evidence.held(item.snapshot)
        if item.selector is not None or old is None or new is None:
            return None
        kept *= part_kept(evidence.store, old, new) or 0
    return kept


def _provider_prompt_cache(evidence: Evidence) -> Recommendation | None:
    """Runs that sent again what an earlier run had just sent, at the full price."""
    shared = Prompts(evidence)
    wasted = waste(shared.overpaid())
    return _advice(
        "provider_prompt_cache",
        f"Use the provider's prompt cache: {_runs(wasted)} made with a long prompt that began like"
        " the one before it, and none of it was read from the provider's cache, most of all"
        " {stage}; put what stays the same first",
        "medium",
        wasted,
    )


def _fix_validation(evidence: Evidence) -> Recommendation | None:
    """Runs that were needed because the output before them did not pass its validation."""
    wasted = waste((s, price(s)) for s in evidence.of_cause("failed"))
    return _advice(
        "fix_validation",
        f"Have outputs pass the first time: {_runs(wasted)} made because the output before did"
        " not pass its validation, most of all {stage}",
        "high",
        wasted,
    )


def _fix_failures(evidence: Evidence) -> Recommendation | None:
    """Money that was paid, and nothing came of it."""
    wasted = waste((s, price(s)) for s in evidence.spendings if s.snapshot is None)
    return _advice(
        "fix_failures",
        f"Find out why runs fail: {_runs(wasted)} paid for, and nothing came of it that could be"
        " stored, most of all {stage}",
        "high",
        wasted,
    )


def _price_unknown_models(evidence: Evidence) -> Recommendation | None:
    """Runs of models without a price: what they cost is in no sum."""
    wasted = waste((s, price(s)) for s in _unpriced(evidence))
    models = sorted({s.model for s in _unpriced(evidence) if s.model})
    shown = ", ".join(models[:3]) + (f" and {len(models) - 3} more" if len(models) > 3 else "")
    return _advice(
        "price_unknown_models",
        f"Give every model its price: {_runs(wasted)} made whose tokens are known and whose price"
        f" is not{f', of {shown}' if shown else ''}; see cost_models",
        "low",
        wasted,
    )


def _unpriced(evidence: Evidence) -> Iterator[Spending]:
    return (s for s in evidence.spendings if s.cost and s.cost.usd_nano is None)


RULES: Final[tuple[Rule, ...]] = (
    _aggressive_caching,
    _longer_expiry,
    _larger_cache,
    _invalidate_less,
    _stabilise_prompts,
    _narrower_inputs,
    _provider_prompt_cache,
    _fix_validation,
    _fix_failures,
    _price_unknown_models,
)


def _on_reruns(reruns: Iterator[Rerun] | list[Rerun]) -> Waste:
    return waste((rerun.spending, price(rerun.spending)) for rerun in reruns)


def _runs(wasted: Waste) -> str:
    return f"{wasted.runs:,} run was" if wasted.runs == 1 else f"{wasted.runs:,} runs were"


def _advice(strategy: str, text: str, effort: Effort, wasted: Waste) -> Recommendation | None:
    if not wasted.runs:
        return None
    return Recommendation(strategy, text.replace("{stage}", wasted.stage), effort, wasted)
