"""Why a model answers one label rather than another, on the columns that callers send.

The margin between the two labels is what the algorithm itself computes: the difference of two decisions, the
decision between a pair of classes, the difference of two squared distances (`margins.py`).
`ml_core/explaining/` splits it; here rows, labels and backgrounds come to it.
"""

from __future__ import annotations

from math import isfinite

from ml_core.arithmetic import plain
from ml_core.arithmetic.bounds import NotFinite, overflowing
from ml_core.conflicts import NotExplained
from ml_core.errors import InvalidInput, TooLarge, raise_faults
from ml_core.explaining.background import BackgroundRows, Marginals
from ml_core.explaining.coding import Coding
from ml_core.explaining.explanation import Explanation
from ml_core.inputs.rows import Rows
from ml_core.model.compared_labels import number_of, same_label_faults
from ml_core.model.margins import margins_of
from ml_core.preprocessing.batch import RowBatch
from ml_core.safetensors import unpack_rows

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ml_core.algorithms.contract import Values
    from ml_core.explaining.split import MarginSplit
    from ml_core.inputs.arrays import Pictures, Sequences
    from ml_core.inputs.labels import Label
    from ml_core.model.margins import ExplainedModel

MOST_BACKGROUND = 100
"""How many rows a caller's background may have."""
# A block of rows has at most so many numbers in lists of Python's.
_BLOCK_NUMBERS = 1 << 16


def explain(
    model: ExplainedModel,
    instances: Rows | Pictures | Sequences,
    *,
    against: Label | None = None,
    background: Any = None,  # noqa: ANN401 - of the instances' kind: one reader read both
    most: int | None = None,
) -> list[Explanation]:
    """Why each row gets the label that it gets, and not `against`.

    Pictures, sequences and texts are explained as `network_explanations.py` says.

    Args:
        model: what predicts.
        instances: checked rows of the model's columns, or what its reader reads.
        against: the label that each row's own is compared with; without it the next likely of each row.
        background: 1 to `MOST_BACKGROUND` rows of the same columns that stand for what is not known; without
            them the profile of the rows that the model was trained on.
        most: how many multiplications may be done; None for any number.

    Raises:
        InvalidInput: no label of the model is called `against`, a row is predicted to be it, or what a row
            comes to is not a finite number.
        NotExplained: there is neither a profile nor a background, or the model has no margin to explain.
        TooLarge: it takes more than `most`, or the background has too many rows; nothing was computed.
    """
    if not isinstance(instances, Rows):
        from ml_core.model.network_explanations import explain_by_gradients

        return explain_by_gradients(model, instances, against=against, background=background, most=most)
    explainer = explainer_of(model)
    other = None if against is None else number_of(against, explainer.labels)
    split = explainer.split_by(model, background)
    work = len(instances) * split.work
    if most is not None and work > most:
        raise TooLarge(
            f"explaining {len(instances):,} rows takes the time of {work:,} multiplications; at most {most:,}"
            " are done for a request: send fewer rows, or fewer as background"
        )
    try:
        return explainer.explained(model, instances, other, split)
    except InvalidInput:
        if background is not None:
            model.predict_rows(background)  # where it overflows itself, that is what is wrong
        raise


def explainer_of(model: ExplainedModel) -> Explainer:
    """What was worked out of the model; of several threads that come first one's is kept."""
    found: Explainer | None = model.kept.get("explainer")
    return found or model.kept.setdefault("explainer", Explainer(model))


class Explainer:
    """A model as explanations see it, and what they keep of it.

    It holds no model: that holds it, and would not be freed until a garbage collection.
    """

    def __init__(self, model: ExplainedModel) -> None:
        specs = model.output_specs
        ranking = next((name for name in ("decision", "distance", "probability") if name in specs), None)
        if ranking is None or (model.classes is None and ranking != "distance"):
            raise NotExplained(
                f"the algorithm '{model.algorithm}' gives its label alone: there is no margin to explain"
            )
        self.coding = Coding(
            len(model.features), model.encoding.layout if model.encoding else None, model.scaling
        )
        self._ranking = ranking
        self._probability = "probability" in specs
        self.labels: Sequence[Label] = model.classes or range(specs["distance"].width)
        if len(self.labels) < 2:
            raise NotExplained("the model has one label alone: there is none to compare it with")
        self.margins = margins_of(model, self.coding)
        self._by_profile: MarginSplit | None = None

    def split_by(self, model: ExplainedModel, background: Rows | None) -> MarginSplit:
        """How the model's margins are split, with these rows or else its profile as background.

        Raises `NotExplained` without either, and `TooLarge` for too many rows.
        """
        if background is None:
            self._by_profile = self._by_profile or self.margins.split(self._marginals(model))
            return self._by_profile
        if len(background) > MOST_BACKGROUND:
            raise TooLarge(
                f"{background.where} has {len(background)} rows; at most {MOST_BACKGROUND} are taken"
            )
        rows = list(unpack_rows(background.packed, background.n_features))
        return self.margins.split(BackgroundRows(rows))

    def _marginals(self, model: ExplainedModel) -> Marginals:
        profile = model.profile
        if profile is None or not profile.columns:
            raise NotExplained(
                "the version has no profile of the rows that it was trained on: send `background`, or train "
                "it again, on at least 20 rows and not privately"
            )
        return Marginals.of(profile, self.coding)

    def explained(
        self, model: ExplainedModel, rows: Rows, other: int | None, split: MarginSplit
    ) -> list[Explanation]:
        """The model's explanation of each row, against the label `other`, or else the next likely.

        Raises `InvalidInput`.
        """
        outputs = ["label", *(["probability"] if self._probability else [])]
        if other is None and len(self.labels) > 2 and self._ranking not in outputs:
            outputs.append(self._ranking)
        explanations: list[Explanation] = []
        for packed in rows.blocks(max(1, _BLOCK_NUMBERS // self.coding.width)):
            begin = len(explanations)
            batch = RowBatch(
                packed, len(model.features), model.encoding, model.scaling, request_rows=len(rows)
            )
            try:
                found = model.estimator.predict(batch, outputs)
                encoded = batch.matrix(plain)
            except NotFinite as overflow:
                raise overflowing(rows.where, begin + overflow.row) from None
            labels = _listed(found["label"])
            if other is not None:
                same = (f"{rows.where}[{row}]" for row, label in enumerate(labels, begin) if label == other)
                raise_faults(same_label_faults(self.labels[other], same))
            ranks = _listed(found[self._ranking]) if self._ranking in outputs else None
            probabilities = _listed(found["probability"]) if self._probability else None
            pairs = [
                (own, self._runner_up(own, ranks and ranks[place]) if other is None else other)
                for place, own in enumerate(labels)
            ]
            values = list(unpack_rows(packed, len(model.features)))
            for place, parts in enumerate(split.of(values, encoded, pairs)):
                if not isfinite(parts.error):
                    raise overflowing(rows.where, begin + place)
                own, against = pairs[place]
                errors = parts.standard_errors
                explanations.append(
                    Explanation(
                        self.labels[own],
                        self.labels[against],
                        self.margins.unit,
                        parts.base,
                        parts.margin,
                        dict(zip(model.features, parts.parts, strict=True)),
                        probabilities[place][own] if probabilities else None,
                        split.method,
                        split.game,
                        parts.error,
                        None if errors is None else dict(zip(model.features, errors, strict=True)),
                    )
                )
        return explanations

    def _runner_up(self, own: int, ranks: Sequence[float] | None) -> int:
        """The label that the model would answer next, the first of several."""
        if ranks is None:
            return 1 - own
        others = [number for number in range(len(self.labels)) if number != own]
        return (min if self._ranking == "distance" else max)(others, key=ranks.__getitem__)


def _listed(values: Values) -> list[Any]:
    listed: list[Any] = values.tolist() if hasattr(values, "tolist") else values
    return listed
