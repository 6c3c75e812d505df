"""What a job may read of datasets that have privacy budgets, and what it pays for that.

It is asked for three times. When an attempt begins, what is not private is refused. Right before its child
process begins, a private fit pays; each attempt does so anew, since one that died may have told what it
found. And before what it made can be read, both are looked at again.
"""

from ml_core.conflicts import BudgetRefused, BudgetSpent
from ml_core.datasets.private_reading import DataUse, PrivateReading
from ml_core.datasets.sources import DataSources
from ml_core.errors import InvalidInput, ObjectNotFound, Unavailable
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.jobs import input_key
from ml_core.jobs.kinds import SCORING, kind_of
from ml_core.jobs.leases import Lease
from ml_core.privacy.ledger import Ledger
from ml_core.scoring.request import ScoringRequest
from ml_core.training.privacy import rho
from ml_core.training.reference import STORED_PREFIX, TableReference

BUDGET_ERRORS = (BudgetRefused, BudgetSpent)
"""What keeps a job from ever being done."""


class _UploadsAlone(DataSources):
    """Knows the datasets by their names; what another address is, nobody here can tell."""

    def reached(self, uri: object) -> frozenset[str]:
        """None, of an address that is another."""
        try:
            return super().reached(uri)
        except InvalidInput:
            return frozenset()


class DataAccess:
    """What one held job reads, and whether it may."""

    def __init__(self, lease: Lease, context: TrainerContext) -> None:
        store = context.jobs.store
        self._lease = lease
        self._store = store
        # Without sources no other address can be read, nor was.
        self._reading = PrivateReading(store, context.data or _UploadsAlone(uploads=lambda: store))
        self._use: DataUse | None = None
        self._known = False

    def begin(self, stored: bytes) -> None:
        """Look at the job's stored request. Raises `BudgetRefused`, `InvalidInput`, `Unavailable`."""
        self._use, self._known = data_use(stored), True
        self._check_open()

    def pay(self) -> None:
        """Spend what a private fit costs, before it begins. Raises `BudgetSpent`, `Unavailable`."""
        use = self._use
        if use is None or use.rho is None:
            return
        dataset = self._reading.debited(use.uri)
        if dataset is None:
            return
        job = self._lease.job
        attempt = sum(each.get("times", 1) for each in job.attempts)
        Ledger(self._store, dataset).debit(
            use.rho, job=job.id, model=job.model, attempt=attempt, token=self._lease.owner
        )

    def check(self) -> None:
        """Look again, before what was made can be read.

        Raises:
            BudgetRefused: a budget was set meanwhile, and it was not made privately.
            BudgetSpent: nothing was paid for it, or the budget was lowered meanwhile.
            Unavailable: the store failed.
        """
        if not self._known:
            self._use, self._known = data_use(self._stored()), True
        self._check_open()
        use = self._use
        dataset = self._reading.debited(use.uri) if use is not None and use.rho is not None else None
        if dataset is not None:
            Ledger(self._store, dataset).check_covered(self._lease.job.id)

    @property
    def is_open(self) -> bool:
        """Whether it reads data without privacy: what it says of that may not be told later."""
        return self._use is not None and self._use.rho is None

    def _check_open(self) -> None:
        if self._use is not None and self._use.rho is None:
            self._reading.check_open(self._use.uri)

    def _stored(self) -> bytes:
        try:
            return self._store.get(input_key(self._lease.job.id)).data
        except ObjectNotFound as error:
            self._lease.look()  # raises LeaseLost when another trainer has ended the job meanwhile
            raise Unavailable(f"the input of job '{self._lease.job.id}' is missing") from error


def data_use(stored: bytes) -> DataUse | None:
    """Which data at an address a stored request reads, and what a private fit on it costs; None for none.

    Raises `ArtifactInvalid`.
    """
    if kind_of(stored) is SCORING:
        return DataUse(ScoringRequest.from_bytes(stored).uri)
    if not stored.startswith(STORED_PREFIX):
        return None
    described, table = TableReference.from_bytes(stored)
    privacy = described.get("privacy")
    return DataUse(table.uri, None if privacy is None else rho(privacy))
