"""What methods may be told by name, for those that hand it on; the client's own say what each means."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict


class TrainingSaid(TypedDict, total=False):
    """What `train` may be told."""

    target: str | None
    algorithm: str
    hyperparameters: Mapping[str, Any] | None
    targets: Any
    features: Sequence[str] | None
    exclude: Sequence[str] | None
    options: Mapping[str, Any] | None
    test_fraction: float | None
    seed: int | None
    split: Mapping[str, Any] | None
    max_seconds: float | None
    engine: str | None
    privacy: Mapping[str, Any] | None
    dataset: str | None
    on_interrupt: str


class ImportSaid(TypedDict, total=False):
    """What `import_onnx` may be told."""

    features: Sequence[str] | None
    classes: Sequence[Any] | None
    outputs: Mapping[str, str] | None
    example: Any
    origin: Mapping[str, Any] | None
    on_interrupt: str


class ScoringSaid(TypedDict, total=False):
    """What `score` may be told."""

    outputs: Sequence[str] | None
    keep: Sequence[str] | None
    format: str | None
    to: str | None
    rejects: str | None
    engine: str | None
    options: Mapping[str, Any] | None
    version: int | None
    alias: str | None
    dataset: str | None
    on_interrupt: str


class AskingSaid(TypedDict, total=False):
    """What `predict` and `explain` may be told both."""

    version: int | None
    alias: str | None
    unknown_columns: str | None
    routing_key: str | None
    chunk_rows: int | None


class PredictionSaid(AskingSaid, total=False):
    """What `predict` may be told."""

    outputs: Sequence[str] | None
    receipts: bool


class ExplanationSaid(AskingSaid, total=False):
    """What `explain` may be told."""

    against: Any
    background: Any
    top: int | None
    counterfactual: Sequence[str] | None
