"""The dashboard of CloudWatch: its body is what the console reads, and names what the stack has."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.documented_metrics import AWS

ROOT = Path(__file__).parents[3]
PROGRAM = """
const dashboard = require('./providers/aws/dashboard.js');
const functions = { api: 'ApiLambdaFunction', train: 'TrainLambdaFunction', sweep: 'SweepLambdaFunction' };
console.log(JSON.stringify(dashboard({ base: 'serverless-ml-dev', functions })));
"""
NAMED = re.compile(r"\$\{([A-Za-z:]+)(?:\.[A-Za-z]+)?\}")
# The framework makes these of the functions and of their events.
FRAMEWORKS = {"ApiLambdaFunction", "TrainLambdaFunction", "SweepLambdaFunction", "HttpApi", "AWS::Region"}


def _dashboard() -> dict[str, Any]:
    ran = subprocess.run(
        ["node", "-e", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    resources: dict[str, Any] = json.loads(ran.stdout)
    assert list(resources) == ["Dashboard"]
    properties: dict[str, Any] = resources["Dashboard"]["Properties"]
    assert properties["DashboardName"] == "serverless-ml-dev"
    return properties


def test_it_names_resources_that_the_stack_has() -> None:
    with open(ROOT / "providers" / "aws" / "config.yml", encoding="utf-8") as file:
        resources = yaml.safe_load(file)["resources"]["Resources"]
    named = set(NAMED.findall(_dashboard()["DashboardBody"]["Fn::Sub"]))
    assert named >= FRAMEWORKS
    assert named - FRAMEWORKS <= set(resources)
    assert named - FRAMEWORKS == {"TrainQueue", "TrainDeadLetters"}


def test_no_picture_covers_another() -> None:
    widgets = json.loads(_dashboard()["DashboardBody"]["Fn::Sub"])["widgets"]
    cells = [
        (each["x"] + x, each["y"] + y)
        for each in widgets
        for x in range(each["width"])
        for y in range(each["height"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_each_picture_says_what_it_shows() -> None:
    widgets = json.loads(_dashboard()["DashboardBody"]["Fn::Sub"])["widgets"]
    titles = [each["properties"]["title"] for each in widgets]
    assert len(set(titles)) == len(titles) == 9
    for each in widgets:
        assert each["type"] == "metric"
        assert each["properties"]["region"] == "${AWS::Region}"
        for namespace, metric, _, _, _ in each["properties"]["metrics"]:
            assert metric in AWS[namespace]
