"""A fitted model, whole: features in, labels out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ml_core.algorithms import Answers
from ml_core.arithmetic import choose
from ml_core.arithmetic.bounds import BLOCK_NUMBERS, NotFinite
from ml_core.errors import Fault, InvalidInput, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ml_core.algorithms import Fitted
    from ml_core.arithmetic.contract import Arithmetic
    from ml_core.inputs.labels import Label
    from ml_core.inputs.rows import Limits, Rows
    from ml_core.preprocessing.encoding import Encoding
    from ml_core.preprocessing.scaling import Scaling


class Predictions(NamedTuple):
    """One entry for each row in what was asked, None in the rest.

    `decisions` has one number for each row where there are two classes, else a list in the order of the
    classes; `distances` are those to each cluster's centre.
    """

    labels: "list[Label] | None" = None
    probabilities: list[list[float]] | None = None
    decisions: list[list[float]] | list[float] | None = None
    distances: list[list[float]] | None = None


class Model:
    """What an artifact holds. Predicting changes nothing in it, so threads may share one.

    `classes` are the labels in the order of probabilities and decisions, None for clusters, whose labels are
    their numbers. `nbytes` is the artifact's size, 0 for a model that was never stored.
    """

    def __init__(
        self,
        fitted: "Fitted",
        *,
        algorithm: str,
        hyperparameters: "Mapping[str, object]",
        features: tuple[str, ...],
        classes: "tuple[Label, ...] | None",
        scaling: "Scaling | None" = None,
        encoding: "Encoding | None" = None,
        nbytes: int = 0,
    ) -> None:
        self.algorithm = algorithm
        self.hyperparameters = hyperparameters
        self.features = features
        self.classes = classes
        self.fitted = fitted
        self.scaling = scaling
        self.encoding = encoding
        self.nbytes = nbytes
        self._numbers = sum(tensor.size for tensor in fitted.tensors().values())

    @property
    def outputs(self) -> tuple[str, ...]:
        """What `predict` can be asked for, of "label", "probability", "decision" and "distance"."""
        return tuple(self.fitted.outputs)

    @property
    def description(self) -> dict[str, object]:
        """Algorithm, hyperparameters, features and classes as JSON values."""
        described: dict[str, object] = {
            "algorithm": self.algorithm,
            "hyperparameters": dict(self.hyperparameters),
            "features": list(self.features),
            "classes": None if self.classes is None else list(self.classes),
        }
        if self.encoding:
            described["encoding"] = self.encoding.description()
        return described

    def row_schema(self) -> dict[str, object]:
        """The JSON Schema of a row: a list in the order of the features, or an object by their names."""
        from ml_core.inputs.columns import row_schema

        if self.encoding:
            return row_schema(self.encoding.schemas())
        return row_schema({name: {"type": "number"} for name in self.features})

    def rows(
        self,
        instances: object,
        *,
        limits: "Limits",
        where: str = "$.instances",
        expecting: str = "the model",
    ) -> "Rows":
        """What a caller sends as rows of the features, checked. Raises `InvalidInput`, `TooLarge`."""
        if self.encoding:
            return self.encoding.rows(instances, limits=limits, where=where, expecting=expecting)
        from ml_core.inputs.instances import rows_from_json

        return rows_from_json(
            instances, features=self.features, limits=limits, where=where, expecting=expecting
        )

    def cells(self, rows: int, outputs: Sequence[str] = ("label",)) -> int:
        """How many values an answer for so many rows holds: what a limit on answers is compared with."""
        return rows * sum(self.fitted.outputs.get(output, 0) for output in outputs)

    def to_bytes(self) -> bytes:
        """The model's artifact: what `from_bytes` reads, and `deploy_model` deploys."""
        from ml_core.model.artifact import write

        description = {**self.description, "parameters": self.fitted.parameters()}
        scaling = self.scaling.tensors() if self.scaling else {}
        return write(description, {**self.fitted.tensors(), **scaling})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """The model of an artifact. Raises `ArtifactInvalid` for bytes that `to_bytes` did not make."""
        from ml_core.model.artifact import read
        from ml_core.model.restoring import parts_of

        return cls(**parts_of(*read(data)), nbytes=len(data))

    def predict(self, rows: "Rows", outputs: Sequence[str] = ("label",)) -> Predictions:
        """What is asked in `outputs`, for every row.

        Raises `InvalidInput` for an output that this model cannot give, and for a row so far out that its
        result is not a finite number.
        """
        self._check_outputs(outputs)
        answers = list(self._answers(rows, outputs))
        return Predictions(
            self._labels(_joined([block.labels for block in answers])) if "label" in outputs else None,
            _joined([block.probabilities for block in answers]),
            self._decisions(_joined([block.decisions for block in answers])),
            _joined([block.distances for block in answers]),
        )

    def answer[M](
        self, arithmetic: "Arithmetic[M]", packed: "bytes | memoryview", outputs: Sequence[str]
    ) -> "Answers[M]":
        """The answers for packed rows in the arithmetic that is given. Raises `arithmetic.NotFinite`."""
        X = arithmetic.matrix(packed, len(self.features))
        if self.encoding:
            X = arithmetic.encoded(X, self.encoding.layout)
        if self.scaling:
            X = arithmetic.standardised(X, self.scaling.mean, self.scaling.scale)
        return self.fitted.answer(arithmetic, X, outputs)

    def _check_outputs(self, outputs: Sequence[str]) -> None:
        gives = ", ".join(self.outputs)
        if not outputs:
            raise InvalidInput.at("$.outputs", f"expected some of {gives}, got none")
        faults = [
            Fault(f"$.outputs[{index}]", f"this model gives {gives}; it has no {shown(output)}")
            for index, output in enumerate(outputs)
            if output not in self.outputs
        ]
        if faults:
            raise InvalidInput(faults)

    @property
    def widest(self) -> int:
        """The columns of the widest matrix that answering makes of the rows: what blocks are measured by."""
        encoded = self.encoding.layout.narrow if self.encoding else 0
        return max(self.fitted.columns, encoded, len(self.features))

    def _answers(self, rows: "Rows", outputs: Sequence[str]) -> "Iterator[Answers[list[list[float]]]]":
        """The answers for blocks of rows, whose matrices are bounded however many rows there are."""
        arithmetic = choose(len(rows), self._numbers)
        step = max(1, BLOCK_NUMBERS // self.widest)
        for block, packed in enumerate(rows.blocks(step)):
            try:
                labels, *matrices = self.answer(arithmetic, packed, outputs)
            except NotFinite as overflow:
                row = block * step + overflow.row
                message = "these values are so large that the model's result overflows"
                raise InvalidInput.at(f"{rows.where}[{row}]", message) from None
            yield Answers(labels, *(None if each is None else arithmetic.lists(each) for each in matrices))

    def _labels(self, numbers: list[int] | None) -> "list[Label] | None":
        if numbers is None or self.classes is None:
            return [*(numbers or ())]
        return list(map(self.classes.__getitem__, numbers))

    def _decisions(self, decisions: list[list[float]] | None) -> list[list[float]] | list[float] | None:
        """scikit-learn's shape: of two classes, one number for each row."""
        return [row[0] for row in decisions] if decisions and len(decisions[0]) == 1 else decisions


def _joined[T](blocks: "Sequence[list[T] | None]") -> list[T] | None:
    """The blocks' entries in one list; None where there are none."""
    given = [block for block in blocks if block is not None]
    return [entry for block in given for entry in block] if given else None
