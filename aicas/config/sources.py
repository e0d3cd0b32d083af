"""Where settings come from: a file in the store's folder and, over it, the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, NamedTuple

from aicas.config.settings import SETTINGS, Config, check_setting, setting_of
from aicas.errors import InvalidInput, StorageFailed

FILE = "config.toml"
PREFIX = "AICAS_"


class Given(NamedTuple):
    """A value that is not left to its default."""

    value: Any
    origin: str
    """``file`` or ``environment``."""


def load_config(folder: Path, environment: Mapping[str, str]) -> Config:
    """The settings in force for the store in ``folder``; raises as ``read_settings``."""
    given = read_settings(folder, environment)
    return Config(**{name: found.value for name, found in given.items()})


def read_settings(folder: Path, environment: Mapping[str, str]) -> dict[str, Given]:
    """What the file of the store in ``folder`` and the environment set; the latter counts.

    A variable that is empty counts as not set.

    Raises:
        InvalidInput: not TOML, an unknown setting, or a value outside its range. The text begins
            with the file or the variable it came from.
    """
    found = {name: Given(value, "file") for name, value in _from_file(folder / FILE).items()}
    for name in SETTINGS:
        variable = variable_of(name)
        text = environment.get(variable)
        if text:
            try:
                value = check_setting(name, parse_value(name, text))
            except InvalidInput as error:
                raise InvalidInput(f"{variable}: {error}") from error
            found[name] = Given(value, "environment")
    return found


def _from_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    import tomllib  # only a store that has settings pays for the parser

    try:
        values = tomllib.loads(text)
        return {name: check_setting(name, value) for name, value in values.items()}
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{path} is not TOML: {error}") from error
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}", hint=error.hint) from error


def variable_of(name: str) -> str:
    """The variable of the environment that a setting can come from."""
    return PREFIX + name.upper()


def parse_value(name: str, text: str) -> Any:
    """A value that stands alone, as on a command line: TOML or JSON; a word as it is."""
    import tomllib

    try:
        parsed = tomllib.loads(f"value = {text}")
        value: Any = parsed["value"] if len(parsed) == 1 else text
    except tomllib.TOMLDecodeError:
        value = _parse_json(text)
    words = name in SETTINGS and SETTINGS[name].is_word
    return text if words and not isinstance(value, str) else value


def _parse_json(text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def write_setting(folder: Path, name: str, value: Any) -> None:
    """Set one value in the store's file, leaving comments and everything else as it was.

    Args:
        folder: the store's.
        name: the setting, or one entry of it: ``cost_models.MODEL``, ``retention.PATTERN``.
        value: its value.

    Raises:
        InvalidInput: as ``check_setting``; nothing was written.
        StorageFailed: the file cannot be written.
    """
    table, _, entry = name.partition(".")
    check_setting(table, {entry: value} if entry else value)

    def put(document: MutableMapping[str, Any]) -> None:
        if entry:
            if table not in document:
                document[table] = {}
            document[table][entry] = value
        else:
            document[table] = value

    _edit(folder / FILE, put)


def unset_setting(folder: Path, name: str) -> None:
    """Leave a setting, or one entry such as ``cost_models.MODEL``, to its default; comments stay.

    Raises:
        InvalidInput: there is no such setting, or the file does not set it.
        StorageFailed: the file cannot be written.
    """
    table, _, entry = name.partition(".")
    setting_of(table)

    def drop(document: MutableMapping[str, Any]) -> None:
        try:
            del (document[table] if entry else document)[entry or table]
        except (KeyError, TypeError) as error:
            raise InvalidInput(f"{name} is not set in {folder / FILE}") from error

    _edit(folder / FILE, drop)


def _edit(path: Path, change: Callable[[MutableMapping[str, Any]], None]) -> None:
    """Change the file as a whole: a crash leaves the old or the new one."""
    import tomlkit

    try:
        document = tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()
        change(document)
        draft = path.with_name(f"{FILE}.{os.urandom(8).hex()}.new")
        with draft.open("x", encoding="utf-8") as file:
            draft.chmod(0o600)
            file.write(tomlkit.dumps(document))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise StorageFailed(f"cannot write {path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomlkit.exceptions.ParseError) as error:
        raise InvalidInput(f"{path} is not TOML: {error}") from error
