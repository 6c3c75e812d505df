"""What cannot be said exactly is refused, and the fault names the step."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import BisectingKMeans, KMeans
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, LinearSVC, NuSVC

from ml_core import from_scikit_learn, predict
from ml_core.errors import InvalidInput, NotConverted
from ml_core.inputs.frames import NO_LIMITS

X, Y = load_iris(return_X_y=True)
FRAME = pd.DataFrame(
    {
        "n": [1.0, 2.0, np.nan, 4.0, 5.0, 6.0],
        "m": [3.0, 1.0, 2.0, 5.0, 4.0, 0.0],
        "w": ["a", "b", "a", "c", "b", "a"],
        "g": pd.Series(["a", None, "b", np.nan, "b", "a"], dtype=object),
    }
)
TARGETS = np.array([0, 1, 0, 1, 1, 0])


@pytest.fixture(autouse=True)
def _unconverged_is_fine() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Derived(LogisticRegression):  # type: ignore[misc]  # scikit-learn is untyped
    """It may compute anything."""


class DerivedScaler(StandardScaler):  # type: ignore[misc]
    """It may compute anything."""


def _of_numbers(*steps: Any) -> Any:
    return Pipeline([(f"step{place}", step) for place, step in enumerate(steps)]).fit(X, Y)


def _of_frame(transformer: Any, last: Any = None) -> Any:
    last = LogisticRegression() if last is None else last
    return Pipeline([("preprocess", transformer), ("model", last)]).fit(FRAME, TARGETS)


def _columns(*parts: Any, **options: Any) -> ColumnTransformer:
    return ColumnTransformer([*parts], **options)


FILLED = make_pipeline(SimpleImputer(), StandardScaler())
ENCODED = OneHotEncoder(handle_unknown="ignore")


@pytest.mark.parametrize(
    ("make", "path", "message"),
    [
        (
            lambda: RandomForestClassifier(2).fit(X, Y),
            "RandomForestClassifier",
            "RandomForestClassifier: RandomForestClassifier is not conv",
        ),
        (
            lambda: RidgeClassifier().fit(X, Y),
            "RidgeClassifier",
            "LogisticRegression, .* SVC, LinearSVC, KMeans",
        ),
        (lambda: NuSVC().fit(X, Y), "NuSVC", "not converted"),
        (lambda: BisectingKMeans(2).fit(X), "BisectingKMeans", "not converted"),
        (
            lambda: CalibratedClassifierCV(LinearSVC(), cv=2).fit(X, Y),
            "CalibratedClassifierCV",
            "not converted",
        ),
        (lambda: StandardScaler().fit(X), "StandardScaler", "not converted"),
        (lambda: _of_numbers(StandardScaler(), RandomForestClassifier(2)), "step1", "not converted"),
        (lambda: Derived().fit(X, Y), "Derived", "derived from it"),
        (lambda: _of_numbers(DerivedScaler(), SVC()), "step0", "fit a StandardScaler"),
        (LogisticRegression, "LogisticRegression", "not fitted .*call its fit"),
        (lambda: LogisticRegression, "LogisticRegression", "it is a class"),
        (lambda: make_pipeline(StandardScaler(), SVC()), "standardscaler", "not fitted"),
        (lambda: GridSearchCV(SVC(), {}), "GridSearchCV", "refit=True"),
        (lambda: GridSearchCV(SVC(), {}, refit=False).fit(X, Y), "GridSearchCV", "refit=True"),
        (lambda: _of_numbers(StandardScaler(), "passthrough"), "step1", "predicts nothing"),
        (lambda: _of_numbers(PCA(2), LogisticRegression()), "step0", "PCA is not converted"),
        (lambda: _of_numbers(PolynomialFeatures(), SVC()), "step0", "PolynomialFeatures"),
        (lambda: _of_numbers(FunctionTransformer(np.log1p), SVC()), "step0", "function of your own"),
        (lambda: _of_numbers(FeatureUnion([("a", StandardScaler())]), SVC()), "step0", "FeatureUnion"),
        (lambda: _of_numbers(StandardScaler(), KNNImputer(), SVC()), "step1", "KNNImputer"),
        (lambda: _of_numbers(MinMaxScaler(clip=True), SVC()), "step0", "clip=False"),
        (lambda: SVC(kernel=lambda a, b: a @ b.T).fit(X, Y), "SVC", "function of your own"),
        (lambda: SVC(kernel="precomputed").fit(X @ X.T, Y), "SVC", "the kernel 'precomputed'"),
        (lambda: SVC(kernel="poly", degree=0).fit(X, Y), "SVC", "degree of 1"),
        (lambda: SVC(gamma=0.0).fit(X, Y), "SVC", "gamma"),
        (lambda: KMeans(2, n_init=1).fit(X.astype("f4")), "KMeans", "float64"),
        (lambda: LogisticRegression().fit(X, Y * 1.0), "LogisticRegression", "astype\\(int\\)"),
        (lambda: _of_frame(_columns(("t", TargetEncoder(cv=2), ["w"]))), "preprocess.t", "TargetEncoder"),
        (lambda: _of_frame(_columns(("o", OrdinalEncoder(), ["w"]))), "preprocess.o", "OrdinalEncoder"),
        (
            lambda: _of_frame(_columns(("c", make_pipeline(SimpleImputer(), PCA(1)), ["n", "m"]))),
            "preprocess.c.pca",
            "pca: PCA is not",
        ),
        (
            lambda: _of_frame(_columns(("s", StandardScaler(), ["m"]), transformer_weights={"s": 2})),
            "preprocess.s",
            "transformer_weights",
        ),
        (
            lambda: _of_frame(_columns(("w", OneHotEncoder(min_frequency=2), ["w"]))),
            "preprocess.w",
            "rare categories",
        ),
        (lambda: _of_frame(_columns(("w", OneHotEncoder(), ["g"]))), "preprocess.w", "None and NaN"),
        (
            lambda: _of_frame(_columns(("a", ENCODED, ["m"]), ("b", "passthrough", ["m"]))),
            "model",
            "in another way",
        ),
        (
            lambda: _of_frame(_columns(("a", ENCODED, ["w"]), ("b", OneHotEncoder(), ["w"]))),
            "model",
            "copy of it under another name",
        ),
        (
            lambda: _of_frame(
                _columns(("a", SimpleImputer(), ["n"]), ("b", SimpleImputer(strategy="median"), ["n"]))
            ),
            "model",
            "filled in several ways",
        ),
        (
            lambda: _of_frame(_columns(("a", StandardScaler(), ["m"]), ("b", MinMaxScaler(), ["m"])), SVC()),
            "model",
            "reaches it twice",
        ),
        (
            lambda: _of_frame(_columns(("a", ENCODED, ["w"]), ("b", ENCODED, ["w"])), KMeans(2)),
            "model",
            "'a'",
        ),
        (
            lambda: _of_frame(make_pipeline(_columns(("a", FILLED, ["n"])), OneHotEncoder())),
            "preprocess.onehotencoder",
            "an earlier step computed",
        ),
        (
            lambda: _of_frame(
                make_pipeline(_columns(("a", FILLED, ["n"])), SimpleImputer(missing_values=0.0))
            ),
            "preprocess.simpleimputer",
            "an imputer came before",
        ),
        (
            lambda: _of_frame(
                make_pipeline(_columns(("a", StandardScaler(), ["m"])), SimpleImputer(missing_values=0.0))
            ),
            "preprocess.simpleimputer",
            "put the imputer first",
        ),
        (
            lambda: _of_frame(_columns(("w", OneHotEncoder(drop="first"), ["one"])), SVC()),
            "model",
            "a missing value is one of the others",
        ),
    ],
)
def test_a_refusal_names_the_step(make: Callable[[], Any], path: str, message: str) -> None:
    FRAME["one"] = FRAME["g"].astype(object).where(FRAME["g"].notna(), np.nan)
    with pytest.raises(NotConverted, match=message) as refused:
        from_scikit_learn(make())
    assert [fault.path for fault in refused.value.faults] == [path]


def _set(name: str, value: Any) -> Callable[[Any], None]:
    return lambda estimator: setattr(estimator, name, value)


def _times(name: str, factor: float) -> Callable[[Any], None]:
    return lambda estimator: setattr(estimator, name, getattr(estimator, name) * factor)


@pytest.mark.parametrize(
    ("estimator", "tamper", "message"),
    [
        (LogisticRegression(), _set("coef_", np.ones((3, 5))), "coef_ of 3 × 4 numbers, got 3 × 5"),
        (LogisticRegression(), _set("coef_", np.full((3, 4), np.nan)), "not finite"),
        (LogisticRegression(), _set("coef_", "words"), "coef_ of 3 × 4 numbers, got"),
        (LogisticRegression(), _set("coef_", np.ones((3, 4), dtype=object)), "got none"),
        (LogisticRegression(), _set("intercept_", np.ones(2)), "intercept_ of 3"),
        (LogisticRegression(), _set("classes_", np.array([0, 1])), "coef_ of 1 × 4"),
        (LogisticRegression(), _set("classes_", np.array([0, 0, 1])), "the same"),
        (LogisticRegression(), _set("classes_", np.array([[0], [1], [2]])), "classes_"),
        (LogisticRegression(), _set("classes_", np.array([0, "a", None], dtype=object)), "all of one kind"),
        (LogisticRegression(), _set("n_features_in_", 3), "coef_ of 3 × 3"),
        (LogisticRegression(), _set("n_features_in_", "four"), "number of columns"),
        (LogisticRegression(), _set("predict", lambda X: X), "its method predict"),
        (LogisticRegression(), _set("decision_function", len), "its method decision_function"),
        (SVC(), _times("dual_coef_", 2), "do not fit together"),
        (SVC(), _times("_dual_coef_", 2), "do not fit together"),
        (SVC(), _times("intercept_", 2), "do not fit together"),
        (SVC(), _times("_n_support", 2), "do not fit together"),
        (SVC(), _set("support_vectors_", np.ones((2, 4))), "_dual_coef_"),
        (SVC(), _set("_gamma", -1.0), "above 0"),
        (SVC(), _set("kernel", "other"), "the kernel 'other'"),
        (SVC(probability=True), _set("_probA", np.ones(1)), "_probA"),
        (SVC(), _set("probability", True), "_probA"),
        (SVC(break_ties=True), _set("decision_function_shape", "ovo"), "break_ties"),
        (LinearSVC(), _set("intercept_", np.inf), "finite"),
        (KMeans(2, n_init=1), _set("cluster_centers_", np.ones((0, 4))), "no clusters"),
        (KMeans(2, n_init=1), _set("cluster_centers_", np.ones((2, 3))), "cluster_centers_ of any × 4"),
        (make_pipeline(StandardScaler(), SVC()), lambda p: _set("scale_", -np.ones(4))(p[0]), "above 0"),
        (make_pipeline(StandardScaler(), SVC()), lambda p: _set("mean_", np.ones(3))(p[0]), "mean_ of 4"),
        (
            make_pipeline(StandardScaler(), SVC()),
            lambda p: _set("n_features_in_", 3)(p[0]),
            "mean_ of 3 numbers, got 4",
        ),
        (make_pipeline(MinMaxScaler(), SVC()), lambda p: _times("scale_", 0)(p[0]), "above 0"),
        (
            make_pipeline(SimpleImputer(), SVC()),
            lambda p: _set("statistics_", np.ones(3))(p[0]),
            "statistics_",
        ),
        (
            make_pipeline(SimpleImputer(), SVC()),
            lambda p: _set("statistics_", ["a"] * 4)(p[0]),
            "become a word",
        ),
        (
            make_pipeline(SimpleImputer(keep_empty_features=True), SVC()),
            lambda p: _set("statistics_", np.full(4, np.nan))(p[0]),
            "fill_value",
        ),
        (
            make_pipeline(OneHotEncoder(handle_unknown="ignore"), SVC()),
            lambda p: _set("categories_", p[0].categories_[:3])(p[0]),
            "categories_ of 4",
        ),
        (
            make_pipeline(OneHotEncoder(handle_unknown="ignore"), SVC()),
            lambda p: p[0].categories_.__setitem__(0, np.array(["a", 1, True], dtype=object)),
            "several kinds",
        ),
        (
            make_pipeline(OneHotEncoder(handle_unknown="ignore"), SVC()),
            lambda p: p[0].categories_.__setitem__(0, p[0].categories_[0][:3]),
            "columns, and .* reach it",
        ),
        (
            make_pipeline(OneHotEncoder(drop="first", handle_unknown="ignore"), SVC()),
            lambda p: _set("drop_idx_", np.array([99, 0, 0, 0], dtype=object))(p[0]),
            "none of its own",
        ),
        (
            make_pipeline(make_column_transformer((StandardScaler(), [0, 1]), remainder="drop"), SVC()),
            lambda p: _set("output_indices_", {})(p[0]),
            "fit the whole again",
        ),
        (
            make_pipeline(make_column_transformer((StandardScaler(), [0, 1]), remainder="drop"), SVC()),
            lambda p: _set("_transformer_to_input_indices", {"standardscaler": [0, 9]})(p[0]),
            "which columns",
        ),
    ],
)
def test_a_state_that_does_not_fit_together_is_refused(
    estimator: Any, tamper: Callable[[Any], None], message: str
) -> None:
    fitted = clone(estimator).fit(X, Y)
    from_scikit_learn(fitted)
    tamper(fitted)
    with pytest.raises(NotConverted, match=message):
        from_scikit_learn(fitted)


def test_names_that_are_not_those_of_the_columns_are_refused() -> None:
    frame = pd.DataFrame(X, columns=[*"abcd"])
    fitted = LogisticRegression().fit(frame, Y)
    assert from_scikit_learn(fitted, feature_names=[*"abcd"]).features == ("a", "b", "c", "d")
    for names, message in (
        ([*"abce"], r"feature_names\[3\]: expected 'd', which it was fitted to, got 'e'"),
        ([*"abc"], "feature_names: expected 4 names"),
    ):
        with pytest.raises(InvalidInput, match=message):
            from_scikit_learn(fitted, feature_names=names)
    bare = LogisticRegression().fit(X, Y)
    for names, message in (
        (["a", "b", "a", "d"], r"feature_names\[2\]: 'a' is there more than once"),
        (["a", "b", "", "d"], r"feature_names\[2\]: expected a name"),
        (["a", "b", 3, "d"], r"feature_names\[2\]: expected a name, got 3"),
    ):
        with pytest.raises(InvalidInput, match=message):
            from_scikit_learn(bare, feature_names=names)  # type: ignore[arg-type]


def test_what_is_no_model_of_anyones_is_refused() -> None:
    for thing in (None, "a model", 3, X):
        with pytest.raises(NotConverted, match="not converted"):
            from_scikit_learn(thing)
        with pytest.raises(NotConverted, match="not converted"):
            predict(thing, X)


def test_the_verb_predict_takes_the_columns_that_it_was_fitted_to() -> None:
    fitted = make_pipeline(make_column_transformer((StandardScaler(), [3, 1])), LogisticRegression()).fit(
        X, Y
    )
    assert predict(fitted, X) == fitted.predict(X).tolist()
    assert np.allclose(predict(fitted, X.tolist(), "probability"), fitted.predict_proba(X), atol=1e-9)
    with pytest.raises(InvalidInput, match="X: expected rows of 4 columns"):
        predict(fitted, X[:, :2])
    with pytest.raises(InvalidInput, match="output: this model gives label, probability, decision"):
        predict(fitted, X, "distance")


# What a value of a column may be, told by the rules of its feature.


def test_words_that_are_numbers_or_truth_values_take_no_others() -> None:
    frame = pd.DataFrame({"n": [0, 1, 2, 1], "b": [True, False, True, False], "w": ["0", "1", "2", "1"]})
    fitted = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(
        frame, [0, 1, 1, 0]
    )
    model = from_scikit_learn(fitted)

    def read(**row: Any) -> list[float]:
        rows = model.rows([row], limits=NO_LIMITS)
        return np.frombuffer(rows.packed).tolist()

    assert read(n=1.0, b=True, w="2") == [1.0, 1.0, 2.0]
    assert read(n=7, b=False, w="never seen") == [-1.0, 0.0, -1.0]
    # Files have them as text, which other programs spell otherwise; of words every spelling is a word.
    assert read(n="1.0", b="TRUE", w="1.0") == [1.0, 1.0, -1.0]
    assert read(n=" 2", b="False", w="2") == [2.0, 0.0, 2.0]
    assert read(n="nan", b="0", w="") == [-1.0, -1.0, -1.0]
    for row, path in (
        ({"n": True, "b": True, "w": "1"}, "n"),
        ({"n": 1, "b": 1, "w": "1"}, "b"),
        ({"n": 1, "b": True, "w": 1}, "w"),
    ):
        with pytest.raises(InvalidInput) as refused:
            read(**row)
        assert [fault.path for fault in refused.value.faults] == [f"$.instances[0].{path}"]


def test_what_is_refused_is_told_in_the_schema_of_a_row() -> None:
    transformer = _columns(("n", "passthrough", ["m"]), ("w", OneHotEncoder(), ["w"]), ("f", FILLED, ["n"]))
    model = from_scikit_learn(_of_frame(transformer))
    properties: Any = model.row_schema()["anyOf"][0]["properties"]  # type: ignore[index]
    assert properties["n"]["type"] == ["number", "null"]
    assert properties["m"]["type"] == ["number"]
    assert properties["w"]["type"] == ["string"]
    assert "refused" in properties["w"]["description"]
    with pytest.raises(
        InvalidInput, match=r"expected one of the words that the model knows \('a', 'b', 'c'\)"
    ):
        model.predict([{"n": None, "m": 1.0, "w": "d"}])
    with pytest.raises(InvalidInput, match="expected a number, got null"):
        model.predict([{"n": None, "m": None, "w": "a"}])
