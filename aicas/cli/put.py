"""``aicas put``: store what a stage produced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from aicas.cli.forms import print_document, snapshot_form
from aicas.cli.invocation import Invocation, json_option, key_argument, pass_invocation
from aicas.cli.recipe import dependency_option, read_recipe, recipe_option
from aicas.cli.render.snapshot import print_made
from aicas.cli.render.terminal import stderr_line
from aicas.cli.source import open_source
from aicas.errors import InvalidInput
from aicas.names import MAX_SAMPLE
from aicas.objects.snapshot import Cost

SAMPLE = click.IntRange(1, MAX_SAMPLE)


@click.command()
@key_argument()
@click.argument("source", type=click.Path(path_type=Path, allow_dash=True), default=Path("-"))
@dependency_option
@recipe_option
@click.option("--sample", type=SAMPLE, help="Which of several outputs of one recipe this is.")
@click.option(
    "--validation",
    type=click.Choice(["passed", "failed", "unchecked"]),
    default="unchecked",
    help="How its validation went; what failed goes to quarantine.",
)
@click.option("--cost-usd", metavar="AMOUNT", help="What producing it cost, in exact USD.")
@click.option("--meta", multiple=True, metavar="NAME=VALUE", help="A note kept with it.")
@click.option("--tag", "tags", multiple=True, help="A tag (repeatable).")
@click.option("--session", help="The run it belongs to.")
@click.option("--project", help="The project to store it in.")
@click.option(
    "--as",
    "form",
    type=click.Choice(["auto", "text", "json", "bytes"]),
    default="auto",
    help="What one file is; auto decides by name and content.",
)
@click.option("--reason", help="Why, for the record.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    *,
    key: str,
    source: Path,
    inputs: tuple[str, ...],
    recipe: Path | None,
    sample: int | None,
    validation: str,
    cost_usd: str | None,
    meta: tuple[str, ...],
    tags: tuple[str, ...],
    session: str | None,
    project: str | None,
    form: str,
    reason: str | None,
    as_json: bool,
) -> None:
    """Store a file, a folder or standard input under a key.

    SOURCE is a file, a folder (stored with all in it) or - for standard input, the default.
    """
    notes = dict(_pairs(meta))
    components = read_recipe(recipe)
    cost = _cost(cost_usd)
    with (
        open_source(source, form) as (payload, media_type),
        invocation.store(create=True, project=project) as store,
    ):
        snapshot = store.put(
            key,
            payload,
            inputs=inputs,
            recipe=components,
            sample=sample,
            cost=cost,
            validation_status=validation,
            session=session,
            tags=tags,
            meta=notes,
            media_type=media_type,
            reason=reason,
        )
        notice = store.notice
    if notice:
        stderr_line(f"aicas: warning: {notice}")
    screen = invocation.screen()
    if as_json:
        print_document(screen, snapshot_form(snapshot))
        return
    failed = snapshot.validation_status == "failed"
    print_made(screen, snapshot, "in quarantine" if failed else "")


def _pairs(options: Iterable[str]) -> Iterator[tuple[str, str]]:
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not name:
            raise InvalidInput(f"--meta {option!a} is not NAME=VALUE")
        yield name, value


def _cost(usd: str | None) -> Cost | None:
    if usd is None:
        return None
    from aicas.analytics.prices import usd_to_nano

    return Cost(usd_nano=usd_to_nano(usd))
