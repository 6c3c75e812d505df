"""Objects of scikit-learn, loaded models and files become versions, which tell what is claimed of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import serverless_ml
from serverless_ml import Client, InvalidArgument, InvalidInput, JobFailed
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from client.tests.service import ROOT


@pytest.fixture(scope="module")
def customers() -> tuple[Any, ...]:
    frame = pd.read_csv(ROOT / "examples" / "churn.csv")[["age", "plan", "country", "spend", "churned"]]
    return tuple(train_test_split(frame.drop(columns="churned"), frame["churned"], random_state=0))


@pytest.fixture(scope="module")
def pipeline(customers: tuple[Any, ...]) -> Any:
    X, _, y, _ = customers
    prepare = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "spend"]),
        (OneHotEncoder(handle_unknown="ignore"), ["plan", "country"]),
    )
    return Pipeline([("prepare", prepare), ("classify", LogisticRegression())]).fit(X, y)


def test_a_pipeline_predicts_at_the_service_as_it_does_here(
    ml: Client, customers: tuple[Any, ...], pipeline: Any
) -> None:
    _, X, _, y = customers
    version = ml.register("pipeline", pipeline, X=X, y=y)
    assert list(ml.predict("pipeline", X)) == pipeline.predict(X).tolist()
    assert ml.load("pipeline").predict(X).tolist() == pipeline.predict(X).tolist()
    proba = ml.load("pipeline").predict_proba(X)
    assert np.abs(proba - pipeline.predict_proba(X)).max() < 1e-9
    assert version.registered is not None
    origin = version.registered["origin"]
    import sklearn

    assert origin["library_versions"]["scikit-learn"] == sklearn.__version__
    assert origin["library_versions"]["serverless-ml-client"] == serverless_ml.__version__
    assert origin["description"] == (
        "scikit-learn: [pipeline (SimpleImputer → StandardScaler), OneHotEncoder] "
        "→ classify (LogisticRegression)"
    )
    told = origin["version"]
    assert told["test_rows"] == len(X)
    metrics = told["metrics"]["test"]
    assert metrics["accuracy"] == pytest.approx(accuracy_score(y, pipeline.predict(X)))
    assert metrics["log_loss"] == pytest.approx(log_loss(y, pipeline.predict_proba(X)), rel=1e-9)
    assert metrics["roc_auc"] == pytest.approx(roc_auc_score(y, pipeline.predict_proba(X)[:, 1]))
    # What somebody claims is told as that, and not as what the service measured.
    assert "test" not in version.metrics


def test_a_search_is_what_it_found_and_its_line_says_so(ml: Client) -> None:
    X, y = load_breast_cancer(return_X_y=True)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1, 9]}
    )
    version = ml.register("search", search.fit(X, y), origin={"description": "of the first study"})
    assert version.registered is not None
    assert version.registered["origin"]["description"] == "of the first study"
    assert list(ml.predict("search", X[:50])) == search.predict(X[:50]).tolist()
    from serverless_ml import offline

    assert offline.in_a_line(search) == "GridSearchCV of StandardScaler → LogisticRegression"


def test_a_loaded_model_and_a_file_are_registered_as_they_are(ml: Client, fruit: str, tmp_path: Path) -> None:
    source = ml.model(fruit).version(2)
    rows, labels = [[120, 0.9], [170, 0.2]], ["apple", "quince"]
    path = ml.model(fruit).download(tmp_path, version=2)
    for what in (ml.load(f"{fruit}@2"), path, str(path), path.read_bytes()):
        made = ml.register("again", what, X=rows, y=labels)
        assert made.sha256 == source.sha256
        assert made.registered is not None
        assert made.registered["origin"]["version"]["metrics"]["test"]["accuracy"] == 1.0


def test_clusters_have_no_labels_to_be_measured_by(ml: Client) -> None:
    X = np.array([[0.0, 0.1], [0.1, 0.0], [9.0, 9.1], [9.1, 9.0]])
    clusters = KMeans(2, n_init=1, random_state=0).fit(X)
    with pytest.raises(InvalidInput, match="model of clusters, which have none"):
        ml.register("clusters", clusters, X=X, y=[0, 0, 1, 1])
    ml.register("clusters", clusters, X=X)
    assert list(ml.predict("clusters", X)) == clusters.predict(X).tolist()


def test_what_cannot_be_said_is_refused_here_with_the_step(ml: Client, customers: tuple[Any, ...]) -> None:
    X, _, y, _ = customers
    numbers = X[["age", "spend"]].fillna(0)
    forest = Pipeline([("scale", StandardScaler()), ("forest", RandomForestClassifier(5))]).fit(numbers, y)
    with pytest.raises(InvalidInput) as refused:
        ml.register("refused", forest)
    assert [fault.path for fault in refused.value.faults] == ["forest"]
    for what in (object(), {"a": 1}, LogisticRegression()):
        with pytest.raises(InvalidInput):
            ml.register("refused", what)
    assert "refused" not in list(ml.models())


def test_labels_that_are_not_those_of_the_rows_are_refused(
    ml: Client, customers: tuple[Any, ...], pipeline: Any
) -> None:
    _, X, _, y = customers
    with pytest.raises(InvalidArgument, match="expected the rows X"):
        ml.register("refused", pipeline, y=y)
    with pytest.raises(InvalidInput, match="expected a label for each row"):
        ml.register("refused", pipeline, X=X, y=y[:-1])
    with pytest.raises(InvalidInput) as refused:
        ml.register("refused", pipeline, X=X, y=["yes", True, None, 1, *y[4:]])
    assert [fault.path for fault in refused.value.faults] == ["y[1]", "y[2]", "y[3]"]
    assert "refused" not in list(ml.models())


def test_what_the_service_refuses_is_told_with_its_reason(ml: Client, tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x04\x95pickle")
    with pytest.raises(JobFailed) as failed:
        ml.register("refused", path)
    assert "pickle" in str(failed.value) + str(failed.value.faults)
    with pytest.raises(FileNotFoundError):
        ml.register("refused", tmp_path / "nothing")
