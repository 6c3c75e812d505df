"""`Model.explain`: what a notebook asks, and what it sees."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from ml_core import train_model
from ml_core.conflicts import NotExplained
from ml_core.errors import InvalidInput, TooLarge
from ml_core.explaining.explanation import Explanation
from ml_core.model.model import Model

IRIS = load_iris(as_frame=True)
NAMES = [str(IRIS.target_names[label]) for label in IRIS.target]
COLUMNS = list(IRIS.data.columns)


@pytest.fixture(scope="module")
def model() -> Model:
    return train_model(IRIS.data, NAMES)


FORMS: dict[str, Any] = {
    "a frame": IRIS.data,
    "a frame with more columns, in another order": IRIS.data[COLUMNS[::-1]].assign(id=range(150)),
    "an array": IRIS.data.to_numpy(),
    "lists": IRIS.data.to_numpy().tolist(),
    "objects": IRIS.data.to_dict(orient="records"),
}


@pytest.mark.parametrize("form", FORMS)
def test_rows_come_as_for_predict(model: Model, form: str) -> None:
    X = FORMS[form][::25] if not isinstance(FORMS[form], pd.DataFrame) else FORMS[form].iloc[::25]
    found = model.explain(X)
    assert found == model.explain(IRIS.data.iloc[::25])
    assert [each.label for each in found] == model.predict(X).tolist()
    for each in found:
        assert list(each.attributions) == COLUMNS
        assert each.base + sum(each.attributions.values()) == pytest.approx(each.margin, abs=1e-12)
        assert each.game == "marginals"
        assert each.exact


def test_the_parts_are_a_table_in_one_line(model: Model) -> None:
    table = pd.DataFrame([each.attributions for each in model.explain(IRIS.data)])
    assert list(table) == COLUMNS
    assert table.shape == (150, 4)
    assert table.abs().mean().idxmax().startswith("petal")


@pytest.mark.parametrize(
    "background", [IRIS.data.iloc[:1], IRIS.data.to_numpy()[:1], IRIS.data.to_numpy()[:1].tolist()]
)
def test_a_row_is_compared_with_another(model: Model, background: Any) -> None:
    (told,) = model.explain(IRIS.data.iloc[[120]], background=background)
    assert told.game == "rows"
    (same,) = model.explain(IRIS.data.iloc[[120]], background=IRIS.data.iloc[[120]])
    assert set(same.attributions.values()) == {0.0}
    assert same.base == pytest.approx(same.margin)


@pytest.mark.parametrize("against", ["setosa", np.str_("setosa"), np.array(["setosa"])[0]])
def test_against_may_be_a_label_of_numpys(model: Model, against: Any) -> None:
    (told,) = model.explain(IRIS.data.iloc[[120]], against=against)
    assert (told.label, told.against) == ("virginica", "setosa")


def test_labels_that_are_numbers_of_numpys() -> None:
    numbers = train_model(IRIS.data, IRIS.target)
    (told,) = numbers.explain(IRIS.data.iloc[[120]], against=IRIS.target.iloc[0])
    assert (told.label, told.against) == (2, 0)


def test_faults_say_where_they_are(model: Model) -> None:
    rows = IRIS.data.to_numpy()[:2].tolist()
    with pytest.raises(InvalidInput, match=r"^X\[1\]\[2\]: expected a number"):
        model.explain([rows[0], [1, 2, "3", 4]])
    with pytest.raises(InvalidInput, match=r"^background\[1\]\[2\]: expected a number"):
        model.explain(rows, background=[rows[0], [1, 2, "3", 4]])
    with pytest.raises(InvalidInput, match=r"^background: expected rows"):
        model.explain(rows, background=np.zeros(4))
    with pytest.raises(
        InvalidInput, match=r"expected one of 'setosa', 'versicolor', 'virginica', got 'rose'"
    ):
        model.explain(rows, against="rose")
    with pytest.raises(TooLarge, match=r"^background has 101 rows; at most 100"):
        model.explain(rows, background=IRIS.data.iloc[:101])


def test_a_model_of_few_rows_asks_for_a_background() -> None:
    few = train_model(IRIS.data.iloc[::10], NAMES[::10])
    with pytest.raises(NotExplained, match="background"):
        few.explain(IRIS.data.iloc[:1])
    assert few.explain(IRIS.data.iloc[:1], background=IRIS.data.iloc[::10])[0].game == "rows"


def test_it_is_the_same_after_its_artifact(model: Model) -> None:
    assert Model.from_bytes(model.to_bytes()).explain(IRIS.data) == model.explain(IRIS.data)


def _explanation(parts: Any) -> Explanation:
    return Explanation("yes", "no", "log-odds", -0.41, 1.2745, parts, 0.78, "exact", "marginals", 0.0)


def test_a_notebook_shows_the_largest_parts_first() -> None:
    assert repr(_explanation({"age": 0.9, "plan": 0.7846})) == (
        "<Explanation of 'yes' rather than 'no': margin 1.274 (log-odds), base -0.41, age +0.9, plan +0.7846>"
    )
    many = _explanation({f"x{place}": (-1) ** place * place / 4 for place in range(8)})
    assert repr(many).endswith("x7 -1.75, x6 +1.5, x5 -1.25, x4 +1, x3 -0.75, 3 more +0.25>")
    assert repr(_explanation([[0.5]])).endswith("base -0.41>")
