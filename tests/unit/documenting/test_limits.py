"""Each limit that the page of limits tells is that of the code: the figure, and what comes past it."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import handlers.errors
import ml_core.conflicts
import ml_core.errors
from handlers.rest.problems import STATUSES
from handlers.settings import SETTINGS
from ml_core.errors import ServerlessMLError
from ml_core.jobs import job_errors
from tests.unit.documenting.deployed import CLOUDS, defaults
from tests.unit.documenting.reading import coded, tables, text

PAGE = "docs/limits.md"
FACTORS = {
    "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
    "minute": 60, "minutes": 60, "hour": 3600, "hours": 3600, "day": 86_400, "days": 86_400,
}  # fmt: skip
SETTING = {setting.variable: setting for setting in SETTINGS}


class Limit(NamedTuple):
    """A row of a table: what is limited, to what, by what, and what comes past it."""

    what: str
    most: str
    by: str
    past: str


def limits() -> list[Limit]:
    """The rows of the tables that have one figure for every cloud."""
    return [
        Limit(*row)
        for table in tables(PAGE)
        if len(table[0]) == 4 and table[0][2] == "set by"
        for row in table[1:]
    ]


def held(limit: Limit) -> tuple[float, str]:
    """What the code has for a limit, and its unit where a setting has one."""
    name, *module = coded(limit.by)
    if not module:
        setting = SETTING[name]
        return float(setting.default), setting.unit
    found: Any = import_module(module[0].removesuffix(".py").replace("/", "."))
    first, *members = name.split(".")
    found = getattr(found, first)
    for member in members:
        # A record's default is a member of what it makes, a class's own constant one of the class.
        found = getattr(found() if hasattr(found, "_fields") else found, member)
    return float(found), ""


def told(limit: Limit) -> set[float]:
    """The figure of a row, and the same in the smaller unit that a constant may count in."""
    number, _, unit = limit.most.partition(" ")
    figure = float(number.replace(",", ""))
    return {figure, figure * FACTORS.get(unit, 1)}


def codes() -> dict[str, type[ServerlessMLError] | None]:
    """Every code of an error, and None for those that only jobs have."""
    found: dict[str, type[ServerlessMLError] | None] = {}
    for module in (ml_core.errors, ml_core.conflicts, handlers.errors):
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, ServerlessMLError):
                found[each.code] = each
    said = Path(job_errors.__file__).read_text(encoding="utf-8")
    of_jobs = re.findall(r'(?:"code": |^[A-Z_]+ = )"([a-z_]+)"', said, re.MULTILINE)
    return {**dict.fromkeys([*of_jobs, "trainer_died", "attempts_spent", "dead_lettered"]), **found}


def status_of(code: str) -> int:
    """The status that an error's code is answered with."""
    error = codes()[code]
    assert error is not None
    return next(STATUSES[each] for each in error.__mro__ if each in STATUSES)


@pytest.mark.parametrize("limit", limits(), ids=lambda limit: limit.what[:50])
def test_every_limit_has_the_figure_of_the_code(limit: Limit) -> None:
    value, unit = held(limit)
    assert value in told(limit), f"the page has {limit.most}, the code {value:,} {unit}"
    if unit in ("rows", "columns", "seconds", "days", "hours", "jobs", "requests", "entries"):
        assert limit.most.partition(" ")[2] == unit


@pytest.mark.parametrize("limit", limits(), ids=lambda limit: limit.what[:50])
def test_what_comes_past_a_limit_is_a_status_and_its_code(limit: Limit) -> None:
    refused = re.match(r"(\d{3}) `(\w+)`", limit.past)
    if refused:
        assert status_of(refused[2]) == int(refused[1])
    elif limit.past.startswith("the job fails: "):
        assert coded(limit.past)
        assert set(coded(limit.past)) <= set(codes())
    else:
        assert not re.search(r"\d{3}", limit.past), "a status has its code behind it"


def test_every_setting_that_bounds_something_is_on_the_page() -> None:
    """What is neither a figure nor a bound names a place, or is set by the deployment alone."""
    of_the_deployment = {"ML_TRAIN_MEMORY", "ML_OLD_STATES_DAYS", "ML_LOG_DAYS"}
    numbers = {setting.variable for setting in SETTINGS if setting.unit}
    assert numbers - of_the_deployment - {name for limit in limits() for name in coded(limit.by)} == set()


def _function(cloud: str, function: str, *members: str) -> Any:
    config = yaml.safe_load(text(f"providers/{cloud}/config.yml"))["functions"][function]
    return next((config[member] for member in members if member in config), None)


# What a row of the table of clouds tells that is no parameter: a function and its member.
OF_A_FUNCTION = {
    "time of one answer": ("api", "timeout", "timeoutSeconds"),
    "time of one delivery of a training": ("train", "timeout", "timeoutSeconds"),
    "time of one call of `onnx`": ("onnx", "timeout", "timeoutSeconds"),
    "requests of one instance of `api`": ("api", "concurrency"),
}
# What other files of a cloud have: the file, and what stands in it.
ELSEWHERE = {
    ("time of one call of `onnx`", "aws"): ("providers/aws/onnx.js", "SECONDS = {};"),
    ("logs", "google"): ("providers/google/deploying/desired.py", '"ML_LOG_DAYS": "{}"'),
    ("logs", "azure"): ("providers/azure/deploying/template.py", "LOG_DAYS = {}\n"),
}


def clouds() -> list[tuple[str, str, str]]:
    """Each row of the table of clouds, for each cloud."""
    (rows,) = [table for table in tables(PAGE) if table[0][1:] == ["AWS", "Google Cloud", "Azure"]]
    return [(row[0], cloud, cell) for row in rows[1:] for cloud, cell in zip(CLOUDS, row[1:], strict=True)]


@pytest.mark.parametrize(("what", "cloud", "cell"), clouds())
def test_every_figure_of_a_cloud_is_that_of_its_configuration(what: str, cloud: str, cell: str) -> None:
    figure = re.match(r"[\d,]+", cell)
    if figure is None:
        return
    number = figure[0].replace(",", "")
    parameters = coded(cell)
    if parameters:
        assert [defaults(cloud)[name] for name in parameters] == [number]
    elif (what, cloud) in ELSEWHERE:
        path, pattern = ELSEWHERE[what, cloud]
        assert pattern.format(number) in text(path)
    elif what in OF_A_FUNCTION:
        # Lambda gives each request an instance of its own, which no configuration says.
        assert str(_function(cloud, *OF_A_FUNCTION[what]) or 1) == number
    else:
        kept = rf"(?:oldStatesExpireAfterDays|NoncurrentDays): {number}\b"
        assert re.search(kept, text(f"providers/{cloud}/config.yml"))


def test_a_wrong_figure_would_be_seen() -> None:
    limit = Limit("", "9,999 words", "`MOST_CATEGORIES` in `ml_core/tables/suitability.py`", "")
    assert held(limit)[0] not in told(limit)
    assert 3600.0 in told(limit._replace(most="1 hour"))
    assert status_of("too_large") == 413
