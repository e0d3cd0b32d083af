"""``aicas status``: which stages of a project are valid, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from aicas.cli.forms import Form, print_listing
from aicas.cli.invocation import Invocation, json_option, pass_invocation
from aicas.cli.render.judgement import cause_form, reason_form, state_span
from aicas.cli.render.price import price_text
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Screen, Span, Text
from aicas.cli.render.units import count, money
from aicas.graph import price_of

if TYPE_CHECKING:
    from aicas.graph import Price
    from aicas.names import Project
    from aicas.objects.snapshot import Cost
    from aicas.validity.status import StageStatus

_VALID = "valid"


@click.command()
@click.option("--exit-code", is_flag=True, help="Exit with 1 if any stage is not valid.")
@json_option
@pass_invocation
def command(invocation: Invocation, *, exit_code: bool, as_json: bool) -> int:
    """List the stages of the project: valid or not, and why.

    Each is judged against the current versions of what it was made from. What a stage would cost
    to make again is what it cost last time. 'aicas why KEY' says more of one.
    """
    with invocation.store() as store, invocation.page() as screen:
        stages = store.status()
        again = price_of(_cost(stage) for stage in stages if stage.reasons)
        if as_json:
            forms = (_form(stage, store.project) for stage in stages)
            print_listing(screen, "stages", forms, {"price": again.to_json()})
        else:
            print_table(
                screen,
                [_row(stage, store.project) for stage in stages],
                headings=("KEY", "STATE", "AGAIN", "FIRST CAUSE", "WHY"),
                right=(2,),
                flexible=4,
            )
            _print_totals(screen, stages, again)
    return 1 if exit_code and any(stage.reasons for stage in stages) else 0


def _cost(stage: StageStatus) -> Cost | None:
    return stage.snapshot.cost if stage.snapshot else None


def _row(stage: StageStatus, project: Project) -> tuple[Text, ...]:
    begun = stage.cause.names(project)[-1] if stage.cause else ""
    if not stage.reasons:
        rests = "rests on a stage that is not valid" if begun else ""
        return Span(stage.key, "key"), state_span(stage.state), "", begun, Span(rests, "dim")
    cost = _cost(stage)
    return (
        Span(stage.key, "key"),
        state_span(stage.state),
        money(cost.usd_nano if cost else None),
        Span(begun, "key"),
        "; ".join(map(str, stage.reasons)),
    )


def _print_totals(screen: Screen, stages: Sequence[StageStatus], again: Price) -> None:
    states = ", ".join(_counts(stages))
    screen.line(count(len(stages), "stage"), f": {states}" if states else "")
    if any(stage.reasons for stage in stages):
        screen.line(
            f"to make again what is not valid: {price_text(again)}",
            Span("  (as it cost last time)", "dim"),
        )


def _counts(stages: Sequence[StageStatus]) -> Iterator[str]:
    states = Counter(stage.state for stage in stages)
    unsure = sum(1 for stage in stages if stage.cause and not stage.reasons)
    for state, number in states.most_common():
        apart = f" ({unsure:,} of them resting on others that are not)"
        yield f"{number:,} {state}{apart if state == _VALID and unsure else ''}"


def _form(stage: StageStatus, project: Project) -> Form:
    cost = _cost(stage)
    return {
        "key": stage.key,
        "state": stage.state,
        "snapshot": None if stage.snapshot is None else str(stage.snapshot.id),
        "reasons": [reason_form(reason) for reason in stage.reasons],
        "cause": cause_form(stage.cause, project),
        "price": (price_of([cost] if stage.reasons else [])).to_json(),
    }
