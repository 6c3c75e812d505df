"""`privacy` of `POST …:train`: what is proved is told, else nothing; what only rows could say is refused."""

from typing import Any

from tests.conformance.case import PREDICT, TRAIN, Case, delete, get, post, upload

# So apart, and noise so small, that every cloud finds the same classes.
ROWS = [[float(row % 10), "low"] for row in range(300)] + [[90.0 + row % 10, "high"] for row in range(300)]
_TARGETS = ["no"] * 300 + ["yes"] * 300
_PRIVACY = {
    "epsilon": 100,
    "delta": 1e-3,
    "bounds": {"size": [0, 100]},
    "categories": {"kind": ["low", "high"]},
    "classes": ["no", "yes"],
}
_BODY: dict[str, Any] = {
    "algorithm": "logistic_regression",
    "hyperparameters": {"C": 100},
    "feature_names": ["size", "kind"],
    "instances": ROWS,
    "targets": _TARGETS,
    "privacy": _PRIVACY,
}
_TABLE = (
    "size,kind,note,bought\n"
    + "".join(
        f"{size},{kind},n{row},{label}\n"
        for row, ((size, kind), label) in enumerate(zip(ROWS, _TARGETS, strict=True))
    )
    # What no model takes is left out, and is not told of.
    + "inf,low,x,no\nmuch,low,x,no\n5,unheard of,x,no\n5,low,x,maybe\n,,x,\n"
).encode()
_DATA = {"uri": "dataset://private", "target": "bought"}
_OPEN = b'size,kind,bought\n1,"low,no\n'


def train(name: str, note: str, **changes: Any) -> list[Case]:
    """A private training, and what became of the job."""
    return [
        post(
            name,
            "/v1/models/private:train",
            _changed(changes),
            202,
            keep={note: "body id"},
            deliver="after",
            key=TRAIN,
        ),
        get(f"{name}: the job is over", f"/v1/jobs/{{{note}}}"),
    ]


def refused(name: str, at: str, **changes: Any) -> Case:
    """One that is refused before there is a job."""
    return post(
        name, "/v1/models/private:train", _changed(changes), 422, code="invalid_input", at=at, key=TRAIN
    )


def of_table(**changes: Any) -> dict[str, Any]:
    """The changes that make it a training on a table."""
    rows = {"instances": ..., "targets": ..., "feature_names": ...}
    return {**rows, "data": {**_DATA, **changes}}


def saying(**changes: Any) -> dict[str, Any]:
    """The changes of what is said of privacy; … takes a member away."""
    return {"privacy": {name: value for name, value in {**_PRIVACY, **changes}.items() if value is not ...}}


def _changed(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**_BODY, **changes}.items() if value is not ...}


CASES = [
    *train("rows in the request", "rows_trained"),
    get("a version says what was proved", "/v1/models/private/versions/1", key=PREDICT),
    get("so does the list", "/v1/models/private/versions"),
    post("rows of it", "/v1/models/private:predict", {"instances": [[5, "low"], [95, "high"]]}),
    get("what a row of it is", "/v1/models/private/schema"),
    post(
        "its explanation",
        "/v1/models/private:explain",
        {"instances": [[5, "low"]]},
        409,
        code="not_explained",
    ),
    get("its profile", "/v1/models/private/versions/1/profile", 409, code="not_described"),
    *upload("a table", "private", _TABLE),
    *train("a table", "table_trained", **of_table()),
    *train("a table, nothing held out", "all_trained", **of_table(), test_fraction=0),
    post("rows of the table", "/v1/models/private:predict", {"instances": [{"size": 95, "kind": "high"}]}),
    *train(
        "clusters",
        "clusters_trained",
        **{**of_table(), "data": {"uri": "dataset://private"}},
        algorithm="kmeans",
        hyperparameters={"n_clusters": 2},
        **saying(classes=...),
    ),
    *train("a column that is not there", "absent", **of_table(target="gone")),
    *train("a sign between cells that is another", "semicolons", **of_table(delimiter=";")),
    *upload("a broken table", "private_broken", _OPEN),
    *train("a broken table tells no place", "broken", **of_table(uri="dataset://private_broken")),
    refused("an SVM", "$.privacy", algorithm="svm", hyperparameters={}),
    refused("no ε", "$.privacy.epsilon", **saying(epsilon=...)),
    refused("an ε of 0", "$.privacy.epsilon", **saying(epsilon=0)),
    refused("a δ of a half", "$.privacy.delta", **saying(delta=0.5)),
    refused("what there is not", "$.privacy.sigma", **saying(sigma=1)),
    refused("a text", "$.privacy", privacy="much"),
    refused("no columns", "$.privacy", **saying(bounds=..., categories=...)),
    refused("bounds that are turned", "$.privacy.bounds.size", **saying(bounds={"size": [100, 0]})),
    refused("bounds of infinity", "$.privacy.bounds.size", **saying(bounds={"size": [0, 1e308]})),
    refused("a category without words", "$.privacy.categories.kind", **saying(categories={"kind": []})),
    refused("a word twice", "$.privacy.categories.kind[1]", **saying(categories={"kind": ["a", "a"]})),
    refused("no classes", "$.privacy.classes", **saying(classes=...)),
    refused("classes of two kinds", "$.privacy.classes", **saying(classes=["no", 1])),
    refused("a class that is none", "$.targets[0]", **saying(classes=["yes", "never"])),
    refused("a column without bounds", "$.privacy", **saying(bounds=...)),
    refused("a column that no row has", "$.privacy", **saying(bounds={"size": [0, 1], "age": [0, 1]})),
    refused("a seed", "$.seed", seed=7),
    refused("a split by a column", "$.split", split={"by": "group", "column": "size"}),
    refused("an engine", "$.engine", engine="streamed"),
    refused("types", "$.types", types={"size": "number"}),
    refused("types of a table", "$.data.types", **of_table(types={"size": "number"})),
    refused("a target among the columns", "$.data.target", **of_table(target="kind")),
    refused("features without bounds", "$.data.features[1]", **of_table(features=["size", "note"])),
    refused("a hyperparameter that does not count", "$.hyperparameters.tol", hyperparameters={"tol": 1e-3}),
    refused(
        "clusters with classes", "$.privacy.classes", algorithm="kmeans", hyperparameters={}, targets=...
    ),
    # Lists that others ask for have no figures with noise in them then.
    delete("the model goes", "/v1/models/private"),
]
