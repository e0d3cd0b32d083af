"""Eviction plans: what goes, what it is worth, what stays and why; in words, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aicas.cli.forms import Form, money_form, object_form
from aicas.cli.render.moves import name_of
from aicas.cli.render.price import price_text
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Screen, Span
from aicas.cli.render.units import count, money, size

if TYPE_CHECKING:
    from aicas.names import Project
    from aicas.retention.evicting import EvictionResult
    from aicas.retention.eviction import EvictionPlan, Spared, Victim

_NAMED = 10


def print_plan(screen: Screen, plan: EvictionPlan, project: Project) -> None:
    """Write what would go, one line each, what it would cost again, and what stays."""
    rows = [
        (
            "",
            Span(_names(victim, project), "key"),
            Span(victim.payload.short, "id"),
            size(victim.freed_bytes),
            money(victim.worth_nano),
            count(victim.hits, "hit"),
            Span(victim.reason, "dim"),
        )
        for victim in plan.victims
    ]
    print_table(screen, rows, right=(3, 4, 5))
    if plan.victims:
        screen.line(f"to produce them again: {price_text(plan.price)}")
    screen.line(f"the store holds {size(plan.held_bytes)}, then {size(plan.kept_bytes)}")
    for line in _stay(plan, project):
        screen.line(line)


def _stay(plan: EvictionPlan, project: Project) -> Iterator[str]:
    if plan.short_by_bytes:
        yield f"{size(plan.short_by_bytes)} more than wanted stays:"
    if len(plan.spared) <= _NAMED:
        for spared in plan.spared:
            yield f"  {_names(spared, project)} stays: {spared.reason}"
        return
    for reason, number in sorted(Counter(spared.reason for spared in plan.spared).items()):
        yield f"  {count(number, 'payload')} stay: {reason}"


def _names(item: Victim | Spared, project: Project) -> str:
    return ", ".join(name_of(ref, project) for ref in item.refs) or item.key


def outcome(plan: EvictionPlan, result: EvictionResult | None) -> str:
    """What came of a plan, in a line."""
    if not plan.victims:
        return "nothing to evict"
    if result is None:
        freed = f"{count(len(plan.victims), 'payload')}, {size(plan.freed_bytes)}"
        return f"would evict {freed} (dry run)"
    return f"evicted {count(result.payloads, 'payload')}, freed {size(result.freed_bytes)}"


def eviction_form(plan: EvictionPlan, result: EvictionResult | None) -> Form:
    """The JSON form of a plan, and of what came of it."""
    return {
        "held_bytes": plan.held_bytes,
        "kept_bytes": plan.kept_bytes,
        "freed_bytes": plan.freed_bytes,
        "short_by_bytes": plan.short_by_bytes,
        "price": plan.price.to_json(),
        "victims": [_victim_form(victim) for victim in plan.victims],
        "spared": [
            {
                **object_form(spared.payload),
                "key": spared.key,
                "refs": list(spared.refs),
                "reason": spared.reason,
            }
            for spared in plan.spared
        ],
        "evicted": None
        if result is None
        else {
            "operation": result.number,
            "payloads": result.payloads,
            "objects": result.objects,
            "freed_bytes": result.freed_bytes,
        },
    }


def _victim_form(victim: Victim) -> Form:
    return {
        **object_form(victim.payload),
        "key": victim.key,
        "snapshot": victim.runs[0].id.hex(),
        "refs": list(victim.refs),
        "objects": len(victim.objects),
        "freed_bytes": victim.freed_bytes,
        **money_form("cost_usd", victim.cost.usd_nano if victim.cost else None),
        **money_form("worth_usd", victim.worth_nano),
        "hits": victim.hits,
        "score": victim.score,
        "reason": victim.reason,
    }
