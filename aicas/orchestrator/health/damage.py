"""Corruption: what verifying the store found, and which versions of which stages it hit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from aicas import AicasError, Files, Snapshot, Store
from aicas.orchestrator.health.findings import Finding
from aicas.orchestrator.lines import Lines

_SHOWN_ID = 12


def damage_findings(store: Store, lines: Lines) -> Iterator[Finding]:
    """Everything that ``aicas verify`` reports.

    What an unreadable object was part of is evicted: the record of it stays, and the stage is made
    again when it is next wanted. What nothing needs is collected. Damage to the log itself has no
    remedy: it stays where it is, so that nothing of what might be salvaged is lost.

    Args:
        store: to examine, read and hashed as a whole.
        lines: makes the remedies.
    """
    anywhere = Lines(lines.store)
    for fault in store.verify().damage:
        remedy = None
        lost = [] if fault.object_id is None else _lost_versions(store, fault.needed_by)
        if lost:
            remedy = anywhere.of_aicas("evict", *lost, "--grace", "0")
        elif fault.object_id is not None and not fault.needed_by:
            remedy = anywhere.of_aicas("gc", "--grace", "0", "--retention", "0")
        keys = tuple(sorted({ref.rpartition("/")[2] for ref in fault.needed_by}))
        yield Finding("corruption", fault.what, remedy, "damage", keys=keys)


def _lost_versions(store: Store, refs: Iterable[str]) -> list[str]:
    """The versions of some stages whose payload cannot be read, by the beginning of their id."""
    found: dict[str, None] = {}
    for ref in refs:
        _, _, rest = ref.partition("/")
        project, _, key = rest.rpartition("/")
        seen = store.at_project(project)
        with suppress(AicasError):
            for entry in seen.log(key.partition("=")[0]):
                if not _is_readable(seen, entry.snapshot):
                    found[str(entry.snapshot.id)[:_SHOWN_ID]] = None
    return list(found)


def _is_readable(store: Store, snapshot: Snapshot) -> bool:
    try:
        payload = store.payload(snapshot)
        if isinstance(payload, Files):
            for path in payload:
                payload[path]
    except AicasError:
        return False
    return True
