"""Who may read a dataset that has a privacy budget, by whatever address: private trainings, which pay."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ml_core.conflicts import BudgetRefused
from ml_core.datasets.sources import ANY_DATASET, WHERE, DataSources
from ml_core.errors import InvalidInput
from ml_core.privacy.budgets import check_no_budget, with_budgets

if TYPE_CHECKING:
    from fractions import Fraction

    from ml_core.ports import ObjectStore


class DataUse(NamedTuple):
    """Data at an address, and the rho that a private fit on it costs; None for what is not private."""

    uri: str
    rho: Fraction | None = None


class PrivateReading(NamedTuple):
    """The budgets in a store, and the sources that lead to its datasets."""

    store: ObjectStore
    sources: DataSources

    def check(self, use: DataUse) -> None:
        """Raise where the data may not be used so: `BudgetRefused`, `BudgetSpent`, `InvalidInput`.

        Nothing is spent. Raises `Unavailable` too.
        """
        if use.rho is None:
            self.check_open(use.uri)
            return
        dataset = self.debited(use.uri)
        if dataset is not None:
            from ml_core.privacy.ledger import Ledger

            Ledger(self.store, dataset).check(use.rho)

    def check_open(self, uri: str) -> None:
        """Raise `BudgetRefused` where what is at the address may be read by private trainings alone.

        Raises `InvalidInput` for what is no address, and `Unavailable`.
        """
        reached = self.sources.reached(uri)
        if reached == ANY_DATASET:
            budgeted = sorted(with_budgets(self.store))
            if budgeted:
                raise BudgetRefused(
                    f"{uri} is in this deployment's own store, where dataset '{budgeted[0]}' has a privacy "
                    "budget: name one upload (dataset://name) that has none"
                )
            return
        for dataset in reached:
            check_no_budget(self.store, dataset)

    def debited(self, uri: str) -> str | None:
        """The dataset whose budget a private training on an address spends; None for other places.

        Raises `InvalidInput` where rows of several datasets may be.
        """
        reached = self.sources.reached(uri)
        if reached == ANY_DATASET:
            raise InvalidInput.at(
                WHERE, f"expected one upload (dataset://name) for a private training, got {uri}"
            )
        return next(iter(reached), None)
