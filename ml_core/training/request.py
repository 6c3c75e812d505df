"""A request to train, checked: whole, within the limits, and such that training on it can go well.

A request has its rows in it (`rows.py`), or a reference to a table (`reference.py`). What it is made of is
declared once: the check of a body, its JSON Schema, the stored form and the job's summary come from that.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from ml_core import algorithms, safetensors
from ml_core.algorithms.base import AlgorithmInfo, DataSize
from ml_core.errors import (
    AlgorithmNotFound,
    ArtifactInvalid,
    Fault,
    InvalidInput,
    member,
    raise_faults,
    shown,
)
from ml_core.hyperparameters import REFUSED, AnyOf, Integer, Kind, Number, OneOf
from ml_core.inputs.columns import Feature
from ml_core.inputs.kinds import IMAGE, TABLE
from ml_core.inputs.labels import Label, Labels, label_text
from ml_core.inputs.rows import Limits, Rows
from ml_core.training import rows as training_rows
from ml_core.training.instances import (
    INPUT_SCHEMA,
    TrainingInstances,
    check_instances,
    instances_schema,
)
from ml_core.training.privacy import Privacy, PrivacyKind, privacy_faults, rho
from ml_core.training.reference import STORED_PREFIX, TableReference, check_data, data_schema, refuse_tables
from ml_core.training.rows import TrainingRows, check_classes, check_names, check_rows
from ml_core.training.split import AT_RANDOM, HASH, Split, SplitKind, column_of, split_faults
from ml_core.training.split_rows import size_trained_on

if TYPE_CHECKING:
    from fractions import Fraction

    from ml_core.preprocessing.pixel_columns import PixelColumns
    from ml_core.tables.memory import Budget
    from ml_core.training.content_hash import ContentHash

TEST_FRACTION = Number(least=0, most=0.9)
MAX_SECONDS = AnyOf(OneOf(None), Integer(1, 1_000_000))
"""Seconds of training, over all deliveries."""
SEED = Integer(0, 2**32 - 1)
AUTO, FUNCTION, STREAMED = "auto", "function", "streamed"
"""Engines that every deployment has: the one that fits; this function; this function, part by part."""


class EngineKind(OneOf):
    """What `engine` takes. Others than the first three are turned on by a deployment."""

    def schema(self) -> dict[str, object]:
        """As JSON Schema."""
        return {
            "title": "Training engine",
            "description": "What trains on a table: `auto` is the one that fits, `function` the train "
            "function alone, in memory where the table fits. `streamed` reads the table part by part in "
            "any case, and `lithops` and `dask` do so in many functions.",
            **super().schema(),
        }


ENGINE = EngineKind(AUTO, FUNCTION, STREAMED, "lithops", "dask")
# More classes than these are looked at: so many, and so large a part of the rows.
_FEW_CLASSES, _MANY_CLASSES = 20, 0.2


class Option(NamedTuple):
    """A member of a body that may be left out: the values that it takes, and what it is then.

    `meaning` says what it is for, where its kind does not.
    `faults` tells of one that is refused where in it that is so. With `stored_always` also the default is in
    the stored form. An option that came later is left out of it, so that Idempotency-Keys outlive an upgrade.
    """

    kind: Kind
    default: Any
    faults: Callable[[object, str], list[Fault]] | None = None
    stored_always: bool = True
    meaning: str = ""

    def schema(self, _: AlgorithmInfo) -> dict[str, Any]:
        """As JSON Schema, the same for every algorithm."""
        described = {"description": self.meaning} if self.meaning else {}
        return {**self.kind.schema(), **described, "default": self.default}


class TrainingRequest(NamedTuple):
    """A checked request. A new option is a new annotated field, and nothing else."""

    algorithm: str
    hyperparameters: dict[str, Any]
    data: TrainingRows | TrainingInstances | TableReference
    test_fraction: Annotated[
        float, Option(TEST_FRACTION, 0.2, meaning="The share of the rows that is held out and measured on.")
    ]
    seed: Annotated[int, Option(SEED, 0, meaning="Of all that is random.")]
    split: Annotated[Split, Option(SplitKind(), AT_RANDOM, split_faults, stored_always=False)] = AT_RANDOM
    max_seconds: Annotated[
        int | None,
        Option(
            MAX_SECONDS,
            None,
            stored_always=False,
            meaning="The job fails when it took so many seconds, over all its attempts.",
        ),
    ] = None
    engine: Annotated[str, Option(ENGINE, AUTO, stored_always=False)] = AUTO
    privacy: Annotated[Privacy | None, Option(PrivacyKind(), None, privacy_faults, stored_always=False)] = (
        None
    )
    split_key: str | None = None
    """That of the hash by which a schedule holds rows out; no caller sends it, and nobody is told."""

    @property
    def hashed(self) -> "ContentHash | None":
        """What holds rows out by a hash of their content; None where they are held out otherwise."""
        if self.split["by"] != HASH or not self.test_fraction:
            return None
        from ml_core.training.content_hash import ContentHash

        assert self.split_key is not None, "a schedule gives the key"  # noqa: S101
        return ContentHash(self.split_key, self.test_fraction)

    @property
    def rho(self) -> "Fraction | None":
        """What the training may cost of a dataset's budget; None where it is not private."""
        return None if self.privacy is None else rho(self.privacy)

    @property
    def rows(self) -> Rows:
        """The rows of a table that are in the request."""
        return self._table_in_it.rows

    @property
    def columns(self) -> tuple[Feature, ...] | None:
        """What a table's columns are, where they are more than numbers without gaps."""
        return self._table_in_it.columns

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the rows' features."""
        return self.data_in_it.features

    @property
    def targets(self) -> list[Label] | Labels | None:
        """The label of each row; None where there are none."""
        return self.data_in_it.targets

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be said of the rows."""
        return self.data_in_it.warnings

    @property
    def ranks(self) -> bytes | memoryview | None:
        """Each one's place among the values of the column that rows are held out by, packed int64."""
        return self.data_in_it.ranks

    @property
    def pixels(self) -> "PixelColumns | None":
        """The columns of the table that pictures were read from."""
        data = self.data_in_it
        return data.pixels if isinstance(data, TrainingInstances) else None

    @property
    def _table_in_it(self) -> TrainingRows:
        assert isinstance(self.data, TrainingRows), "these are no rows of a table"  # noqa: S101
        return self.data

    @property
    def data_in_it(self) -> TrainingRows | TrainingInstances:
        """The rows or other instances that are in the request."""
        assert not isinstance(self.data, TableReference), "a file is read by `with_rows`"  # noqa: S101
        return self.data

    def without_rows(self) -> "TrainingRequest":
        """All but the rows and their targets."""
        return self._replace(data=self.data_in_it.without_rows())

    def most_seconds(self, allowed: float | None) -> float | None:
        """How long the training may take, where so much is allowed of any; None where nothing bounds it."""
        return min((each for each in (allowed, self.max_seconds) if each is not None), default=None)

    def with_rows(self, path: str, budget: "Budget", *, seconds: float | None = None) -> "TrainingRequest":
        """The request with its rows in it, which may be in the table at `path`; `seconds` as in `fit`.

        Raises `InvalidInput`, and for a table `MalformedInput` and `TooLarge`.
        """
        if not isinstance(self.data, TableReference):
            return self
        info = algorithms.algorithm(self.algorithm)
        found = self._read(info, self.data, path, budget)
        check_names(list(found.features), "$.data.features", Limits())
        if isinstance(found.targets, Labels):
            where = "$.data" if self.data.target is None else "$.data.target"
            check_classes(found.targets.classes, found.targets, Limits(), where)
        filled = self._replace(data=found)
        if found.ranks is None:  # by a column, `fit` alone knows what is trained on
            _check_size(info, filled, seconds)
        _check_weights(filled)
        return filled

    def _read(
        self, info: AlgorithmInfo, data: TableReference, path: str, budget: "Budget"
    ) -> TrainingRows | TrainingInstances:
        """What is in the file at `path`."""
        held_out = self.test_fraction > 0
        if TABLE in info.algorithm.takes:
            from ml_core.training.table import read_rows

            return read_rows(data, path, budget, self.split, held_out=held_out, hashed=self.hashed)
        from ml_core.training.instance_files import read_instances

        return read_instances(info, data, path, budget, self.split, held_out=held_out)

    def settled(self, settle: Callable[[str], str]) -> "TrainingRequest":
        """The same request of the table that its address means now; with rows in it the request itself."""
        if not isinstance(self.data, TableReference):
            return self
        return self._replace(data=self.data._replace(uri=settle(self.data.uri)))

    def summary(self) -> dict[str, object]:
        """What a job tells of its request."""
        told = self.data.summary()
        if self.privacy is not None:
            told = {name: value for name, value in told.items() if name != "rows"}
        return {**self._without_data(), **told}

    def to_bytes(self) -> bytes:
        """The stored form."""
        defaults = {name: option.default for name, option in OPTIONS.items() if not option.stored_always}
        told = self._without_data().items()
        described = {name: value for name, value in told if name not in defaults or value != defaults[name]}
        return self.data.to_bytes(
            described if self.split_key is None else {**described, "split_key": self.split_key}
        )

    def _without_data(self) -> dict[str, object]:
        return {name: value for name, value in self._asdict().items() if name not in ("data", "split_key")}

    @classmethod
    def from_bytes(cls, stored: bytes) -> "TrainingRequest":
        """The request that `to_bytes` wrote, also an earlier version's. Raises `ArtifactInvalid`."""
        try:
            described, data = _stored_data(stored)
            options = {name: described.get(name, option.default) for name, option in OPTIONS.items()}
            key = described.get("split_key")
            return cls(described["algorithm"], described["hyperparameters"], data, **options, split_key=key)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise ArtifactInvalid("these bytes are no request to train") from error


def _stored_data(stored: bytes) -> tuple[dict[str, Any], TrainingRows | TrainingInstances | TableReference]:
    """The description, and what is trained on. Raises `ArtifactInvalid`, `KeyError`."""
    if stored.startswith(STORED_PREFIX):
        return TableReference.from_bytes(stored)
    content, tensors = safetensors.read(stored, finite=False)
    described = dict[str, Any](content)
    kind: type[TrainingRows | TrainingInstances] = TrainingInstances if "kind" in described else TrainingRows
    return described, kind.of_stored(described, tensors)


def is_read_in_parts(stored: bytes) -> bool:
    """Whether a stored request names a table that is read where it is: a folder, in parts, or privately.

    Raises `ArtifactInvalid`.
    """
    if not stored.startswith(STORED_PREFIX):
        return False
    described, table = TableReference.from_bytes(stored)
    return (
        table.is_folder
        or described.get("engine", AUTO) not in _IN_MEMORY
        or described.get("privacy") is not None
    )


OPTIONS: dict[str, Option] = {
    name: declared.__metadata__[0]
    for name, declared in TrainingRequest.__annotations__.items()
    if hasattr(declared, "__metadata__")
}
"""The members of a body that stand by themselves, by name."""

_SCHEMAS: Mapping[str, Callable[[AlgorithmInfo], dict[str, Any] | None]] = {
    "algorithm": lambda info: {"const": info.name, "description": "What is trained."},
    "hyperparameters": lambda info: {
        **info.schema(),
        "description": "The algorithm's own; each has a default.",
    },
    **training_rows.MEMBERS,
    "instances": lambda info: _of_table(info, training_rows.MEMBERS["instances"]) or instances_schema(info),
    "types": lambda info: _of_table(info, training_rows.MEMBERS["types"]),
    "missing": lambda info: _of_table(info, training_rows.MEMBERS["missing"]),
    "feature_names": lambda info: _of_sequences(info, training_rows.MEMBERS["feature_names"]),
    "input": lambda info: INPUT_SCHEMA if IMAGE in info.algorithm.takes else None,
    "data": data_schema,
    **{name: option.schema for name, option in OPTIONS.items()},
}
MEMBERS = tuple(_SCHEMAS)
"""The members of a body."""


def _of_table(
    info: AlgorithmInfo, schema: Callable[[AlgorithmInfo], dict[str, Any] | None]
) -> dict[str, Any] | None:
    return schema(info) if TABLE in info.algorithm.takes else None


def _of_sequences(
    info: AlgorithmInfo, schema: Callable[[AlgorithmInfo], dict[str, Any] | None]
) -> dict[str, Any] | None:
    return None if IMAGE in info.algorithm.takes else schema(info)


def body_schema(info: AlgorithmInfo) -> dict[str, Any]:
    """The body of a request that trains one algorithm, as JSON Schema."""
    schemas = {name: schema(info) for name, schema in _SCHEMAS.items()}
    properties = {name: schema for name, schema in schemas.items() if schema is not None}
    return {
        "title": f"Train {info.name}",
        "description": info.title,
        "type": "object",
        "required": ["algorithm"],
        "oneOf": [
            {"required": [name for name in ("instances", "targets") if name in properties]},
            {"required": ["data"]},
        ],
        "additionalProperties": False,
        "properties": properties,
    }


def check_request(
    body: object,
    limits: Limits,
    check_uri: Callable[[object], object] = refuse_tables,
    *,
    seconds: float | None = None,
    scheduled: bool = False,
) -> TrainingRequest:
    """The request of a JSON body. Imports neither numpy nor scikit-learn.

    `check_uri` raises `InvalidInput` for an address that may not be read. `seconds` are how long a training
    may take that is continued, None for any time; `scheduled` is whether a schedule asks. Raises
    `InvalidInput` with a fault for each thing wrong, and `TooLarge` past a limit.
    """
    if not isinstance(body, dict):
        raise InvalidInput.at("$", f"expected an object, got {shown(body)}")
    info = _algorithm(body)
    hyperparameters = body.get("hyperparameters")
    chosen = info.check({} if hyperparameters is None else hyperparameters)
    options = _options(body)
    if options["split"]["by"] == HASH:
        _check_hashed(body, info, options, scheduled=scheduled)
    if options["privacy"] is not None:
        from ml_core.training.private_request import check_private

        data = check_private(body, info, options, limits, check_uri)
        return TrainingRequest(info.name, _counting(info, chosen), data, **options)
    if body.get("data") is not None:
        raise_faults(training_rows.faults_beside_data(body))
        table = check_data(body["data"], info, limits, check_uri)
        _check_held_out_by(table, column_of(options["split"]))
        if TABLE not in info.algorithm.takes:
            _check_in_memory(info, options["engine"], table)
        if table.image is not None:
            # How many pictures there are is not known yet; what their shape is too small for is.
            raise_faults(info.algorithm.check_size(DataSize(1, None, table.image), chosen))
        return TrainingRequest(info.name, chosen, table, **options)
    if options["engine"] not in _IN_MEMORY:
        raise InvalidInput.at("$.engine", "rows in a request are trained on in memory; leave this out")
    request = TrainingRequest(info.name, chosen, _checked_data(body, info, limits, options), **options)
    _check_size(info, request, seconds)
    _check_weights(request)
    return request


def _check_hashed(
    body: Mapping[str, object], info: AlgorithmInfo, options: Mapping[str, Any], *, scheduled: bool
) -> None:
    """Raise `InvalidInput` for rows that no hash can hold out."""
    where, data = "$.split.by", body.get("data")
    if not scheduled:
        raise InvalidInput.at(
            where,
            "a hash holds rows out for schedules only, since it is with the schedule that its key is kept; "
            'here "random", "time" or "group" do',
        )
    if TABLE not in info.algorithm.takes:
        raise InvalidInput.at(
            where, f"a hash holds out rows of tables, and {info.name} takes other instances"
        )
    if options["privacy"] is not None:
        raise InvalidInput.at(where, "no hash holds rows out of a private training")
    named = isinstance(data, dict) and data.get("features")
    if "column" not in options["split"] and not named:
        raise InvalidInput.at(
            where,
            "which columns tell rows apart has to stay the same while the table grows: name them in "
            "data.features, or name one in split.column",
        )


def _counting(info: AlgorithmInfo, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The hyperparameters that count where training is private."""
    return {name: chosen[name] for name in info.algorithm.private_hyperparameters}


def _checked_data(
    body: dict[str, object], info: AlgorithmInfo, limits: Limits, options: Mapping[str, Any]
) -> TrainingRows | TrainingInstances:
    """The rows or other instances of a body. Raises `InvalidInput`, `TooLarge`."""
    if TABLE not in info.algorithm.takes:
        return check_instances(body, info, limits, options["split"])
    if body.get("input") is not None:
        raise InvalidInput.at("$.input", f"{info.name} takes rows, not pictures; leave this out")
    return check_rows(body, info, limits, options["split"], held_out=options["test_fraction"] > 0)


def _check_held_out_by(table: TableReference, column: str | None) -> None:
    """Raise `InvalidInput` where rows are to be held out by what they are learnt from, or by nothing."""
    if column is None:
        return
    if column in (table.target, table.text):
        what = "target" if column == table.target else "text"
        raise InvalidInput.at("$.split.column", f"rows cannot be held out by the {what}")


# Engines that train in memory where the data fits.
_IN_MEMORY = frozenset({AUTO, FUNCTION})


def _check_in_memory(info: AlgorithmInfo, engine: str, table: TableReference) -> None:
    """Raise `InvalidInput` for what is to be read part by part, and cannot be."""
    if engine not in _IN_MEMORY:
        raise InvalidInput.at("$.engine", f"{info.name} trains in memory; leave this out")
    if table.is_folder:
        raise InvalidInput.at(
            "$.data.uri", f"expected the address of a file, got a folder's: {info.name} reads one file"
        )


def _algorithm(body: dict[str, object]) -> AlgorithmInfo:
    raise_faults(
        Fault(member("$", name), f"no such member; there are {', '.join(MEMBERS)}")
        for name in body
        if name not in MEMBERS
    )
    name = body.get("algorithm")
    try:
        return algorithms.algorithm(name if isinstance(name, str) else "")
    except AlgorithmNotFound:
        expected = " or ".join(f'"{each}"' for each in algorithms.names())
        raise InvalidInput.at("$.algorithm", f"expected {expected}, got {shown(name)}") from None


def _options(body: dict[str, object]) -> dict[str, Any]:
    faults, values = [], {}
    for name, option in OPTIONS.items():
        given = body.get(name, option.default)
        if option.faults and (told := option.faults(given, f"$.{name}")):
            faults += told
            continue
        value = values[name] = option.kind.read(given)
        if value is REFUSED:
            faults.append(Fault(f"$.{name}", f"expected {option.kind.expects}, got {shown(body[name])}"))
    if faults:
        raise InvalidInput(faults)
    return values


def _check_size(info: AlgorithmInfo, request: TrainingRequest, seconds: float | None) -> None:
    """Raise `InvalidInput` for what training on so many rows would fail on, in the time there is."""
    data = request.data_in_it
    if data.test is not None and request.test_fraction:
        held_out = data.test.count(1) if isinstance(data.test, bytes) else sum(data.test)
        size = data.data_size(data.size - held_out, None)
    elif data.ranks is None:
        size = _size_trained_on(request)
    else:
        size = size_trained_on(request.split, request.test_fraction, data.ranks, request.targets)
    size = size.within(request.most_seconds(seconds))
    raise_faults(info.algorithm.check_size(size, request.hyperparameters))


def _size_trained_on(request: TrainingRequest) -> DataSize:
    """How much is trained on where rows are held out at random. Raises `InvalidInput`."""
    data = request.data_in_it
    counts = _counts(request.targets)
    left = check_left(counts, data.size, request.test_fraction, data.where)
    return data.data_size(left, min(counts.values()) if counts else None)


def check_left(counts: Mapping[Label, int] | None, rows: int, test_fraction: float, where: str) -> int:
    """How many rows are trained on where some are held out at random, given how many each class has.

    Raises `InvalidInput` where that leaves none, or a class without one on either side.
    """
    held_out = math.ceil(test_fraction * rows)
    message = None
    if rows - held_out < 1:
        message = f"no row of {rows} is left to train on"
    elif held_out and counts:
        _check_classes_few(counts, rows, "$.data.target" if where == "$.data" else "$.targets")
        message = _unstratifiable(counts, rows, held_out)
    if message:
        raise InvalidInput.at("$.test_fraction", f"{message}; with test_fraction 0 every row is trained on")
    return rows - held_out


def _check_weights(request: TrainingRequest) -> None:
    counts = _counts(request.targets)
    if counts:
        check_class_weight(request.hyperparameters.get("class_weight"), list(counts))


def _counts(targets: list[Label] | Labels | None) -> Mapping[Label, int] | None:
    return targets.counts() if isinstance(targets, Labels) else None if targets is None else Counter(targets)


def _check_classes_few(counts: Mapping[Label, int], rows: int, where: str) -> None:
    """Raise `InvalidInput` for targets that are nearly as many values as rows, and so no classes."""
    if min(counts.values()) > 1 or len(counts) <= max(_FEW_CLASSES, rows * _MANY_CLASSES):
        return
    are = "numbers that measure something" if isinstance(next(iter(counts)), int) else "names of the rows"
    raise InvalidInput.at(
        where,
        f"expected a few classes, got {len(counts)} different values in {rows} rows: they look like {are}. "
        "Put them into classes first, or name another target",
    )


def _unstratifiable(counts: Mapping[Label, int], rows: int, held_out: int) -> str | None:
    label, rarest = min(counts.items(), key=lambda item: item[1])
    if rarest < 2:
        return f"class {shown(label)} has a single row, which cannot be both trained on and held out"
    if held_out < len(counts):
        return f"{held_out} of {rows} rows would be held out, fewer than the {len(counts)} classes"
    if rows - held_out < len(counts):
        return f"{rows - held_out} of {rows} rows would be trained on, fewer than the {len(counts)} classes"
    return None


def check_class_weight(weights: object, classes: Sequence[Label]) -> None:
    """Raise `InvalidInput` for a weight of a class that no row has."""
    texts = set(map(label_text, classes))
    where = "$.hyperparameters.class_weight"
    unknown = (name for name in weights if name not in texts) if isinstance(weights, dict) else ()
    raise_faults(Fault(member(where, name), "no row has such a label") for name in unknown)
