"""`import`: fitted models of other libraries, and graphs, become versions that answer as they do."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from serverless_ml import Client
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from client.tests.command_line.running import on_terminal, run
from client.tests.service import ROOT

SAMPLES = ROOT / "tests" / "samples" / "onnx"


class Fitted(NamedTuple):
    """A fitted model, rows of its table, and what it has to become."""

    model: Any
    rows: pd.DataFrame
    algorithm: str = "onnx"


def customers() -> tuple[pd.DataFrame, Any]:
    table = pd.read_csv(ROOT / "examples" / "churn.csv").dropna(subset=["plan", "country"])
    return table[["age", "plan", "country", "spend"]], table["churned"]


def over_words(last: Any) -> Any:
    prepare = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "spend"]),
        (OneHotEncoder(handle_unknown="ignore"), ["plan", "country"]),
    )
    return make_pipeline(prepare, last)


def fitted(name: str) -> Fitted:
    flowers = load_iris(as_frame=True)
    X, kinds = flowers.data, flowers.target_names[flowers.target].astype(str)
    cells, sick = load_breast_cancer(return_X_y=True, as_frame=True)
    patients, worse = load_diabetes(return_X_y=True, as_frame=True)
    few = {"n_estimators": 8, "n_jobs": 1}
    people, churned = customers()
    search = {"randomforestclassifier__max_depth": [2, 4]}
    made = {
        "lightgbm": lambda: Fitted(lightgbm.LGBMClassifier(verbose=-1, **few).fit(X, kinds), X),
        "lightgbm-numbers": lambda: Fitted(
            lightgbm.LGBMRegressor(verbose=-1, **few).fit(patients, worse), patients
        ),
        "lightgbm-booster": lambda: Fitted(
            lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(cells, sick), 5), cells
        ),
        "xgboost": lambda: Fitted(xgboost.XGBClassifier(**few).fit(X, flowers.target), X),
        "xgboost-numbers": lambda: Fitted(xgboost.XGBRegressor(**few).fit(patients, worse), patients),
        "forest": lambda: Fitted(RandomForestClassifier(8, random_state=0).fit(X, kinds), X),
        "histogram": lambda: Fitted(HistGradientBoostingClassifier(max_iter=5).fit(cells, sick), cells),
        "ridge": lambda: Fitted(Ridge().fit(patients, worse), patients),
        "words-forest": lambda: Fitted(
            over_words(RandomForestClassifier(8, random_state=0)).fit(people, churned), people
        ),
        "words-boosted": lambda: Fitted(
            over_words(lightgbm.LGBMClassifier(verbose=-1, **few)).fit(people, churned), people
        ),
        "words-search": lambda: Fitted(
            GridSearchCV(over_words(RandomForestClassifier(4, random_state=0)), search).fit(people, churned),
            people,
        ),
        "logistic": lambda: Fitted(LogisticRegression(max_iter=500).fit(X, kinds), X, "logistic_regression"),
        "words-logistic": lambda: Fitted(
            over_words(LogisticRegression()).fit(people, churned), people, "logistic_regression"
        ),
        "discriminant": lambda: Fitted(LinearDiscriminantAnalysis().fit(X, kinds), X, "logistic_regression"),
        "ridge-classifier": lambda: Fitted(RidgeClassifier().fit(X, kinds), X, "svm"),
    }
    return made[name]()


def written(folder: Path, name: str, given: Fitted) -> tuple[Path, Path]:
    """The model as joblib writes it, and its rows."""
    file, rows = folder / f"{name}.joblib", folder / "rows.csv"
    joblib.dump(given.model, file)
    given.rows.to_csv(rows, index=False)
    return file, rows


def said_by(model: Any, rows: pd.DataFrame) -> list[Any]:
    found = np.asarray(model.predict(rows)).tolist()
    return [int(each > 0.5) for each in found] if isinstance(model, lightgbm.Booster) else found


@pytest.mark.parametrize(
    "name",
    [
        *("lightgbm", "lightgbm-numbers", "lightgbm-booster", "xgboost", "xgboost-numbers"),
        *("forest", "histogram", "ridge", "words-forest", "words-boosted", "words-search"),
        *("logistic", "words-logistic", "discriminant", "ridge-classifier"),
    ],
)
def test_a_fitted_model_answers_at_the_service_as_it_does_here(ml: Client, name: str, tmp_path: Path) -> None:
    given = fitted(name)
    file, rows = written(tmp_path, name, given)
    done = run("import", f"import-{name}", file, rows, "--yes", "--json", url=ml.url)
    assert done.code == 0, done.err
    assert done.json["algorithm"] == given.algorithm
    assert done.json["features"] == list(given.rows.columns)
    compared = done.json["registered"]["origin"]["version"]["compared"]
    assert (compared["rows"], compared["labels_differ"] or 0) == (len(given.rows), 0)
    assert f"compared on {len(given.rows)} rows" in done.err
    assert ("native version" in done.err) == (given.algorithm != "onnx")
    some = given.rows.iloc[::7]
    expected = said_by(given.model, some)
    answered = list(ml.predict(f"import-{name}", some))
    assert answered == (
        pytest.approx(expected, rel=1e-5) if name.endswith(("numbers", "ridge")) else expected
    )


def test_without_rows_it_says_that_nothing_was_compared(ml: Client, tmp_path: Path) -> None:
    given = fitted("forest")
    file = tmp_path / "forest.pkl"
    file.write_bytes(pickle.dumps(given.model))
    labels = "one,two,three"
    done = run("import", "import-blind", file, "-y", "--features", "a,b,c,d", "--classes", labels, url=ml.url)
    assert done.code == 0, done.err
    assert "nothing is compared" in done.err
    version = ml.model("import-blind").version()
    assert (version.features, version.classes, version.warnings) == ([*"abcd"], labels.split(","), [])


def test_onnx_is_made_where_that_is_said(ml: Client, tmp_path: Path) -> None:
    file, rows = written(tmp_path, "logistic", fitted("logistic"))
    done = run("import", "import-wanted", file, rows, "--yes", "--as", "onnx", "--json", url=ml.url)
    assert done.json["algorithm"] == "onnx"
    assert {each["datatype"] for each in done.json["graph"]["inputs"]} == {"FP64"}
    told = run(
        "import", "import-refused", written(tmp_path, "f", fitted("forest"))[0], "-y", "--as", "native"
    )
    assert (told.code, "cannot be native" in told.err) == (1, True)


class Touches:
    """What runs when it is unpickled: a file comes to be."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("suffix", [".pkl", ".joblib", ".model"])
def test_a_pickle_is_not_loaded_before_a_person_says_so(ml: Client, tmp_path: Path, suffix: str) -> None:
    file, mark = tmp_path / f"model{suffix}", tmp_path / "ran"
    file.write_bytes(pickle.dumps(Touches(mark)))
    done = run("import", "import-evil", file, url=ml.url)
    assert (done.code, mark.exists()) == (2, False)
    assert "runs the code" in done.err
    assert "--yes" in done.err
    asked = on_terminal("import", "import-evil", file, url=ml.url, typed={"Load it?": "n\n"})
    assert (asked.code, mark.exists()) == (1, False)
    loaded = run("import", "import-evil", file, "--yes", url=ml.url)
    assert mark.exists()
    assert (loaded.code, "expected a fitted model" in loaded.err) == (1, True)
    assert "import-evil" not in list(ml.models())


def test_a_pickle_that_is_called_a_graph_is_never_loaded(ml: Client, tmp_path: Path) -> None:
    file, mark = tmp_path / "model.onnx", tmp_path / "ran"
    file.write_bytes(pickle.dumps(Touches(mark)))
    done = run("import", "import-evil", file, "--yes", url=ml.url)
    assert (done.code, mark.exists()) == (1, False)
    assert "model: " in done.err


def test_where_labels_differ_it_asks_before_anything_is_sent(ml: Client, tmp_path: Path) -> None:
    """Two numbers that are one in single precision."""
    rows = pd.DataFrame({"x": [16777216.0, 16777217.0]})
    booster = lightgbm.LGBMClassifier(n_estimators=2, min_child_samples=1, min_data_in_bin=1, verbose=-1)
    many = pd.concat([rows] * 20, ignore_index=True)
    file, table = written(tmp_path, "apart", Fitted(booster.fit(many, ["a", "b"] * 20), rows))
    assert booster.predict(rows).tolist() == ["a", "b"]
    typed = {"Load it?": "y\n", "all the same?": "n\n"}
    refused = on_terminal("import", "import-apart", file, table, url=ml.url, typed=typed)
    assert refused.code == 1, refused.out
    assert "1 labels differ (rows" in refused.out
    assert "import-apart" not in list(ml.models())
    done = on_terminal(
        "import", "import-apart", file, table, url=ml.url, typed={**typed, "all the same?": "y\n"}
    )
    assert done.code == 0, done.out
    assert "Its graph, of which nothing is explained" in done.out
    assert "2 rows, 1 labels differed" in done.out
    told = ml.model("import-apart").version().registered
    assert told is not None
    assert told["origin"]["version"]["compared"]["labels_differ"] == 1


def test_what_no_graph_can_say_is_refused_with_its_place(ml: Client, tmp_path: Path) -> None:
    X, y = load_iris(return_X_y=True)
    file, _ = written(tmp_path, "near", Fitted(KNeighborsClassifier().fit(X, y), pd.DataFrame(X)))
    done = run("import", "import-near", file, "--yes", url=ml.url)
    assert done.code == 1
    assert "KNeighborsClassifier, turned into ONNX, cannot be imported" in done.err
    assert "model.graph.node[0].op_type" in done.err


def test_without_the_extra_it_says_what_to_install(ml: Client, tmp_path: Path) -> None:
    (tmp_path / "skl2onnx.py").write_text("raise ModuleNotFoundError('it is not here', name='skl2onnx')\n")
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(tmp_path), *([before] if before else [])])
    file, rows = written(tmp_path, "forest", fitted("forest"))
    done = run("import", "import-bare", file, "-y", url=ml.url, environment={"PYTHONPATH": path})
    assert done.code == 1
    assert "./client[onnx]" in done.err
    # What becomes a native version takes none of it.
    file, rows = written(tmp_path, "logistic", fitted("logistic"))
    done = run("import", "import-bare", file, rows, "-y", url=ml.url, environment={"PYTHONPATH": path})
    assert done.code == 0, done.err


def test_boosters_need_not_be_there_for_what_they_did_not_fit(ml: Client, tmp_path: Path) -> None:
    """The extra brings converters for LightGBM and XGBoost, and neither library."""
    for name in ("lightgbm", "xgboost"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('not here', name='{name}')\n")
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(tmp_path), *([before] if before else [])])
    file, rows = written(tmp_path, "forest", fitted("forest"))
    done = run("import", "import-alone", file, rows, "-y", url=ml.url, environment={"PYTHONPATH": path})
    assert done.code == 0, done.err
    assert "0 labels differ" in done.err


def test_onnxruntime_reports_to_nobody() -> None:
    asked = "import os; from serverless_ml.graphs.running import runtime; runtime()"
    said = f"{asked}; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


# --- graphs


def test_a_graph_says_what_it_takes_and_gives_and_is_imported(ml: Client) -> None:
    labels = "setosa,versicolor,virginica"
    said = ("--classes", labels, "--features", "a,b", "--features", "c,d", "--output", "label=label")
    more = ("--output", "chance=probabilities")
    done = run("import", "import-graph", SAMPLES / "lightgbm.onnx", *said, *more, url=ml.url)
    assert done.code == 0, done.err
    assert "takes  input: FP32, N × 4" in done.err
    assert "gives  probabilities: MAPS" in done.err
    version = ml.model("import-graph").version()
    assert (version.features, version.classes) == ([*"abcd"], labels.split(","))
    assert version.graph is not None
    assert "chance" in [each["name"] for each in version.graph["outputs"]]


def test_a_graph_is_tried_on_the_rows_that_are_given(ml: Client, tmp_path: Path) -> None:
    told = json.loads((SAMPLES / "columns.json").read_text("utf-8"))
    rows = pd.DataFrame({each["name"]: each["data"] for each in told["inputs"]})
    rows.assign(another=1)[["another", *rows]].to_csv(tmp_path / "rows.csv", index=False)
    done = run("import", "import-tried", SAMPLES / "columns.onnx", tmp_path / "rows.csv", url=ml.url)
    assert done.code == 0, done.err
    assert list(ml.predict("import-tried", rows)) == told["outputs"][0]["data"]
    narrow = rows[["colour"]].to_csv(index=False).encode()
    refused = run("import", "import-tried", SAMPLES / "columns.onnx", "-", url=ml.url, stdin=narrow)
    assert (refused.code, "there is no alcohol" in refused.err) == (1, True)


@pytest.mark.parametrize("rows", [True, False])
def test_a_small_graph_becomes_a_native_version(ml: Client, tmp_path: Path, rows: bool) -> None:
    table = tmp_path / "rows.csv"
    X = load_iris(as_frame=True).data
    # The sample is of scikit-learn's wines: 13 columns.
    wide = pd.DataFrame(np.resize(X.to_numpy(), (9, 13)), columns=[f"x{place}" for place in range(13)])
    wide.to_csv(table, index=False)
    more = (table,) if rows else ()
    done = run("import", "import-small", SAMPLES / "logistic-double.onnx", *more, "--json", url=ml.url)
    assert done.code == 0, done.err
    assert done.json["algorithm"] == "logistic_regression"
    assert "native version" in done.err
    assert ("compared on 9 rows: 0 labels differ" if rows else "nothing is compared") in done.err
    as_it_is = run(
        "import", "import-small", SAMPLES / "logistic-double.onnx", "--as", "onnx", "--json", url=ml.url
    )
    assert as_it_is.json["algorithm"] == "onnx"


def test_what_the_service_would_refuse_is_told_before_anything_is_sent(ml: Client, tmp_path: Path) -> None:
    file = tmp_path / "broken.onnx"
    file.write_bytes((SAMPLES / "ridge.onnx").read_bytes().replace(b"LinearRegressor", b"LinearRegressoR"))
    done = run("import", "import-broken", file, url=ml.url)
    assert done.code == 1
    assert "model.graph.node[0].op_type" in done.err
    assert "import-broken" not in list(ml.models())
    assert list(ml.jobs(model="import-broken")) == []


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (("--as", "pickle"), "expected native or onnx"),
        (("--output", "label"), "expected NAME=OUTPUT"),
        (("--output", "a=b", "--as", "native"), "leave it out"),
        (("--on-interrupt", "stay"), "expected cancel or leave"),
    ],
)
def test_what_makes_no_sense_is_told(ml: Client, said: tuple[str, ...], message: str) -> None:
    done = run("import", "import-senseless", SAMPLES / "ridge.onnx", *said, url=ml.url)
    assert (done.code, message in done.err) == (2, True), done.err


def test_a_file_of_another_kind_is_refused(ml: Client, tmp_path: Path) -> None:
    file = tmp_path / "network.pt"
    file.write_bytes(b"PK\x03\x04")
    done = run("import", "import-zip", file, url=ml.url)
    assert (done.code, "torch.onnx.export" in done.err) == (1, True)
    assert run("import", "import-zip", tmp_path / "nothing.onnx", url=ml.url).code == 8
