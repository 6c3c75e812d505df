"""Alerts of Cloud Monitoring: what they watch (pure), and how they are found, made, mended and deleted.

Monitoring names its policies and channels by numbers of its own, so ours are found by their labels.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from providers.deploying.plan import DeploymentFailed
from providers.google.deploying.access import Access, one_line
from providers.google.deploying.names import GoogleNames

Json = dict[str, Any]

POLICIES, CHANNELS = "alertPolicies", "notificationChannels"
# The label that tells the alarms of one deployment apart, and the name that the channel goes by.
LABEL, CHANNEL = "alarm", "channel"
# In five minutes: answers of ours that failed, and requests that Cloud Run had no instance for.
_ERRORS, _REFUSED, _WINDOW = 5, 10, "300s"
# Milliseconds for which a job may wait.
_LONGEST_WAIT = 15 * 60 * 1000


class Alarm(NamedTuple):
    """An alert policy or the channel that tells of it; `kind` is its collection."""

    title: str
    kind: str
    name: str
    body: Json


class Alarms(NamedTuple):
    """All alarms of a deployment, the channel first; `owner` are the labels that all of them carry."""

    owner: Mapping[str, str]
    wanted: tuple[Alarm, ...] = ()

    @property
    def tell(self) -> bool:
        """Whether somebody is told of them."""
        return any(alarm.kind == CHANNELS for alarm in self.wanted)


def alarms_of(names: GoogleNames, queue: str, email: str, *, functions: Collection[str], on: bool) -> Alarms:
    """The alarms of a deployment; none where they are off."""
    owner = {**names.owner, "region": names.region}
    if not on:
        return Alarms(owner)
    api, train, sweep = (names.function(each) for each in ("api", "train", "sweep"))
    place = f'resource.type="cloud_run_revision" AND resource.labels.location="{names.region}"'
    requests = f'metric.type="run.googleapis.com/request_count" AND {place}'
    each = ",".join(f'"{names.function(name)}"' for name in functions)
    ours = f"resource.labels.service_name=one_of({each})"
    waiting = (
        'metric.type="cloudtasks.googleapis.com/queue/task_attempt_delays"'
        ' AND resource.type="cloud_tasks_queue"'
        f' AND resource.labels.location="{names.region}" AND resource.labels.queue_id="{queue}"'
    )
    conditions = {
        "errors": _above(
            f'{requests} AND {ours} AND metric.labels.response_code_class="5xx"', _ERRORS, "ALIGN_DELTA"
        ),
        "refused": _above(
            f'{requests} AND resource.labels.service_name="{api}" AND metric.labels.response_code="429"',
            _REFUSED,
            "ALIGN_DELTA",
        ),
        "waiting": _above(waiting, _LONGEST_WAIT, "ALIGN_PERCENTILE_99"),
        "dead-letters": {
            "conditionMatchedLog": {
                "filter": f'{place} AND resource.labels.service_name=("{train}" OR "{sweep}")'
                ' AND jsonPayload.event="dead letter"'
            }
        },
    }
    said = {
        "errors": f"more than {_ERRORS} answers in five minutes failed",
        "refused": f"more than {_REFUSED} requests in five minutes found no instance",
        "waiting": "jobs wait longer than a quarter of an hour",
        "dead-letters": "a job could not be worked off",
    }
    policies = [_policy(names, owner, name, said[name], condition) for name, condition in conditions.items()]
    return Alarms(owner, (*_channel(names, owner, email), *policies))


def _above(filtered: str, threshold: int, aligner: str) -> Json:
    reducer = "REDUCE_MAX" if aligner.startswith("ALIGN_PERCENTILE") else "REDUCE_SUM"
    return {
        "conditionThreshold": {
            "filter": filtered,
            "comparison": "COMPARISON_GT",
            "thresholdValue": threshold,
            "duration": "0s",
            "aggregations": [
                {
                    "alignmentPeriod": _WINDOW,
                    "perSeriesAligner": aligner,
                    "crossSeriesReducer": reducer,
                }
            ],
        }
    }


def _policy(names: GoogleNames, owner: Mapping[str, str], name: str, said: str, condition: Json) -> Alarm:
    strategy: Json = {"autoClose": "86400s"}
    if "conditionMatchedLog" in condition:
        # Each matching line would send a message of its own.
        strategy["notificationRateLimit"] = {"period": "3600s"}
    shown = f"{names.base} in {names.region}: {said}"
    return Alarm(
        f"the alarm {name}: {said}",
        POLICIES,
        name,
        {
            "displayName": shown,
            "documentation": {
                "content": f"{shown}. docs/jobs.md says what to do.",
                "mimeType": "text/markdown",
            },
            "userLabels": {**owner, LABEL: name},
            "combiner": "OR",
            "enabled": True,
            "conditions": [{"displayName": said, **condition}],
            "alertStrategy": strategy,
        },
    )


def _channel(names: GoogleNames, owner: Mapping[str, str], email: str) -> Iterator[Alarm]:
    if email:
        yield Alarm(
            f"the notification channel to {email}",
            CHANNELS,
            CHANNEL,
            {
                "type": "email",
                "displayName": f"{names.base} in {names.region}",
                "labels": {"email_address": email},
                "userLabels": {**owner, LABEL: CHANNEL},
                "enabled": True,
            },
        )


class Monitoring:
    """The alarms of one project."""

    def __init__(self, access: Access) -> None:
        self._access = access
        # A listing may lack what was made a moment ago.
        self._made: Json | None = None

    def read(self, owner: Mapping[str, str]) -> dict[str, Json]:
        """The alarms that carry these labels, by their own one.

        Raises:
            DeploymentFailed: they cannot be looked at.
        """
        from google.api_core.exceptions import Forbidden

        found = {}
        try:
            for kind in (CHANNELS, POLICIES):
                path = f"/v3/projects/{self._access.project}/{kind}"
                for each in self._access.pages("monitoring", path, kind, size=500):
                    labels = each.get("userLabels") or {}
                    if owner.items() <= labels.items() and LABEL in labels:
                        found[labels[LABEL]] = each
        except Forbidden as error:
            raise DeploymentFailed(f"alarms cannot be looked at: {one_line(error)}") from error
        return found

    def create(self, alarm: Alarm, alarms: Alarms) -> None:
        """Make it, as one of these; a policy tells their channel, where there is one."""
        path = f"/v3/projects/{self._access.project}/{alarm.kind}"
        made = self._access.rest("POST", "monitoring", path, {**alarm.body, **self._told(alarm, alarms)})
        if alarm.kind == CHANNELS:
            self._made = made

    def patch(self, alarm: Alarm, found: Json, alarms: Alarms) -> None:
        """Bring it to what it should be."""
        body = {**alarm.body, **self._told(alarm, alarms)}
        path = f"/v3/{found['name']}?updateMask={','.join(sorted(body))}"
        self._access.rest("PATCH", "monitoring", path, {**body, "name": found["name"]})

    def delete(self, found: Json) -> None:
        """Delete it; one that is gone already is no error."""
        self._access.rest_or_none("DELETE", "monitoring", f"/v3/{found['name']}")

    def _told(self, alarm: Alarm, alarms: Alarms) -> Json:
        if alarm.kind == CHANNELS:
            return {}
        channel = (self._made or self.read(alarms.owner).get(CHANNEL)) if alarms.tell else None
        return {"notificationChannels": [channel["name"]] if channel else []}
