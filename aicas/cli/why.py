"""``aicas why``: everything that keeps a stage from being used, and what would help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aicas.cli.forms import Form, print_document
from aicas.cli.invocation import Invocation, json_option, key_argument, pass_invocation
from aicas.cli.recipe import dependency_option, read_recipe, recipe_option
from aicas.cli.render.diff import unified
from aicas.cli.render.judgement import (
    cause_form,
    cause_lines,
    component_lines,
    reason_form,
    state_span,
)
from aicas.cli.render.price import price_text
from aicas.cli.render.terminal import Line, Span
from aicas.cli.target import stage_of
from aicas.errors import Damaged, InvalidInput, NotFound
from aicas.graph import price_of
from aicas.validity.reasons import (
    Evicted,
    InputChanged,
    Invalidated,
    PayloadUnreadable,
    Quarantined,
    RecipeChanged,
    SelectorUnmatched,
)

if TYPE_CHECKING:
    from aicas.history.diff import Diff
    from aicas.store import Store
    from aicas.validity.explain import Change, Explanation

_INDENT = "    "


@click.command()
@key_argument("name", metavar="KEY")
@recipe_option
@dependency_option
@click.option("--exit-code", is_flag=True, help="Exit with 1 if it is not valid.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    *,
    name: str,
    recipe: Path | None,
    inputs: tuple[str, ...],
    exit_code: bool,
    as_json: bool,
) -> int:
    """Say why a stage is not valid, and what would help.

    It is compared with how it would be run now: with the current versions of what it was made
    from, or those that --dep names, and with the recipe of --recipe, or any.
    """
    components = read_recipe(recipe)
    with invocation.store() as opened, invocation.page() as screen:
        store, key = stage_of(opened, name)
        found = store.why(key, components, inputs or None)
        if as_json:
            print_document(screen, _form(store, key, found))
        else:
            for line in _lines(store, key, found):
                screen.line(*line)
    return 1 if exit_code and found.reasons else 0


def _lines(store: Store, key: str, found: Explanation) -> Iterator[Line]:
    version = (Span(f"  {found.snapshot.id.short}", "id"),) if found.snapshot else ()
    yield (Span(key, "key"), "  ", state_span(found.state), *version)
    for change in found.changes:
        yield ("  ", str(change.reason))
        for line in _difference(store, change):
            yield (_INDENT, *line)
    if found.cause:
        if not found.reasons:
            yield ("it rests on a stage that is not valid",)
        yield from cause_lines(found.cause, key, store.project)
    if found.reasons:
        estimate = price_text(price_of([found.cost]))
        yield (f"to make it again: {estimate}", Span("  (as it cost last time)", "dim"))
    hint = _hint(key, found)
    if hint:
        yield (Span(f"hint: {hint}", "dim"),)


def _difference(store: Store, change: Change) -> Iterator[Line]:
    """What differs, line by line or place by place; nothing where the reason's words say it."""
    reason = change.reason
    if isinstance(reason, RecipeChanged):
        yield from component_lines(reason)
    elif isinstance(reason, InputChanged | SelectorUnmatched):
        try:
            diff = _part(store, change)
        except (NotFound, Damaged, InvalidInput) as error:
            yield (Span(f"no difference can be shown: {error}", "dim"),)
            return
        if diff is not None:
            yield from unified(diff)


def _part(store: Store, change: Change) -> Diff | None:
    """What changed in the part of an input that is read, if both versions are known."""
    if change.old is None or change.new is None:
        return None
    return store.diff_parts(change.old, change.new, change.selector)


def _form(store: Store, key: str, found: Explanation) -> Form:
    return {
        "key": key,
        "state": found.state,
        "snapshot": None if found.snapshot is None else str(found.snapshot.id),
        "reasons": [_change_form(store, change) for change in found.changes],
        "cause": cause_form(found.cause, store.project),
        "earlier": None if found.earlier is None else str(found.earlier.id),
        "price": (price_of([found.cost] if found.reasons else [])).to_json(),
        "hint": _hint(key, found),
    }


def _change_form(store: Store, change: Change) -> Form:
    try:
        diff = _part(store, change)
    except (NotFound, Damaged, InvalidInput):
        diff = None
    form: dict[str, Any] | None = None if diff is None else diff.to_json()
    return {**reason_form(change.reason), "diff": form}


def _hint(key: str, found: Explanation) -> str | None:
    """The command that helps."""
    if found.earlier is not None:
        short = found.earlier.id.short
        return f"an earlier version fits: 'aicas choose {key} {short}' takes it back, at no cost"
    for change in found.changes:
        reason = change.reason
        if isinstance(reason, Invalidated):
            return f"make it again, or 'aicas undo {reason.number}' if it was right after all"
        if isinstance(reason, Quarantined):
            return f"'aicas promote {key} --reason ...' makes what is in quarantine current"
        if isinstance(reason, PayloadUnreadable):
            return "make it again; 'aicas verify' lists all that is damaged"
        if isinstance(reason, Evicted):
            return "make it again; what it held was dropped to make room"
    if found.reasons:
        return f"make it again, or 'aicas accept {key} --reason ...' if it is good as it is"
    return None if found.cause is None else "'aicas status' lists all that is not valid"
