"""What each key may do: route by route, of every role, of earlier records, and of keys with limits."""

import json
from pathlib import Path
from typing import Any

import pytest

from handlers.auth import (
    ADMIN,
    FEEDBACK,
    INSPECT,
    KEY,
    OPEN,
    PREDICT,
    READ,
    ROLES,
    SCHEMA,
    TRAIN,
    VISITOR,
)
from handlers.local.services import folder_services
from handlers.rest.api import Api
from handlers.rest.http import Request, Response
from handlers.rest.routes import ROUTES, Route
from handlers.services import Services
from handlers.settings import read_settings
from ml_core.datasets.sources import upload_key
from ml_core.errors import Forbidden
from providers.deploying.keys import KeyLimits, NewKey, new_key
from tests.unit.handlers.conftest import ROWS, Ask, asking, copy_of

# What the roles of records with a `role` could do before there were `roles`; each included those before it.
# Written down from that release: nothing here may be changed.
BEFORE = {
    OPEN: """
        GET /
        GET /v2/health/live
        GET /v2/health/ready
    """,
    VISITOR: """
        GET /docs
    """,
    PREDICT: """
        GET /openapi.json
        GET /v1/algorithms
        GET /v1/models
        GET /v1/models/{model}
        GET /v1/models/{model}/versions
        GET /v1/models/{model}/versions/{version}
        GET /v1/models/{model}/schema
        GET /v1/models/{model}/versions/{version}/schema
        GET /v1/models/{model}/aliases/{alias}
        GET /v1/models/{model}/aliases/{alias}/history
        POST /v1/models/{model}:predict
        POST /v1/models/{model}/versions/{version}:predict
        POST /v1/models/{model}/aliases/{alias}:predict
        POST /v1/models/{model}/labels/{alias}:predict
        GET /v2
        GET /v2/models/{model}
        GET /v2/models/{model}/ready
        POST /v2/models/{model}/infer
        GET /v2/models/{model}/versions/{version}
        GET /v2/models/{model}/versions/{version}/ready
        POST /v2/models/{model}/versions/{version}/infer
    """,
    TRAIN: """
        POST /v1/models/{model}:train
        GET /v1/jobs
        GET /v1/jobs/{job}
        DELETE /v1/jobs/{job}
        POST /v1/datasets/{dataset}:upload
        GET /v1/datasets
        GET /v1/datasets/{dataset}
        POST /v1/datasets/{dataset}:describe
        GET /v1/models/{model}/versions/{version}/artifact
        GET /v1/models/{model}/versions/{version}/parameters
        GET /v1/models/{model}/versions/{version}/onnx
    """,
    ADMIN: """
        DELETE /v1/datasets/{dataset}
        DELETE /v1/models/{model}
        DELETE /v1/models/{model}/versions/{version}
        POST /v1/models/{model}/versions/{version}:restore
        PUT /v1/models/{model}/aliases/{alias}
        POST /v1/models/{model}/aliases/{alias}:promote
        POST /v1/models/{model}/aliases/{alias}:rollback
        DELETE /v1/models/{model}/aliases/{alias}
    """,
}
LEVELS = [*BEFORE]

# All that a key of the role `predict` alone may call, by the members of what it is told.
TOLD_TO_PREDICT = {
    "name version extensions algorithms status live ready": """
        GET /
        GET /v2/health/live
        GET /v2/health/ready
        GET /v2
        GET /v1/algorithms
    """,
    "openapi info servers paths components x-errors": """
        GET /openapi.json
    """,
    "key roles rights models datasets expires": """
        GET /v1/whoami
    """,
    "": """
        GET /docs
    """,
    "$schema title description x-version anyOf": """
        GET /v1/models/{model}/schema
        GET /v1/models/{model}/versions/{version}/schema
        GET /v1/models/{model}/aliases/{alias}/schema
    """,
    "predictions model classes": """
        POST /v1/models/{model}:predict
        POST /v1/models/{model}/versions/{version}:predict
        POST /v1/models/{model}/aliases/{alias}:predict
        POST /v1/models/{model}/labels/{alias}:predict
    """,
    "name versions platform inputs outputs parameters": """
        GET /v2/models/{model}
        GET /v2/models/{model}/versions/{version}
    """,
    "name ready": """
        GET /v2/models/{model}/ready
        GET /v2/models/{model}/versions/{version}/ready
    """,
    "model_name model_version outputs parameters": """
        POST /v2/models/{model}/infer
        POST /v2/models/{model}/versions/{version}/infer
    """,
}


def by_route(table: dict[str, str]) -> dict[str, str]:
    """What a table says of each route."""
    return {line.strip(): told for told, lines in table.items() for line in lines.strip().splitlines()}


OURS, THEIRS, NOWHERE = "alpha-shown", "omega-hidden", "omega-absent"
OUR_DATA, THEIR_DATA, NO_DATA = "pay-roll", "tax-file", "tax-gone"
LEVEL_BEFORE, MEMBERS_FOR_PREDICT = by_route(BEFORE), by_route(TOLD_TO_PREDICT)
LIMITS = KeyLimits(models=["alpha-*", "beta"], datasets=["PAY-*"])
ANY_ROUTE = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def earlier(role: str) -> NewKey:
    """A key with the record that earlier releases made."""
    made = new_key(role)
    return NewKey(
        made.key, {name: made.record[name] for name in ("id", "sha256", "created")} | {"role": role}
    )


KEYS = {
    **{f"earlier {role}": earlier(role) for role in (PREDICT, TRAIN, ADMIN)},
    **{role: new_key(role) for role in ROLES},
    "limited": new_key(*ROLES, limits=LIMITS),
    "limited models": new_key(*ROLES, limits=LIMITS._replace(datasets=None)),
    "limited predict": new_key(PREDICT, limits=LIMITS),
    "of all": new_key(*ROLES),
}


@pytest.fixture
def services(trained: Path, tmp_path: Path) -> Services:
    """Two versions of a model that is ours, one of one that is not; a dataset and an open job of each."""
    root = tmp_path / "copy"
    copy_of(trained, root)
    settings = read_settings({"ML_ROOT": str(root)})
    found = folder_services(settings, key_records=lambda: [made.record for made in KEYS.values()])
    for name, of in ((OURS, "iris"), (OURS, "truth"), (THEIRS, "digits")):
        version = found.registry.model(of).pick()
        told = {member: getattr(version, member) for member in ("sha256", "size", "algorithm")}
        found.registry.register(name, version.job, **told)
    for name in (OUR_DATA, THEIR_DATA):
        found.store.put_if_absent(upload_key(name, "0" * 28), b"a,b\n1,2\n")
    return found


@pytest.fixture
def jobs(services: Services) -> dict[str, str]:
    """An open job of each model."""
    return {
        name: services.jobs.submit(name, b"{}", {"algorithm": "svm"}, submitter="someone").id
        for name in (OURS, THEIRS)
    }


@pytest.fixture
def send(services: Services) -> Ask:
    """Sends a request with one of `KEYS`."""
    ask = asking(services)

    def sent(key: str, method: str, path: str, body: Any = None, **headers: str) -> Response:
        data = b"" if body is None else json.dumps(body).encode()
        return ask(method, path, data, authorization=f"Bearer {KEYS[key].key}", **headers)

    return sent


def path_of(route: Route, *, model: str = OURS, dataset: str = OUR_DATA, job: str = "0" * 28) -> str:
    path = route.path
    for name, value in {
        "model": model,
        "dataset": dataset,
        "job": job,
        "version": "1",
        "alias": "live",
    }.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def read(response: Response, status: int) -> Any:
    assert response.status == status, response.body
    return json.loads(response.body)


def test_the_table_of_before_has_the_routes_of_before() -> None:
    assert len(LEVEL_BEFORE) == 44
    assert LEVEL_BEFORE.keys() <= {named(route) for route in ROUTES}, "a route that was may not go"


@pytest.mark.parametrize("role", [PREDICT, TRAIN, ADMIN])
def test_a_record_of_an_earlier_release_may_do_what_it_could(trained: Path, role: str) -> None:
    settings = read_settings({"ML_ROOT": str(trained)})
    ask = asking(folder_services(settings, key_records=lambda: [KEYS[f"earlier {role}"].record]))
    refused = {}
    for route in ROUTES:
        if named(route) in LEVEL_BEFORE:
            path = path_of(route, model="nobody", dataset="nothing")
            answer = ask(route.method, path, b"{}", authorization=f"Bearer {KEYS[f'earlier {role}'].key}")
            assert answer.status != 401
            refused[named(route)] = answer.status == 403
    assert refused == {name: LEVELS.index(level) > LEVELS.index(role) for name, level in LEVEL_BEFORE.items()}


@pytest.mark.parametrize("role", ROLES)
def test_each_route_takes_a_key_that_has_its_right(trained: Path, role: str) -> None:
    settings = read_settings({"ML_ROOT": str(trained)})
    ask = asking(folder_services(settings, key_records=lambda: [KEYS[role].record]))
    for route in ROUTES:
        path = path_of(route, model="nobody", dataset="nothing")
        answer = ask(route.method, path, b"{}", authorization=f"Bearer {KEYS[role].key}")
        refused = route.access not in (OPEN, VISITOR, *ROLES[role])
        assert (answer.status == 403) == refused, (named(route), answer.body)
        assert answer.status != 401


@ANY_ROUTE
def test_what_a_route_asks_for_is_known(route: Route) -> None:
    """And what asks for little gives little: a route that reads or changes needs more than any key."""
    assert route.access in (OPEN, VISITOR, KEY, SCHEMA, PREDICT, FEEDBACK, READ, INSPECT, TRAIN, ADMIN)
    if "{" in route.path:
        assert route.access not in (OPEN, VISITOR, KEY)


@pytest.mark.parametrize("key", KEYS)
def test_each_key_is_told_what_it_is(send: Ask, key: str) -> None:
    record = KEYS[key].record
    limits = {name: record.get(name) for name in ("models", "datasets", "expires")}
    told = read(send(key, "GET", "/v1/whoami"), 200)
    assert told == {"key": record["id"], "roles": record.get("roles") or [record["role"]], **limits} | {
        "rights": told["rights"]
    }
    for route in ROUTES:
        path = path_of(route, model="nobody", dataset="nothing")
        if route.access not in (OPEN, VISITOR, KEY) and "limited" not in key:
            refused = send(key, route.method, path, {}).status == 403
            assert refused == (route.access not in told["rights"]), named(route)


def test_where_no_key_is_asked_for_everyone_may_everything(trained: Path) -> None:
    ask = asking(folder_services(read_settings({"ML_ROOT": str(trained)}), key_records=None))
    told = read(ask("GET", "/v1/whoami"), 200)
    assert told == {
        "key": None,
        "roles": ["admin"],
        "rights": sorted({*ROLES[ADMIN]} - {KEY}),
        "models": None,
        "datasets": None,
        "expires": None,
    }


class TestPredict:
    """What a key of the role `predict` alone can find out."""

    def test_it_may_call_these_and_no_more(self) -> None:
        may = {named(route) for route in ROUTES if route.access in (OPEN, VISITOR, *ROLES[PREDICT])}
        assert may == set(MEMBERS_FOR_PREDICT)

    def test_no_answer_tells_of_what_else_there_is(
        self, services: Services, jobs: dict[str, str], send: Ask
    ) -> None:
        """Every route is walked, of what is there and of what is not; then every answer is looked through."""
        services.aliases.set(OURS, "live", 1)
        services.aliases.set(OURS, "live-too", 2)
        answers = {}
        for route in ROUTES:
            for model, job in ((OURS, jobs[OURS]), ("nobody", "0" * 28)):
                path, body = path_of(route, model=model, job=job), self._body(route)
                answer = send("predict", route.method, path, body)
                answers[named(route), model] = answer
                told = MEMBERS_FOR_PREDICT.get(named(route))
                if told is None:
                    assert read(answer, 403)["detail"].endswith("this key has: predict")
                elif model == OURS or "{model}" not in route.path:
                    assert answer.status == 200, answer.body
                    assert not told or json.loads(answer.body).keys() <= set(told.split())
        versions = [version for name in (OURS, THEIRS) for version in services.registry.model(name).versions]
        hidden = {
            *(THEIRS, OUR_DATA, THEIR_DATA, "live-too", "someone", "accuracy", *jobs.values()),
            *(value for version in versions for value in (version.job, version.sha256, version.created)),
            *(made.record["id"] for made in KEYS.values()),
        }
        own = {"GET /v1/whoami": {KEYS["predict"].record["id"]}}
        for (name, model), answer in answers.items():
            if name != "GET /openapi.json":
                told_of = {each for each in hidden if each in answer.body.decode()}
                assert told_of == own.get(name, set()), (name, model)

    def test_of_versions_it_is_told_the_one_that_answers(self, send: Ask) -> None:
        for path, version in ((f"/v2/models/{OURS}", "2"), (f"/v2/models/{OURS}/versions/1", "1")):
            assert read(send("predict", "GET", path), 200)["versions"] == [version]
            for key in ("inspect", "train", "earlier predict"):
                assert read(send(key, "GET", path), 200)["versions"] == ["1", "2"]

    def test_a_path_and_a_method_that_are_wrong_are_said_to_every_key(self, send: Ask) -> None:
        for key in ROLES:
            assert send(key, "GET", "/v3").status == 404
            assert send(key, "PATCH", "/v1/models").status == 405

    @staticmethod
    def _body(route: Route) -> Any:
        if route.target == "prediction:predict":
            return {"instances": ROWS[:1]}
        if route.target == "inference:infer":
            values = {"name": "input-0", "shape": [1, 4], "datatype": "FP64", "data": ROWS[0]}
            return {"inputs": [values]}
        return None


class TestLimits:
    """Keys for some models and datasets."""

    def test_what_a_key_is_not_for_is_refused_whether_it_exists_or_not(self, send: Ask) -> None:
        """On each route that names a model or a dataset, also one that is added later."""
        walked = 0
        for route in ROUTES:
            kind = "model" if "{model}" in route.path else "dataset" if "{dataset}" in route.path else ""
            if not kind:
                continue
            there, absent = (THEIRS, NOWHERE) if kind == "model" else (THEIR_DATA, NO_DATA)
            told = set()
            for name in (there, absent, there.upper(), "-no name"):
                problem = read(send("limited", route.method, path_of(route, **{kind: name}), {}), 403)
                assert problem["code"] == "forbidden"
                assert "alpha-*" in problem["detail"] or "PAY-*" in problem["detail"]
                told.add(problem["detail"].replace(name, "it"))
            assert len(told) == 1, named(route)
            for name in ("ALPHA-SHOWN", "beta", "alpha-") if kind == "model" else ("Pay-roll", "pay-new"):
                answer = send("limited", route.method, path_of(route, **{kind: name}), {})
                assert answer.status not in (401, 403), named(route)
            walked += 1
        assert walked > 30

    def test_it_is_refused_before_its_body_is_read(self, services: Services) -> None:
        api = Api(services)
        headers = {"authorization": f"Bearer {KEYS['limited'].key}"}
        head = Request("POST", f"/v1/models/{THEIRS}:predict", {}, headers, b"", "r1")
        with pytest.raises(Forbidden, match="omega-hidden"):
            api.admit(head, length=10)

    def test_lists_show_what_the_key_is_for(self, jobs: dict[str, str], send: Ask) -> None:
        for path, expected in (
            ("/v1/models?limit=1", {"models": [OURS], "next_after": None}),
            ("/v1/models?after=beta", {"models": [], "next_after": None}),
        ):
            listed = read(send("limited", "GET", path), 200)
            assert [entry["name"] for entry in listed.pop("entries")] == listed["models"]
            assert listed == expected
        listed = read(send("limited", "GET", "/v1/datasets?limit=1"), 200)
        assert ([each["name"] for each in listed["datasets"]], listed["next_after"]) == ([OUR_DATA], None)
        listed = read(send("limited", "GET", "/v1/jobs"), 200)
        assert [each["id"] for each in listed["jobs"]] == [jobs[OURS]]
        assert len(read(send("of all", "GET", "/v1/models"), 200)["models"]) == 6
        assert len(read(send("of all", "GET", "/v1/datasets"), 200)["datasets"]) == 2
        assert len(read(send("limited models", "GET", "/v1/datasets"), 200)["datasets"]) == 2

    def test_jobs_of_other_models_are_not_there(self, jobs: dict[str, str], send: Ask) -> None:
        never = f"{jobs[THEIRS][:-1]}{'1' if jobs[THEIRS][-1] == '0' else '0'}"
        for method in ("GET", "DELETE"):
            said = []
            for job in (jobs[THEIRS], never):
                problem = read(send("limited", method, f"/v1/jobs/{job}"), 404)
                said.append((problem["code"], problem["detail"].replace(job, "it")))
            assert said[0] == said[1]
            assert send("limited", method, f"/v1/jobs/{jobs[OURS]}").status in (200, 202)
        assert read(send("of all", "GET", f"/v1/jobs/{jobs[THEIRS]}"), 200)["state"] == "queued"
        for model in (THEIRS, NOWHERE):
            assert send("limited", "GET", f"/v1/jobs?model={model}").status == 403
        assert read(send("limited", "GET", f"/v1/jobs?model={OURS}"), 200)["jobs"] != []

    @pytest.mark.parametrize(
        ("uri", "status", "for_all_datasets"),
        [
            (f"dataset://{OUR_DATA}", 202, 202),
            (f"dataset://{OUR_DATA}/{'0' * 28}", 202, 202),
            ("dataset://Pay-Roll", 422, 422),
            ("dataset://pay-nothing", 422, 422),
            (f"dataset://{THEIR_DATA}", 403, 202),
            (f"dataset://{THEIR_DATA}/{'0' * 28}", 403, 202),
            (f"dataset://{NO_DATA}", 403, 422),
            ("s3://lake/exports/a.csv", 403, 422),
            ("gs://lake/a.csv", 403, 422),
            ("file:a.csv", 403, 422),
            ("a.csv", 403, 422),
            ("s3://lake/exports/", 403, 422),
            ("file:a/", 403, 422),
            ("a/", 403, 422),
            (f"dataset://{OUR_DATA}/", 422, 422),
            ("dataset://pay-roll/../tax-file", 422, 422),
            ("nonsense://", 422, 422),
            (1, 422, 422),
        ],
    )
    def test_a_key_for_some_datasets_trains_on_them_alone(
        self, send: Ask, uri: object, status: int, for_all_datasets: int
    ) -> None:
        body = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "data": {"uri": uri}}
        for key, expected in (("limited", status), ("limited models", for_all_datasets)):
            answer = send(key, "POST", f"/v1/models/{OURS}:train", body)
            assert answer.status == expected, answer.body

    def test_rows_in_the_request_are_the_callers_own(self, send: Ask) -> None:
        body = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "instances": ROWS}
        assert send("limited", "POST", f"/v1/models/{OURS}:train", body).status == 202

    def test_an_idempotency_key_tells_nothing_of_others_and_still_makes_a_retry_safe(self, send: Ask) -> None:
        body = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "instances": ROWS}
        again = {"idempotency_key": "nightly"}
        theirs = read(send("of all", "POST", f"/v1/models/{THEIRS}:train", body, **again), 202)["id"]
        first = read(send("limited", "POST", f"/v1/models/{OURS}:train", body, **again), 202)["id"]
        assert read(send("limited", "POST", f"/v1/models/{OURS}:train", body, **again), 202)["id"] == first
        assert read(send("of all", "POST", f"/v1/models/{THEIRS}:train", body, **again), 202)["id"] == theirs
        other = {**body, "seed": 1}
        problem = read(send("limited", "POST", f"/v1/models/{OURS}:train", other, **again), 422)
        assert problem["code"] == "idempotency_mismatch"
        assert send("limited models", "POST", f"/v1/models/{OURS}:train", other, **again).status == 202

    def test_a_key_that_only_predicts_is_told_of_its_models_alone(self, send: Ask) -> None:
        body = {"instances": ROWS[:1]}
        assert send("limited predict", "POST", f"/v1/models/{OURS}:predict", body).status == 200
        said = [
            read(send("limited predict", "POST", f"/v1/models/{name}:predict", body), 403)["detail"]
            for name in (THEIRS, NOWHERE)
        ]
        assert said[0] == ("expected a model that this key is for ('alpha-*', 'beta'), got 'omega-hidden'")
        assert said[0].replace(THEIRS, NOWHERE) == said[1]
        # Another spelling of what it may ask is the same model, and it is told how that is spelled.
        problem = read(send("limited predict", "POST", "/v1/models/Alpha-Shown:predict", body), 404)
        assert f"'{OURS}' exists" in problem["detail"]


@pytest.mark.parametrize("uri", ["dataset://{}", "s3://lake/rows/", "file:rows.csv"])
def test_files_of_a_scored_table_are_for_keys_that_may_name_it(
    services: Services, send: Ask, uri: str
) -> None:
    """Columns that were kept are rows of the table."""
    for dataset in (OUR_DATA, THEIR_DATA):
        request = {"kind": "score", "version": 1, "data": {"uri": uri.format(dataset)}}
        job = services.jobs.submit(OURS, b"{}", request, submitter="someone").id
        mine = dataset == OUR_DATA and uri.startswith("dataset:")
        for key, status in (("limited", 200 if mine else 403), ("limited models", 200), ("of all", 200)):
            read(send(key, "GET", f"/v1/jobs/{job}/files"), status)
