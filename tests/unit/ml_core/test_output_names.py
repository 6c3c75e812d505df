"""An output has our name and scikit-learn's, wherever it is asked for."""

from itertools import product

import pytest
from sklearn import datasets

from ml_core import predict, train_model
from ml_core.algorithms.outputs import METHODS, OutputSpec, by_every_name
from ml_core.errors import InvalidInput
from ml_core.inputs.rows import Limits
from ml_core.model.model import Model

IRIS = datasets.load_iris()
X, y = IRIS.data.tolist(), IRIS.target.tolist()
MODELS = {
    "classifier": train_model(X, y),
    "two classes": train_model(X[:100], y[:100], "svm"),
    "clusters": train_model(X, None, "kmeans", n_clusters=3),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_both_names_give_the_same_under_the_name_that_was_asked(model: Model) -> None:
    rows = model.rows(X[:9], limits=Limits())
    for ours in model.outputs:
        theirs = METHODS[ours]
        found = model.predict_rows(rows, [theirs, ours, theirs])
        assert list(found) == [theirs, ours]
        assert found[ours] == found[theirs] == predict(model, X[:9], theirs) == predict(model, X[:9], ours)
        assert model.cells(9, [theirs]) == model.cells(9, [ours]) > 0
    names = [{name, METHODS[name]} for name in model.outputs]
    expected = model.predict_rows(rows, model.outputs)
    for asked in product(*names):
        assert list(model.predict_rows(rows, asked).values()) == list(expected.values())


@pytest.mark.parametrize("asked", ["transform", "distance", "Predict", "predict_log_proba", "", "labels"])
def test_a_name_that_is_none_of_the_models_is_told_as_it_was_asked(asked: str) -> None:
    model = MODELS["classifier"]
    told = f"this model gives label, probability, decision; it has no '{asked}'"
    with pytest.raises(InvalidInput, match=told):
        predict(model, X[:1], asked)
    with pytest.raises(InvalidInput, match=told):
        model.predict_rows(model.rows(X[:1], limits=Limits()), [asked])


def test_what_is_no_name_at_all_is_told_as_well() -> None:
    with pytest.raises(InvalidInput, match="it has no a list of 1"):
        predict(MODELS["classifier"], X[:1], ["label"])  # type: ignore[arg-type]


def test_an_algorithms_own_output_keeps_its_name() -> None:
    label, distance, own = OutputSpec("label"), OutputSpec("distance"), OutputSpec("transform", (2,))
    named = by_every_name({"label": label, "distance": distance, "transform": own})
    assert named == {"label": label, "predict": label, "distance": distance, "transform": own}
