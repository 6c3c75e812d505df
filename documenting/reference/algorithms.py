"""What may be trained, and with which hyperparameters."""

import json

from documenting.markdown import anchor, code, either, heading, link, prose, sentence, table
from documenting.markdown import page as whole
from documenting.reference.api import schemas
from ml_core.algorithms import algorithms
from ml_core.algorithms.base import AlgorithmInfo
from ml_core.inputs.kinds import IMAGE, SEQUENCE, TABLE, TEXT

_TAKEN = {TABLE: "rows of a table", IMAGE: "pictures", SEQUENCE: "sequences of numbers", TEXT: "texts"}
_SHARED = """\
What a request to train has besides is the same for all of them:

- `data` names a table or a file, and how it is read: [datasets.md](../datasets.md#training).
- `test_fraction` and `split` say which rows are held out: [tables.md](../tables.md#which-rows-are-held-out).
- `privacy` trains with differential privacy: [privacy.md](../privacy.md#private-training).
- `engine` says what trains on a table that is larger than memory: [large-tables.md](../large-tables.md).
- `max_seconds` ends a training that takes longer: [jobs.md](../jobs.md#continued-trainings).

Every member, with its bounds: [`POST /v1/models/{model}:train`](api.md#post-v1modelsmodeltrain)."""


def page() -> str:
    """The page: a heading for each algorithm, its name."""
    found = algorithms()
    return whole(
        "Algorithms",
        "What may be trained: what each algorithm is for, and its hyperparameters with defaults and bounds.",
        "`GET /v1/algorithms` answers with the same, as JSON Schema.",
        table(
            ["algorithm", "what it is for", "trained on"],
            [
                [link(code(name), f"#{anchor(name)}"), prose(info.algorithm.summary), _taken(info)]
                for name, info in found.items()
            ],
        ),
        _SHARED,
        *(text for info in found.values() for text in _algorithm(info)),
    )


def _taken(info: AlgorithmInfo) -> str:
    return either([_TAKEN[kind] for kind in info.algorithm.takes])


def _algorithm(info: AlgorithmInfo) -> list[str]:
    return [
        heading(2, info.name),
        f"{prose(sentence(info.title))} {prose(info.algorithm.summary)}",
        f"It is trained on {_taken(info)}. {_private(info)}",
        table(
            ["hyperparameter", "what it is", "default", "meaning"],
            [
                [
                    code(each.name),
                    schemas().kind(each.kind.schema()),
                    code(json.dumps(each.default, ensure_ascii=False)),
                    prose(sentence(each.meaning)),
                ]
                for each in info.algorithm.hyperparameters
            ],
        ),
    ]


def _private(info: AlgorithmInfo) -> str:
    algorithm = info.algorithm
    if algorithm.fit_private is None:
        return f"It has no private training: {prose(algorithm.not_private)}."
    counted = either([code(each) for each in algorithm.private_hyperparameters], "and")
    return f"With `privacy`, of these {counted} counts alone."
