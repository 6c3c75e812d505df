"""How a classifier did, class by class."""

from serverless_ml.display import reading, text
from serverless_ml.display.blocks import Block, Column, Matrix, Table
from serverless_ml.display.reading import Document

MOST_CLASSES = 12  # of a confusion matrix; of more the most frequent mistakes are told
MOST_ROWS = 20


def measured(metrics: Document, member: str) -> tuple[Document, str]:
    """Return the side that has a member, held out before training, and what it is called."""
    for name, said in (("test", "held out"), ("training", "training")):
        side = reading.members(metrics, name)
        if reading.items(side, member):
            return side, said
    return {}, ""


def confusion(metrics: Document, classes: object) -> list[Block]:
    """Return the confusion matrix, on held-out rows where there are any."""
    side, said = measured(metrics, "confusion_matrix")
    counts = tuple(tuple(reading.numbers(row)) for row in reading.items(side, "confusion_matrix"))
    if not counts or any(len(row) != len(counts) for row in counts):
        return []
    labels = names_of(classes, side, len(counts))
    if len(counts) > MOST_CLASSES:
        return mistakes(labels, counts, said)
    return [Matrix(f"Confusion, {said}", labels, counts)]


def names_of(classes: object, side: Document, count: int) -> tuple[str, ...]:
    """Return what the classes are called, by whatever says it."""
    told = (
        classes
        if isinstance(classes, list)
        else [each.get("class") for each in reading.documents(side, "per_class")]
    )
    labels = [text.shown(text.plain(label), 24) for label in told[:count]]
    return tuple(labels + [f"class {place}" for place in range(len(labels), count)])


def mistakes(labels: tuple[str, ...], counts: tuple[tuple[float, ...], ...], said: str) -> list[Block]:
    """Return the most frequent mistakes, for there are too many classes for a matrix."""
    found = [
        (count, true, predicted)
        for true, row in enumerate(counts)
        for predicted, count in enumerate(row)
        if true != predicted and count > 0
    ]
    found.sort(reverse=True)
    rows = tuple(
        (labels[true], labels[predicted], text.number(count)) for count, true, predicted in found[:10]
    )
    columns = (Column("true"), Column("predicted"), Column("rows", right=True))
    return (
        [Table(columns, rows, f"The most frequent mistakes of {len(labels)} classes, {said}")] if rows else []
    )


def most_told(count: int, most: int) -> str:
    """Return how many more classes there are."""
    return f"and {count - most} more classes" if count > most else ""


def per_class(metrics: Document) -> list[Block]:
    """Return precision, recall and F1 of each class."""
    side, said = measured(metrics, "per_class")
    told = reading.documents(side, "per_class")
    names = ("precision", "recall", "f1")
    if not told:
        return []
    rows = tuple(
        (
            text.shown(text.plain(each.get("class")), 32),
            *(
                text.aligned(value) if (value := reading.number(each, name)) is not None else "–"
                for name in names
            ),
            text.number(reading.number(each, "support") or 0),
        )
        for each in told[:MOST_ROWS]
    )
    columns = (Column("class"), *(Column(name, right=True) for name in ("precision", "recall", "F1", "rows")))
    return [Table(columns, rows, f"Each class, {said}", most_told(len(told), MOST_ROWS))]
