"""A store's settings: each with a type, a range and a default.

A value comes from ``config.toml`` in the store's folder or, over it, from the environment, as
``AICAS_`` and the setting's name in capitals.
"""

from aicas.config.keeping import KeepRule
from aicas.config.settings import SETTINGS, Config, check_hours, setting_of
from aicas.config.sources import (
    Given,
    load_config,
    parse_value,
    read_settings,
    unset_setting,
    variable_of,
    write_setting,
)

__all__ = [
    "SETTINGS",
    "Config",
    "Given",
    "KeepRule",
    "check_hours",
    "load_config",
    "parse_value",
    "read_settings",
    "setting_of",
    "unset_setting",
    "variable_of",
    "write_setting",
]
