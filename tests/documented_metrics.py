"""What the clouds document of the numbers that dashboards show: names, and how each may be put together.

Google: cloud.google.com/monitoring/api/metrics_gcp (each metric's kind, value type and resource). AWS: the
pages on metrics of HTTP APIs, Lambda and SQS. Azure: the tables of Application Insights
(learn.microsoft.com/azure/azure-monitor/reference/tables). Written down from memory of these pages.
"""

from typing import NamedTuple


class GoogleMetric(NamedTuple):
    """One of Google's: its kind, the type of its values, and the resource that it is of."""

    kind: str
    values: str
    resource: str


_RUN, _QUEUE = "cloud_run_revision", "cloud_tasks_queue"
GOOGLE = {
    "run.googleapis.com/request_count": GoogleMetric("DELTA", "INT64", _RUN),
    "run.googleapis.com/request_latencies": GoogleMetric("DELTA", "DISTRIBUTION", _RUN),
    "run.googleapis.com/container/instance_count": GoogleMetric("GAUGE", "INT64", _RUN),
    "cloudtasks.googleapis.com/queue/depth": GoogleMetric("GAUGE", "INT64", _QUEUE),
    "cloudtasks.googleapis.com/queue/task_attempt_count": GoogleMetric("DELTA", "INT64", _QUEUE),
    "cloudtasks.googleapis.com/queue/task_attempt_delays": GoogleMetric("DELTA", "DISTRIBUTION", _QUEUE),
}
GOOGLE_LABELS = {
    _RUN: {"project_id", "service_name", "revision_name", "location", "configuration_name"},
    _QUEUE: {"project_id", "queue_id", "target_type", "location"},
}
GOOGLE_METRIC_LABELS = {"response_code", "response_code_class", "state"}
AWS = {
    "AWS/ApiGateway": {"4xx", "5xx", "Count", "DataProcessed", "IntegrationLatency", "Latency"},
    "AWS/Lambda": {
        *("Invocations", "Errors", "DeadLetterErrors", "Throttles", "Duration", "IteratorAge"),
        *("ConcurrentExecutions", "ProvisionedConcurrencyInvocations", "UnreservedConcurrentExecutions"),
    },
    "AWS/SQS": {
        *("ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesDelayed", "NumberOfMessagesSent"),
        *("ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesVisible", "SentMessageSize"),
        *("NumberOfEmptyReceives", "NumberOfMessagesDeleted", "NumberOfMessagesReceived"),
    },
}
AZURE = {
    "requests": {
        *("timestamp", "id", "source", "name", "url", "success", "resultCode", "duration", "itemCount"),
        *("operation_Name", "operation_Id", "cloud_RoleName", "cloud_RoleInstance", "performanceBucket"),
    },
    "traces": {
        *("timestamp", "message", "severityLevel", "itemCount", "operation_Name", "operation_Id"),
        *("cloud_RoleName", "cloud_RoleInstance", "customDimensions"),
    },
}
