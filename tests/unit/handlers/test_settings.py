"""Settings and their reference."""

import subprocess
import sys

import pytest

from handlers.settings import SETTINGS, Setting, SettingInvalid, Settings, read_settings

NUMBERS = [setting for setting in SETTINGS if setting.unit]


def test_the_table_and_the_values_are_in_one_order() -> None:
    assert tuple(setting.name for setting in SETTINGS) == Settings._fields


def test_defaults_hold_where_the_environment_says_nothing() -> None:
    assert read_settings({"ML_MAX_ROWS": " "}) == Settings._make(setting.default for setting in SETTINGS)
    assert read_settings({}).max_body_bytes == 4 * 1024 * 1024


def test_the_environment_sets_each_one() -> None:
    special = {
        "cors_origins": "https://a.example, http://b.example:8080",
        "base_path": "/ml",
        "documentation": "https://docs.example.com/ml/",
        "engines": "lithops,dask",
        "traces": "0.25",
    }
    given = [setting.most if setting.unit else special.get(setting.name, "x") for setting in SETTINGS]
    values = read_settings(
        {setting.variable: str(value) for setting, value in zip(SETTINGS, given, strict=True)}
    )
    assert values == Settings._make(given)


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda setting: setting.variable)
def test_a_default_is_within_its_bounds(setting: Setting) -> None:
    assert setting.least <= float(setting.default) <= setting.most


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda setting: setting.variable)
@pytest.mark.parametrize("text", ["many", "nan", "inf", "-1", "1e99", "0x10", "1 2"])
def test_a_bad_value_is_one_clear_line(setting: Setting, text: str) -> None:
    with pytest.raises(SettingInvalid) as raised:
        read_settings({setting.variable: text})
    message = str(raised.value)
    assert "\n" not in message
    assert setting.variable in message
    assert text in message
    assert setting.unit in message


def test_the_reference_has_a_line_for_each() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "handlers.settings"], capture_output=True, text=True, check=True
    ).stdout
    for setting in SETTINGS:
        assert f"| `{setting.variable}` |" in printed
