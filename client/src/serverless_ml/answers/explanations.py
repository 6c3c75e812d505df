"""Why a version predicts what it predicts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

from serverless_ml.answers.record import Answer, Listed
from serverless_ml.errors import InvalidArgument


@dataclass(frozen=True, kw_only=True, repr=False)
class Explanation(Answer):
    """Why one row has its label rather than another one.

    `base` and the `attributions` add up to the `margin` of `label` over `against`, in the given `unit`.
    """

    picture: ClassVar[str] = "explanation"

    label: Any
    against: Any
    unit: str
    base: float
    margin: float
    attributions: Any
    rest: float | None = None
    probability: float | None = None
    method: str = ""
    exact: bool = True
    game: str = ""
    additivity_error: float | None = None
    completeness_error: float | None = None
    standard_errors: dict[str, float] | None = None
    counterfactual: dict[str, Any] | None = None


class Explanations(Listed[Explanation]):
    """An explanation for each row, in the rows' order.

    `model` and `version` are what answered, `labels` what was predicted; `raw` is the answer as JSON.
    """

    picture: ClassVar[str] = "explanations"

    def __init__(
        self,
        entries: Sequence[Explanation],
        raw: Any,
        framed: Callable[[dict[str, list[Any]]], Any] | None = None,
    ) -> None:
        super().__init__(entries, raw)
        self._framed = framed

    @classmethod
    def from_json(cls, told: Any) -> Self:
        """Make it of an answer of `:explain`. Raises `UnexpectedAnswer`."""
        return cls([Explanation.from_json(each) for each in told["explanations"]], told)

    def with_frames(self, framed: Callable[[dict[str, list[Any]]], Any]) -> Self:
        """The same, whose frames `framed` makes of columns."""
        return type(self)(self._entries, self.raw, framed)

    @property
    def model(self) -> str:
        """The name of the model that answered."""
        return str(self.raw["model"]["name"])

    @property
    def version(self) -> int:
        """Its version."""
        return int(self.raw["model"]["version"])

    @property
    def labels(self) -> list[Any]:
        """What was predicted of each row."""
        return list(self.raw["predictions"])

    def part(self, entries: tuple[Explanation, ...], place: slice) -> Self:
        """Some of them."""
        lists = {name: self.raw[name][place] for name in ("predictions", "explanations")}
        return type(self)(entries, {**self.raw, **lists}, None)

    def frame(self) -> Any:
        """The attributions, a column for each of the table's: a frame of the kind that was asked with.

        With `top`, a column that is not among a row's largest has None. Raises `InvalidArgument` for
        explanations of pictures, sequences and texts.
        """
        rows = [each.attributions for each in self]
        if not all(isinstance(row, dict) for row in rows):
            raise InvalidArgument(
                "only explanations of a table's columns are a frame: look at `attributions`"
            )
        names = dict.fromkeys(name for row in rows for name in row)
        columns = {name: [cast("dict[str, Any]", row).get(name) for row in rows] for name in names}
        return columns if self._framed is None else self._framed(columns)
