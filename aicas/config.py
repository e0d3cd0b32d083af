"""A store's settings: ``config.toml`` in its folder, each with a type, a range and a default."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aicas.errors import InvalidInput, StorageFailed
from aicas.names import check_project

FILE = "config.toml"
MAX_HOURS = 24 * 365 * 100


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"{name} must be true or false, not {value!r}")
    return value


def check_hours(name: str, value: Any) -> float:
    """A span of time that a setting or an option gives.

    Raises:
        InvalidInput: no number, or out of range.
    """
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not plain or not 0 <= value <= MAX_HOURS:
        raise InvalidInput(f"{name} must be a number of hours from 0 to {MAX_HOURS}, not {value!r}")
    return float(value)


def _project(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{name} must be a project's name, not {value!r}")
    return check_project(value)


def _prices(name: str, value: Any) -> dict[str, dict[str, Any]]:
    form = f"{name} must map a model to its USD per 1K tokens, e.g. {{input = 0.03, output = 0.06}}"
    if not isinstance(value, Mapping):
        raise InvalidInput(form)
    for model, prices in value.items():
        if not isinstance(prices, Mapping) or not {"input", "output"} <= set(prices):
            raise InvalidInput(f"{form}: see {model!r}")
        for price in prices.values():
            plain = isinstance(price, (int, float)) and not isinstance(price, bool)
            if not plain or not 0 <= price < 1e6:
                raise InvalidInput(f"{form}; {model!r} has the price {price!r}")
    return {model: dict(prices) for model, prices in value.items()}


class Setting(NamedTuple):
    """One setting: how a value is checked, and what it is for."""

    check: Callable[[str, Any], Any]
    purpose: str


SETTINGS: dict[str, Setting] = {
    "project": Setting(_project, "the project that bare keys belong to"),
    "compression_enabled": Setting(_flag, "store objects compressed"),
    "default_expiry_hours": Setting(
        check_hours, "lifetime of an artifact; 0 means it never expires"
    ),
    "gc_grace_hours": Setting(check_hours, "objects younger than this are never collected"),
    "gc_retention_hours": Setting(
        check_hours, "operations younger than this can be undone after a gc"
    ),
    "cost_models": Setting(_prices, "USD per 1K tokens by model, over the built-in prices"),
}


class Config(NamedTuple):
    """The settings in force."""

    project: str = "default"
    compression_enabled: bool = True
    default_expiry_hours: float = 72.0
    gc_grace_hours: float = 24.0
    gc_retention_hours: float = 24.0 * 30
    cost_models: Mapping[str, Mapping[str, Any]] | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Config:
        """The defaults with some values in their place.

        Raises:
            InvalidInput: an unknown setting, or a value outside its range.
        """
        return cls(**{name: check_setting(name, value) for name, value in values.items()})

    @classmethod
    def load(cls, folder: Path) -> Config:
        """The settings of the store in ``folder``; defaults where it has no file.

        Raises:
            InvalidInput: not TOML, an unknown setting, or a value outside its range.
        """
        path = folder / FILE
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError:
            return cls()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"cannot read {path}: {error}") from error
        import tomllib  # only a store that has settings pays for the parser

        try:
            return cls.of(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise InvalidInput(f"{path} is not TOML: {error}") from error
        except InvalidInput as error:
            raise InvalidInput(f"{path}: {error}") from error

    def as_dict(self) -> dict[str, Any]:
        """Every setting by name."""
        return self._asdict()


def check_setting(name: str, value: Any) -> Any:
    """The value as the setting holds it.

    Raises:
        InvalidInput: an unknown setting (with near names), or a value outside its range.
    """
    setting = SETTINGS.get(name)
    if setting is None:
        from difflib import get_close_matches

        near = get_close_matches(name, SETTINGS, n=1) or sorted(SETTINGS)
        raise InvalidInput(f"there is no setting {name!r}", hint="settings: " + ", ".join(near))
    return setting.check(name, value)


def write_setting(folder: Path, name: str, value: Any) -> None:
    """Set one value in the store's file, leaving comments and everything else as it was.

    The file is replaced as a whole: a crash leaves the old or the new one.

    Raises:
        InvalidInput: as ``check_setting``; nothing was written.
        StorageFailed: the file cannot be written.
    """
    import tomlkit

    check_setting(name, value)
    path = folder / FILE
    try:
        document = tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()
        document[name] = value
        draft = path.with_name(f"{FILE}.{os.urandom(8).hex()}.new")
        with draft.open("x", encoding="utf-8") as file:
            draft.chmod(0o600)
            file.write(tomlkit.dumps(document))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise StorageFailed(f"cannot write {path}: {error.strerror}") from error
    except tomlkit.exceptions.ParseError as error:
        raise InvalidInput(f"{path} is not TOML: {error}") from error
