"""The dashboard of Cloud Monitoring: what it shows (pure), and how it is found, made, mended and deleted.

It shows what Google counts anyway. Monitoring names dashboards by numbers of its own, so ours is found by its
labels.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from providers.deploying.plan import DeploymentFailed
from providers.google.deploying.access import Access, one_line
from providers.google.deploying.names import GoogleNames

Json = dict[str, Any]

_MINUTE = "60s"
_COLUMNS, _WIDTH, _HEIGHT = 12, 4, 4  # of the grid, and of a picture in it
REQUESTS, LATENCIES = "run.googleapis.com/request_count", "run.googleapis.com/request_latencies"
INSTANCES = "run.googleapis.com/container/instance_count"
DEPTH, DELAYS = "cloudtasks.googleapis.com/queue/depth", "cloudtasks.googleapis.com/queue/task_attempt_delays"
_BY_FUNCTION = ("resource.label.service_name",)


class GoogleDashboard(NamedTuple):
    """The dashboard of a deployment: the labels that it carries, and its body; None where it is off."""

    owner: Mapping[str, str]
    body: Json | None = None


class _Line(NamedTuple):
    """One set of lines: a metric, as it is put together over a minute and then over its time series."""

    metric: str
    aligner: str
    reducer: str
    where: str = ""
    by: tuple[str, ...] = ()
    legend: str = ""


def dashboard_of(names: GoogleNames, queue: str, *, functions: Collection[str], on: bool) -> GoogleDashboard:
    """The dashboard of a deployment."""
    owner = {**names.owner, "region": names.region}
    if not on:
        return GoogleDashboard(owner)
    tiles = [_tile(at, title, lines) for at, (title, lines) in enumerate(_pictures(names, queue, functions))]
    return GoogleDashboard(
        owner,
        {
            "displayName": f"{names.base} in {names.region}",
            "labels": dict(owner),
            "mosaicLayout": {"columns": _COLUMNS, "tiles": tiles},
        },
    )


def _pictures(
    names: GoogleNames, queue: str, functions: Collection[str]
) -> Iterator[tuple[str, list[_Line]]]:
    """The pictures in their order: a title, and the lines in it."""
    place = f'resource.type="cloud_run_revision" AND resource.labels.location="{names.region}"'
    called = ",".join(f'"{names.function(each)}"' for each in functions)
    ours = f"{place} AND resource.labels.service_name=one_of({called})"
    api = f'{place} AND resource.labels.service_name="{names.function("api")}"'
    tasks = (
        f'resource.type="cloud_tasks_queue" AND resource.labels.location="{names.region}"'
        f' AND resource.labels.queue_id="{queue}"'
    )

    def counted(where: str, legend: str = "", *by: str) -> _Line:
        return _Line(REQUESTS, "ALIGN_DELTA", "REDUCE_SUM", where, by, legend)

    def took(percent: int, where: str, *by: str) -> _Line:
        return _Line(
            LATENCIES, "ALIGN_DELTA", f"REDUCE_PERCENTILE_{percent}", where, by, "" if by else f"p{percent}"
        )

    refused = 'metric.labels.response_code="429"'
    yield (
        "requests, and what was answered with 4xx and 5xx",
        [
            counted(api, "requests"),
            counted(f'{api} AND metric.labels.response_code_class="4xx"', "4xx"),
            counted(f'{api} AND metric.labels.response_code_class="5xx"', "5xx"),
        ],
    )
    yield "latency of the API, in milliseconds", [took(50, api), took(99, api)]
    yield "calls of functions", [counted(ours, "", *_BY_FUNCTION)]
    failed = f'{ours} AND metric.labels.response_code_class="5xx"'
    yield "errors of functions", [counted(failed, "", *_BY_FUNCTION)]
    yield "calls that were refused", [counted(f"{ours} AND {refused}", "", *_BY_FUNCTION)]
    running = _Line(INSTANCES, "ALIGN_MAX", "REDUCE_SUM", ours, _BY_FUNCTION)
    yield "how many instances there are", [running]
    yield "duration of functions, in milliseconds: p99", [took(99, ours, *_BY_FUNCTION)]
    yield "jobs that wait", [_Line(DEPTH, "ALIGN_MAX", "REDUCE_SUM", tasks, (), "waiting")]
    late = _Line(DELAYS, "ALIGN_DELTA", "REDUCE_PERCENTILE_99", tasks, (), "p99")
    yield "how late jobs are delivered, in milliseconds", [late]


def _tile(at: int, title: str, lines: list[_Line]) -> Json:
    row, column = divmod(at, _COLUMNS // _WIDTH)
    return {
        "xPos": column * _WIDTH,
        "yPos": row * _HEIGHT,
        "width": _WIDTH,
        "height": _HEIGHT,
        "widget": {"title": title, "xyChart": {"dataSets": [_data_set(each) for each in lines]}},
    }


def _data_set(line: _Line) -> Json:
    aggregation: Json = {
        "alignmentPeriod": _MINUTE,
        "perSeriesAligner": line.aligner,
        "crossSeriesReducer": line.reducer,
    }
    if line.by:
        aggregation["groupByFields"] = list(line.by)
    filtered = f'metric.type="{line.metric}" AND {line.where}'
    found: Json = {
        "timeSeriesQuery": {"timeSeriesFilter": {"filter": filtered, "aggregation": aggregation}},
        "plotType": "LINE",
        "minAlignmentPeriod": _MINUTE,
    }
    return {**found, "legendTemplate": line.legend} if line.legend else found


class Dashboards:
    """The dashboards of one project."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._path = f"/v1/projects/{access.project}/dashboards"

    def read(self, owner: Mapping[str, str]) -> list[Json]:
        """Those that carry these labels.

        Raises:
            DeploymentFailed: they cannot be looked at.
        """
        from google.api_core.exceptions import Forbidden

        found = self._access.pages("monitoring", self._path, "dashboards", size=500)
        try:
            return [each for each in found if owner.items() <= (each.get("labels") or {}).items()]
        except Forbidden as error:
            raise DeploymentFailed(f"dashboards cannot be looked at: {one_line(error)}") from error

    def create(self, body: Json) -> None:
        """Make one."""
        self._access.rest("POST", "monitoring", self._path, body)

    def patch(self, body: Json, found: Json) -> None:
        """Bring it to what it should be; who changed it meanwhile is not written over."""
        etag = {"etag": found["etag"]} if "etag" in found else {}
        self._access.rest(
            "PATCH", "monitoring", f"/v1/{found['name']}", {**body, "name": found["name"], **etag}
        )

    def delete(self, found: Json) -> None:
        """Delete it; one that is gone already is no error."""
        self._access.rest_or_none("DELETE", "monitoring", f"/v1/{found['name']}")
