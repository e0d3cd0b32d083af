"""The size of a store: does it hold more than it is set to?"""

from __future__ import annotations

from collections.abc import Iterator

from aicas import AicasError, Store, settings
from aicas.orchestrator.health.findings import Finding
from aicas.orchestrator.lines import Lines

SETTING = "max_cache_size_gb"
_GB = 10**9
_STEP = 10**6


def size_findings(store: Store, lines: Lines) -> Iterator[Finding]:
    """A store that holds more than ``max_cache_size_gb``.

    Args:
        store: to examine.
        lines: makes the remedies.
    """
    stored, limit = store.stored_bytes(), store.config.max_cache_bytes
    if stored > limit:
        what = f"the store holds {stored:,} bytes, {stored - limit:,} more than {SETTING}"
        yield Finding("size", what, _remedy(store, stored, Lines(lines.store)))


def _remedy(store: Store, stored: int, lines: Lines) -> str:
    """Evicting, if that is enough; else what is young, too; else another limit."""
    try:
        if not store.plan_evict().short_by_bytes:
            return lines.of_aicas("evict")
        if not store.plan_evict(grace_hours=0).short_by_bytes:
            return lines.of_aicas("evict", "--grace", "0")
    except AicasError:
        pass  # damaged: nothing may be evicted before that is put right
    enough = f"{-(-stored // _STEP) * _STEP / _GB:.3f}"
    given = {} if store.location is None else settings(store.location)
    if SETTING in given and given[SETTING].origin == "environment":
        return f"export AICAS_{SETTING.upper()}={enough}"  # it counts over the file
    return lines.of_aicas("config", "set", SETTING, enough)
