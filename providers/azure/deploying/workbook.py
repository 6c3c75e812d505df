"""The dashboard as a workbook of Azure Monitor: requests, latency, errors and what waits.

Flex Consumption and storage queues have no metric for most of it, so each picture is asked of what the apps
wrote to Application Insights. A sample counts as the requests that it stands for (`itemCount`).
"""

import json
import uuid
from typing import Any, NamedTuple

KIND = "Microsoft.Insights/workbooks"
WORKBOOKS = "2023-06-01"

_DAY, _HOUR = 86_400_000, 3_600_000  # milliseconds
_EVERY = "bin(timestamp, {TimeRange:grain})"
_HERE = "{component}"


class Picture(NamedTuple):
    """One picture: its title and its query, in the language of Application Insights."""

    title: str
    query: str


def pictures(api: str, train: str, *others: str) -> list[Picture]:
    """The pictures of the apps of these names, in their order; `others` are shown where all apps are."""
    answered = f'requests | where cloud_RoleName =~ "{api}"'
    apps = ", ".join(f'"{each}"' for each in (api, train, *others))
    ours = f"requests | where cloud_RoleName in~ ({apps})"
    wrote = f'traces | where cloud_RoleName =~ "{train}"'
    by_function = f"by operation_Name, {_EVERY}"
    return [
        Picture(
            "requests, and what was answered with 4xx and 5xx",
            f"{answered} | summarize requests = sum(itemCount),"
            ' refused = sumif(itemCount, resultCode startswith "4"),'
            f' failed = sumif(itemCount, resultCode startswith "5") by {_EVERY}',
        ),
        Picture(
            "latency of the API, in milliseconds",
            f"{answered} | summarize p50 = percentile(duration, 50), p99 = percentile(duration, 99)"
            f" by {_EVERY}",
        ),
        Picture("calls of functions", f"{ours} | summarize sum(itemCount) {by_function}"),
        Picture(
            "errors of functions",
            f"{ours} | where success == false or toint(resultCode) >= 500"
            f" | summarize sum(itemCount) {by_function}",
        ),
        Picture(
            "calls that were refused",
            f'{answered} | where resultCode == "429" | summarize sum(itemCount) {by_function}',
        ),
        Picture(
            "how many instances there are",
            f"{ours} | summarize dcount(cloud_RoleInstance) by cloud_RoleName, {_EVERY}",
        ),
        Picture(
            "duration of functions, in milliseconds: p99",
            f"{ours} | summarize percentile(duration, 99) {by_function}",
        ),
        Picture(
            "jobs that waited more than ten minutes",
            f'{wrote} and message has "sweep"'
            ' | extend sent = toint(extract("sent[^0-9]+([0-9]+)", 1, message))'
            f" | where isnotnull(sent) | summarize waiting = sum(sent) by {_EVERY}",
        ),
        Picture(
            "jobs that were given up",
            f'{wrote} and message has "dead letter" | summarize letters = count() by {_EVERY}',
        ),
    ]


def name(group: str, insights: str) -> str:
    """The workbook's name, which has to be a GUID: the same in each deployment."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{group}/{insights}/dashboard".lower()))


def properties(title: str, insights: str, shown: list[Picture]) -> dict[str, Any]:
    """The properties of the workbook over the component with that id, an expression of the template."""
    document = {
        "version": "Notebook/1.0",
        "items": [_time_range(), *map(_item, shown)],
        "fallbackResourceIds": [_HERE],
        "$schema": "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json",
    }
    before, after = json.dumps(document).split(_HERE)
    return {
        "displayName": title,
        "category": "workbook",
        "sourceId": insights,
        # Only Azure knows the component's id. No text in it has an apostrophe, which would end a literal.
        "serializedData": f"[concat('{before}', {insights[1:-1]}, '{after}')]",
    }


def _time_range() -> dict[str, Any]:
    choices = [{"durationMs": each} for each in (_HOUR, _DAY, 7 * _DAY, 30 * _DAY)]
    parameter = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, "TimeRange")),
        "version": "KqlParameterItem/1.0",
        "name": "TimeRange",
        "type": 4,
        "isRequired": True,
        "value": {"durationMs": _DAY},
        "typeSettings": {"selectableValues": choices},
    }
    content = {"version": "KqlParameterItem/1.0", "parameters": [parameter], "style": "pills"}
    return {"type": 9, "content": content, "name": "time range"}


def _item(picture: Picture) -> dict[str, Any]:
    return {
        "type": 3,
        "content": {
            "version": "KqlItem/1.0",
            "query": picture.query,
            "size": 0,
            "title": picture.title,
            "timeContextFromParameter": "TimeRange",
            "queryType": 0,
            "resourceType": "microsoft.insights/components",
            "visualization": "timechart",
        },
        "customWidth": "33",
        "name": picture.title,
    }
