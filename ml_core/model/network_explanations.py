"""Why a network answers one label rather than another: integrated gradients by what callers send.

The margin is the difference of the last layer's numbers for two classes, which is the log of how the two
probabilities are to each other. It is split over the pixels of a picture, the numbers of a sequence's steps,
or the tokens of a text. What is compared with is a baseline: zero after the network's own scaling, which is
the mean of the training set where it standardises; of a text the same text with every word unknown, so that
a word that the model does not know says nothing. Or what the caller sends as background.
"""

from __future__ import annotations

from math import isfinite, prod

from ml_core.arithmetic import choose_for_network
from ml_core.arithmetic.bounds import NotFinite, overflowing
from ml_core.errors import Fault, InvalidInput, TooLarge, raise_faults
from ml_core.explaining.explanation import BASELINE, GRADIENTS, ROWS, Explanation
from ml_core.explaining.gradients import FEWEST_NODES, MOST_NODES

# After `gradients`, which imports it as `arithmetic/vectorised.py` says.
import numpy as np  # isort: skip

from ml_core.explaining.network_margins import PictureMargins, SequenceMargins, fits
from ml_core.inputs.arrays import Pictures, Sequences
from ml_core.model.compared_labels import number_of, same_label_faults
from ml_core.model.margins import LOG_ODDS
from ml_core.networks.fitted import float64
from ml_core.preprocessing.network_batch import NetworkBatch
from ml_core.preprocessing.text_input import TextInput
from ml_core.preprocessing.token_places import token_places
from ml_core.preprocessing.tokens import UNKNOWN
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from ml_core.algorithms.network_estimator import NetworkEstimator
    from ml_core.arithmetic.network import PictureNetwork, SequenceNetwork, Standardisation
    from ml_core.explaining.gradients import Integral
    from ml_core.inputs.labels import Label
    from ml_core.model.margins import ExplainedModel
    from ml_core.preprocessing.tokens import Tokenizer

    type Floats = NDArray[np.float64]

MOST_BASELINES = 100
"""How many pictures or sequences a caller's background may have."""
# A gradient takes the time of two answers at most: measured, one and a half.
_ANSWERS_OF_GRADIENT = 2
# How often the nodes of one way pass the layers together, at most.
_PASSES = 16
# What is kept of a way while its panels are halved, as a count of numbers: 32 MiB.
_KEPT_NUMBERS = 1 << 22


def explain_by_gradients(
    model: ExplainedModel,
    instances: Pictures | Sequences,
    *,
    against: Label | None = None,
    background: Any = None,  # noqa: ANN401 - of the instances' kind: one reader read both
    most: int | None = None,
) -> list[Explanation]:
    """Why each picture, sequence or text gets the label that it gets, and not `against`.

    `attributions` are of a picture its rows of pixels, a number for each; of a sequence its steps, each with
    a number for every channel, those that `max_length` leaves; of a text an object for each token that
    counts, with its `text` as it was sent, where it begins and ends there (`begin`, `end`), its `value`, and
    `known`, whether it is in the vocabulary.

    Args:
        model: of a network.
        instances: as its reader reads them.
        against: the label that each one's own is compared with; without it the next likely of each.
        background: what each is compared with in turn, and the mean is told: at most `MOST_BASELINES`
            pictures, or sequences of the very length of each instance.
        most: how many multiplications may be done.

    Raises:
        InvalidInput: no label of the model is called `against`, an instance is predicted to be it, the
            background does not fit, or numbers overflow.
        TooLarge: it takes more than `most` or, where there is a bound, too much memory; or the background has
            too many. Nothing was computed.
    """
    estimator: NetworkEstimator = model.estimator  # type: ignore[assignment]  # as its instances say
    classes = model.classes or ()
    other = None if against is None else number_of(against, classes)
    _check_background(instances, background)
    if most is not None:
        _check_memory(model.estimator.network, instances)  # type: ignore[attr-defined]  # as above
    nodes = _nodes(estimator, instances, 1 if background is None else len(background), most)
    answers = _answers(estimator, instances)
    ways = [
        _Way((answer.label, _other(answer, other)), most) for answer, most in zip(answers, nodes, strict=True)
    ]
    if against is not None:
        same = (f"{instances.where}[{row}]" for row, way in enumerate(ways) if way.classes[0] == other)
        raise_faults(same_label_faults(against, same))
    explanations: list[Explanation] = []
    for answer, ((label, opposed), _), split in zip(
        answers, ways, _splits(model, instances, background, ways), strict=True
    ):
        margin = answer.decisions[label] - answer.decisions[opposed]
        error = abs(split.found.base + float(split.found.parts.sum()) - margin)
        if not isfinite(error):
            raise overflowing(instances.where, len(explanations))
        explanations.append(
            Explanation(
                classes[label],
                classes[opposed],
                LOG_ODDS,
                split.found.base,
                margin,
                split.attributions,
                answer.probability[label],
                GRADIENTS,
                BASELINE if background is None else ROWS,
                error,
            )
        )
    return explanations


def _splits(
    model: ExplainedModel,
    instances: Pictures | Sequences,
    background: Any,  # noqa: ANN401 - as above
    ways: Sequence[_Way],
) -> Iterator[_Split]:
    """The margin of each instance's two classes, split as its kind is."""
    network: Any = model.estimator.network  # type: ignore[attr-defined]  # as above
    if isinstance(instances, Pictures):
        return _split_pictures(network, instances, background, ways)
    if isinstance(model.reader, TextInput):
        return _split_texts(network, model.reader.tokenizer, instances, ways)
    return _split_sequences(network, instances, background, ways)


class _Answer(Record):
    """What the network says of an instance."""

    label: int
    decisions: list[float]
    probability: list[float]


class _Way(Record):
    """The classes whose margin is split, and how many nodes there may be."""

    classes: tuple[int, int]
    nodes: int


class _Split(Record):
    """A margin's parts, as they were found and as a caller gets them."""

    found: Integral
    attributions: Any


def _answers(estimator: NetworkEstimator, instances: Pictures | Sequences) -> list[_Answer]:
    """By the arithmetic that a prediction of the same instances takes. Raises `InvalidInput`."""
    batch = NetworkBatch(instances)
    arithmetic = choose_for_network(batch.request_size, estimator.work)
    try:
        labels, decisions = estimator.decide(arithmetic, batch)
    except NotFinite as overflow:
        raise overflowing(instances.where, overflow.row) from None
    probabilities = arithmetic.softmax(decisions)
    rows = zip(labels, _listed(decisions), _listed(probabilities), strict=True)
    return [_Answer(*row) for row in rows]


def _listed(matrix: Any) -> list[list[float]]:  # noqa: ANN401 - of either arithmetic
    rows: list[list[float]] = matrix.tolist() if hasattr(matrix, "tolist") else [list(row) for row in matrix]
    return rows


def _other(answer: _Answer, chosen: int | None) -> int:
    """The class that is compared with: the chosen one, or the next likely."""
    if chosen is not None:
        return chosen
    rest = [number for number in range(len(answer.decisions)) if number != answer.label]
    return max(rest, key=answer.decisions.__getitem__)


def _check_background(instances: Pictures | Sequences, background: Any) -> None:  # noqa: ANN401 - as above
    """Raise `InvalidInput` for a background that cannot be compared with."""
    if background is None:
        return
    if not len(background):
        raise InvalidInput.at(background.where, "expected some instances to compare with, got none")
    if len(background) > MOST_BASELINES:
        raise TooLarge(
            f"{background.where} has {len(background):,} instances; at most {MOST_BASELINES} are taken"
        )
    if not isinstance(background, Sequences) or not isinstance(instances, Sequences):
        return
    if instances.dtype == "I64":
        raise InvalidInput.at(
            background.where,
            "expected no background of texts: a text is compared with itself, every word unknown",
        )
    length = instances.lengths[0]
    raise_faults(
        Fault(
            f"{where}[{row}]",
            f"expected a sequence of {length:,} steps, as {instances.where}[0] has, got {steps:,}: step is "
            "compared with step, so that a background and all it explains have one length",
        )
        for where, lengths in (
            (instances.where, instances.lengths),
            (background.where, background.lengths),
        )
        for row, steps in enumerate(lengths)
        if steps != length
    )


def _check_memory(network: Any, instances: Pictures | Sequences) -> None:  # noqa: ANN401 - of their kind
    """Raise `TooLarge` for an instance whose way back takes too much memory: all of the way there is kept."""
    sizes = instances.lengths if isinstance(instances, Sequences) else [1]
    for row, size in enumerate(sizes):
        if not fits(network, size):
            told = f"a sequence of {size:,} steps" if isinstance(instances, Sequences) else "a picture"
            raise TooLarge(
                f"{instances.where}[{row}]: explaining {told} takes more than 128 MiB in this network; "
                "send a shorter one, or explain it in a notebook"
            )


def _nodes(
    estimator: NetworkEstimator, instances: Pictures | Sequences, baselines: int, most: int | None
) -> list[int]:
    """How many nodes the ways of each instance may have, so that all take at most `most` multiplications.

    It does not depend on how many others there are: an instance gets the same explanation alone. Raises
    `TooLarge`.
    """
    if isinstance(instances, Pictures):
        sizes, places = [1] * len(instances), prod(instances.shape[:2])
    else:
        sizes, places = [*instances.lengths], instances.width
    each, together = [], 0
    for size in sizes:
        gradient = _ANSWERS_OF_GRADIENT * baselines * size * estimator.work
        nodes = min(MOST_NODES, _KEPT_NUMBERS // (size * places))
        if most is not None:
            nodes = min(nodes, most // gradient)
        each.append(max(FEWEST_NODES, nodes))
        passes = 0
        if isinstance(instances, Sequences):
            alone = estimator.multiplications(Sequences(b"", instances.width, [size], instances.dtype))
            passes = _ANSWERS_OF_GRADIENT * baselines * _PASSES * alone
        together += max(each[-1] * gradient, passes)
    if most is not None and together > most:
        raise TooLarge(
            f"explaining {len(sizes):,} instances may take the time of {together:,} multiplications; at most "
            f"{most:,} are done for a request: send fewer at a time, shorter ones or a smaller background"
        )
    return each


def _split_pictures(
    network: PictureNetwork,
    pictures: Pictures,
    background: Pictures | None,
    ways: Sequence[_Way],
) -> Iterator[_Split]:
    """Each picture's rows of pixels, with a number for each."""
    margins = PictureMargins(network)
    given = _pictures(pictures, network.standardisation)
    baselines = np.zeros((1, *network.shape))
    if background is not None:
        baselines = _pictures(background, network.standardisation)
    for x, way in zip(given, ways, strict=True):
        found = margins.integrated(baselines, x, way.classes, together=True, most_nodes=way.nodes)
        yield _Split(found, found.parts.reshape(network.shape[:2]).tolist())


def _split_sequences(
    network: SequenceNetwork,
    sequences: Sequences,
    background: Sequences | None,
    ways: Sequence[_Way],
) -> Iterator[_Split]:
    """Each sequence's steps, with a number for each channel."""
    by = network.standardisation
    assert by is not None  # noqa: S101 - for the type checker: it is of numbers
    margins = SequenceMargins(network)
    others = None if background is None else np.stack([*_sequences(background, by)])
    for x, way in zip(_sequences(sequences, by), ways, strict=True):
        baselines = np.zeros((1, *x.shape)) if others is None else others
        found = margins.integrated(baselines, x, way.classes, together=False, most_nodes=way.nodes)
        yield _Split(found, found.parts.reshape(x.shape).tolist())


def _split_texts(
    network: SequenceNetwork,
    tokenizer: Tokenizer,
    sequences: Sequences,
    ways: Sequence[_Way],
) -> Iterator[_Split]:
    """Each text's tokens."""
    embedding = network.embedding
    assert embedding and sequences.texts is not None  # noqa: S101, PT018 - for the type checker: it is of texts
    margins = SequenceMargins(network)
    table = np.frombuffer(embedding.packed, "<f4").reshape(embedding.shape)
    numbers = np.frombuffer(sequences.packed, "<i8")
    ends = np.cumsum(sequences.lengths)[:-1]
    for words, text, way in zip(np.split(numbers, ends), sequences.texts, ways, strict=True):
        x = table[words].astype(np.float64)
        baseline = np.broadcast_to(table[UNKNOWN].astype(np.float64), x.shape)
        found = margins.integrated(baseline[None], x, way.classes, together=True, most_nodes=way.nodes)
        # A text without tokens is one unknown token.
        places = token_places(tokenizer, text) or [(0, 0)]
        tokens = [
            {
                "text": text[begin:end],
                "begin": begin,
                "end": end,
                "known": number != UNKNOWN,
                "value": value,
            }
            for (begin, end), number, value in zip(places, words.tolist(), found.parts.tolist(), strict=True)
        ]
        yield _Split(found, tokens)


def _pictures(pictures: Pictures, by: Standardisation) -> Floats:
    dtype = "u1" if pictures.dtype == "U8" else "<f4"
    return _standardised(np.frombuffer(pictures.packed, dtype).reshape(-1, *pictures.shape), by)


def _sequences(sequences: Sequences, by: Standardisation) -> list[Floats]:
    steps = np.frombuffer(sequences.packed, "<f4").reshape(-1, sequences.width)
    return np.split(_standardised(steps, by), np.cumsum(sequences.lengths)[:-1])


def _standardised(values: NDArray[Any], by: Standardisation) -> Floats:
    result: Floats = (values.astype(np.float64) - float64(by.mean)) / float64(by.scale)
    return result
