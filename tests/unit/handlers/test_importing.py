"""An ONNX file from its upload to everything that is asked of a version, run by children of this process."""

import io
import json
import threading
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from arro3.io import read_parquet

from handlers.rest.answers import ANSWERS
from handlers.services import Services
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.jobs import Job
from ml_core.jobs.trainer import run_job
from ml_core.registry.registry import artifact_key, manifest_key
from tests.unit.graph_samples import NAMES, Sample, sample, squares
from tests.unit.handlers.conftest import Ask, asking, copy_of, services_over
from tests.unit.handlers.test_registering import put, told
from tests.unit.ml_core.graphs.test_samples import SAID

TENSOR = {"name": "x", "shape": [1, 10], "datatype": "FP64", "data": [0] * 10}
WITHOUT = "deploy with the parameter `onnx: yes`"


@pytest.fixture(scope="module")
def root(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models that were trained, and one of each sample."""
    root = copy_of(trained, tmp_path_factory.mktemp("imported") / "root")
    services = services_over(root, ML_ONNX="here")
    for name in NAMES:
        job = imported(services, asking(services), name, sample(name).file, **SAID.get(name, {}))
        assert (job.state, job.version) == ("succeeded", 1), (name, job.error)
    return root


@pytest.fixture
def services(root: Path, tmp_path: Path) -> Services:
    copy_of(root, tmp_path / "root")
    return services_over(tmp_path / "root", ML_ONNX="here")


@pytest.fixture
def ask(services: Services) -> Ask:
    return asking(services)


def run(services: Services, job: dict[str, Any]) -> Job:
    """What the trainer makes of a job."""
    context = TrainerContext(services.jobs, services.registry, services.data, stores=services.reopening)
    ended = run_job(job["id"], context).job
    assert ended is not None
    return ended


def sent(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def imported(services: Services, ask: Ask, model: str, data: bytes, **more: Any) -> Job:
    body = sent({"uri": put(services, ask, model, data), **more})
    job = told(ask("POST", f"/v1/models/{model}:import", body), 202)
    jsonschema.validate(job, ANSWERS["Job"])
    assert job["request"]["kind"] == "import"
    return run(services, job)


def as_tensors(given: Sample, version: dict[str, Any], outputs: list[str]) -> bytes:
    """The sample's inputs as a request of the Open Inference Protocol."""
    names = [each["name"] for each in given.inputs]
    if version["graph"]["form"] != "matrix":
        names = version["features"]
    inputs = [{**each, "name": name} for each, name in zip(given.inputs, names, strict=True)]
    return sent({"inputs": inputs, "outputs": [{"name": name} for name in outputs]})


@pytest.mark.parametrize("name", NAMES)
def test_what_others_exported_answers_as_its_file_says(ask: Ask, name: str) -> None:
    given = sample(name)
    version = told(ask("GET", f"/v1/models/{name}/versions/1"))
    jsonschema.validate(version, ANSWERS["Version"])
    assert version["algorithm"] == "onnx"
    assert version["registered"]["size"] == len(given.file)
    graph = version["graph"]
    asked = [each["name"] for each in graph["outputs"] if each["output"]]
    answer = told(ask("POST", f"/v2/models/{name}/infer", as_tensors(given, version, asked)))
    for output, tensor in zip(
        (each for each in graph["outputs"] if each["output"]), answer["outputs"], strict=True
    ):
        expected = given.output(output["output"])
        if isinstance(expected[0], list):
            continue  # maps, which tests/unit/ml_core/graphs compares
        if output["kind"] == "label" and graph["labels"]:
            named = dict(zip(graph["labels"], graph["classes"], strict=True))
            expected = [named[label] for label in expected]
        assert (
            tensor["data"] == pytest.approx(expected, rel=1e-5, abs=1e-6)
            if not isinstance(expected[0], str)
            else tensor["data"] == expected
        )
    metadata = told(ask("GET", f"/v2/models/{name}"))
    jsonschema.validate(metadata, ANSWERS["Metadata"])
    assert told(ask("GET", f"/v2/models/{name}/ready"))["ready"] is True
    assert told(ask("GET", f"/v1/models/{name}/schema"))["x-version"] == 1
    file = ask("GET", f"/v1/models/{name}/versions/1/onnx")
    assert file.body == given.file


def test_the_artifact_holds_the_file_and_names_no_code(services: Services) -> None:
    from ml_core.graphs.artifact import graph_in
    from ml_core.model.artifact import read

    version = services.registry.model("ridge").pick(1)
    data = services.store.get(artifact_key(version.job)).data
    assert read(data)[0] == {"algorithm": "onnx"}
    assert graph_in(data) == sample("ridge").file


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/models/ridge:predict", {"instances": [[0] * 10]}),
        ("POST", "/v1/models/ridge/versions/1:predict", {"instances": [[0] * 10]}),
        ("POST", "/v2/models/ridge/infer", {"inputs": [TENSOR]}),
        ("GET", "/v2/models/ridge/ready", None),
        ("POST", "/v1/models/ridge:score", {"data": {"uri": "file:rows.csv"}, "outputs": ["variable"]}),
        ("POST", "/v1/models/ridge:import", {"uri": f"artifact://ridge/{'0' * 28}"}),
    ],
)  # fmt: skip
def test_where_nobody_runs_graphs_it_says_what_to_deploy(
    root: Path, tmp_path: Path, method: str, path: str, body: Any
) -> None:
    services = services_over(copy_of(root, tmp_path / "off"))
    ask = asking(services)
    before = told(ask("GET", "/v1/jobs"))["jobs"]
    answer = told(ask(method, path, b"" if body is None else sent(body)), 501)
    assert answer["code"] == "not_deployed"
    assert WITHOUT in answer["detail"]
    assert told(ask("GET", "/v1/jobs"))["jobs"] == before


@pytest.mark.parametrize("body", [{"version": 1}, {"weights": {"1": 1, "2": 1}}])
def test_where_nobody_runs_graphs_no_alias_moves_to_one(
    root: Path, tmp_path: Path, body: dict[str, Any]
) -> None:
    copied = copy_of(root, tmp_path / "off")
    on = services_over(copied, ML_ONNX="here")
    assert imported(on, asking(on), "ridge", sample("ridge").file).version == 2
    ask = asking(services_over(copied))
    answer = told(ask("PUT", "/v1/models/ridge/aliases/production", sent(body)), 409)
    assert "`onnx: yes`" in answer["detail"]
    told(ask("GET", "/v1/models/ridge/aliases/production"), 404)
    # What was pointed there before, it may leave; and not come back to.
    on_again = asking(on)
    told(on_again("PUT", "/v1/models/iris/aliases/live", sent({"version": 1})))
    told(ask("POST", "/v1/models/ridge/aliases/live:promote", sent({"version": 1})), 409)


def test_it_says_that_it_is_not_explained(ask: Ask) -> None:
    answer = told(ask("POST", "/v1/models/ridge:explain", sent({"instances": [[0] * 10]})), 409)
    assert answer["code"] == "not_explained"
    assert "imported" in answer["detail"]
    for what in ("parameters", "profile"):
        assert told(ask("GET", f"/v1/models/ridge/versions/1/{what}"), 409)["code"] == "not_described"


def test_predictions_are_counted(ask: Ask) -> None:
    rows = [[0.1 * place] * 4 for place in range(5)]
    told(ask("POST", "/v1/models/lightgbm:predict", sent({"instances": rows})))
    found = told(ask("GET", "/v1/models/lightgbm/versions/1/monitoring"))
    jsonschema.validate(found, ANSWERS["Monitoring"])
    assert found["predicted"] == 5
    told(ask("POST", "/v1/models/ridge:predict", sent({"instances": [[0] * 10] * 3})))
    assert told(ask("GET", "/v1/models/ridge/versions/1/monitoring"))["predicted"] == 3


def test_a_canary_of_an_imported_and_a_trained_version(services: Services, ask: Ask) -> None:
    """Rows of numbers are rows of numbers, whoever made the version; other columns are refused."""
    from tests.unit.handlers.conftest import ROWS

    names = [f"x{place}" for place in range(4)]
    job = imported(services, ask, "iris", sample("lightgbm").file, features=names)
    assert job.version == 2, job.error
    told(ask("PUT", "/v1/models/iris/aliases/production", sent({"weights": {"1": 1, "2": 1}})))
    answered = {
        told(
            ask(
                "POST",
                "/v1/models/iris:predict",
                sent({"instances": ROWS[:1]}),
                **{"x-routing-key": str(key)},
            )
        )["model"]["version"]
        for key in range(20)
    }
    assert answered == {1, 2}
    other = imported(services, ask, "iris", sample("ridge").file)
    assert other.version == 3
    refused = told(ask("PUT", "/v1/models/iris/aliases/production", sent({"weights": {"1": 1, "3": 1}})), 422)
    assert "10 features" in refused["detail"]


@pytest.mark.parametrize("written", ["csv", "parquet"])
@pytest.mark.parametrize("name", ["columns", "ridge", "lightgbm"])
def test_a_table_is_scored_as_its_rows_are_predicted(
    services: Services, ask: Ask, name: str, written: str
) -> None:
    given = sample(name)
    version = told(ask("GET", f"/v1/models/{name}/versions/1"))
    names = version["features"]
    rows = []
    for place in range(given.instances):
        parts = given.instance(place)
        rows.append([value for part in parts for value in part])
    lines = [",".join(names), *(",".join(map(str, row)) for row in rows)]
    folder = Path(services.settings.root) / "data"
    folder.mkdir(exist_ok=True)
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    first = version["graph"]["outputs"][0]["name"]
    body = {"data": {"uri": "file:rows.csv"}, "outputs": [first], "format": written}
    job = run(services, told(ask("POST", f"/v1/models/{name}:score", sent(body)), 202))
    assert job.state == "succeeded", job.error
    expected = told(ask("POST", f"/v1/models/{name}:predict", sent({"instances": rows})))["predictions"]
    (key,) = [each.key for each in services.store.list(f"scores/{job.id}/part").objects]
    data = services.store.get(key).data
    if written == "csv":
        found: list[Any] = data.decode().split()[1:]
        assert found == [str(value) for value in expected]
    else:
        assert read_parquet(io.BytesIO(data)).read_all().column(first).to_pylist() == expected


def test_the_same_file_may_be_two_versions_with_other_names(services: Services, ask: Ask) -> None:
    """What they keep is one file; each answers in its own words all the same, also when both are warm."""
    words: dict[int, list[Any]] = {1: ["a", "b", "c"], 2: [7, 8, 9]}
    for version, classes in words.items():
        said = {"classes": classes, "outputs": {f"chance{version}": "probabilities", "label": "label"}}
        assert imported(services, ask, "twice", sample("lightgbm").file, **said).version == version
    row = sent({"instances": [[5.1, 3.5, 1.4, 0.2]]})
    for version in (1, 2, 1):
        answer = told(ask("POST", f"/v1/models/twice/versions/{version}:predict", row))
        assert answer["predictions"] == [words[version][0]]
        other = sent({"instances": [[0, 0, 0, 0]], "outputs": [f"chance{version}"]})
        told(ask("POST", f"/v1/models/twice/versions/{version}:predict", other))


def test_a_row_that_cannot_be_scored_is_told_and_the_others_are_scored(services: Services, ask: Ask) -> None:
    names = told(ask("GET", "/v1/models/columns/versions/1"))["features"]
    folder = Path(services.settings.root) / "data"
    folder.mkdir(exist_ok=True)
    good, bad = "13.5,900,ruby,north", "thirteen,900,ruby,north"
    (folder / "rows.csv").write_text("\n".join([",".join(names), good, bad, good]) + "\n")
    body = {"data": {"uri": "file:rows.csv"}, "outputs": ["label"], "format": "csv"}
    job = run(services, told(ask("POST", "/v1/models/columns:score", sent(body)), 202))
    assert job.state == "succeeded", job.error
    result: Any = told(ask("GET", f"/v1/jobs/{job.id}"))["result"]
    assert (result["rows"], result["rejected"]) == (2, 1)


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        (b"\x80\x04\x95", "model", "a pickle"),
        (b"PAR1" * 9, "model", "a Parquet file"),
        (b"", "model", "expected"),
        (b"\x08\x08\x3a\x02\x0a\x00", "model", "expected"),
    ],
)
def test_a_file_that_is_none_has_no_version_and_leaves_nothing(
    services: Services, ask: Ask, data: bytes, path: str, message: str
) -> None:
    job = imported(services, ask, "broken", data)
    assert (job.state, job.version) == ("failed", None)
    assert job.error is not None
    assert job.error["code"] == "invalid_input"
    assert job.error["faults"][0]["path"].startswith(path)
    assert message in job.error["message"]
    _leaves_nothing(services, job)


def _leaves_nothing(services: Services, job: Job) -> None:
    """Neither artifact nor manifest of a job that failed."""
    from ml_core.errors import ObjectNotFound

    for key in (artifact_key(job.id), manifest_key(job.id)):
        with pytest.raises(ObjectNotFound):
            services.store.get(key)


def test_a_graph_that_fails_on_zeros_takes_an_example(services: Services, ask: Ask) -> None:
    """Reshaping by the input's own values: of zeros nothing can be made."""
    from onnx import TensorProto, helper

    rows = helper.make_tensor_value_info("x", TensorProto.INT64, [1, 2])
    given = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "m"])
    zeros = helper.make_tensor("zeros", TensorProto.FLOAT, [6], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    shape = helper.make_tensor("two", TensorProto.INT64, [1], [2])
    nodes = [
        helper.make_node("Reshape", ["x", "two"], ["s"]),
        helper.make_node("Reshape", ["zeros", "s"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "g", [rows], [given], [zeros, shape])
    file = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=8
    ).SerializeToString()
    job = imported(services, ask, "reshaped", file)
    assert job.state == "failed"
    assert job.error is not None
    assert "`example`" in job.error["message"]
    _leaves_nothing(services, job)
    job = imported(services, ask, "reshaped", file, example=[[1, 6]])
    assert job.state == "succeeded", job.error
    answer = told(ask("POST", "/v1/models/reshaped:predict", sent({"instances": [[1, 6]]})))
    assert answer["predictions"] == [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]


def test_names_and_labels_are_the_callers(services: Services, ask: Ask) -> None:
    job = imported(
        services,
        ask,
        "named",
        sample("xgboost").file,
        features=["sepal length", "sepal width", "petal length", "petal width"],
        classes=["setosa", "versicolor", "virginica"],
        outputs={"label": "label", "probability": "probabilities"},
        origin={"description": "from a notebook"},
    )
    assert job.state == "succeeded", job.error
    assert job.warnings == []
    version = told(ask("GET", "/v1/models/named/versions/1"))
    assert version["registered"]["origin"] == {"description": "from a notebook"}
    row = dict(zip(version["features"], [5.1, 3.5, 1.4, 0.2], strict=True))
    body = {"instances": [row], "outputs": ["label", "probability"]}
    answer = told(ask("POST", "/v1/models/named:predict", sent(body)))
    assert answer["predictions"][0]["label"] == "setosa"
    assert answer["classes"] == ["setosa", "versicolor", "virginica"]
    assert len(answer["predictions"][0]["probability"]) == 3


def test_the_same_request_again_is_the_same_job(services: Services, ask: Ask) -> None:
    body = sent({"uri": put(services, ask, "twice", sample("ridge").file)})
    first = told(ask("POST", "/v1/models/twice:import", body, **{"idempotency-key": "a"}), 202)
    again = told(ask("POST", "/v1/models/twice:import", body, **{"idempotency-key": "a"}), 202)
    assert first["id"] == again["id"]
    run(services, first)
    assert run(services, first).version == 1
    assert len(services.registry.model("twice").versions) == 1


def test_a_cancelled_import_leaves_nothing(services: Services, ask: Ask) -> None:
    body = sent({"uri": put(services, ask, "ended", sample("ridge").file)})
    job = told(ask("POST", "/v1/models/ended:import", body), 202)
    told(ask("DELETE", f"/v1/jobs/{job['id']}"))
    ended = run(services, job)
    assert ended.state == "cancelled"
    _leaves_nothing(services, ended)
    told(ask("GET", "/v1/models/ended"), 404)


def test_an_onnx_file_that_is_to_be_registered_is_told_the_way(services: Services, ask: Ask) -> None:
    body = sent({"uri": put(services, ask, "wrong", sample("ridge").file)})
    job = run(services, told(ask("POST", "/v1/models/wrong:register", body), 202))
    assert job.error is not None
    assert ":import" in job.error["message"]


def test_an_imported_artifact_is_registered_nowhere(services: Services, ask: Ask) -> None:
    version = services.registry.model("ridge").pick(1)
    data = services.store.get(artifact_key(version.job)).data
    body = sent({"uri": put(services, ask, "copied", data)})
    job = run(services, told(ask("POST", "/v1/models/copied:register", body), 202))
    assert job.error is not None
    assert ":import" in job.error["message"]


def test_a_model_that_hangs_or_grows_harms_no_other(root: Path, tmp_path: Path) -> None:
    """It is ended at its bound, and answers again; another one answers while it hangs."""
    services = services_over(copy_of(root, tmp_path / "bounded"), ML_ONNX="here", ML_ONNX_SECONDS="2")
    ask = asking(services)
    assert imported(services, ask, "squares", squares(), example=[[3]]).state == "succeeded"

    def squared(size: int) -> Any:
        return ask("POST", "/v1/models/squares:predict", sent({"instances": [[size]]}))

    assert told(squared(3))["predictions"] == [27.0]
    grown = told(squared(100_000), 413)
    assert "more memory" in grown["detail"]
    assert told(squared(4))["predictions"] == [64.0]

    told(ask("POST", "/v1/models/ridge:predict", sent({"instances": [[0] * 10]})))
    order: list[str] = []
    hung: list[Any] = []

    def hang() -> None:
        hung.append(squared(9_000))
        order.append("hung")

    hanging = threading.Thread(target=hang)
    hanging.start()
    for _ in range(3):
        told(ask("POST", "/v1/models/ridge:predict", sent({"instances": [[0] * 10]})))
    order.append("other")
    hanging.join()
    assert order == ["other", "hung"]
    slow = told(hung[0], 503)
    assert slow["code"] == "unavailable"
    assert "time" in slow["detail"]
    assert told(squared(5))["predictions"] == [125.0]


def test_who_takes_the_artifact_away_is_told_what_it_is(services: Services, tmp_path: Path) -> None:
    from ml_core.errors import ArtifactInvalid
    from ml_core.export import main
    from ml_core.model.model import Model

    data = services.store.get(artifact_key(services.registry.model("ridge").pick(1).job)).data
    with pytest.raises(ArtifactInvalid, match="imported model"):
        Model.from_bytes(data)
    (tmp_path / "a").write_bytes(data)
    assert main([str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    assert (tmp_path / "b").read_bytes() == sample("ridge").file


def test_a_trainer_that_lost_its_job_removes_nothing(
    services: Services, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it waited, another one brought the job to its end: the artifact is a version's now."""
    from ml_core.jobs.leases import Lease

    body = sent({"uri": put(services, ask, "raced", sample("ridge").file)})
    job = told(ask("POST", "/v1/models/raced:import", body), 202)
    context = TrainerContext(services.jobs, services.registry, services.data, stores=services.reopening)
    fail = Lease.fail

    def late(lease: Lease, error: dict[str, Any], **more: Any) -> Job:
        raced = services.jobs.get(job["id"])
        assert raced.state == "running"
        monkeypatch.setattr(Lease, "fail", fail)
        services.registry.register("raced", job["id"], sha256="0" * 64, size=1, algorithm="onnx", metric=None)
        return fail(lease, error, **more)

    monkeypatch.setattr(Lease, "fail", late)
    broken = services.store.get(f"jobs/{job['id']}/input").data.replace(
        b'"example": null', b'"example": [[1]]'
    )
    services.store.delete(f"jobs/{job['id']}/input")
    services.store.put_if_absent(f"jobs/{job['id']}/input", broken)
    ended = run_job(job["id"], context).job
    assert ended is not None
    assert ended.state == "failed"
    services.store.get(artifact_key(job["id"]))
