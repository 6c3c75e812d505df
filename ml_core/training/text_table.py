"""A table with a column of texts, which are read exactly as they are written."""

from typing import TYPE_CHECKING

from ml_core.errors import InvalidInput, shown
from ml_core.inputs.kinds import TEXT
from ml_core.tables import reading
from ml_core.training.instances import TrainingInstances
from ml_core.training.labelling import Labelling, column_names
from ml_core.training.split import Split, column_of

if TYPE_CHECKING:
    from ml_core.tables.columns import Column
    from ml_core.tables.memory import Budget
    from ml_core.training.reference import TableReference

_MOST_NAMED = 5


def read_texts(
    data: "TableReference", path: str, budget: "Budget", split: Split, *, held_out: bool
) -> TrainingInstances:
    """The texts of the table at `path`. Raises what `read_instances` raises."""
    name, by = data.text or "", column_of(split)
    wanted = {name, *filter(None, [data.target, by])}
    # A text has no number beside it that an estimator would be given.
    dataset = reading.read(
        path,
        declared=data.format,
        names=wanted,
        budget=budget._replace(bytes_a_number=0),
        options=data.options.reading(by),
        texts=[name],
    )
    column = dataset.column(name)
    if column is None:
        has = column_names(path, data)
        raise InvalidInput.at("$.data.text", f"the table has no column {shown(name)}; it has {has}")
    texts = _texts(column)
    labelling = Labelling.of(dataset, data.target, split)
    there = column.present
    if not there.any():
        raise InvalidInput.at("$.data.text", f"no row has a text in column {shown(name)}")
    warnings = [] if there.all() else [_without_text(column, int((~there).sum()))]
    kept, told = labelling.rows_kept(None if there.all() else there, held_out=held_out)
    chosen = texts if kept is None else [texts[row] for row in kept.nonzero()[0].tolist()]
    found = [text for text in chosen if text is not None]
    if blank := sum(not text.strip() for text in found):
        warnings.append(f"{blank} texts are empty, or nothing but space")
    return TrainingInstances(
        TEXT,
        found,
        (name,),
        labelling.labels(kept),
        (*dataset.warnings, *warnings, *told),
        labelling.ranks(kept, held_out=held_out),
        in_file=True,
    )


def _texts(column: "Column") -> list[str | None]:
    if not isinstance(column.cells, list):
        raise InvalidInput.at(
            "$.data.text", f"column {shown(column.name)} is of type {column.kind} in this file, and holds no "
            "texts: write it as texts, or name another",
        )  # fmt: skip
    return column.cells


def _without_text(column: "Column", rows: int) -> str:
    """What is to be said of rows without a text, and of the words that were said to stand for none."""
    words = sorted(column.missing_words)[:_MOST_NAMED]
    named = ", ".join(f"{shown(word)} ({column.missing_words[word]} rows)" for word in words)
    why = f': "missing" says that {named} stands for none' if words else ""
    return f"{rows} rows have no text and are left out{why}"
