"""A fitted model, whole: features in, labels out."""

from __future__ import annotations

from ml_core.algorithms.outputs import LABEL, TOP, by_every_name
from ml_core.arithmetic.bounds import BLOCK_NUMBERS, NotFinite, overflowing
from ml_core.errors import ArtifactInvalid, Fault, InvalidInput, raise_faults, shown
from ml_core.inputs.instances import LEAVE_OUT, rows_from_json
from ml_core.inputs.rows import Rows
from ml_core.preprocessing.batch import RowBatch
from ml_core.records import cached_property

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from ml_core.algorithms.contract import FittedEstimator, Values
    from ml_core.algorithms.learnt import Learnt
    from ml_core.algorithms.outputs import OutputSpec
    from ml_core.arithmetic.contract import Arithmetic
    from ml_core.explaining.explanation import Explanation
    from ml_core.inputs.arrays import Pictures, Sequences
    from ml_core.inputs.by_column import Columns
    from ml_core.inputs.columns import Feature
    from ml_core.inputs.labels import Label
    from ml_core.inputs.notes import Notes
    from ml_core.inputs.rows import Limits
    from ml_core.preprocessing.encoding import Encoding
    from ml_core.preprocessing.instance_input import InstanceInput
    from ml_core.preprocessing.pixel_columns import PixelColumns
    from ml_core.preprocessing.scaling import Scaling
    from ml_core.profiles.profile import Profile

    # Checked instances. Those of imported models may be of kinds of their own (`graphs/instances.py`).
    type Instances = Rows | Pictures | Sequences
    # What was asked, by the outputs' names in the order asked: an entry for each row.
    type Predictions = dict[str, list[Any]]


class Model:
    """What an artifact holds. Predicting changes nothing in it, so threads may share one.

    `classes` are the labels in the order of probabilities and decisions, None for clusters, whose labels are
    their numbers. `reader` reads pictures, sequences or texts, None where instances are rows of a table.
    `profile_bytes` are those of `profile`, which no prediction reads. `nbytes` is the artifact's size, 0 for
    a model that was never stored. `kept` is what others work out of it once, by a name of theirs.
    """

    def __init__(
        self,
        estimator: FittedEstimator,
        *,
        algorithm: str,
        hyperparameters: Mapping[str, object],
        features: tuple[str, ...],
        classes: tuple[Label, ...] | None,
        scaling: Scaling | None = None,
        encoding: Encoding | None = None,
        reader: InstanceInput | None = None,
        profile_bytes: bytes | memoryview | None = None,
        nbytes: int = 0,
    ) -> None:
        self.algorithm = algorithm
        self.hyperparameters = hyperparameters
        self.features = features
        self.classes = classes
        self.estimator = estimator
        self.scaling = scaling
        self.encoding = encoding
        self.reader = reader
        self.profile_bytes = profile_bytes
        self.nbytes = nbytes
        self.kept: dict[str, Any] = {}
        self.output_specs: dict[str, OutputSpec] = {spec.name: spec for spec in estimator.outputs}
        self._asked = by_every_name(self.output_specs)
        top = TOP if getattr(estimator, "gives_top", False) else "probability"
        self._seen = [name for name in ("label", top) if name in self.output_specs or name == TOP]

    def __repr__(self) -> str:
        from ml_core.model.one_line import one_line

        numbers = {**self.estimator.tensors(), **(self.scaling.tensors() if self.scaling else {})}
        nbytes = self.nbytes or sum(len(tensor.packed) for tensor in numbers.values())
        return one_line(self.algorithm, self.features, self.classes, nbytes)

    @property
    def outputs(self) -> tuple[str, ...]:
        """What `predict_rows` can be asked for, each by one of its names."""
        return tuple(self.output_specs)

    @property
    def unasked(self) -> str:
        """The output that is given where none is asked for: labels, where the model has them."""
        return "label" if "label" in self.output_specs else next(iter(self.output_specs))

    def output_spec(self, output: str) -> OutputSpec | None:
        """An output by any of its names; None for what this model does not give."""
        return self._asked.get(output)

    @property
    def description(self) -> dict[str, object]:
        """Algorithm, hyperparameters, features and classes as JSON values."""
        described: dict[str, object] = {
            "algorithm": self.algorithm,
            "hyperparameters": dict(self.hyperparameters),
            "features": list(self.features),
            "classes": None if self.classes is None else list(self.classes),
        }
        if self.reader:
            described["input"] = self.reader.description()
        if self.encoding:
            described["encoding"] = self.encoding.description()
            if missing_words := self.encoding.missing_words:
                described["missing_words"] = [list(words) for words in missing_words]
        return described

    @property
    def contains_training_rows(self) -> bool | None:
        """Whether the artifact holds rows that it was fitted to; None where the algorithm does not say it."""
        told: bool | None = getattr(self.estimator, "contains_training_rows", None)
        return told

    @cached_property
    def profile(self) -> Profile | None:
        """What is kept of the rows that it was trained on; None where that is nothing.

        Raises `ArtifactInvalid` for bytes that are no profile of this model's.
        """
        if self.profile_bytes is None:
            return None
        from ml_core.profiles.profile import Profile

        profile = Profile.from_bytes(bytes(self.profile_bytes))
        features = self.encoding.features if self.encoding else None
        if not profile.fits(self.features, features, len(self.classes) if self.classes else None):
            raise ArtifactInvalid("the profile is not one of the model's columns and labels")
        return profile

    def learnt(self) -> Learnt | None:
        """What it learnt, of rows as the estimator takes them; None where the algorithm does not say it."""
        tell: Callable[[], Learnt] | None = getattr(self.estimator, "learnt", None)
        return tell() if tell else None

    @property
    def columns(self) -> Sequence[Feature]:
        """The features with their kinds, also where all are numbers."""
        if self.encoding:
            return self.encoding.features
        from ml_core.inputs.columns import NUMBER, Feature

        return [Feature(name, NUMBER) for name in self.features]

    @property
    def pixels(self) -> PixelColumns | None:
        """The columns of the table that a model of pictures was trained on; None where it was none."""
        pixels: PixelColumns | None = getattr(self.reader, "pixels", None)
        return pixels

    def columns_among(self, given: Collection[str]) -> Sequence[Feature]:
        """What is looked for among the columns that a caller sends: a picture's pixels may be columns."""
        pixels = self.pixels
        return pixels.features if pixels and pixels.are_meant(given, self.features[0]) else self.columns

    @property
    def takes_texts(self) -> bool:
        """Whether a column of a row may be any text, and not one of known words: of imported models alone."""
        return False

    @property
    def takes_gaps(self) -> bool:
        """Whether a value may be missing."""
        return self.encoding is not None

    def row_schema(self) -> dict[str, object]:
        """The JSON Schema of an instance: of a row a list in the features' order, or an object by names."""
        if self.reader:
            return self.reader.instance_schema()
        if self.encoding:
            return self.encoding.row_schema()
        from ml_core.inputs.columns import row_schema

        return row_schema({name: {"type": "number"} for name in self.features})

    def rows(
        self,
        instances: object,
        *,
        limits: Limits,
        where: str = "$.instances",
        expecting: str = "the model",
        unknown: str = LEAVE_OUT,
        notes: Notes | None = None,
    ) -> Instances:
        """What a caller sends as instances, checked: rows of the features, pictures, sequences or texts.

        `unknown` is what a refusal advises about a column that the model does not know, or `IGNORED`; `notes`
        take what reading did. Raises `InvalidInput`, `TooLarge`.
        """
        if isinstance(instances, Rows):
            if self._takes(instances, limits):
                return instances
            instances = instances.as_sent() if instances.as_sent else None
        if self.reader:
            return self.reader.read(
                instances, limits=limits, where=where, expecting=expecting, unknown=unknown, notes=notes
            )
        if self.encoding:
            return self.encoding.rows(
                instances, limits=limits, where=where, expecting=expecting, unknown=unknown, notes=notes
            )
        return rows_from_json(
            instances,
            features=self.features,
            limits=limits,
            where=where,
            expecting=expecting,
            unknown=unknown,
        )

    def _takes(self, packed: Rows, limits: Limits) -> bool:
        """Whether rows of numbers, packed as they were parsed, are what the model takes, as they are."""
        numbers = not (self.reader or self.encoding) and packed.n_features == len(self.features)
        return numbers and len(packed) <= limits.max_rows

    def rows_of_columns(self, columns: Columns, *, expecting: str, notes: Notes | None = None) -> Instances:
        """What a caller sends column by column, as `rows`. Raises `InvalidInput`, `TooLarge`."""
        from ml_core.inputs.by_column import packed_columns

        features, values, path, where = columns
        pixels = self.pixels
        if pixels and tuple(feature.name for feature in features) == pixels.names:
            found = pixels.pictures(columns)
            self.reader.note(found, notes, lambda row: path(0, row))  # type: ignore[union-attr]
            return found
        if self.reader:
            return self.reader.of_columns([*values], path, where, expecting=expecting, notes=notes)
        return packed_columns(features, values, path, where, gaps=self.takes_gaps, notes=notes)

    def cells(self, rows: int, outputs: Sequence[str] = ("label",)) -> int:
        """How many values an answer for so many rows holds: what a limit on answers is compared with."""
        asked = self._asked
        return rows * sum([asked[output].width for output in outputs if output in asked])

    def multiplications(self, instances: Instances) -> int:
        """How many multiplications an answer takes: what a limit is compared with; 0 for rows of a table."""
        if isinstance(instances, Rows):
            return 0
        tell: Callable[[Instances], int] | None = getattr(self.estimator, "multiplications", None)
        return 0 if tell is None else tell(instances)

    def to_bytes(self) -> bytes:
        """The model's artifact: what `from_bytes` reads, and `deploy_model` deploys."""
        from ml_core.model.artifact import PROFILE, write
        from ml_core.safetensors import Tensor

        description = {**self.description, "parameters": self.estimator.parameters()}
        tensors = {**self.estimator.tensors(), **(self.scaling.tensors() if self.scaling else {})}
        if self.profile_bytes is not None:
            tensors[PROFILE] = Tensor((len(self.profile_bytes),), self.profile_bytes, "U8")
        return write(description, tensors)

    def to_onnx(self, *, name: str = "", version: int = 0) -> bytes:
        """The model as an ONNX file, which other runtimes predict with; docs/versions.md says what it takes.

        `name` and `version` are told in the file, as what it was registered as. Raises `NotExported`.
        """
        from ml_core.model.onnx_file import onnx_file

        return onnx_file(
            self.estimator,
            self.description,
            encoding=self.encoding,
            scaling=self.scaling,
            name=name,
            version=version,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Model:
        """The model of an artifact. Raises `ArtifactInvalid` for bytes that `to_bytes` did not make."""
        from ml_core.model.artifact import PROFILE, read
        from ml_core.model.restoring import parts_of

        description, tensors = read(data)
        profile = tensors.pop(PROFILE, None)
        kept = None if profile is None else profile.packed
        return cls(**parts_of(description, tensors), profile_bytes=kept, nbytes=len(data))

    def predict_rows(
        self,
        rows: Instances,
        outputs: Sequence[str] = ("label",),
        *,
        see: Callable[[Mapping[str, Values]], None] | None = None,
    ) -> Predictions:
        """What is asked in `outputs`, for every instance, under the names by which it was asked for.

        `see` is shown the values of each block of instances, with labels and `TOP` or probabilities. Raises
        `InvalidInput` for an output that this model cannot give, and for a row so far out that its result is
        not a finite number.
        """
        if not outputs or not self._asked.keys() >= {*outputs}:
            self._refuse(outputs)
        asked = {output: self._asked[output] for output in outputs}
        predictions: Predictions = {output: [] for output in asked}
        names = tuple({spec.name: None for spec in asked.values()})
        beside = [name for name in self._seen if name not in names] if see else ()
        for block in self._blocks(rows, names, beside):
            if see is not None:
                see(block)
            for output, spec in asked.items():
                predictions[output] += _entries(spec, block[spec.name])
        return {
            output: self._labels(entries) if asked[output].kind == LABEL else entries
            for output, entries in predictions.items()
        }

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: ANN401 - whatever a notebook holds
        """The label of every row of `X` (lists, an array or a data frame), as scikit-learn's method has it.

        A network is asked with pictures, sequences or texts in its place. Raises `InvalidInput`.
        """
        return self._array(X, "predict")

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: ANN401
        """Rows × classes, in the order of `classes`. Raises `InvalidInput`, also where the model has none."""
        return self._array(X, "predict_proba")

    def decision_function(self, X: Any) -> NDArray[np.float64]:  # noqa: ANN401
        """A number for each row of a two-class model, else rows × classes. Raises `InvalidInput`."""
        return self._array(X, "decision_function")

    def transform(self, X: Any) -> NDArray[np.float64]:  # noqa: ANN401
        """The distances of every row to the clusters' centres. Raises `InvalidInput`."""
        return self._array(X, "transform")

    def explain(
        self,
        X: Any,  # noqa: ANN401
        *,
        against: Label | None = None,
        background: Any = None,  # noqa: ANN401
    ) -> list[Explanation]:
        """Why the label of every row of `X`, rather than another; docs/explain.md says how to read it.

        `pandas.DataFrame([each.attributions for each in model.explain(X)])` is a table of the parts.

        Args:
            X: as `predict` takes it.
            against: the label that each row's label is compared with; without it the runner-up of each.
            background: rows as `X`, at most 100, that stand for a column which is not known; without it what
                is kept of the training rows.

        Raises:
            InvalidInput: of `X`, `against` or `background`.
            NotExplained: nothing is kept of the training rows, and there is no `background`.
            TooLarge: the background has too many rows.
        """
        from ml_core.inputs.scalars import json_value
        from ml_core.model.explanations import explain

        rows = self.rows_of(X)
        others = None if background is None else self._background_of(background)
        return explain(self, rows, against=json_value(against), background=others)

    def _background_of(self, rows: Any) -> Any:  # noqa: ANN401 - instances of its kind
        """As `rows_of`, and faults say that they are of the background."""
        where = "background"
        try:
            found = self.rows_of(rows)
        except InvalidInput as error:
            faults = [Fault(where + fault.path.removeprefix("X"), fault.message) for fault in error.faults]
            raise InvalidInput(faults) from None
        found.where = where
        return found

    def _array(self, X: Any, output: str) -> NDArray[Any]:  # noqa: ANN401
        import numpy as np

        return np.array(self.output_of(X, output))

    def output_of(self, X: Any, output: str = "label") -> list[Any]:  # noqa: ANN401
        """One output, by any of its names, for every row of `X`: lists, an array or a data frame.

        Of a data frame the columns may come in any order, and others are left alone. Raises `InvalidInput`.
        """
        if not isinstance(output, str) or output not in self._asked:
            raise InvalidInput.at("output", self._has_no(output))
        return self.predict_rows(self.rows_of(X), [output])[output]

    def rows_of(self, X: Any) -> Instances:  # noqa: ANN401
        """What a notebook holds (lists, an array or a data frame), checked. Raises `InvalidInput`."""
        if self.reader:
            from ml_core.preprocessing.notebook_instances import model_instances

            return model_instances(X, self.reader)
        from ml_core.inputs.frames import NO_LIMITS, frame_rows, number_rows, plain_rows

        rows = None if self.encoding else number_rows(X, self.features)
        if rows is not None:
            return rows
        if hasattr(X, "columns"):
            return frame_rows(X, self.columns, gaps=self.takes_gaps)
        return self.rows(plain_rows(X), limits=NO_LIMITS, where="X")

    def compute(
        self,
        packed: bytes | memoryview,
        outputs: Sequence[str],
        *,
        arithmetic: Arithmetic[Any] | None = None,
        request_rows: int = 0,
    ) -> Mapping[str, Values]:
        """The estimator's own values for packed rows: labels as numbers. Raises `NotFinite`.

        `arithmetic` overrules the choice by work, which counts the rows of the whole request.
        """
        batch = RowBatch(
            packed,
            len(self.features),
            self.encoding,
            self.scaling,
            arithmetic=arithmetic,
            request_rows=request_rows,
        )
        return self.estimator.predict(batch, outputs)

    @cached_property
    def peak_width(self) -> int:
        """The columns of the widest matrix that predicting makes of the rows: what blocks are measured by."""
        encoded = self.encoding.layout.coded_width if self.encoding else 0
        return max(self.estimator.peak_width, encoded, len(self.features))

    def _refuse(self, outputs: Sequence[str]) -> None:
        """Say which of the outputs there is none of."""
        if not outputs:
            raise InvalidInput.at("$.outputs", f"expected some of {', '.join(self.outputs)}, got none")
        raise_faults(
            Fault(f"$.outputs[{index}]", self._has_no(output))
            for index, output in enumerate(outputs)
            if output not in self._asked
        )

    def _has_no(self, output: str) -> str:
        return f"this model gives {', '.join(self.outputs)}; it has no {shown(output)}"

    def _blocks(
        self, rows: Instances, outputs: Sequence[str], beside: Sequence[str]
    ) -> Iterator[Mapping[str, Values]]:
        """The values of blocks of rows, whose matrices are bounded however many rows there are.

        The outputs `beside` are left out of a block that has a row in which one of them overflows.
        """
        if not isinstance(rows, Rows):
            yield self._network_values(rows, (*outputs, *beside))
            return
        step = max(1, BLOCK_NUMBERS // self.peak_width)
        number = len(rows)
        blocks = (rows.packed,) if number <= step else rows.blocks(step)
        for block, packed in enumerate(blocks):
            try:
                yield self._values(packed, outputs, beside, number)
            except NotFinite as overflow:
                raise overflowing(rows.where, block * step + overflow.row) from None

    def _values(
        self, packed: bytes | memoryview, outputs: Sequence[str], beside: Sequence[str], request_rows: int
    ) -> Mapping[str, Values]:
        """The values of a block, with those `beside` where all are finite. Raises `NotFinite`."""
        if beside:
            try:
                return self.compute(packed, (*outputs, *beside), request_rows=request_rows)
            except NotFinite:
                pass
        return self.compute(packed, outputs, request_rows=request_rows)

    def _network_values(
        self, instances: Pictures | Sequences, outputs: Sequence[str]
    ) -> Mapping[str, Values]:
        """The values of pictures or sequences; the network bounds its own memory."""
        from ml_core.preprocessing.network_batch import NetworkBatch

        try:
            return self.estimator.predict(NetworkBatch(instances), outputs)
        except NotFinite as overflow:
            raise overflowing(instances.where, overflow.row) from None

    def _labels(self, numbers: list[int]) -> list[Label]:
        if self.classes is None:
            return [*numbers]
        classes = self.classes
        return [classes[number] for number in numbers]


def _entries(spec: OutputSpec, values: Values) -> list[Any]:
    """An entry for each row, as JSON has it: of the shape `()` a number, else a list."""
    listed: list[Any] = values if isinstance(values, list) else values.tolist()
    if spec.shape:
        return [list(row) for row in listed] if listed and not isinstance(listed[0], list) else listed
    if listed and isinstance(listed[0], (list, tuple)):
        return [row[0] for row in listed]
    return listed
