"""What the pages of the clouds say is created is what the configurations and deployers make."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import yaml

from providers.azure.deploying.alarms import alarms
from providers.azure.deploying.workbook import pictures
from providers.deploying.bucket_rights import GOOGLE_ALONE, WRITES
from tests.unit.documenting.deployed import CLOUDS, defaults
from tests.unit.documenting.reading import coded, prose, tables, text

WORDS = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
# "512 MiB, 29 s, at most 20 at once", "4 GiB, at most 3 instances, 30 minutes".
MEMORY = re.compile(r"([\d,]+) (MiB|GiB|MB)\b")
TIME = re.compile(r"(\d+) (s|min|minutes)\b")
AT_ONCE = re.compile(r"at most (\d+)")
SECONDS = {"s": 1, "min": 60, "minutes": 60}
MEMBERS = {
    "memory": ("memorySize", "memory"),
    "time": ("timeout", "timeoutSeconds"),
    "at once": ("reservedConcurrency", "instances"),
}


class Told(NamedTuple):
    """A figure that a page tells of a function, and the place of it in the configuration."""

    cloud: str
    function: str
    what: str
    figure: int


def figures() -> Iterator[Told]:
    """The figures in the tables of what is created."""
    for cloud in CLOUDS:
        for table in tables(f"docs/{cloud}.md"):
            if table[0][0] not in ("resource", "what"):
                continue
            for row in table[1:]:
                named = [re.search(r"\b(api|train|sweep|onnx)\b", name) for name in coded(row[0])]
                function = next((found[1] for found in named if found), None)
                if "function" not in row[0] or function is None:
                    continue
                cell = " ".join(row)
                if found := MEMORY.search(cell):
                    factor = 1024 if found[2] == "GiB" else 1
                    yield Told(cloud, function, "memory", int(found[1].replace(",", "")) * factor)
                if (found := TIME.search(cell)) and "every" not in cell[: found.start()][-10:]:
                    yield Told(cloud, function, "time", int(found[1]) * SECONDS[found[2]])
                if found := AT_ONCE.search(cell):
                    yield Told(cloud, function, "at once", int(found[1]))


def configured(cloud: str, function: str, what: str) -> int:
    """The same of the configuration; what a parameter says is its default."""
    if cloud == "aws" and function == "onnx":  # made by a plugin of ours
        return int(
            {
                "memory": defaults(cloud)["onnxMemory"],
                "at once": defaults(cloud)["onnxConcurrency"],
                "time": re.findall(r"SECONDS = (\d+);", text("providers/aws/onnx.js"))[0],
            }[what]
        )
    functions = yaml.safe_load(text(f"providers/{cloud}/config.yml"))["functions"]
    value = str(next(functions[function][name] for name in MEMBERS[what] if name in functions[function]))
    parameter = re.search(r"\$\{param:(\w+)\}", value)
    return int(defaults(cloud)[parameter[1]] if parameter else value.removesuffix("Mi"))


@pytest.mark.parametrize("told", list(figures()), ids=lambda told: " ".join(told[:3]))
def test_every_figure_of_a_function_is_the_configured_one(told: Told) -> None:
    assert configured(told.cloud, told.function, told.what) == told.figure


def test_each_cloud_tells_the_figures_of_its_functions() -> None:
    told = {(each.cloud, each.function) for each in figures()}
    assert {(cloud, name) for cloud in CLOUDS for name in ("api", "train", "onnx")} <= told


def test_aws_page_names_what_each_function_may_write() -> None:
    sentences = [line for _, line in prose("docs/aws.md") if " reads the bucket and writes " in line]
    named = {coded(line)[0]: set(coded(line)[1:]) for line in sentences}
    assert named == {name: set(WRITES[name]) - set(GOOGLE_ALONE) for name in ("api", "train")}


def _counted(page: str, parameter: str) -> list[str]:
    """The numbers as words in the row of a parameter."""
    rows = [row for table in tables(page) for row in table if row[0].startswith(f"`{parameter}")]
    return [word for word in re.findall(r"[a-z]+", rows[0][1]) if word in WORDS[1:]]


def test_the_pages_count_alarms_and_pictures_rightly() -> None:
    alarms_of_aws = text("providers/aws/alarms.js")
    alone = len(re.findall(r"^    '[a-z-]+': \[", alarms_of_aws, re.MULTILINE))
    each = len(re.findall(r"watches\[`", alarms_of_aws))
    assert _counted("docs/aws.md", "alarms")[0] == WORDS[alone + 3 * each]
    assert _counted("docs/aws.md", "alarms")[-1] == WORDS[each]  # those of `onnx`
    shown = len(re.findall(r"^    picture\(", text("providers/aws/dashboard.js"), re.MULTILINE))
    assert _counted("docs/aws.md", "dashboard")[0] == WORDS[shown]
    assert _counted("docs/azure.md", "alarms")[0] == WORDS[len(alarms("api", "train"))]
    assert _counted("docs/azure.md", "dashboard")[0] == WORDS[len(pictures("api", "train"))]
