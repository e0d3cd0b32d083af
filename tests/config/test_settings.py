"""Settings: what each may be, where it comes from, and a file that stays its owner's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicas.clock import DAY
from aicas.config import (
    SETTINGS,
    Config,
    Given,
    KeepRule,
    load_config,
    parse_value,
    read_settings,
    unset_setting,
    variable_of,
    write_setting,
)
from aicas.errors import InvalidInput

OUT_OF_RANGE: dict[str, tuple[str, tuple[object, ...]]] = {
    "project": ("project", (5, "a b", "")),
    "max_cache_size_gb": ("over 0 and at most 1000000", (0, -1, 1_000_001, "10", True)),
    "default_expiry_hours": ("from 0 to 876000", (-1, 876_001, "3 days")),
    "cleanup_interval_hours": ("from 0 to 876000", (-0.5, 1e9, None)),
    "auto_maintain": ("true or false", (1, "no")),
    "compression_enabled": ("true or false", (1, "yes")),
    "analytics_enabled": ("true or false", (0, "no")),
    "gc_grace_hours": ("from 0 to 876000", (-1, float("inf"))),
    "gc_retention_hours": ("from 0 to 876000", (-1, float("nan"))),
    "retention": (
        "must map|no key fits|keep_last, keep_within or both|from 1 to 1000000|from 1h to 100y",
        (
            3,
            {"": {"keep_last": 1}},
            {"a b": {"keep_last": 1}},
            {"x" * 511: {"keep_last": 1}},
            {"*": {}},
            {"*": 3},
            {"*": {"keep_lats": 3}},
            {"*": {"keep_last": 0}},
            {"*": {"keep_last": 1.5}},
            {"*": {"keep_last": True}},
            {"*": {"keep_last": 1_000_001}},
            {"*": {"keep_last": 1, "keep_within": "0d"}},
            {"*": {"keep_within": "101y"}},
            {"*": {"keep_within": "3 months"}},
            {"*": {"keep_within": 30}},
        ),
    ),
    "cost_models": (
        "USD per 1K tokens",
        (
            3,
            {"m": 3},
            {"m": {"input": 1}},
            {"m": {"input": 1, "output": -1}},
            {"m": {"input": 1, "output": 1e9}},
            {"m": {"input": 1, "output": 1, "outptu": 1}},
        ),
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_value_out_of_range_is_refused_with_the_range_and_nothing_is_written(
    tmp_path: Path, name: str
) -> None:
    allowed, wrong = OUT_OF_RANGE[name]
    for value in wrong:
        with pytest.raises(InvalidInput, match=allowed):
            write_setting(tmp_path, name, value)
    assert list(tmp_path.iterdir()) == []


def test_every_setting_has_a_default_that_it_accepts() -> None:
    defaults = Config().as_dict()
    assert set(defaults) == set(SETTINGS)
    for name, value in defaults.items():
        assert value is None or SETTINGS[name].check(name, value) == value
    assert Config().max_cache_bytes == 10 * 10**9


def test_the_environment_counts_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    write_setting(tmp_path, "max_cache_size_gb", 7)
    write_setting(tmp_path, "compression_enabled", False)
    environment = {"AICAS_MAX_CACHE_SIZE_GB": "5", "AICAS_PROJECT": "", "AICAS_PAGER": "less"}
    assert read_settings(tmp_path, environment) == {
        "max_cache_size_gb": Given(5.0, "environment"),
        "compression_enabled": Given(False, "file"),
    }
    config = load_config(tmp_path, environment)
    assert (config.max_cache_size_gb, config.compression_enabled) == (5.0, False)
    assert config.project == "default"


@pytest.mark.parametrize(
    "text", ["{m = {input = 0.03, output = 0.06}}", '{"m": {"input": 0.03, "output": 0.06}}']
)
def test_prices_in_the_environment_are_toml_or_json(tmp_path: Path, text: str) -> None:
    config = load_config(tmp_path, {"AICAS_COST_MODELS": text})
    assert config.cost_models == {"m": {"input": 0.03, "output": 0.06}}


@pytest.mark.parametrize(("name", "text"), [("project", "2026"), ("project", '"shop"')])
def test_a_word_needs_no_quotes_even_if_it_looks_like_a_number(name: str, text: str) -> None:
    assert parse_value(name, text) == text.strip('"')


def test_a_bad_value_is_refused_with_the_file_or_the_variable_it_came_from(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"^AICAS_ANALYTICS_ENABLED: .* true or false"):
        load_config(tmp_path, {"AICAS_ANALYTICS_ENABLED": "perhaps"})
    file = tmp_path / "config.toml"
    file.write_text("max_cache_size_gb = 0\n")
    with pytest.raises(InvalidInput, match=f"^{file}: max_cache_size_gb must be a number of GB"):
        load_config(tmp_path, {})
    file.write_text("max_cache_size = 1\n")
    with pytest.raises(InvalidInput, match=f"^{file}: there is no setting") as caught:
        load_config(tmp_path, {})
    assert caught.value.hint == "settings: max_cache_size_gb"


@given(st.text(max_size=60))
def test_any_text_in_a_variable_is_a_value_or_refused(text: str) -> None:
    for name in SETTINGS:
        try:
            load_config(Path("/nonexistent"), {variable_of(name): text})
        except InvalidInput as error:
            assert str(error).startswith(variable_of(name))


FILE = """\
# mine
gc_grace_hours = 5 # short

[cost_models] # negotiated
"gpt-4" = {input = 0.01, output = 0.02}
"""


def test_changing_one_value_leaves_comments_and_everything_else(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(FILE)
    write_setting(tmp_path, "gc_grace_hours", 6)
    assert file.read_text() == FILE.replace("5 #", "6 #")
    write_setting(tmp_path, "cost_models.gpt-4.1", {"input": 1, "output": 2})
    write_setting(tmp_path, "cost_models.gpt-4", {"input": 0.5, "output": 2})
    models: Any = load_config(tmp_path, {}).cost_models
    assert models == {"gpt-4": {"input": 0.5, "output": 2}, "gpt-4.1": {"input": 1, "output": 2}}
    assert "# mine" in file.read_text()
    assert "# negotiated" in file.read_text()
    unset_setting(tmp_path, "cost_models.gpt-4")
    unset_setting(tmp_path, "gc_grace_hours")
    config = load_config(tmp_path, {})
    assert config == Config(cost_models={"gpt-4.1": {"input": 1, "output": 2}})
    assert "# negotiated" in file.read_text()


def test_one_rule_is_set_and_unset_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[retention] # agreed\n"phase-*" = {keep_last = 3} # enough\n')
    write_setting(tmp_path, "retention.shop/*", parse_value("retention", '{keep_within = "30d"}'))
    rules = load_config(tmp_path, {}).keep_rules
    assert rules == (KeepRule("phase-*", 3, None), KeepRule("shop/*", None, "30d"))
    assert [rule.span_us for rule in rules] == [None, 30 * DAY]
    with pytest.raises(InvalidInput, match=r"^retention\.plan: keep_last must be .* from 1 to"):
        write_setting(tmp_path, "retention.plan", {"keep_last": -1})
    unset_setting(tmp_path, "retention.shop/*")
    assert load_config(tmp_path, {}).keep_rules == (KeepRule("phase-*", 3, None),)
    text = file.read_text()
    assert "# agreed" in text
    assert "# enough" in text
    assert Config().keep_rules == ()


def test_what_is_not_set_cannot_be_unset(tmp_path: Path) -> None:
    write_setting(tmp_path, "project", "shop")
    for name in ("gc_grace_hours", "cost_models.gpt-4", "project.x"):
        with pytest.raises(InvalidInput, match="is not set"):
            unset_setting(tmp_path, name)
    with pytest.raises(InvalidInput, match="there is no setting"):
        unset_setting(tmp_path, "nothing")


def test_a_file_that_is_no_toml_is_said_so_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    for content in (b"gc_grace_hours = [", b"\xff\xfe"):
        file.write_bytes(content)
        for change in (
            lambda: write_setting(tmp_path, "project", "shop"),
            lambda: unset_setting(tmp_path, "project"),
            lambda: load_config(tmp_path, {}),
        ):
            with pytest.raises(InvalidInput, match=str(file)):
                change()
        assert file.read_bytes() == content
