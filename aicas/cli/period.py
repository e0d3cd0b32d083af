"""The option that says which days are meant, the same wherever the books are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aicas.cli.invocation import COUNT

if TYPE_CHECKING:
    from aicas.store import Store

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


def days_option(default: int | None) -> Callable[[_Decorated], _Decorated]:
    """The ``--days`` option; ``None`` for all days."""
    return click.option(
        "--days",
        type=COUNT,
        metavar="N",
        default=default,
        help="The last N days in UTC, today included.",
    )


def last_days(store: Store, days: int | None) -> tuple[int | None, int | None]:
    """What ``--days`` says, as a first moment and the one after the period."""
    return (None, None) if days is None else store.last_days(days)
