"""How a stage would be run now, as options: ``--recipe FILE`` and ``--dep REVISION#SELECTOR``."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from aicas.cli.invocation import complete_keys
from aicas.errors import InvalidInput

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])
_MAX_TOML_BYTES = 1024 * 1024


def recipe_option(function: _Decorated) -> _Decorated:
    """``--recipe FILE``: the components of a recipe."""
    return click.option(
        "--recipe",
        "recipe",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The recipe: a JSON or TOML file of its components.",
    )(function)


def dependency_option(function: _Decorated) -> _Decorated:
    """``--dep REVISION[#SELECTOR]``, as often as there are inputs."""
    return click.option(
        "--dep",
        "inputs",
        multiple=True,
        metavar="REVISION[#SELECTOR]",
        shell_complete=complete_keys,
        help="What it is made from; after # the part that is read (repeatable).",
    )(function)


def read_recipe(path: Path | None) -> dict[str, Any] | None:
    """The components of a recipe, read strictly; ``None`` without a file.

    A file whose name ends in ``.toml`` is TOML, any other JSON.

    Raises:
        InvalidInput: it cannot be read, is too large or not of that form, names a component
            twice, or holds what a recipe cannot.
    """
    if path is None:
        return None
    from aicas.transfer.strictjson import MAX_BYTES, parse_json

    is_toml = path.suffix.lower() == ".toml"
    try:
        with path.open("rb") as stream:
            data = stream.read((_MAX_TOML_BYTES if is_toml else MAX_BYTES) + 1)
    except OSError as error:
        raise InvalidInput(f"cannot read {str(path)!a}: {error.strerror}") from error
    recipe = _parse_toml(data, path) if is_toml else parse_json(data, what=str(path))
    if not isinstance(recipe, dict):
        raise InvalidInput(
            f"{str(path)!a} holds no recipe",
            hint='write an object of components, such as {"prompt": "...", "model": "..."}',
        )
    return recipe


def _parse_toml(data: bytes, path: Path) -> dict[str, Any]:
    if len(data) > _MAX_TOML_BYTES:
        raise InvalidInput(f"{str(path)!a} is longer than {_MAX_TOML_BYTES >> 20} MiB")
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{str(path)!a} is not UTF-8") from error
    except ValueError as error:
        raise InvalidInput(f"{str(path)!a} is not TOML: {error}") from error
