"""What a request for private training may not leave to the rows, and is refused with the place of it."""

from typing import Any

import pytest

from ml_core.errors import InvalidInput, TooLarge
from ml_core.inputs.rows import Limits
from ml_core.training.request import TrainingRequest, check_request

ROWS = [{"age": 30.0, "plan": "basic"}, {"age": None, "plan": "gold"}]


def privacy(**said: Any) -> dict[str, Any]:
    whole = {
        "epsilon": 1,
        "delta": 1e-6,
        "bounds": {"age": [0, 100]},
        "categories": {"plan": ["basic", "plus"]},
        "classes": ["no", "yes"],
    } | said
    return {name: value for name, value in whole.items() if value != "absent"}


def of_rows(**said: Any) -> dict[str, Any]:
    body = {
        "algorithm": "logistic_regression",
        "instances": ROWS,
        "targets": ["no", "yes"],
        "privacy": privacy(),
    } | said
    return {name: value for name, value in body.items() if value != "absent"}


def of_table(privately: dict[str, Any] | None = None, **said: Any) -> dict[str, Any]:
    data = {"uri": "s3://bucket/t.csv", "target": "left"} | said
    return {"algorithm": "logistic_regression", "data": data, "privacy": privately or privacy()}


def clusters(**said: Any) -> dict[str, Any]:
    return of_rows(algorithm="kmeans", targets="absent", privacy=privacy(classes="absent"), **said)


def checked(body: dict[str, Any]) -> TrainingRequest:
    return check_request(body, Limits(), check_uri=lambda _: None)


@pytest.mark.parametrize("body", [of_rows(), of_table(), clusters(), of_rows(seed=0, engine="function")])
def test_a_whole_request_is_taken_and_read_again_as_it_was(body: dict[str, Any]) -> None:
    request = checked(body)
    again = TrainingRequest.from_bytes(request.to_bytes())
    assert again.privacy == request.privacy == body["privacy"]
    assert again.rho == request.rho


OF_PRIVACY = [
    ("epsilon", "absent", "$.privacy.epsilon"),
    ("epsilon", 0, "$.privacy.epsilon"),
    ("epsilon", 0.0099, "$.privacy.epsilon"),
    ("epsilon", 101, "$.privacy.epsilon"),
    ("epsilon", True, "$.privacy.epsilon"),
    ("epsilon", "1", "$.privacy.epsilon"),
    ("epsilon", float("nan"), "$.privacy.epsilon"),
    ("delta", "absent", "$.privacy.delta"),
    ("delta", 0, "$.privacy.delta"),
    ("delta", 0.01, "$.privacy.delta"),
    ("delta", -1e-6, "$.privacy.delta"),
    ("rho", 1, "$.privacy.rho"),
    ("seed", 1, "$.privacy.seed"),
    ("bounds", [0, 1], "$.privacy.bounds"),
    ("bounds", {"age": [100, 0]}, "$.privacy.bounds.age"),
    ("bounds", {"age": [1, 1]}, "$.privacy.bounds.age"),
    ("bounds", {"age": [0]}, "$.privacy.bounds.age"),
    ("bounds", {"age": [0, 1, 2]}, "$.privacy.bounds.age"),
    ("bounds", {"age": [None, 1]}, "$.privacy.bounds.age"),
    ("bounds", {"age": ["0", 1]}, "$.privacy.bounds.age"),
    ("bounds", {"age": [False, True]}, "$.privacy.bounds.age"),
    ("bounds", {"age": [0, 1e301]}, "$.privacy.bounds.age"),
    ("bounds", {"age": [0, float("inf")]}, "$.privacy.bounds.age"),
    ("bounds", {"age": [0, 5e-324]}, "$.privacy.bounds.age"),
    ("bounds", {"age": [0, 10**400]}, "$.privacy.bounds.age"),
    ("bounds", {"": [0, 1]}, "$.privacy.bounds"),
    ("bounds", {"age": [0, 1], "plan": [0, 1]}, "$.privacy.categories.plan"),
    ("bounds", {f"c{n}": [0, 1] for n in range(499)}, "$.privacy"),
    ("categories", ["plan"], "$.privacy.categories"),
    ("categories", {"plan": "basic"}, "$.privacy.categories.plan"),
    ("categories", {"plan": []}, "$.privacy.categories.plan"),
    ("categories", {"plan": ["a", "a"]}, "$.privacy.categories.plan[1]"),
    ("categories", {"plan": ["a", " a"]}, "$.privacy.categories.plan[1]"),
    ("categories", {"plan": ["a "]}, "$.privacy.categories.plan[0]"),
    ("categories", {"plan": [1]}, "$.privacy.categories.plan[0]"),
    ("categories", {"plan": ["a" * 1001]}, "$.privacy.categories.plan[0]"),
    ("categories", {"plan": ["\ud800"]}, "$.privacy.categories.plan[0]"),
    ("categories", {"plan": [str(n) for n in range(998)]}, "$.privacy"),
    ("classes", "absent", "$.privacy.classes"),
    ("classes", None, "$.privacy.classes"),
    ("classes", ["no"], "$.privacy.classes"),
    ("classes", ["no", "no"], "$.privacy.classes[1]"),
    ("classes", ["1", 1], "$.privacy.classes"),
    ("classes", [1, True], "$.privacy.classes"),
    ("classes", [1, 2.5], "$.privacy.classes"),
    ("classes", ["no", " "], "$.privacy.classes[1]"),
    ("classes", [1, 2**63], "$.privacy.classes[1]"),
    ("classes", ["no", None], "$.privacy.classes"),
]


@pytest.mark.parametrize(("member", "value", "place"), OF_PRIVACY)
@pytest.mark.parametrize("made", [of_rows, of_table])
def test_what_privacy_itself_lacks_or_has_wrong(made: Any, member: str, value: object, place: str) -> None:
    said = privacy(**{member: value})
    body = of_rows(privacy=said) if made is of_rows else of_table(said)
    with pytest.raises(InvalidInput) as refused:
        checked(body)
    assert refused.value.faults[0].path == place
    assert all(fault.message for fault in refused.value.faults)


OF_REST: list[tuple[dict[str, Any], str]] = [
    (of_rows(privacy=privacy(bounds="absent", categories="absent")), "$.privacy"),
    (of_rows(privacy=privacy(bounds={}, categories={})), "$.privacy"),
    (of_rows(privacy=[]), "$.privacy"),
    (of_rows(privacy=True), "$.privacy"),
    (of_rows(algorithm="svm"), "$.privacy"),
    (of_rows(algorithm="cnn"), "$.privacy"),
    (of_rows(algorithm="rnn"), "$.privacy"),
    (clusters() | {"privacy": privacy()}, "$.privacy.classes"),
    (clusters(hyperparameters={"init": "random"}), "$.hyperparameters.init"),
    (clusters(hyperparameters={"scale": False}), "$.hyperparameters.scale"),
    (of_rows(hyperparameters={"max_iter": 5}), "$.hyperparameters.max_iter"),
    (of_rows(hyperparameters={"class_weight": "balanced"}), "$.hyperparameters.class_weight"),
    (of_rows(seed=7), "$.seed"),
    (of_rows(split={"by": "group", "column": "plan"}), "$.split"),
    (of_rows(engine="lithops"), "$.engine"),
    (of_rows(types={"age": "number"}), "$.types"),
    (of_rows(instances=[{"age": 1.0, "plan": "x", "more": 1.0}], targets=["no"]), "$.privacy"),
    (of_rows(instances=[{"age": 1.0}], targets=["no"]), "$.privacy"),
    (of_rows(targets=["no", "maybe"]), "$.targets[1]"),
    (of_rows(targets=["no", None]), "$.targets[1]"),
    (of_rows(targets=["no"]), "$.targets"),
    (of_rows(targets=[True, False]), "$.targets[0]"),
    (of_table(target="age"), "$.data.target"),
    (of_table(types={"age": "number"}), "$.data.types"),
    (of_table(exclude=["age"]), "$.data.exclude"),
    (of_table(dayfirst=True), "$.data.dayfirst"),
    (of_table(features=["age"]), "$.data.features"),
    (of_table(features=["age", "plan", "more"]), "$.data.features[2]"),
    (of_table() | {"instances": ROWS}, "$.instances"),
    (of_table() | {"targets": ["no"]}, "$.targets"),
]


@pytest.mark.parametrize(("body", "place"), OF_REST)
def test_what_the_rest_of_a_request_leaves_to_the_rows(body: dict[str, Any], place: str) -> None:
    with pytest.raises((InvalidInput, TooLarge)) as refused:
        checked(body)
    assert isinstance(refused.value, InvalidInput)
    assert place in [fault.path for fault in refused.value.faults]


@pytest.mark.parametrize(
    "classes", [["NA", "N"], ["1", "01", "1.0"], ["true", "false"], [True, False], [3, 1, 2]]
)
def test_classes_are_what_they_were_said_to_be(classes: list[Any]) -> None:
    """Words that look like numbers, or like a gap, are words; of whole numbers a float may be one."""
    request = checked(of_rows(privacy=privacy(classes=classes), targets=classes[:2]))
    assert request.targets == classes[:2]
    again = TrainingRequest.from_bytes(request.to_bytes()).targets or []
    assert [type(each) for each in again] == [type(each) for each in classes[:2]]
