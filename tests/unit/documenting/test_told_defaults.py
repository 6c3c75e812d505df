"""A figure in brackets behind the name of a setting is its default: `ML_MAX_WAITING` (4)."""

import re

import pytest

from handlers.settings import SETTINGS
from tests.unit.documenting.reading import PAGES, text

TOLD = re.compile(r"`(ML_[A-Z_]+)` \(([^)]*)\)")
# 2³⁶ and the like, as pages write powers.
POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
DEFAULTS = {setting.variable: setting.default for setting in SETTINGS if setting.unit}
UNITS = {"MiB": 1 << 20, "minutes": 60}


def figure(told: str) -> float | None:
    """The number that a bracket begins with, in the setting's own unit; None where it begins with a word."""
    found = re.match(r"([\d,.]+)([⁰¹²³⁴⁵⁶⁷⁸⁹]*)(?: (\w+))?", told)
    if found is None:
        return None
    number = float(found[1].replace(",", "").rstrip("."))
    return number ** int(found[2].translate(POWERS) or 1) * UNITS.get(found[3] or "", 1)


@pytest.mark.parametrize("page", PAGES)
def test_every_figure_behind_a_setting_is_its_default(page: str) -> None:
    told = [(name, figure(behind)) for name, behind in TOLD.findall(text(page)) if name in DEFAULTS]
    assert [(name, number) for name, number in told if number not in (None, DEFAULTS[name])] == []


def test_a_wrong_default_would_be_seen() -> None:
    assert figure("4 MiB") == DEFAULTS["ML_MAX_ANSWER_BYTES"]
    assert figure("2³⁶, about 20 seconds") == DEFAULTS["ML_MAX_MULTIPLICATIONS"]
    assert figure("30 days") == DEFAULTS["ML_JOB_RETENTION"]
    assert figure("5") != DEFAULTS["ML_MAX_WAITING"]
