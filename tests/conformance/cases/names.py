"""Names with capitals, dots and underscores, and names that differ only in case."""

from typing import Any

from tests.conformance.case import PREDICT, TRAIN, Case, delete, get, post, put, upload
from tests.conformance.cases.training import CLUSTERS

NAME, OTHER = "Churn_2.1", "churn_2.1"
MODEL, SPELLED = f"/v1/models/{NAME}", f"/v1/models/{OTHER}"
TABLE = b"Age,Plan\n" + b"31,basic\n22,pro\n45,basic\n27,pro\n" * 5
ROW: dict[str, Any] = {"instances": [[1.0]]}
TENSOR = {"inputs": [{"name": "input-0", "shape": [1, 1], "datatype": "FP64", "data": [1.0]}]}
TAKEN: dict[str, Any] = {"code": "name_taken"}


def _fit(name: str, model: str, note: str, body: Any = CLUSTERS) -> list[Case]:
    return [
        post(
            name, f"/v1/models/{model}:train", body, 202, keep={note: "body id"}, deliver="after", key=TRAIN
        ),
        get(f"{name}: the job is over", f"/v1/jobs/{{{note}}}"),
    ]


CASES = [
    *_fit("a model", NAME, "named"),
    get("the model", MODEL),
    get("its version", f"{MODEL}/versions/1"),
    get("what a row of it is", f"{MODEL}/schema"),
    get("its jobs", f"/v1/jobs?model={NAME}"),
    get("its jobs, in another spelling", f"/v1/jobs?model={OTHER}"),
    post("it predicts", f"{MODEL}:predict", ROW, key=PREDICT),
    get("it is in the list", "/v1/models"),
    get("the list goes on after it", f"/v1/models?limit=1&after={NAME}"),
    get("the list goes on after another spelling of it", f"/v1/models?limit=1&after={OTHER}"),
    get("under /v2", f"/v2/models/{NAME}", key=PREDICT),
    get("it is ready", f"/v2/models/{NAME}/ready"),
    post("it infers", f"/v2/models/{NAME}/infer", TENSOR),
    put("an alias", f"{MODEL}/aliases/Blue_1.0", {"version": 1}),
    post("by the alias", f"{MODEL}/aliases/Blue_1.0:predict", ROW),
    post("by the alias as a label", f"{MODEL}/labels/Blue_1.0:predict", ROW),
    get("the history of the alias", f"{MODEL}/aliases/Blue_1.0/history"),
    put("the alias in another spelling", f"{MODEL}/aliases/blue_1.0", {"version": 1}, 409, **TAKEN),
    delete("the alias is removed", f"{MODEL}/aliases/Blue_1.0"),
    put("then another spelling is free", f"{MODEL}/aliases/blue_1.0", {"version": 1}),
    post("the first comes back no more", f"{MODEL}/aliases/Blue_1.0:rollback", b"", 409, **TAKEN),
    delete("that alias is removed", f"{MODEL}/aliases/blue_1.0"),
    post("another spelling is not trained", f"{SPELLED}:train", CLUSTERS, 409, **TAKEN),
    post("nor is it in capitals", f"/v1/models/{NAME.upper()}:train", CLUSTERS, 409, **TAKEN),
    get("another spelling is not found", SPELLED, 404, code="model_not_found"),
    post("it does not predict", f"{SPELLED}:predict", ROW, 404, code="model_not_found"),
    get("it is not found under /v2", f"/v2/models/{OTHER}", 404, code="model_not_found"),
    put("it has no aliases", f"{SPELLED}/aliases/a", {"version": 1}, 404, code="model_not_found"),
    delete("it is not deleted", SPELLED, 404, code="model_not_found"),
    post("it is not restored", f"{SPELLED}/versions/1:restore", b"", 404, code="model_not_found"),
    *upload("a table", NAME, TABLE),
    get("the dataset", f"/v1/datasets/{NAME}", deliver="after"),
    get("the dataset is described", f"/v1/datasets/{NAME}"),
    get("the dataset is in the list", "/v1/datasets"),
    get("the datasets after it", f"/v1/datasets?after={NAME}"),
    post("an address for another spelling", f"/v1/datasets/{OTHER}:upload", None, 409, **TAKEN),
    get("a dataset of another spelling", f"/v1/datasets/{OTHER}", 404, code="dataset_not_found"),
    delete("another spelling of the dataset is not deleted", f"/v1/datasets/{OTHER}", 404)._replace(
        code="dataset_not_found"
    ),
    *_fit(
        "a model of the dataset",
        "Plans",
        "of_dataset",
        {
            "algorithm": "logistic_regression",
            "data": {"uri": f"dataset://{NAME}", "target": "Plan"},
            "test_fraction": 0,
        },
    ),
    post(
        "the dataset in another spelling",
        "/v1/models/Plans:train",
        {"algorithm": "logistic_regression", "data": {"uri": f"dataset://{OTHER}", "target": "Plan"}},
        422,
        code="invalid_input",
        at="$.data.uri",
    ),
    delete("the dataset is deleted", f"/v1/datasets/{NAME}"),
    delete("the model of the dataset is purged", "/v1/models/Plans?purge=true"),
    delete("the model is deleted", MODEL),
    post("it can be restored: another spelling waits", f"{SPELLED}:train", CLUSTERS, 409, **TAKEN),
    post("it is restored", f"{MODEL}/versions/1:restore", b""),
    delete("it is purged", f"{MODEL}?purge=true"),
    *_fit("another spelling has the name then", OTHER, "respelled"),
    get("its versions count on", SPELLED),
    post("nothing is restored of the first", f"{MODEL}/versions/1:restore", b"", 404, code="model_not_found"),
    get("the first is not found", MODEL, 404, code="model_not_found"),
    delete("the last is purged", f"{SPELLED}?purge=true"),
    post("a final dot", f"{MODEL}.:train", CLUSTERS, 422, code="invalid_input", at="path.model"),
    post("a final dot of a dataset", f"/v1/datasets/{NAME}.:upload", None, 422)._replace(
        code="invalid_input", at="path.dataset"
    ),
    get("jobs of a final dot", f"/v1/jobs?model={NAME}.", 422, code="invalid_input", at="query.model"),
    get("a model with a final dot", f"{MODEL}.", 404, code="model_not_found"),
]
