"""The privacy budgets of datasets: whether one is set, and what was spent of it.

    registry/budgets/{dataset's name in lower case}.json
        budget           {"epsilon", "delta"}; null while none is set
        rho              what all private fits have spent, an exact fraction: "3/8"
        entries          [job, model, attempt, rho, time, token] of the newest of them, oldest first
        entries_omitted  how many there were before those
        changes          [number, time, by, from, to] of the newest changes of the budget, oldest first
        changes_omitted  how many there were before those

It belongs to the name and not to an upload: new uploads are of the same people. So it may be there before the
dataset, and nothing removes it. What private fits spend is written down whether a budget is set or not, so
that one that is set later counts it.

Who only asks whether a budget is set computes nothing; what it costs is in `ledger.py`.
"""

from __future__ import annotations

from ml_core.conflicts import BudgetRefused
from ml_core.documents import read, read_many
from ml_core.errors import ObjectNotFound
from ml_core.ports import every_object
from ml_core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ml_core.documents import Body
    from ml_core.ports import ObjectStore

FOLDER = "registry/budgets/"
_JSON = ".json"


class DatasetBudget(Record):
    """What private trainings on a dataset may cost together: all of them are (epsilon, delta)-private."""

    epsilon: float
    delta: float


def budget_key(dataset: str) -> str:
    """Where the budget of a dataset is kept, in whatever spelling of its name."""
    return f"{FOLDER}{dataset.lower()}{_JSON}"


def budget_in(body: Body) -> DatasetBudget | None:
    """The budget that a document says is set."""
    said = body["budget"]
    return None if said is None else DatasetBudget(said["epsilon"], said["delta"])


def has_budget(store: ObjectStore, dataset: str) -> bool:
    """Whether a budget is set for the dataset. Raises `Unavailable`."""
    try:
        return read(store, budget_key(dataset)).body["budget"] is not None
    except ObjectNotFound:
        return False


def with_budgets(store: ObjectStore, among: Iterable[str] | None = None) -> set[str]:
    """The names in lower case of the datasets that have a budget; `among` are names in lower case.

    Raises `Unavailable`.
    """
    listed = [found.key for found in every_object(store, FOLDER)]
    wanted = None if among is None else set(map(budget_key, among))
    keys = [key for key in listed if wanted is None or key in wanted]
    documents = read_many(store, keys) if keys else []
    return {
        key.removeprefix(FOLDER).removesuffix(_JSON)
        for key, document in zip(keys, documents, strict=True)
        if document is not None and document.body["budget"] is not None
    }


def check_no_budget(store: ObjectStore, dataset: str) -> None:
    """Raise `BudgetRefused` where the dataset may be read by private trainings alone; `Unavailable`."""
    if has_budget(store, dataset):
        raise refused(dataset)


def refused(dataset: str) -> BudgetRefused:
    """The error for a dataset that has a budget."""
    return BudgetRefused(
        f"dataset '{dataset}' has a privacy budget: it is read by trainings with `privacy` alone, and is not "
        f"described, scored or downloaded; GET /v1/datasets/{dataset}/budget tells what is left"
    )
