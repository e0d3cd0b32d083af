"""Events as lines for people, and as JSON lines for programs."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable

from aicas import Cost, format_usd
from aicas.orchestrator.events import (
    Event,
    Reporter,
    RunEnded,
    RunStarted,
    StageCached,
    StageGenerated,
    StageStopped,
)

_KEY_WIDTH = 27
_MAX_REASON = 160
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

Write = Callable[[str], None]


def json_lines(write: Write) -> Reporter:
    """Tells every event as one JSON object on a line."""

    def report(event: Event) -> None:
        write(json.dumps(event.to_json(), ensure_ascii=True))

    return report


def plain_lines(write: Write) -> Reporter:
    """Tells every event as one line of text, and the end of a run as a short summary."""

    def report(event: Event) -> None:
        for line in _lines(event):
            write(visible(line))

    return report


def visible(text: str) -> str:
    """One line of text that cannot drive a terminal: hidden characters are shown as escapes."""
    return "".join(
        ascii(char)[1:-1] if unicodedata.category(char) in _HIDDEN else char for char in text
    )


def _lines(event: Event) -> list[str]:
    if isinstance(event, RunStarted):
        return _started(event)
    if isinstance(event, StageCached):
        moved = ", made current again" if event.moved else ""
        return [f"cached    {_name(event)}  ({_saved(event.cost)}{moved})"]
    if isinstance(event, StageGenerated):
        because = "; ".join(str(reason) for reason in event.reasons)
        if len(because) > _MAX_REASON:
            because = because[: _MAX_REASON - 3] + "..."
        return [f"generated {_name(event)}  {_spent(event.cost)}  because: {because}"]
    if isinstance(event, StageStopped):
        return [f"failed    {event.key}"]
    return _ended(event)


def _name(event: StageCached | StageGenerated) -> str:
    name = f"{event.key} {event.label}" if event.label else event.key
    return name.ljust(_KEY_WIDTH)


def _started(event: RunStarted) -> list[str]:
    lines = [f"{event.what} (project {event.project}, session {event.session})"]
    if event.agents:
        lines.append("agents: " + ", ".join(event.agents))
    if event.notice:
        lines.append(event.notice)
    return lines


def _ended(event: RunEnded) -> list[str]:
    totals = event.totals
    lines = [
        f"{totals.cached + totals.generated} stages:"
        f" {totals.cached} cached, {totals.generated} generated",
        f"calls: {totals.calls_made} made, {totals.calls_saved} saved",
        f"USD: {_sum(totals.spent_nano, totals.spent_unpriced)} spent,"
        f" {_sum(totals.saved_nano, totals.saved_unpriced)} saved",
    ]
    if event.output is not None and event.files:
        lines.append(f"wrote {event.files} files to {event.output}")
    elif event.output is not None:
        lines.append(f"{event.output} holds the result already")
    return lines


def _sum(nano: int, unpriced: int) -> str:
    return format_usd(nano) + (f" (and {unpriced} stages unpriced)" if unpriced else "")


def _spent(cost: Cost | None) -> str:
    return f"{_calls(cost)}  {_price(cost)}"


def _saved(cost: Cost | None) -> str:
    if cost is None or cost.usd_nano is None:
        return f"{_calls(cost)} saved, unpriced"
    return f"{_calls(cost)}, {_price(cost)} saved"


def _calls(cost: Cost | None) -> str:
    count = cost.calls if cost else 0
    return f"{count} call{'' if count == 1 else 's'}"


def _price(cost: Cost | None) -> str:
    return "unpriced" if cost is None or cost.usd_nano is None else format_usd(cost.usd_nano)
