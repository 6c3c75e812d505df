"""What the columns of a table of predictions are called: an output of several values is a column for each.

Answers of `:predict` in CSV and files of scores have the same names.
"""

from __future__ import annotations

from ml_core.errors import InvalidInput
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ml_core.model.model import Model


class OutputColumn(Record):
    """One column: its name, the output as it was asked for, and which of its values; None is its only one."""

    name: str
    asked: str
    place: int | None = None


def output_columns(model: Model, outputs: Iterable[str]) -> Iterator[OutputColumn]:
    """The columns of what is asked of a model, in the order asked. Raises `InvalidInput`."""
    for asked in outputs:
        spec = model.output_spec(asked)
        if spec is None or not spec.shape:
            yield OutputColumn(asked, asked)
            continue
        if len(spec.shape) > 1:
            raise InvalidInput.at(
                "outputs", f"{asked} has several axes, which no columns hold: ask for it in JSON"
            )
        classes = model.classes
        labels = classes if classes is not None and len(classes) == spec.width else range(spec.width)
        for place, label in enumerate(labels):
            yield OutputColumn(f"{asked}_{cell_of(label)}", asked, place)


def cell_of(value: Any) -> Any:  # noqa: ANN401 - whatever a prediction has
    """A value as a cell of CSV has it."""
    return ("true" if value else "false") if isinstance(value, bool) else value
