"""What callers tell of predictions: receipts, each with a label, checked before any of them is counted."""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from ml_core.documents import Body
from ml_core.errors import Fault, raise_faults, shown
from ml_core.monitoring.feedback import ID_LENGTH, Taken, Truth, count
from ml_core.monitoring.receipts import VALID_DAYS, Receipt, Receipts, VersionReceipts, read_receipt
from ml_core.ports import ObjectStore
from ml_core.registry.registry import ModelDocument, Registry, manifest_key

_DAY = 24 * 60  # minutes
_SHOWN_CLASSES = 5

type Label = str | int | bool | None


class Told(NamedTuple):
    """A receipt, and the label of what was predicted for; None where it is none of the model's classes."""

    receipt: str
    label: Label


class _ToldVersion:
    """What is known of a version that receipts name; its classes are read for those that it has made."""

    def __init__(self, store: ObjectStore, entry: Body, receipts: VersionReceipts) -> None:
        self._store = store
        self._entry = entry
        self.made = receipts.made

    @property
    def job(self) -> str:
        job: str = self._entry["job"]
        return job

    @property
    def deleted(self) -> bool:
        return "deleted" in self._entry

    @cached_property
    def numbers(self) -> dict[Label, int]:
        """Each class's number. Raises `Unavailable`."""
        manifest = json.loads(self._store.get(manifest_key(self.job)).data)
        return {label: number for number, label in enumerate(manifest["classes"])}


class Telling:
    """Takes what callers tell of the predictions of a registry's models.

    Args:
        registry: the models.
        receipts: those of the deployment.
        kept_days: for how many days predictions are counted; a receipt is not valid any longer.
    """

    def __init__(self, registry: Registry, receipts: Receipts, kept_days: int = VALID_DAYS) -> None:
        self._registry = registry
        self._receipts = receipts
        self._valid_days = min(kept_days, VALID_DAYS)

    def tell(self, name: str, told: Sequence[Told], where: str = "$.receipts") -> Taken:
        """Count what was told, unless it was before. What is told twice with the same label is repeated.

        Raises:
            InvalidInput: with each place where something is wrong; nothing was counted.
            ModelNotFound, Unavailable, FeedbackFull: see `feedback.count`.
        """
        model = self._registry.model(name)
        read = [read_receipt(each.receipt) for each in told]
        versions = self._versions(model, {receipt.version for receipt in read if receipt})
        truths: list[tuple[str, Truth]] = []

        def check_each() -> Iterator[Fault]:
            first: dict[str, int] = {}
            for place, (each, receipt) in enumerate(zip(told, read, strict=True)):
                version = versions.get(receipt.version) if receipt else None
                fault = self._fault(name, receipt, version)
                if fault or receipt is None or version is None:
                    yield Fault(f"{where}[{place}].receipt", fault)
                    continue
                number = _number_of(each.label, version.numbers)
                if number is None and each.label is not None:
                    yield Fault(f"{where}[{place}].label", _no_class(each.label, receipt.version, version))
                    continue
                before = first.setdefault(each.receipt, place)
                if _differ(told[before].label, each.label):
                    other = f"{where}[{before}]"
                    yield Fault(
                        f"{where}[{place}].label", f"is another than that of the same receipt in {other}"
                    )
                    continue
                truths.append((version.job, _truth(receipt, number)))

        raise_faults(check_each())
        return count(self._registry.store, truths)

    def _fault(self, name: str, receipt: Receipt | None, version: _ToldVersion | None) -> str:
        """What is wrong with a receipt; empty where nothing is."""
        if receipt is None or version is None or not version.made(receipt):
            return f"is no receipt that this deployment gave for model '{name}'"
        if version.deleted:
            return f"is of version {receipt.version} of model '{name}', which was deleted"
        if self._receipts.minute - receipt.minute > self._valid_days * _DAY:
            days = f"{self._valid_days} day{'s' if self._valid_days > 1 else ''}"
            return f"is of a prediction that was made longer ago than {days}: no receipt is valid longer"
        return ""

    def _versions(self, model: ModelDocument, numbers: set[int]) -> dict[int, _ToldVersion]:
        """The versions of those numbers that there are, or were. Raises `Unavailable`."""
        return {
            number: _ToldVersion(self._registry.store, entry, self._receipts.of(model.name, entry["job"]))
            for number, entry in model.entries(sorted(numbers)).items()
        }


def _truth(receipt: Receipt, true: int | None) -> Truth:
    return Truth(receipt.code[:ID_LENGTH], receipt.minute, receipt.predicted, receipt.bin, true)


def _number_of(label: Label, numbers: dict[Label, int]) -> int | None:
    """The number of a class; None for what is none, such as 1 where a class is `true`."""
    kind = type(next(iter(numbers), None))
    return numbers.get(label) if type(label) is kind else None


def _differ(one: Label, other: Label) -> bool:
    return type(one) is not type(other) or one != other


def _no_class(label: Label, number: int, version: _ToldVersion) -> str:
    classes = [*version.numbers]
    listed = ", ".join(map(shown, classes[:_SHOWN_CLASSES]))
    more = f" and {len(classes) - _SHOWN_CLASSES} more" if len(classes) > _SHOWN_CLASSES else ""
    return (
        f"is {shown(label)}; expected one of the classes of version {number} ({listed}{more}), "
        "or null for none of them"
    )
