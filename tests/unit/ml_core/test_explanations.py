"""What explanations promise besides their numbers: labels, faults, bounds, and one answer for one row."""

import json
import subprocess
import sys
from math import comb
from typing import Any

import numpy as np
import pytest

from ml_core import algorithms
from ml_core.arithmetic import plain
from ml_core.conflicts import NotExplained
from ml_core.errors import ArtifactInvalid, InvalidInput, TooLarge
from ml_core.explaining import kept, vectors
from ml_core.explaining.coding import Coding
from ml_core.explaining.kept import KeptArrays
from ml_core.explaining.quadrature import gauss_legendre
from ml_core.explaining.rbf import RbfGame
from ml_core.inputs.rows import Rows
from ml_core.model import explanations
from ml_core.model.explanations import MOST_BACKGROUND, explain
from ml_core.model.model import Model
from ml_core.safetensors import unpack_rows
from ml_core.training.notebook import check_request, fit
from tests.stranger.folder import BODY, FOLDER
from tests.unit.ml_core.coalitions import of_rows, shapley
from tests.unit.ml_core.explained import LIMITS, fitted, of_churn
from tests.unit.ml_core.reference import CLASSIFICATION
from tests.unit.test_features import table

ALL: list[tuple[str, dict[str, Any]]] = [
    ("logistic_regression", {}),
    ("svm", {"kernel": "linear"}),
    ("svm", {"kernel": "rbf"}),
    ("svm", {"kernel": "poly", "degree": 2, "coef0": 1.0}),
    ("svm", {"kernel": "sigmoid", "gamma": 0.05}),
    ("kmeans", {"n_clusters": 3, "scale": True}),
]


def rows_of(model: Model, X: Any, where: str = "$.instances") -> Rows:
    found = model.rows(np.asarray(X).tolist(), limits=LIMITS, where=where)
    assert isinstance(found, Rows)
    return found


def of(dataset: str, algorithm: str, **chosen: Any) -> tuple[Model, Any]:
    X, y = CLASSIFICATION[dataset].data, CLASSIFICATION[dataset].target
    return fitted(algorithm, X[::2].tolist(), y[::2].tolist(), **chosen), X


@pytest.mark.parametrize(("algorithm", "chosen"), ALL)
@pytest.mark.parametrize("dataset", ["iris", "breast_cancer"])
def test_the_label_is_the_predicted_one_and_the_other_is_next(
    dataset: str, algorithm: str, chosen: Any
) -> None:
    model, X = of(dataset, algorithm, **chosen)
    rows = rows_of(model, X[:60:10] if dataset == "breast_cancer" else X[::25])
    found = explain(model, rows)
    outputs = ["label", "distance" if algorithm == "kmeans" else "decision"]
    predicted = model.predict_rows(rows, outputs)
    assert [each.label for each in found] == predicted["label"]
    for each, told in zip(found, predicted[outputs[1]], strict=True):
        if algorithm == "kmeans":
            order = sorted(range(3), key=told.__getitem__)
        elif dataset == "breast_cancer":
            order = [int(each.label), 1 - int(each.label)]
        else:
            order = sorted(range(3), key=lambda label, told=told: -told[label])  # type: ignore[misc]
        assert [each.label, each.against] == order[:2]
    unit = {"logistic_regression": "log-odds", "svm": "decision", "kmeans": "squared distance"}[algorithm]
    assert {each.unit for each in found} == {unit}
    if "probability" in model.outputs:
        told = model.predict_rows(rows, ["probability"])["probability"]
        assert [each.probability for each in found] == [
            p[int(each.label)] for p, each in zip(told, found, strict=True)
        ]
    else:
        assert {each.probability for each in found} == {None}


def test_a_calibrated_svm_tells_its_probability_beside_the_margin() -> None:
    model, X = of("breast_cancer", "svm", kernel="linear", probability=True)
    rows = rows_of(model, X[:5])
    told = model.predict_rows(rows, ["probability", "decision"])
    for each, p, decision in zip(explain(model, rows), told["probability"], told["decision"], strict=True):
        assert each.probability == p[int(each.label)]
        assert each.margin == pytest.approx(decision if each.label == 1 else -decision, rel=1e-12)


@pytest.mark.parametrize(("algorithm", "chosen"), ALL)
def test_a_row_is_explained_alike_alone_and_among_others(algorithm: str, chosen: Any) -> None:
    for dataset in ("iris", "breast_cancer"):
        model, X = of(dataset, algorithm, **chosen)
        asked = X[[0, 50, 140]] if algorithm == "svm" else np.vstack([X[[0, 50, 140]], X, X, X])
        together = explain(model, rows_of(model, asked))
        for place in range(3):
            (alone,) = explain(model, rows_of(model, X[[[0, 50, 140][place]]]))
            assert alone._replace(probability=None) == together[place]._replace(probability=None)
        again = Model.from_bytes(model.to_bytes())
        assert explain(again, rows_of(again, asked)) == together


def test_rows_are_gone_through_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    model, X = of("wine", "logistic_regression")
    whole = explain(model, rows_of(model, X))
    monkeypatch.setattr(explanations, "_BLOCK_NUMBERS", 100)
    assert explain(model, rows_of(model, X)) == whole
    far = X.copy()
    far[150] = 1e308
    with pytest.raises(InvalidInput) as raised:
        explain(model, rows_of(model, far))
    assert [fault.path for fault in raised.value.faults] == ["$.instances[150]"]


def test_ties_are_told_as_they_are_predicted() -> None:
    """No line parts the classes: what the margin is but for rounding decides nothing here."""
    square = [[0, 0], [1, 1], [0, 1], [1, 0]]
    model = fitted("svm", square * 6, ["even", "even", "odd", "odd"] * 6, kernel="linear", scale=False)
    rows = rows_of(model, [*square, [0.5, 0.5]])
    found = explain(model, rows)
    assert [each.label for each in found] == model.predict_rows(rows)["label"]
    assert all(abs(each.margin) < 1e-9 for each in found)
    middle = fitted("kmeans", [[-1.0]] * 20 + [[1.0]] * 20, None, n_clusters=2, scale=False)
    rows = rows_of(middle, [[0.0], [1e-300], [-1e-300]])
    assert [each.label for each in explain(middle, rows)] == middle.predict_rows(rows)["label"]


@pytest.mark.parametrize("shift", [0.0, 2020.0, 1e6, 1.7e9])
@pytest.mark.parametrize(("algorithm", "chosen"), [ALL[0], ALL[1], ALL[5]])
def test_columns_far_from_zero_lose_no_digits(algorithm: str, chosen: Any, shift: float) -> None:
    X, y = CLASSIFICATION["iris"].data + shift, CLASSIFICATION["iris"].target
    model = fitted(algorithm, X.tolist(), y.tolist(), **chosen)
    for each in explain(model, rows_of(model, X[::7])):
        most = max(map(abs, each.attributions.values()))
        assert each.error <= 1e-12 * max(most, abs(each.base))
    background = X[[3, 60, 120]]
    rows = rows_of(model, X[[0, 149]])
    for row, each in zip(
        X[[0, 149]], explain(model, rows, background=rows_of(model, background)), strict=True
    ):
        own, other = int(each.label), int(each.against)
        base, parts = of_rows(model, row, background, own, other)
        # What predicting itself loses to a weight's product with the whole column, no more.
        lost = 1e-12 * max(np.abs(parts).max(), shift * 1e-3 if model.scaling is None else 0.0)
        assert np.abs(np.array(list(each.attributions.values())) - parts).max() <= lost
        assert abs(each.base - base) <= 1e-12 * abs(base) + lost


def test_of_many_columns_few_nodes_are_exact() -> None:
    model, X = of("digits", "svm")
    rows = rows_of(model, X[:40])
    found = explain(model, rows)
    for each in found:
        assert each.error <= 1e-12 * max(map(abs, each.attributions.values()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RbfGame, "nodes", lambda _self, n_columns: [n_columns // 2])
        exact = explain(model, rows)
    for one, other in zip(found, exact, strict=True):
        differences = [one.attributions[name] - other.attributions[name] for name in model.features]
        assert max(map(abs, differences)) <= 1e-12 * max(map(abs, other.attributions.values()))


@pytest.mark.parametrize(("kernel", "degree"), [("rbf", 0), ("poly", 2), ("poly", 3), ("poly", 5)])
def test_many_columns_drawn_by_themselves(kernel: str, degree: int) -> None:
    """By the product of each column's mean factor, or the moments of a sum, for all coalitions."""
    columns = 7 if degree else 12
    X, y = CLASSIFICATION["breast_cancer"].data[:, :columns], CLASSIFICATION["breast_cancer"].target
    chosen = {"kernel": kernel, "coef0": 0.5, **({"degree": degree} if degree else {})}
    model = fitted("svm", X[::3].tolist(), y[::3].tolist(), **chosen)
    assert model.profile is not None
    assert model.scaling is not None
    machine: Any = model.estimator
    pairs, mean, scale = (
        machine.pairs,
        np.array(model.scaling.mean.values),
        np.array(model.scaling.scale.values),
    )
    S, a = np.array(pairs.vectors.rows), np.array(pairs.coefficients.dual.rows[0])
    gamma = pairs.kernel.gamma
    drawn: list[Any] = [np.array(column.marginal(0)) for column in model.profile.columns]
    coded = [((each[:, 0] - m) / s, each[:, 1]) for each, m, s in zip(drawn, mean, scale, strict=True)]
    coalitions = (np.arange(1 << columns)[:, None] >> np.arange(columns)) & 1 == 1
    for row in X[[4]]:
        (each,) = explain(model, rows_of(model, row[None]))
        x = (row - mean) / scale
        if kernel == "rbf":
            p = np.exp(-gamma * (x - S) ** 2)
            q = np.stack(
                [shares @ np.exp(-gamma * (z[:, None] - S[:, g]) ** 2) for g, (z, shares) in enumerate(coded)]
            )
            kernels_of = np.array([np.where(known, p, q.T).prod(axis=1) for known in coalitions])
        else:
            terms = [
                (gamma * value * s, gamma * z[:, None] * s, shares)
                for value, s, (z, shares) in zip(x, S.T, coded, strict=True)
            ]
            kernels_of = np.array([moment(known, terms, degree) for known in coalitions])
        sign = 1 if each.label == 0 else -1
        values = sign * (kernels_of @ a + pairs.intercepts[0])
        parts = shapley(values, columns)
        assert np.abs(np.array(list(each.attributions.values())) - parts).max() <= 1e-12 * np.abs(parts).max()
        assert each.base == pytest.approx(values[0], rel=1e-12, abs=1e-12 * np.abs(parts).max())


def moment(known: Any, terms: Any, degree: int) -> Any:
    """The mean of (0.5 + a sum of independent terms)^degree: moments of a sum are convolved."""
    moments = np.array([np.full(len(terms[0][0]), 0.5**power) for power in range(degree + 1)])
    for is_known, (present, drawn, shares) in zip(known, terms, strict=True):
        own = [present**power if is_known else shares @ drawn**power for power in range(degree + 1)]
        moments = np.array(
            [
                sum(comb(power, k) * own[k] * moments[power - k] for k in range(power + 1))
                for power in range(degree + 1)
            ]
        )
    return moments[degree]


def test_by_permutations_within_their_standard_errors() -> None:
    """The sigmoid kernel: against all coalitions of whole rows."""
    X, y = CLASSIFICATION["wine"].data[:, :8], CLASSIFICATION["wine"].target
    model = fitted("svm", X[::2].tolist(), y[::2].tolist(), kernel="sigmoid", coef0=0.2)
    background = X[[10, 70, 150]]
    far = []
    for row in X[[1, 90]]:
        (each,) = explain(model, rows_of(model, row[None]), background=rows_of(model, background))
        base, parts = of_rows(model, row, background, int(each.label), int(each.against))
        assert (each.method, each.exact, each.game) == ("permutations", False, "rows")
        assert each.standard_errors is not None
        errors = np.array(list(each.standard_errors.values()))
        assert (errors > 0).all()
        assert errors.max() <= 0.1 * np.abs(parts).max()
        far += (np.abs(np.array(list(each.attributions.values())) - parts) / errors).tolist()
        assert each.base == pytest.approx(base, abs=0.2 * np.abs(parts).max())
        assert each.error <= 1e-12 * np.abs(parts).max()
    assert np.sqrt(np.mean(np.square(far))) <= 2  # about 1, where errors are what they say
    assert max(far) <= 5


def stranger(monkeypatch: pytest.MonkeyPatch) -> Model:
    """Of an algorithm of which nothing is known but what it answers."""
    monkeypatch.setattr(algorithms, "__path__", [*algorithms.__path__, FOLDER])
    return Model.from_bytes(fit(check_request(BODY, LIMITS), lambda *_: None).artifact)


def test_any_algorithm_is_explained_by_what_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    model = stranger(monkeypatch)
    rows = model.rows([[1, "blue", True, None], [6, None, False, 4.5]], limits=LIMITS)
    background = model.rows([[3, "red", False, 2.0], [2, "blue", True, 9.0]], limits=LIMITS)
    assert isinstance(rows, Rows)
    assert isinstance(background, Rows)
    others = [np.array(row) for row in unpack_rows(background.packed, 4)]
    n_columns = 4
    known = (np.arange(1 << n_columns)[:, None] >> np.arange(n_columns)) & 1 == 1
    for row, each in zip(
        unpack_rows(rows.packed, 4), explain(model, rows, background=background), strict=True
    ):
        values = np.zeros(len(known))
        for other in others:
            asked = np.where(known, np.array(row), other)
            told = model.predict_rows(Rows(asked.astype("<f8").tobytes(), 4), ["probability"])["probability"]
            number = list(model.classes or ()).index(each.label)
            values += [np.log(p[number] / p[1 - number]) / len(others) for p in told]
        parts, found = shapley(values, n_columns), np.array(list(each.attributions.values()))
        assert (each.unit, each.method, each.exact) == ("log-odds", "permutations", False)
        assert each.margin == pytest.approx(values[-1], rel=1e-12)
        assert each.standard_errors is not None
        errors = np.array(list(each.standard_errors.values()))
        assert (np.abs(found - parts) <= 5 * errors + 1e-12).all()
        assert errors.max() <= 0.1 * np.abs(parts).max()
        assert each.base + found.sum() == pytest.approx(each.margin, rel=1e-12)
    assert explain(model, rows) == explain(model, rows)


def test_a_label_alone_has_no_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    model = stranger(monkeypatch)
    model.output_specs = {"label": model.output_specs["label"]}
    with pytest.raises(NotExplained, match="gives its label alone: there is no margin to explain"):
        explain(model, rows_of_stranger(model))


def rows_of_stranger(model: Model) -> Rows:
    found = model.rows([[1, "blue", True, None]], limits=LIMITS)
    assert isinstance(found, Rows)
    return found


def test_one_cluster_has_none_to_be_compared_with() -> None:
    model = fitted("kmeans", [[float(place)] for place in range(30)], None, n_clusters=1)
    with pytest.raises(NotExplained, match="one label alone"):
        explain(model, rows_of(model, [[1.0]]))


def test_without_profile_a_background_is_asked_for() -> None:
    model = fitted("logistic_regression", [[float(place)] for place in range(8)], [0, 1] * 4)
    assert model.profile is None
    with pytest.raises(NotExplained, match="send `background`, or train it again, on at least 20 rows"):
        explain(model, rows_of(model, [[1.0]]))
    (each,) = explain(model, rows_of(model, [[1.0]]), background=rows_of(model, [[0.5]]))
    assert each.game == "rows"


def test_a_profile_of_other_columns_is_no_profile_of_this_model() -> None:
    model, X = of("iris", "logistic_regression")
    other, _ = of("wine", "logistic_regression")
    model.profile_bytes = other.profile_bytes
    with pytest.raises(ArtifactInvalid, match="not one of the model's columns"):
        explain(model, rows_of(model, X[:1]))


@pytest.mark.parametrize(
    ("dataset", "algorithm", "against"),
    [
        ("iris", "logistic_regression", 7),
        ("iris", "svm", "0"),
        ("iris", "kmeans", 3),
        ("iris", "kmeans", True),
    ],
)
def test_a_label_that_the_model_has_not(dataset: str, algorithm: str, against: Any) -> None:
    model, X = of(dataset, algorithm, **({"n_clusters": 3} if algorithm == "kmeans" else {}))
    with pytest.raises(InvalidInput) as raised:
        explain(model, rows_of(model, X[:2]), against=against)
    assert [fault.path for fault in raised.value.faults] == ["$.against"]


def test_rows_that_are_predicted_to_be_the_other_label_are_told() -> None:
    model, X = of("iris", "logistic_regression")
    with pytest.raises(InvalidInput) as raised:
        explain(model, rows_of(model, X[[0, 149, 1]]), against=0)
    told = " ".join(fault.message for fault in raised.value.faults)
    assert "$.instances[0]" in told
    assert "$.instances[2]" in told
    assert "$.instances[1]" not in told


def test_too_much_is_refused_before_it_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    model, X = of("digits", "svm")
    rows = rows_of(model, X[:10])
    monkeypatch.setattr(type(model.estimator), "predict", pytest.fail)
    with pytest.raises(TooLarge, match=r"explaining 10 rows takes the time of .* at most 1,000,000 are done"):
        explain(model, rows, most=1_000_000)
    with pytest.raises(TooLarge, match=f"has 101 rows; at most {MOST_BACKGROUND} are taken"):
        explain(model, rows, background=rows_of(model, X[:101], "$.background.instances"))


@pytest.mark.parametrize(("algorithm", "chosen"), [ALL[0], ALL[3], ALL[5]])
def test_what_overflows_is_told_by_its_place(algorithm: str, chosen: Any) -> None:
    model, X = of("iris", algorithm, **chosen)
    far = X[:3].copy()
    far[1] = [1e308, -1e308, 1e308, -1e308]
    with pytest.raises(InvalidInput) as raised:
        explain(model, rows_of(model, far))
    assert [fault.path for fault in raised.value.faults] == ["$.instances[1]"]
    with pytest.raises(InvalidInput) as raised:
        explain(model, rows_of(model, X[:3]), background=rows_of(model, far, "$.background.instances"))
    assert raised.value.faults[0].path.startswith(("$.background.instances[1]", "$.instances"))


def test_of_a_row_far_from_all_vectors_every_factor_is_0() -> None:
    """Each column's kernel underflows there, and some of the background too."""
    model, X = of("wine", "svm", gamma=5.0)
    far = X[[0, 60]] + 1e4 * X.std(axis=0)
    for background in (None, rows_of(model, far[::-1] * 2)):
        for each in explain(model, rows_of(model, far), background=background):
            assert each.error <= 1e-12
            assert np.isfinite(list(each.attributions.values())).all()


def test_vectors_that_are_not_kept_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a model that is too large for it, pieces and what the profile is to them are made again."""
    model, X = of("digits", "svm")
    whole = explain(model, rows_of(model, X[:3]))
    assert kept.KEPT.nbytes > 0
    monkeypatch.setattr(vectors, "_MOST_KEPT", 0)
    monkeypatch.setattr(vectors, "_MOST_VECTORS", 40)
    monkeypatch.setattr(kept.KEPT, "_most", 0)
    again = Model.from_bytes(model.to_bytes())
    for one, other in zip(explain(again, rows_of(again, X[:3])), whole, strict=True):
        most = max(map(abs, other.attributions.values()))
        assert one.margin == pytest.approx(other.margin, abs=1e-12 * most)
        for name in model.features:
            assert abs(one.attributions[name] - other.attributions[name]) <= 1e-12 * most


def test_what_is_kept_is_bounded_and_goes_with_the_model() -> None:
    before = kept.KEPT.nbytes
    model, X = of("wine", "svm")
    explain(model, rows_of(model, X[:50]))
    assert kept.KEPT.nbytes > before
    del model
    assert kept.KEPT.nbytes == before
    arrays = KeptArrays(100)
    for number in range(5):
        arrays.put("one", number, number, 40)
    assert (arrays.nbytes, arrays.get("one", 2), arrays.get("one", 3)) == (80, None, 3)
    arrays.put("one", 5, 5, 40)  # 4 was not asked for since, 3 was
    assert (arrays.get("one", 4), arrays.get("one", 3)) == (None, 3)
    arrays.put("two", 0, 0, 101)
    assert arrays.get("two", 0) is None
    arrays.forget("one")
    assert arrays.nbytes == 0


@pytest.mark.parametrize("scale", [True, False])
def test_values_are_coded_as_rows_are(scale: bool) -> None:
    rows, targets = table(80, 0.3, seed=2)
    model = fitted("svm", rows, targets, scale=scale)
    assert model.encoding is not None
    coding = Coding(len(model.features), model.encoding.layout, model.scaling)
    asked, _ = table(30, 0.3, seed=3)
    asked += [{**row, "city": "never seen", "plan": None} for row in asked[:4]]
    packed = model.rows(asked, limits=LIMITS)
    assert isinstance(packed, Rows)
    matrix = plain.encoded(plain.matrix(packed.packed, packed.n_features), model.encoding.layout)
    if model.scaling:
        matrix = plain.standardised(matrix, model.scaling.mean, model.scaling.scale)
    found = [coding.row(row) for row in unpack_rows(packed.packed, packed.n_features)]
    assert found == list(map(list, matrix))


@pytest.mark.parametrize("nodes", [1, 2, 3, 6, 12, 50, 500])
def test_nodes_integrate_polynomials(nodes: int) -> None:
    places = gauss_legendre(nodes)
    assert sum(weight for _, weight in places) == pytest.approx(1, rel=1e-14)
    for degree in (1, nodes, 2 * nodes - 1):
        assert sum(w * t**degree for t, w in places) == pytest.approx(1 / (degree + 1), rel=1e-11)


PROGRAM = """
import json, sys
from ml_core.model.explanations import explain
from ml_core.model.model import Model
from ml_core.inputs.rows import Limits
model = Model.from_bytes(open(sys.argv[1], "rb").read())
rows = model.rows(json.loads(sys.argv[2]), limits=Limits())
assert explain(model, rows)
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize(("algorithm", "chosen"), [ALL[0], ALL[1], ALL[5]])
def test_linear_margins_are_split_without_numpy(algorithm: str, chosen: Any, tmp_path: Any) -> None:
    model = of_churn(algorithm, **chosen)
    (tmp_path / "model").write_bytes(model.to_bytes())
    row = dict.fromkeys(model.features)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "model"), json.dumps([row])]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert not {"numpy", "typing", "dataclasses"} & {*json.loads(done.stdout)}
