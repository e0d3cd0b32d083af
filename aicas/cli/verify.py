"""``aicas verify``: re-hash every object and check every link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aicas.cli.forms import Form, object_form, print_document
from aicas.cli.invocation import Invocation, json_option, pass_invocation
from aicas.cli.render.progress import Progress
from aicas.cli.render.terminal import Screen, Span
from aicas.cli.render.units import count, size
from aicas.errors import Damaged

if TYPE_CHECKING:
    from aicas.verify import Report


@click.command()
@json_option
@pass_invocation
def command(invocation: Invocation, *, as_json: bool) -> int:
    """Re-hash every object and check every link.

    Exits with 0 if all is well and 5 if anything is damaged; each finding names the object and
    every ref that needs it.
    """
    with invocation.store() as store:
        with Progress("verifying") as progress:
            report = store.verify(progress)
        screen = invocation.screen()
        if as_json:
            print_document(screen, _form(report))
        else:
            _print_report(screen, report)
    return 0 if report.clean else Damaged.exit_code


def _print_report(screen: Screen, report: Report) -> None:
    for finding in report.damage:
        screen.line(Span("damaged  ", "warn"), finding.what)
        for ref in finding.needed_by:
            screen.line("         needed by ", Span(ref, "key"))
        if finding.object_id is not None and not finding.needed_by:
            screen.line(Span("         no ref needs it", "dim"))
    checked = (
        f"{count(report.objects, 'object')}, {size(report.stored_bytes)}, "
        f"{count(report.operations, 'operation')}"
    )
    if report.clean:
        screen.line(Span("clean", "good"), f"  {checked}")
    else:
        screen.line(Span(f"{count(len(report.damage), 'problem')} found", "warn"), f"  {checked}")


def _form(report: Report) -> Form:
    return {
        "clean": report.clean,
        "objects": report.objects,
        "stored_bytes": report.stored_bytes,
        "operations": report.operations,
        "damage": [
            {
                "what": finding.what,
                **object_form(finding.object_id),
                "needed_by": list(finding.needed_by),
            }
            for finding in report.damage
        ],
    }
