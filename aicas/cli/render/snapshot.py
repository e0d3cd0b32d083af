"""A snapshot for people: one line, or all that is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aicas.cli.render.table import Cell
from aicas.cli.render.terminal import Screen, Span
from aicas.cli.render.units import age, count, duration, money, size
from aicas.clock import SECOND, format_time
from aicas.ids import Kind
from aicas.objects.media import VALUE

if TYPE_CHECKING:
    from aicas.objects.snapshot import Cost, Snapshot

_SHOWN_CHARACTERS = 200
Row = tuple[Cell, Cell]


def holds(snapshot: Snapshot) -> str:
    """What a snapshot's payload is, in two words: its files, or its media type."""
    payload = snapshot.payload
    if payload.kind == Kind.TREE:
        return count(payload.file_count, "file")
    return "value" if payload.media_type == VALUE else payload.media_type.partition(";")[0]


def print_made(screen: Screen, snapshot: Snapshot, note: str = "") -> None:
    """Write the line that says which version a command made of a stage."""
    what = f"  {holds(snapshot)}, {size(snapshot.size_bytes)}"
    screen.line(
        Span(snapshot.id.short, "id"),
        "  ",
        Span(snapshot.key, "key"),
        Span(what, "dim"),
        f"  {note}" if note else "",
    )


def summary_rows(snapshot: Snapshot, now: int) -> Iterator[Row]:
    """What a history tells of a snapshot, as names and values."""
    yield _named("created", _moment(snapshot.created_at, now))
    payload = snapshot.payload
    what = f"{payload.kind.name.lower()} "
    amount = f"  {holds(snapshot)}, {size(payload.size_bytes)}"
    yield _named("payload", [what, Span(payload.id.short, "id"), amount])
    for item in snapshot.inputs:
        yield _named("input", [Span(item.snapshot.short, "id"), "  ", item.name])
    if snapshot.session_id:
        yield _named("session", snapshot.session_id)
    if snapshot.tags:
        yield _named("tags", ", ".join(snapshot.tags))
    if snapshot.validation_status != "unchecked":
        yield _named("validation", snapshot.validation_status)
    if snapshot.cost is not None:
        yield _named("cost", _cost_line(snapshot.cost))


def snapshot_rows(snapshot: Snapshot, now: int) -> Iterator[Row]:
    """Everything recorded about a snapshot, as names and values."""
    yield _named("key", Span(snapshot.key, "key"))
    yield from summary_rows(snapshot, now)
    yield _named("media type", snapshot.payload.media_type)
    if snapshot.parent is not None:
        yield _named("previous", Span(snapshot.parent.short, "id"))
    if snapshot.expiry_time is not None:
        yield _named("expires", _moment(snapshot.expiry_time, now))
    if snapshot.fingerprint is not None:
        yield _named("fingerprint", Span(snapshot.fingerprint.hex()[:12], "dim"))
    yield from _mapping_rows("recipe", snapshot.recipe)
    yield from _mapping_rows("meta", snapshot.meta)


def _named(name: str, value: Cell) -> Row:
    return Span(name, "dim"), value


def _moment(then: int, now: int) -> Cell:
    return [format_time(then - then % SECOND), Span(f"  {age(then, now)}", "dim")]


def _cost_line(cost: Cost) -> str:
    tokens = f"{cost.input_tokens:,} tokens in, {cost.output_tokens:,} out"
    cached = f", {cost.cached_tokens:,} cached" if cost.cached_tokens else ""
    model = f", {cost.model}" if cost.model else ""
    took = duration(cost.latency_us)
    return f"{money(cost.usd_nano)}  {tokens}{cached}{model}, {took}, {count(cost.calls, 'call')}"


def _mapping_rows(title: str, values: Mapping[str, Any]) -> Iterator[Row]:
    for name, value in values.items():
        if value is not None:
            yield _named(f"{title}.{name}", _short(value))


def _short(value: object) -> str:
    import json

    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)
    first, newline, _ = text.partition("\n")
    if not newline and len(first) <= _SHOWN_CHARACTERS:
        return first
    return f"{first[:_SHOWN_CHARACTERS]}… ({len(text):,} characters)"
