"""Every setting, with what it may be; and all of them as they are in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from aicas.config.keeping import KeepRule, check_rules, rules_of
from aicas.errors import InvalidInput
from aicas.names import check_project

MAX_HOURS = 24 * 365 * 100
MAX_SIZE_GB = 1_000_000
GB = 10**9
_PRICES = ("input", "output", "cached", "cache_write")
_MAX_USD = 1_000_000


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"{name} must be true or false, not {value!r}")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check_hours(name: str, value: Any) -> float:
    """A span of time that a setting or an option gives.

    Raises:
        InvalidInput: no number, or out of range.
    """
    if not _is_number(value) or not 0 <= value <= MAX_HOURS:
        raise InvalidInput(f"{name} must be a number of hours from 0 to {MAX_HOURS}, not {value!r}")
    return float(value)


def _size(name: str, value: Any) -> float:
    if not _is_number(value) or not 0 < value <= MAX_SIZE_GB:
        raise InvalidInput(
            f"{name} must be a number of GB over 0 and at most {MAX_SIZE_GB}, not {value!r}"
        )
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
        if not isinstance(prices, Mapping) or not {"input", "output"} <= {*prices} <= {*_PRICES}:
            raise InvalidInput(f"{form}: see {model!r}")
        for price in prices.values():
            if not _is_number(price) or not 0 <= price <= _MAX_USD:
                raise InvalidInput(
                    f"{form}, each from 0 to {_MAX_USD}; {model!r} has the price {price!r}"
                )
    return {model: dict(prices) for model, prices in value.items()}


class Setting(NamedTuple):
    """One setting: how a value is checked, and what it is for."""

    check: Callable[[str, Any], Any]
    purpose: str
    is_word: bool = False
    """Whether its value is text, which needs no quotes where a value is written alone."""


SETTINGS: dict[str, Setting] = {
    "project": Setting(_project, "the project that bare keys belong to", is_word=True),
    "max_cache_size_gb": Setting(_size, "stored bytes that upkeep evicts down to, in 10^9 bytes"),
    "default_expiry_hours": Setting(
        check_hours, "lifetime of an artifact; 0 means it never expires"
    ),
    "cleanup_interval_hours": Setting(
        check_hours, "time between upkeeps of their own accord; 0 means there are none"
    ),
    "auto_maintain": Setting(
        _flag, "keep the store within max_cache_size_gb, and do upkeep when it is due, unasked"
    ),
    "compression_enabled": Setting(_flag, "store objects compressed"),
    "analytics_enabled": Setting(_flag, "record lookups for the statistics"),
    "gc_grace_hours": Setting(check_hours, "objects younger than this are never collected"),
    "gc_retention_hours": Setting(
        check_hours, "operations younger than this can be undone after a gc"
    ),
    "retention": Setting(
        check_rules, "versions to keep beyond that, by a pattern of keys; see 'aicas retention'"
    ),
    "cost_models": Setting(_prices, "USD per 1K tokens by model, over the built-in prices"),
}


class Config(NamedTuple):
    """The settings in force."""

    project: str = "default"
    max_cache_size_gb: float = 10.0
    default_expiry_hours: float = 72.0
    cleanup_interval_hours: float = 24.0
    auto_maintain: bool = True
    compression_enabled: bool = True
    analytics_enabled: bool = True
    gc_grace_hours: float = 24.0
    gc_retention_hours: float = 24.0 * 30
    retention: Mapping[str, Mapping[str, Any]] | None = None
    cost_models: Mapping[str, Mapping[str, Any]] | None = None

    @property
    def max_cache_bytes(self) -> int:
        """What ``max_cache_size_gb`` comes to."""
        return int(self.max_cache_size_gb * GB)

    @property
    def keep_rules(self) -> tuple[KeepRule, ...]:
        """What ``retention`` holds."""
        return rules_of(self.retention)

    def as_dict(self) -> dict[str, Any]:
        """Every setting by name."""
        return self._asdict()


def check_setting(name: str, value: Any) -> Any:
    """The value as the setting holds it.

    Raises:
        InvalidInput: an unknown setting (with near names), or a value outside its range.
    """
    return setting_of(name).check(name, value)


def setting_of(name: str) -> Setting:
    """The setting of a name.

    Raises:
        InvalidInput: there is none; near names are suggested.
    """
    setting = SETTINGS.get(name)
    if setting is None:
        from difflib import get_close_matches

        near = get_close_matches(name, SETTINGS, n=1) or sorted(SETTINGS)
        raise InvalidInput(f"there is no setting {name!r}", hint="settings: " + ", ".join(near))
    return setting
