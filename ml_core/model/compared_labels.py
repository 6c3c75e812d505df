"""The label that a caller wants each predicted one to be compared with."""

from __future__ import annotations

from ml_core.errors import Fault, InvalidInput, shown

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ml_core.inputs.labels import Label

_SHOWN_LABELS = 20


def number_of(against: Label, labels: Sequence[Label]) -> int:
    """Which of the model's labels that is. Raises `InvalidInput`."""
    for number, label in enumerate(labels):
        if label == against and type(label) is type(against):
            return number
    some = ", ".join(shown(label) for label in labels[:_SHOWN_LABELS])
    more = f", … ({len(labels)} labels)" if len(labels) > _SHOWN_LABELS else ""
    raise InvalidInput.at("$.against", f"expected one of {some}{more}, got {shown(against)}")


def same_label_faults(against: Label, paths: Iterable[str]) -> Iterator[Fault]:
    """What is to be said of instances that are predicted to be the very label."""
    for path in paths:
        yield Fault(
            "$.against",
            f"{path} is predicted to be {shown(against)} itself: name another label, or leave `against` out",
        )
