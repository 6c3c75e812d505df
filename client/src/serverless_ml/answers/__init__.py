"""What the service answers, as records."""

from serverless_ml.answers.algorithms import Algorithm, Algorithms
from serverless_ml.answers.audit import AuditEntries, AuditEntry
from serverless_ml.answers.callers import Caller
from serverless_ml.answers.datasets import (
    BudgetEntry,
    Dataset,
    Datasets,
    Erasure,
    ListedDataset,
    MadeVersion,
    MadeVersions,
    PrivacyBudget,
)
from serverless_ml.answers.explanations import Explanation, Explanations
from serverless_ml.answers.jobs import Attempt, Job, JobError, Jobs
from serverless_ml.answers.learnt import Parameters, Profile
from serverless_ml.answers.models import (
    About,
    Alias,
    Aliases,
    Change,
    DeletedVersion,
    History,
    ListedVersion,
    ModelDescription,
    ModelEntry,
    Models,
    Overview,
    Version,
    Versions,
)
from serverless_ml.answers.monitoring import AliasMonitoring, FeedbackCounts, Monitoring
from serverless_ml.answers.record import Answer, Listed
from serverless_ml.answers.schedules import Schedule, ScheduledRun
from serverless_ml.answers.scoring import Engine, JobFile, JobFiles, ScoreResult
from serverless_ml.answers.usage import Usage

__all__ = [
    "About",
    "Algorithm",
    "Algorithms",
    "Alias",
    "AliasMonitoring",
    "Aliases",
    "Answer",
    "Attempt",
    "AuditEntries",
    "AuditEntry",
    "BudgetEntry",
    "Caller",
    "Change",
    "Dataset",
    "Datasets",
    "DeletedVersion",
    "Engine",
    "Erasure",
    "Explanation",
    "Explanations",
    "FeedbackCounts",
    "History",
    "Job",
    "JobError",
    "JobFile",
    "JobFiles",
    "Jobs",
    "Listed",
    "ListedDataset",
    "ListedVersion",
    "MadeVersion",
    "MadeVersions",
    "ModelDescription",
    "ModelEntry",
    "Models",
    "Monitoring",
    "Overview",
    "Parameters",
    "PrivacyBudget",
    "Profile",
    "Schedule",
    "ScheduledRun",
    "ScoreResult",
    "Usage",
    "Version",
    "Versions",
]
