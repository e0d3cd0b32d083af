"""Sums of the books: money is whole nano-USD, and what has no price is counted, never guessed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from aicas.ledger.causes import Cause
from aicas.ledger.events import Lookup
from aicas.ledger.rounding import millionth
from aicas.ledger.spending import Spending
from aicas.objects.snapshot import Cost


@dataclass(slots=True)
class Totals:
    """What some runs cost and some lookups saved. Of one owner, while it is added to."""

    by_cause: Counter[Cause] = field(default_factory=Counter)
    """Nano-USD spent, by why."""
    runs_by_cause: Counter[Cause] = field(default_factory=Counter)
    unpriced: int = 0
    """Runs whose cost is known but for its price."""
    unrecorded: int = 0
    """Runs of which nobody said what they cost."""
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Those of the input tokens that the provider read from its own cache."""
    latency_us: int = 0
    saved_by_provider_nano: int = 0
    """What the provider's own cache made cheaper; no part of what reuse saved."""
    cached_tokens_unpriced: int = 0
    """Cached tokens of which it is not known what they made cheaper."""
    hits: int = 0
    recalled: int = 0
    """Those of the hits that found an earlier version."""
    misses: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Misses by each reason; one miss can have several."""
    saved_by_reuse_nano: int = 0
    saved_unpriced: int = 0
    """Hits on what has no recorded price."""
    saved_calls: int = 0
    saved_input_tokens: int = 0
    saved_output_tokens: int = 0
    saved_latency_us: int = 0

    @property
    def spent_nano(self) -> int:
        """All the money spent: the first times and the others."""
        return self.by_cause.total()

    @property
    def first_nano(self) -> int:
        """Money spent on what had not been there before."""
        return self.by_cause["first"]

    @property
    def regenerated(self) -> dict[Cause, int]:
        """Money spent again, by why; with ``first_nano`` it adds up to ``spent_nano``."""
        return {cause: nano for cause, nano in self.by_cause.items() if cause != "first"}

    @property
    def runs(self) -> int:
        """How many times something was made, or was tried."""
        return self.runs_by_cause.total()

    @property
    def lookups(self) -> int:
        """Hits and misses."""
        return self.hits + self.misses

    @property
    def hit_rate(self) -> float | None:
        """The part of lookups that hit; ``None`` when there were none."""
        return self.hits / self.lookups if self.lookups else None

    def add_spending(self, spending: Spending) -> None:
        """Count a run."""
        cost = spending.cost
        self.runs_by_cause[spending.cause] += 1
        self.by_cause[spending.cause] += (cost and cost.usd_nano) or 0
        if cost is None:
            self.unrecorded += 1
            return
        self.unpriced += cost.usd_nano is None
        self.calls += cost.calls
        self.input_tokens += cost.input_tokens
        self.output_tokens += cost.output_tokens
        self.cached_tokens += cost.cached_tokens
        self.latency_us += cost.latency_us
        saved = _saved_by_provider(cost)
        if saved is None:
            self.cached_tokens_unpriced += cost.cached_tokens
        else:
            self.saved_by_provider_nano += saved

    def add_lookup(self, lookup: Lookup) -> None:
        """Count a lookup."""
        if lookup.snapshot is None:
            self.misses += 1
            self.reasons.update(lookup.reasons)
            return
        self.hits += 1
        self.recalled += lookup.recalled
        saved = lookup.saved or Cost(calls=0)
        self.saved_by_reuse_nano += saved.usd_nano or 0
        self.saved_unpriced += saved.usd_nano is None
        self.saved_calls += saved.calls
        self.saved_input_tokens += saved.input_tokens
        self.saved_output_tokens += saved.output_tokens
        self.saved_latency_us += saved.latency_us


def _saved_by_provider(cost: Cost) -> int | None:
    """What cached tokens made cheaper, by the unit prices applied; ``None`` if those do not say."""
    if not cost.cached_tokens:
        return 0
    fresh, cached = cost.unit_prices.get("input"), cost.unit_prices.get("cached")
    if fresh is None or cached is None:
        return None
    return millionth(cost.cached_tokens * (fresh - cached))
