"""Alarms as log queries over Application Insights: what a person wants to be woken for.

Flex Consumption and storage queues have no metric for three of them, so each is asked of what the apps wrote.
"""

from typing import Any, NamedTuple

ACTION_GROUP_KIND = "Microsoft.Insights/actionGroups"
RULE_KIND = "Microsoft.Insights/scheduledQueryRules"
ACTION_GROUPS = "2023-01-01"
RULES = "2023-12-01"


TOLD = "told"
# Everything of ours that an alarm may have left behind.
ALARMS = ("dead-letters", "errors", "throttles", "waiting-jobs", TOLD)


class AzureAlarm(NamedTuple):
    """A query whose rows are counted every 15 minutes; more than `above` of them are told."""

    name: str
    says: str
    query: str
    above: int


def alarms(api: str, train: str, *others: str) -> list[AzureAlarm]:
    """The alarms of the apps of these names; of `others`, which answer HTTP too, only errors are told."""
    failing = [f"(cloud_RoleName =~ '{each}' and toint(resultCode) >= 500)" for each in (api, *others)]
    return [
        AzureAlarm(
            "dead-letters",
            "A message or job was given up.",
            f"traces | where cloud_RoleName =~ '{train}' and message has '\"event\": \"dead letter\"'",
            0,
        ),
        AzureAlarm(
            "errors",
            "More than five requests or trainings in 15 minutes failed for a reason of ours.",
            f"requests | where {' or '.join(failing)} or (cloud_RoleName =~ '{train}' and success == false)",
            5,
        ),
        AzureAlarm(
            "throttles",
            "More than five requests in 15 minutes were turned away (429).",
            f"requests | where cloud_RoleName =~ '{api}' and resultCode == '429'",
            5,
        ),
        AzureAlarm(
            "waiting-jobs",
            "A job waited more than ten minutes for a trainer, and was sent again.",
            f"traces | where cloud_RoleName =~ '{train}' and message has '\"event\": \"sweep\"'"
            " and toint(extract('\"sent\": ([0-9]+)', 1, message)) > 0",
            0,
        ),
    ]


def rule(alarm: AzureAlarm, insights: str, actions: list[str]) -> dict[str, Any]:
    """The properties of an alarm's rule over the component with that id."""
    return {
        "displayName": alarm.name,
        "description": alarm.says,
        "severity": 2,
        "enabled": True,
        "evaluationFrequency": "PT15M",
        "windowSize": "PT15M",
        "scopes": [insights],
        "criteria": {
            "allOf": [
                {
                    "query": alarm.query,
                    "timeAggregation": "Count",
                    "operator": "GreaterThan",
                    "threshold": alarm.above,
                    "failingPeriods": {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1},
                }
            ]
        },
        "autoMitigate": True,
        "actions": {"actionGroups": actions},
    }


def told(email: str) -> dict[str, Any]:
    """The properties of the group of who is told."""
    receiver = {"name": "email", "emailAddress": email, "useCommonAlertSchema": True}
    return {"groupShortName": "serverlessml", "enabled": True, "emailReceivers": [receiver]}
