"""``aicas compare``: where two runs first went apart, and what made them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from aicas.cli.forms import Form, hex_or_none, print_document
from aicas.cli.invocation import Invocation, complete_projects, json_option, pass_invocation
from aicas.cli.render.diff import unified
from aicas.cli.render.judgement import component_lines, reason_form
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Line, Screen, Span, Text
from aicas.errors import Damaged, NotFound
from aicas.validity.reasons import RecipeChanged

if TYPE_CHECKING:
    from aicas.history.diff import Diff
    from aicas.objects.snapshot import Snapshot
    from aicas.store import Store
    from aicas.validity.comparison import Comparison, StagePair

_SAME = "same"


@click.command()
@click.argument("first", metavar="RUN_A", shell_complete=complete_projects)
@click.argument("second", metavar="RUN_B", shell_complete=complete_projects)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if any stage differs.")
@json_option
@pass_invocation
def command(
    invocation: Invocation, *, first: str, second: str, exit_code: bool, as_json: bool
) -> int:
    """Find where two runs first went apart, and what made them.

    A run is a session, a project, or PROJECT@{op:N}. Stages are compared by what they produced,
    inputs before what was made from them; at the first that differs, recipe and inputs are
    compared, and then the output.
    """
    with invocation.store() as store, invocation.page() as screen:
        found = store.compare(first, second)
        if as_json:
            print_document(screen, _form(store, found))
        else:
            _print_stages(screen, found)
            for line in _divergence_lines(store, found):
                screen.line(*line)
    return 1 if exit_code and found.divergence else 0


def _print_stages(screen: Screen, found: Comparison) -> None:
    rows = [
        (
            Span(pair.key, "key"),
            Span(pair.verdict, "dim" if pair.verdict == _SAME else "warn"),
            _short(pair.first),
            _short(pair.second),
        )
        for pair in found.stages
    ]
    print_table(screen, rows, headings=("KEY", "VERDICT", "FIRST", "SECOND"))


def _short(snapshot: Snapshot | None) -> Text:
    return Span(snapshot.id.short, "id") if snapshot else Span("-", "dim")


def _divergence_lines(store: Store, found: Comparison) -> Iterator[Line]:
    pair = found.divergence
    if pair is None:
        yield (Span("both runs produced the same", "good"),)
        return
    yield ("first divergence: ", Span(pair.key, "key"), "  ", pair.verdict)
    if pair.first is None or pair.second is None:
        return
    for reason in found.reasons:
        yield ("  ", str(reason))
        if isinstance(reason, RecipeChanged):
            for line in component_lines(reason):
                yield ("    ", *line)
    if not found.reasons:
        yield ("  same recipe and inputs, different output",)
    diff = _diff(store, pair)
    if diff is None:
        yield (Span("  no difference can be shown: one of the outputs is not held", "dim"),)
    else:
        yield from unified(diff)


def _diff(store: Store, pair: StagePair) -> Diff | None:
    """How the outputs differ; ``None`` if one is not there, or cannot be read any more."""
    if pair.first is None or pair.second is None:
        return None
    try:
        return store.diff_parts(pair.first, pair.second)
    except (NotFound, Damaged):
        return None


def _form(store: Store, found: Comparison) -> Form:
    pair = found.divergence
    diff = None if pair is None else _diff(store, pair)
    return {
        "stages": [
            {
                "key": pair.key,
                "verdict": pair.verdict,
                "first": hex_or_none(pair.first.id if pair.first else None),
                "second": hex_or_none(pair.second.id if pair.second else None),
            }
            for pair in found.stages
        ],
        "divergence": None if pair is None else pair.key,
        "reasons": [reason_form(reason) for reason in found.reasons],
        "diff": None if diff is None else diff.to_json(),
    }
