"""How the commands that report say things: lines for people, one JSON document for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from aicas import format_count, format_time, format_usd
from aicas.orchestrator.report import visible

if TYPE_CHECKING:
    from aicas import Cost, Price, Reason, StageStatus

Form = dict[str, Any]

_GAP = "  "
_NANO = 1_000_000_000


def say(*lines: str) -> None:
    """Print lines of text, none of which can drive a terminal."""
    for line in lines:
        click.echo(visible(line))


def say_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()
) -> None:
    """Print rows in aligned columns under their headings; nothing where there are no rows.

    Args:
        headings: one for each column.
        rows: one cell for each column.
        right: the columns aligned right.
    """
    if not rows:
        return
    shown = [[visible(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(headings))]
    for row in shown:
        cells = (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        click.echo(_GAP.join(cells).rstrip())


def print_document(document: Mapping[str, Any]) -> None:
    """Print one JSON document, in ASCII."""
    text = json.dumps(document, ensure_ascii=True, indent=2)
    click.echo(text.replace("\x7f", "\\u007f"))


def moment(micros: int) -> str:
    """A time to the second: ``2026-11-23 03:47:00Z``."""
    return format_time(micros)[:19].replace("T", " ") + "Z"


def percent(rate: float | None) -> str:
    """A rate in per cent as ``85.3%``; ``-`` where there is none."""
    return "-" if rate is None else f"{rate:.1f}%"


def amount(nano: int, unpriced: int = 0, noun: str = "stage") -> str:
    """``$1.2500``, and how many more have no price, which is not free."""
    apart = f" (and {format_count(unpriced, noun)} unpriced)" if unpriced else ""
    return format_usd(nano) + apart


def money_form(name: str, nano: int | None) -> Form:
    """An amount as two fields: ``NAME_nano`` and the decimal ``NAME``; both null if unpriced."""
    return {f"{name}_nano": nano, name: None if nano is None else usd_decimal(nano)}


def usd_decimal(nano: int) -> str:
    """The exact decimal USD of an amount in nano-USD, at least two places."""
    whole, rest = divmod(abs(nano), _NANO)
    return f"{'-' if nano < 0 else ''}{whole}.{f'{rest:09d}'.rstrip('0'):0<2}"


def cost_form(cost: Cost | None) -> Form | None:
    """What a run cost."""
    if cost is None:
        return None
    return {"usd": cost.usd, **cost._asdict(), "unit_prices": dict(cost.unit_prices)}


def price_text(price: Price) -> str:
    """``$1.2500, 1,500 tokens in, 20 out, 12.5 s; 2 without a recorded price``."""
    return price.in_words()


def reason_forms(reasons: Iterable[Reason]) -> list[Form]:
    """Reasons by their stable codes, each in words."""
    return [{"code": reason.code, "text": str(reason)} for reason in reasons]


def upstream_of(stage: StageStatus, project: str) -> str | None:
    """The stage with which it began, where that is another one."""
    return stage_name(stage.cause.path[-1], project) if stage.cause else None


def stage_name(ref: str, project: str) -> str:
    """A ref as people name it: its key, with its project where that is another one."""
    name = ref.partition("/")[2]
    return name.removeprefix(f"{project}/")
