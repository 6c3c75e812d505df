"""Graphs of other libraries as models: in every form, in any order, and however many at a time."""

import math
from typing import Any

import pytest

from ml_core.errors import InvalidInput
from ml_core.graphs.artifact import GraphArtifact
from ml_core.graphs.call import MOST_BYTES
from ml_core.graphs.importing import looked_at
from ml_core.graphs.model import ImportedModel
from ml_core.graphs.request import ImportRequest
from ml_core.graphs.settling import Settled, settled
from ml_core.graphs.signature import COLUMNS, MATRIX, TENSORS, GraphSignature
from ml_core.inputs.by_column import Columns, columns_of_lists
from ml_core.inputs.rows import Limits
from ml_core.inputs.tensors import InputTensor, rows_from_columns
from ml_core.registering.request import RegistrationRequest
from tests.unit.graph_samples import NAMES, Sample, SessionRunner, sample, tensors

LIMITS = Limits()
# What is to be said of a graph that names no classes.
SAID: dict[str, dict[str, Any]] = {"logistic-double": {"classes": ("class_0", "class_1", "class_2")}}
ARTIFACT = GraphArtifact("0" * 28, "0" * 64, 1)


def asked(name: str, **more: Any) -> ImportRequest:
    return ImportRequest(RegistrationRequest("artifact://x/1"), **{**SAID.get(name, {}), **more})


def understood(given: Sample, **more: Any) -> tuple[Settled, SessionRunner]:
    """What the service makes of a sample that is tried on its own inputs."""
    request = asked(given.name, **more)
    looked = looked_at(given.file, request)
    runner = SessionRunner(given.file)
    found = runner.run(ARTIFACT, tensors(given.inputs), (), batch=looked.signature.batch)
    return settled(looked.signature, looked.scanned, request, found, given.instances), runner


def model_of(name: str, **more: Any) -> tuple[ImportedModel, SessionRunner]:
    known, runner = understood(sample(name), **more)
    return ImportedModel(known.signature, ARTIFACT, lambda: runner), runner


def signature_of(model: ImportedModel) -> GraphSignature:
    found: GraphSignature = model.estimator.signature  # type: ignore[attr-defined]  # a graph's has one
    return found


def as_instances(given: Sample, signature: GraphSignature) -> list[Any]:
    """The sample's instances as JSON."""
    listed = []
    for place in range(given.instances):
        parts = given.instance(place)
        if signature.form == MATRIX:
            listed.append(parts[0])
        elif signature.form == COLUMNS:
            listed.append([part[0] for part in parts])
        else:
            each = zip(signature.features, parts, given.inputs, strict=True)
            listed.append({name: shaped(part, tensor["shape"][1:]) for name, part, tensor in each})
    return listed


def shaped(values: list[Any], shape: list[int]) -> Any:
    for length in reversed(shape[1:]):
        values = [values[begin : begin + length] for begin in range(0, len(values), length)]
    return values if shape else values[0]


def flat(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [inside for each in value for inside in flat(each)]
    return [value]


def as_told(given: Sample, signature: GraphSignature, name: str) -> list[Any]:
    """What the sample's file says of an output, as the service calls its values."""
    output = signature.output(name)
    if not output.output:  # the class of the greatest score
        scores = given.output(signature.output(signature.derived or "").output)
        width = len(scores) // given.instances
        rows = [scores[begin : begin + width] for begin in range(0, len(scores), width)]
        return [(signature.classes or ())[row.index(max(row))] for row in rows]
    values = given.output(output.output)
    if output.kind == "label" and signature.labels is not None and signature.classes is not None:
        named = dict(zip(signature.labels, signature.classes, strict=True))
        return [named[value] for value in flat(values)]
    if values and isinstance(values[0], list) and isinstance(values[0][0], list):  # maps, as pairs
        return [score for row in values for _, score in sorted(row)]
    return flat(values)


def close(ours: list[Any], theirs: list[Any]) -> bool:
    return len(ours) == len(theirs) and all(
        math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-6) if isinstance(other, float) else one == other
        for one, other in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_output_is_what_the_file_says(name: str) -> None:
    given = sample(name)
    model, _ = model_of(name)
    instances = as_instances(given, signature_of(model))
    rows = model.rows(instances, limits=LIMITS)
    assert len(rows) == given.instances
    found = model.predict_rows(rows, model.outputs)
    for output, values in found.items():
        expected = as_told(given, signature_of(model), output)
        assert close(flat(values), expected), output


@pytest.mark.parametrize("name", NAMES)
def test_one_at_a_time_and_backwards_is_all_at_once(name: str) -> None:
    given = sample(name)
    model, _ = model_of(name)
    instances = as_instances(given, signature_of(model))

    def predicted(some: list[Any]) -> list[list[Any]]:
        found = model.predict_rows(model.rows(some, limits=LIMITS), model.outputs)
        return [flat([values[place] for values in found.values()]) for place in range(len(some))]

    together = predicted(instances)
    for ours, theirs in zip(predicted(instances[::-1])[::-1], together, strict=True):
        assert close(ours, theirs)
    for instance, theirs in zip(instances, together, strict=True):
        assert close(predicted([instance])[0], theirs)


@pytest.mark.parametrize("name", [name for name in NAMES if sample(name).inputs[0]["datatype"] != "INT64"])
def test_the_forms_of_a_request_say_the_same(name: str) -> None:
    given = sample(name)
    model, _ = model_of(name)
    signature = signature_of(model)
    instances = as_instances(given, signature)
    expected = model.predict_rows(model.rows(instances, limits=LIMITS), model.outputs)
    if signature.form == TENSORS:
        reader: Any = model.reader
        sent = [
            InputTensor(column, each["datatype"], each["shape"], each["data"])
            for column, each in zip(signature.features, given.inputs, strict=True)
        ]
        assert model.predict_rows(reader.of_tensors(sent, LIMITS), model.outputs) == expected
        return
    by_name = [dict(zip(signature.features, row, strict=True)) for row in instances]
    columns = {feature: [row[feature] for row in by_name] for feature in signature.features}
    lists = columns_of_lists(model.columns, columns, LIMITS, where="$.inputs")
    sent = [
        InputTensor(feature, "BYTES" if isinstance(values[0], str) else "FP64", [len(values)], values)
        for feature, values in columns.items()
    ]
    for rows in (
        model.rows(by_name, limits=LIMITS),
        model.rows_of_columns(lists, expecting="the model"),
        rows_from_columns(model, sent[::-1], LIMITS, expecting="the model"),
    ):
        assert model.predict_rows(rows, model.outputs) == expected


def test_a_fixed_batch_is_asked_once_for_many() -> None:
    model, runner = model_of("torch-cnn-fixed")
    given = sample("torch-cnn-fixed")
    instances = as_instances(given, signature_of(model)) * 5
    runner.asked.clear()
    model.predict_rows(model.rows(instances, limits=LIMITS), model.outputs)
    assert runner.asked == [(len(instances), runner.asked[0][1], 1)]


@pytest.mark.parametrize("rows", [1, 1000, MOST_BYTES // 16 + 1])
def test_what_a_call_does_not_hold_is_asked_in_pieces(rows: int) -> None:
    """Work that grows with the rows: no call has more than it may, and no row is asked for twice."""
    model, runner = model_of("lightgbm")
    given = sample("lightgbm")
    runner.asked.clear()
    packed = model.rows(as_instances(given, signature_of(model))[:1] * rows, limits=Limits(max_rows=rows))
    found = model.predict_rows(packed)
    assert len(found["label"]) == rows
    assert sum(each[0] for each in runner.asked) == rows
    assert len(runner.asked) == -(-rows // (MOST_BYTES // (4 * 4)))


def test_texts_are_read_as_they_are_and_nothing_else_is_a_text() -> None:
    model, _ = model_of("columns")
    given = sample("columns")
    (first, *_) = as_instances(given, signature_of(model))
    for wrong in (None, 3, True, ["a"]):
        row = [wrong if isinstance(cell, str) else cell for cell in first]
        with pytest.raises(InvalidInput, match="expected a text, got"):
            model.rows([row], limits=LIMITS)
    empty = ["" if isinstance(cell, str) else cell for cell in first]
    model.predict_rows(model.rows([empty], limits=LIMITS))
    cells: Columns = Columns(
        model.columns, [["1"] for _ in model.columns], lambda place, row: f"{place}.{row}", "body"
    )
    with pytest.raises(InvalidInput, match="expected a number"):
        model.rows_of_columns(cells, expecting="the model")


def test_a_value_that_the_graph_does_not_hold_is_told_with_its_place() -> None:
    model, _ = model_of("ridge")
    rows = [[1.0] * len(model.features), [1.0] * (len(model.features) - 1) + [1e39]]
    with pytest.raises(InvalidInput) as raised:
        model.predict_rows(model.rows(rows, limits=LIMITS), model.outputs)
    assert raised.value.faults[0].path == "$.instances[1]"
    assert "'x9'" in raised.value.faults[0].message


def test_a_signature_is_restored_as_it_was() -> None:
    for name in NAMES:
        known, _ = understood(sample(name))
        assert GraphSignature.restored(known.signature.described()) == known.signature
