"""A request to score a table: which one, by which version of a model, and what is to be written where."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.algorithms.outputs import LABEL
from ml_core.errors import ArtifactInvalid, Fault, InvalidInput, raise_faults, shown
from ml_core.inputs.kinds import IMAGE, SEQUENCE, TABLE, TENSORS, TEXT
from ml_core.model.output_columns import output_columns
from ml_core.names import IMPORTED
from ml_core.tables.options import NO_TEXT, ReadOptions, is_text, option_faults, option_schemas, read_options
from ml_core.tables.readers import CSV, JSON_LINES, PARQUET, format_schema

if TYPE_CHECKING:
    from ml_core.model.model import Model
    from ml_core.registry.registry import Version

STORED_PREFIX = b'{"score":'
"""How a stored request begins that scores; those of other kinds begin otherwise (`jobs/kinds.py`)."""
KIND = "score"
"""What a job's request has as its `kind`."""

FORMATS = (PARQUET, CSV, JSON_LINES)
WRITTEN = (PARQUET, CSV)
WRITE, STOP = "write", "stop"
OWN_ENGINES = ("auto", "function")
ENGINES = (*OWN_ENGINES, "lithops", "dask")
MOST_OUTPUTS, MOST_KEPT = 20, 1_000
_OPTIONS = ("delimiter", "encoding", "header")
_LONGEST_URI = 2_000
_NAMED = {IMAGE: "pictures", SEQUENCE: "sequences", TEXT: "texts", TENSORS: "tensors"}

_URI: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": _LONGEST_URI}
_NAME: dict[str, Any] = {"type": "string", "minLength": 1}
DATA_SCHEMA: dict[str, Any] = {
    "title": "Table to score",
    "type": "object",
    "required": ["uri"],
    "additionalProperties": False,
    "properties": {
        "uri": {
            **_URI,
            "description": "An upload (`dataset://name`), a file or a folder (with a final slash) in a "
            "bucket that the deployment allows, or on a laptop in its data folder (`file:name.csv`).",
        },
        "format": format_schema(FORMATS),
        **{name: option_schemas()[name] for name in _OPTIONS},
    },
}
BODY_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["data"],
    "additionalProperties": False,
    "properties": {
        "data": DATA_SCHEMA,
        "outputs": {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_OUTPUTS,
            "items": {"type": "string"},
            "description": "What is written of each row, as `:predict` takes it; the label without it.",
        },
        "keep": {
            "type": "array",
            "maxItems": MOST_KEPT,
            "items": _NAME,
            "description": "Columns of the table that are written before them, as they are.",
        },
        "format": {
            "enum": list(WRITTEN),
            "description": "Of the files that are written: Parquet unless said.",
        },
        "to": {
            "title": "Place for scores",
            "type": "object",
            "required": ["uri"],
            "additionalProperties": False,
            "properties": {
                "uri": {
                    **_URI,
                    "description": "A folder, with a final slash, that the deployment allows to write to.",
                }
            },
            "description": "Where the files are written, in a folder named by the job; without it to the "
            "deployment's own store.",
        },
        "rejects": {
            "enum": [WRITE, STOP],
            "description": "What becomes of rows that the model cannot be asked: `write` leaves them out and "
            "writes each with its reason to a file beside the scores, `stop` ends the job at the first.",
        },
        "engine": {
            "enum": list(ENGINES),
            "description": "What does the work: the train function alone, or many functions.",
        },
    },
}


class ScoringRequest(NamedTuple):
    """A checked request. `version`, `job` (which trained it) and `sha256` are None until a version is chosen.

    Args:
        uri: the table.
        outputs: what is asked of the model.
        keep: columns of the table that are written too.
        written: the format that is written, of `WRITTEN`.
        to: the folder that is written to, with a final slash; None for the deployment's own store.
        rejects: what becomes of rows that cannot be scored: `WRITE` or `STOP`.
        engine: what does the work, of `ENGINES`.
        format: what the table's format is said to be.
        delimiter, encoding, header: how its text is read, as in `ReadOptions`.
        version: the number of the model's version.
        job: the job that registered it, under whose id its artifact is kept.
        sha256: the artifact's.
        algorithm: the version's, which an earlier release did not write down.
    """

    uri: str
    outputs: tuple[str, ...] = ("label",)
    keep: tuple[str, ...] = ()
    written: str = PARQUET
    to: str | None = None
    rejects: str = WRITE
    engine: str = ENGINES[0]
    format: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    version: int | None = None
    job: str | None = None
    sha256: str | None = None
    algorithm: str | None = None

    @property
    def options(self) -> ReadOptions:
        """What is said of the table where a reader would guess."""
        return read_options({name: getattr(self, name) for name in _OPTIONS})

    def settled(self, settle: Callable[[str], str]) -> "ScoringRequest":
        """The same request of data that never changes; `settle` gives the address of it."""
        return self._replace(uri=settle(self.uri))

    def chosen(self, model: "Model", version: "Version") -> "ScoringRequest":
        """The request of one version, whose model it is.

        Raises `InvalidInput` where the model cannot be asked for what the request wants.
        """
        raise_faults(self._faults(model))
        return self._replace(
            version=version.version, job=version.job, sha256=version.sha256, algorithm=version.algorithm
        )

    def _faults(self, model: "Model") -> Iterator[Fault]:
        kind = model.reader.kind if model.reader else TABLE
        if kind not in (TABLE, TEXT):
            yield Fault(
                "$.data",
                f"the model takes {_NAMED[kind]}, and tables are scored by models of rows or texts alone: "
                "send them to :predict, some at a time",
            )
        if model.algorithm == IMPORTED and self.engine not in OWN_ENGINES:
            yield Fault("$.engine", f"an imported model is run by a function of its own; got {self.engine!r}")
        for place, asked in enumerate(self.outputs):
            spec = model.output_spec(asked)
            if spec is not None and spec.kind != LABEL and (len(spec.shape) > 1 or spec.datatype == "BYTES"):
                yield Fault(
                    f"$.outputs[{place}]", f"{shown(asked)} is no number or row of numbers: ask for others"
                )
            if spec is None:
                there = ", ".join(model.outputs)
                yield Fault(f"$.outputs[{place}]", f"this model gives {there}; it has no {shown(asked)}")
        written = {column.name for column in output_columns(model, self.outputs)}
        for place, name in enumerate(self.keep):
            if name in written:
                yield Fault(
                    f"$.keep[{place}]",
                    f"{shown(name)} is what a column of the predictions is called: rename it in the table or "
                    "leave it out",
                )

    def summary(self) -> dict[str, object]:
        """What a job tells of its request."""
        data = {"uri": self.uri, "format": self.format} | {
            name: getattr(self, name) for name in _OPTIONS if getattr(self, name) is not None
        }
        return {
            "kind": KIND,
            "version": self.version,
            "data": data,
            "outputs": list(self.outputs),
            "keep": list(self.keep),
            "format": self.written,
            "to": None if self.to is None else {"uri": self.to},
            "rejects": self.rejects,
            "engine": self.engine,
        }

    def to_bytes(self) -> bytes:
        """The stored form."""
        return json.dumps({KIND: self._asdict()}).encode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> "ScoringRequest":
        """The request that `to_bytes` wrote. Raises `ArtifactInvalid`."""
        try:
            said = json.loads(stored)[KIND]
            lists = {name: tuple(said[name]) for name in ("outputs", "keep")}
            return cls(**{**said, **lists})
        except (ValueError, TypeError, LookupError) as error:
            raise ArtifactInvalid("these bytes are no request to score") from error


def check_scoring(body: dict[str, Any], check_uri: Callable[[object], object]) -> ScoringRequest:
    """The request of a body that meets `BODY_SCHEMA`; `check_uri` says what may be read.

    Who may write to `to`, and which engines there are, is for others to check. Raises `InvalidInput`.
    """
    data = body["data"]
    outputs, keep = body.get("outputs", ["label"]), body.get("keep", [])
    raise_faults(
        [
            *option_faults(data, "$.data"),
            *_name_faults(outputs, "$.outputs"),
            *_name_faults(keep, "$.keep"),
        ]
    )
    check_uri(data["uri"])
    to = body.get("to")
    return ScoringRequest(
        data["uri"],
        outputs=tuple(outputs),
        keep=tuple(keep),
        written=body.get("format", PARQUET),
        to=None if to is None else _folder(to["uri"]),
        rejects=body.get("rejects", WRITE),
        engine=body.get("engine", ENGINES[0]),
        **{name: data.get(name) for name in ("format", *_OPTIONS)},
    )


def _name_faults(names: Sequence[str], where: str) -> Iterator[Fault]:
    met: dict[str, int] = {}
    for place, name in enumerate(names):
        if not is_text(name):
            yield Fault(f"{where}[{place}]", f"expected a name, got {NO_TEXT}: {shown(name)}")
        elif name in met:
            yield Fault(f"{where}[{place}]", f"{shown(name)} is at {met[name]} already; each is there once")
        met.setdefault(name, place)


def _folder(uri: str) -> str:
    if not uri.endswith("/"):
        raise InvalidInput.at("$.to.uri", f"expected a folder, with a final slash, got {shown(uri)}")
    return uri
