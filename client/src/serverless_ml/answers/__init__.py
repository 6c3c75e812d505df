"""What the service answers, as records."""

from serverless_ml.answers.algorithms import Algorithm, Algorithms
from serverless_ml.answers.datasets import Dataset, Datasets, ListedDataset
from serverless_ml.answers.jobs import Attempt, Job, JobError, Jobs
from serverless_ml.answers.models import (
    Alias,
    Aliases,
    Change,
    DeletedVersion,
    History,
    ListedVersion,
    ModelDescription,
    Models,
    Version,
    Versions,
)
from serverless_ml.answers.record import Answer, Listed

__all__ = [
    "Algorithm",
    "Algorithms",
    "Alias",
    "Aliases",
    "Answer",
    "Attempt",
    "Change",
    "Dataset",
    "Datasets",
    "DeletedVersion",
    "History",
    "Job",
    "JobError",
    "Jobs",
    "Listed",
    "ListedDataset",
    "ListedVersion",
    "ModelDescription",
    "Models",
    "Version",
    "Versions",
]
