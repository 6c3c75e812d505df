"""What Google refuses although its message types allow it: limits between fields, names, organisations.

Each rule is from Google's documents (docs/google.md lists them with the date). Pure: what was sent and what
there is goes in, the reason of a refusal comes out.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.documented_metrics import GOOGLE, GOOGLE_LABELS, GOOGLE_METRIC_LABELS, GoogleMetric

Json = Mapping[str, Any]

# CPUs, and the memory in MiB that they may have.
# https://cloud.google.com/run/docs/configuring/services/cpu
CPU_MEMORY = {1.0: (512, 4096), 2.0: (512, 8192), 4.0: (2048, 16384), 6.0: (4096, 24576), 8.0: (4096, 32768)}
LABEL_KEY, LABEL_VALUE = r"[a-z][a-z0-9_-]{0,62}", r"[a-z0-9_-]{0,63}"
# https://cloud.google.com/storage/docs/buckets#naming
BUCKET = r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]"
# What a build's account needs of its project.
# https://cloud.google.com/functions/docs/securing/build-custom-sa
BUILD_ROLES = {
    "roles/logging.logWriter",
    "roles/artifactregistry.writer",
    "roles/storage.objectViewer",
}
# https://cloud.google.com/iam/quotas: logical operators in a condition.
MOST_OPERATORS = 12
# https://cloud.google.com/secret-manager/quotas: a secret's payload.
SECRET_BYTES = 65_536


def size(service: Json) -> str | None:
    """Why an instance cannot be so large."""
    found = re.fullmatch(r"([0-9]+)(Mi|Gi)", str(service.get("availableMemory", "256Mi")))
    if not found:
        return f"invalid availableMemory {service.get('availableMemory')!r}"
    memory = int(found[1]) * {"Mi": 1, "Gi": 1024}[found[2]]
    cpu, concurrency = (
        float(service.get("availableCpu", "1")),
        service.get("maxInstanceRequestConcurrency", 1),
    )
    if cpu < 1:
        most = 1024 if cpu >= 0.5 else 512
        if not cpu >= 0.08 or not 128 <= memory <= most:
            return f"Invalid value: {memory} MiB with {cpu} CPU: memory must be at most {most} MiB"
        return None if concurrency == 1 else "Total cpu < 1 is not supported with concurrency > 1"
    if cpu not in CPU_MEMORY:
        return f"Invalid value specified for cpu: {cpu}"
    least, most = CPU_MEMORY[cpu]
    if not least <= memory <= most:
        return f"Invalid value: {memory} MiB with {cpu} CPU: memory must be in [{least}, {most}] MiB"
    return None


def instances(service: Json) -> str | None:
    """Why there cannot be so many instances."""
    least, most = int(service.get("minInstanceCount", 0)), int(service.get("maxInstanceCount", 100))
    return None if 0 <= least <= most else f"minInstanceCount {least} is above maxInstanceCount {most}"


def labels(found: Json) -> str | None:
    """Why something cannot be labelled so."""
    for key, value in found.items():
        if not re.fullmatch(LABEL_KEY, key) or not re.fullmatch(LABEL_VALUE, value):
            return f"invalid label {key}={value}"
    return f"{len(found)} labels, at most 64 are allowed" if len(found) > 64 else None


def function(name: str, body: Json) -> str | None:
    """Why a function cannot be made, its references aside."""
    short = name.rpartition("/")[2]
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", short):
        return f"invalid function id {short}"
    region = name.split("/")[3]
    service = body.get("serviceConfig", {})
    connector = service.get("vpcConnector")
    if connector and f"/locations/{region}/" not in connector:
        return f"the connector {connector} is not in {region}"
    if body.get("kmsKeyName"):
        if f"/locations/{region}/" not in body["kmsKeyName"]:
            return f"the key {body['kmsKeyName']} is not in {region}"
        if not body["buildConfig"].get("dockerRepository"):
            return "kmsKeyName needs a dockerRepository that the same key encrypts"
    return size(service) or instances(service) or labels(body.get("labels", {}))


def policy(sent: Json) -> str | None:
    """Why a policy cannot be stored, its members aside."""
    for binding in sent.get("bindings", []):
        condition = binding.get("condition")
        if condition is None:
            continue
        if sent.get("version") != 3:
            return "conditional role bindings need policy version 3"
        if not condition.get("title") or not condition.get("expression"):
            return "a condition needs a title and an expression"
        if len(re.findall(r"&&|\|\|", condition["expression"])) > MOST_OPERATORS:
            return f"more than {MOST_OPERATORS} logical operators in a condition"
    return None


def replication(sent: Json, allowed: list[str] | None) -> str | None:
    """Why a secret cannot be kept there, where an organisation allows some locations alone."""
    replicas = sent.get("userManaged", {}).get("replicas", [])
    if "automatic" not in sent and not replicas:
        return "replication must be automatic or name replicas"
    if allowed is None:
        return None
    if "automatic" in sent or not all(each["location"] in allowed for each in replicas):
        return "Constraint constraints/gcp.resourceLocations violated for the secret's replication"
    return None


def alert_policy(body: Json) -> str | None:
    """Why an alert policy cannot be, by the reference of `projects.alertPolicies` (Monitoring API v3)."""
    strategy, conditions = body.get("alertStrategy", {}), body.get("conditions", [])
    logs = [each for each in conditions if "conditionMatchedLog" in each]
    if not body.get("displayName") or not conditions or "combiner" not in body:
        return "a policy needs displayName, combiner and conditions"
    if bool(logs) is not ("notificationRateLimit" in strategy):
        return "notificationRateLimit is for conditions on logs, which need it"
    if logs and len(conditions) > 1:
        return "a condition on logs stands alone in its policy"
    if not 1800 <= _seconds(strategy.get("autoClose", "1800s")) <= 7 * 86400:
        return "autoClose must be between 30 minutes and 7 days"
    thresholds = [each["conditionThreshold"] for each in conditions if "conditionThreshold" in each]
    return next((reason for each in thresholds if (reason := _threshold(each))), None)


def _threshold(condition: Json) -> str | None:
    if not {"metric.type", "resource.type"} <= set(re.findall(r"[a-z]+\.type", condition["filter"])):
        return "a filter needs metric.type and resource.type"
    if "comparison" not in condition or _seconds(condition.get("duration", "0s")) % 60:
        return "a threshold needs a comparison and a duration of whole minutes"
    if any(_seconds(each["alignmentPeriod"]) < 60 for each in condition.get("aggregations", [])):
        return "alignmentPeriod must be at least 60 seconds"
    return None


def channel(body: Json) -> str | None:
    """Why a notification channel cannot be."""
    if body.get("type") == "email" and "@" not in body.get("labels", {}).get("email_address", ""):
        return "a channel of type email needs the label email_address"
    return None


# The fields of `projects.dashboards` (Monitoring API v1) that our dashboards may have, each with those in it.
_NOTHING: Json = {}
_DATA_SET: Json = {
    "plotType": _NOTHING,
    "legendTemplate": _NOTHING,
    "minAlignmentPeriod": _NOTHING,
    "targetAxis": _NOTHING,
    "timeSeriesQuery": {
        "timeSeriesFilter": {
            "filter": _NOTHING,
            "aggregation": dict.fromkeys(
                ("alignmentPeriod", "perSeriesAligner", "crossSeriesReducer", "groupByFields"), _NOTHING
            ),
        },
        "unitOverride": _NOTHING,
    },
}
_DASHBOARD: Json = {
    "name": _NOTHING,
    "etag": _NOTHING,
    "displayName": _NOTHING,
    "labels": _NOTHING,
    "mosaicLayout": {
        "columns": _NOTHING,
        "tiles": {
            **dict.fromkeys(("xPos", "yPos", "width", "height"), _NOTHING),
            "widget": {
                "title": _NOTHING,
                "id": _NOTHING,
                "xyChart": {
                    "dataSets": _DATA_SET,
                    "chartOptions": {"mode": _NOTHING},
                    "yAxis": {"label": _NOTHING, "scale": _NOTHING},
                },
            },
        },
    },
}
# What each kind of metric may be aligned by, and each kind of values reduced by, where we do so.
_ALIGNED = {
    "DELTA": {"ALIGN_DELTA", "ALIGN_RATE", "ALIGN_SUM"},
    "GAUGE": {"ALIGN_MAX", "ALIGN_MEAN", "ALIGN_MIN"},
}
_REDUCED = {"INT64": {"REDUCE_SUM", "REDUCE_MAX"}, "DISTRIBUTION": {"REDUCE_SUM"}}
_PERCENTILES = {f"REDUCE_PERCENTILE_{percent:02}" for percent in (5, 50, 95, 99)}


def dashboard(body: Json) -> str | None:
    """Why a dashboard cannot be."""
    if unknown := _unknown(body, _DASHBOARD, ""):
        return f"unknown name {unknown}"
    if not body.get("displayName"):
        return "a dashboard needs displayName"
    layout = body["mosaicLayout"]
    columns, taken = layout["columns"], set[tuple[int, int]]()
    if not 1 <= columns <= 48:
        return "columns must be from 1 to 48"
    for tile in layout["tiles"]:
        x, y = tile.get("xPos", 0), tile.get("yPos", 0)
        cells = {(x + i, y + j) for i in range(tile["width"]) for j in range(tile["height"])}
        if cells & taken or x < 0 or x + tile["width"] > columns:
            return f"the tile {tile['widget'].get('title')} overlaps another, or the grid's edge"
        taken |= cells
        for each in tile["widget"]["xyChart"]["dataSets"]:
            if reason := _query(each["timeSeriesQuery"]["timeSeriesFilter"]):
                return reason
    return None


def _query(query: Json) -> str | None:
    """Why a chart's query cannot be."""
    named = re.findall(r'metric\.type="([^"]+)"', query["filter"])
    if len(named) != 1 or named[0] not in GOOGLE:
        return f"no such metric: {named}"
    return next(_query_faults(named[0], GOOGLE[named[0]], query["filter"], query["aggregation"]), None)


def _query_faults(name: str, metric: GoogleMetric, chosen: str, aggregation: Json) -> Iterator[str]:
    if re.findall(r'resource\.type="([^"]+)"', chosen) != [metric.resource]:
        yield f"{name} is of {metric.resource}"
    labels = set(re.findall(r"resource\.labels?\.(\w+)", f"{chosen} {aggregation.get('groupByFields')}"))
    if unknown := labels - GOOGLE_LABELS[metric.resource]:
        yield f"{metric.resource} has no label {unknown}"
    if unknown := set(re.findall(r"metric\.labels?\.(\w+)", chosen)) - GOOGLE_METRIC_LABELS:
        yield f"no label {unknown}"
    aligner, reducer = aggregation["perSeriesAligner"], aggregation["crossSeriesReducer"]
    if aligner not in _ALIGNED[metric.kind]:
        yield f"{name} is {metric.kind}, which {aligner} does not align"
    if reducer not in _REDUCED[metric.values] | (_PERCENTILES if metric.values == "DISTRIBUTION" else set()):
        yield f"{name} has {metric.values}, which {reducer} does not reduce"
    if _seconds(aggregation["alignmentPeriod"]) < 60:
        yield "alignmentPeriod must be at least 60 seconds"


def _unknown(value: object, known: Json, path: str) -> str:
    """The path of a field that is not known; empty where all are."""
    if isinstance(value, list):
        return next((found for each in value if (found := _unknown(each, known, path))), "")
    if not isinstance(value, dict) or known is _NOTHING:
        return ""
    for name, each in value.items():
        if name not in known:
            return f"{path}.{name}"
        if found := _unknown(each, known[name], f"{path}.{name}"):
            return found
    return ""


def _seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))
