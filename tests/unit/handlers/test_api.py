"""The REST contract, request by request, on a folder with really trained models."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import jsonschema
import pytest

from handlers.direct import train_directly
from handlers.jobs import deliver
from handlers.local.services import folder_services
from handlers.rest.answers import ANSWERS
from handlers.rest.api import Api
from handlers.rest.http import Request, Response
from handlers.rest.routes import ROUTES
from handlers.services import Services
from handlers.settings import read_settings
from providers.deploying.keys import new_key
from tests.unit.handlers.conftest import REQUESTS, ROWS, Ask, asking, copy_of, services_over


def read(response: Response, status: int = 200, schema: str = "") -> Any:
    """The JSON of an answer that has the status and meets the schema."""
    assert response.status == status, response.body
    value = json.loads(response.body)
    if status >= 400:
        schema = "Problem"
    if schema:
        jsonschema.validate(value, ANSWERS[schema])
    return value


@pytest.fixture
def services(trained: Path, tmp_path: Path) -> Services:
    """Services over a copy of the trained models, which a test may change."""
    copy_of(trained, tmp_path / "copy")
    return services_over(tmp_path / "copy")


@pytest.fixture
def change(services: Services) -> Ask:
    """Sends a request to the copy."""
    return asking(services)


def _body(**members: Any) -> bytes:
    return json.dumps(members).encode()


class TestHealth:
    def test_the_service_is_alive_live_and_ready_to_anyone(self, ask: Ask) -> None:
        assert ask("GET", "/").body == b'{"status":"alive"}'
        assert ask("GET", "/v2/health/live").body == b'{"live":true}'
        assert ask("GET", "/v2/health/ready").body == b'{"ready":true}'

    @pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
    def test_with_no_key_configured_everything_else_is_closed(self, trained: Path, route: Any) -> None:
        services = folder_services(read_settings({"ML_ROOT": str(trained)}), key_records=lambda: None)
        path = route.path
        for name, value in {"model": "iris", "version": "1", "alias": "a", "job": "0" * 28}.items():
            path = path.replace("{" + name + "}", value)
        response = asking(services)(route.method, path)
        assert response.status == (200 if route.access == "open" else 503)

    @pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST", "BREW"])
    @pytest.mark.parametrize("path", ["/nothing", "/v1/models", "/v1/models/iris:predict"])
    def test_and_so_is_every_other_path_and_method(self, trained: Path, method: str, path: str) -> None:
        services = folder_services(read_settings({"ML_ROOT": str(trained)}), key_records=list)
        assert asking(services)(method, path).status == 503


class TestRoles:
    KEYS: ClassVar = {role: new_key(role) for role in ("predict", "inspect", "train", "admin")}

    @pytest.fixture
    def keyed(self, trained: Path) -> Ask:
        records = [made.record for made in self.KEYS.values()]
        return asking(folder_services(read_settings({"ML_ROOT": str(trained)}), key_records=lambda: records))

    @pytest.mark.parametrize(
        ("role", "method", "path", "status"),
        [
            ("predict", "GET", "/v1/models/iris/schema", 200),
            ("predict", "GET", "/v1/models", 403),
            ("inspect", "GET", "/v1/models", 200),
            ("inspect", "POST", "/v1/models/iris:predict", 403),
            ("predict", "GET", "/v1/jobs", 403),
            ("predict", "POST", "/v1/models/iris:train", 403),
            ("predict", "DELETE", "/v1/models/iris", 403),
            ("train", "GET", "/v1/jobs", 200),
            ("train", "POST", "/v1/models/iris:train", 400),
            ("train", "PUT", "/v1/models/iris/aliases/production", 403),
            ("admin", "PUT", "/v1/models/iris/aliases/production", 400),
        ],
    )
    def test_a_role_reaches_so_far(self, keyed: Ask, role: str, method: str, path: str, status: int) -> None:
        assert keyed(method, path, authorization=f"Bearer {self.KEYS[role].key}").status == status

    def test_a_stranger_learns_nothing_of_paths_and_methods(self, keyed: Ask) -> None:
        for method, path in (("GET", "/nothing"), ("GET", "/v1/models/nobody"), ("PATCH", "/v1/models")):
            response = keyed(method, path)
            assert read(response, 401)["code"] == "unauthenticated"
            assert response.headers["www-authenticate"].startswith("Bearer")

    def test_the_page_needs_no_key_but_the_description_does(self, keyed: Ask) -> None:
        assert keyed("GET", "/docs").status == 200
        assert keyed("GET", "/openapi.json").status == 401

    def test_options_needs_no_key(self, keyed: Ask) -> None:
        assert keyed("OPTIONS", "/v1/models").status == 204


class TestMethods:
    def test_a_wrong_method_is_told_the_right_ones(self, ask: Ask) -> None:
        response = ask("GET", "/v1/models/iris:predict")
        assert read(response, 405)["code"] == "method_not_allowed"
        assert response.headers["allow"] == "OPTIONS, POST"

    def test_options_lists_them(self, ask: Ask) -> None:
        response = ask("OPTIONS", "/v1/models/iris")
        assert (response.status, response.body) == (204, b"")
        assert response.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"

    def test_head_is_get_without_the_body(self, ask: Ask) -> None:
        got, head = ask("GET", "/v1/models/iris"), ask("HEAD", "/v1/models/iris")
        assert (head.status, head.body) == (200, b"")
        assert head.headers == {**got.headers, "content-length": str(len(got.body))}

    @pytest.mark.parametrize("method", ["HEAD", "BREW", "get", "", "G" * 1000])
    def test_any_other_method_is_405(self, ask: Ask, method: str) -> None:
        assert ask(method, "/v1/models/iris:predict").status == 405

    def test_an_unknown_path_is_404(self, ask: Ask) -> None:
        assert read(ask("GET", "/v3"), 404)["code"] == "route_not_found"

    def test_every_answer_names_its_request(self, ask: Ask) -> None:
        assert ask("GET", "/").headers["x-request-id"] == "r1"
        assert read(ask("GET", "/v3"), 404)["request_id"] == "r1"


class TestPrediction:
    def test_labels_by_default(self, ask: Ask) -> None:
        answer = read(ask("POST", "/v1/models/iris:predict", _body(instances=ROWS[:3])), 200, "Predictions")
        assert answer == {
            "predictions": ["low", "low", "low"],
            "classes": ["high", "low", "middle"],
            "model": {"name": "iris", "version": 1},
        }

    def test_objects_where_outputs_are_named(self, ask: Ask) -> None:
        asked = _body(instances=ROWS[:2], outputs=["decision", "label", "probability"])
        answer = read(ask("POST", "/v1/models/iris:predict", asked), 200, "Predictions")
        for row in answer["predictions"]:
            assert list(row) == ["decision", "label", "probability"]
            assert len(row["decision"]) == 3
            assert sum(row["probability"]) == pytest.approx(1)
            assert answer["classes"][row["probability"].index(max(row["probability"]))] == row["label"]

    def test_rows_may_be_objects_and_labels_booleans(self, ask: Ask) -> None:
        rows = [dict(zip("dcba", reversed(row), strict=True)) for row in ROWS[:4]]
        by_name = read(ask("POST", "/v1/models/truth:predict", _body(instances=rows)), 200, "Predictions")
        by_order = read(ask("POST", "/v1/models/truth:predict", _body(instances=ROWS[:4])))
        assert by_name == by_order
        assert {type(label) for label in by_name["predictions"]} == {bool}

    def test_two_classes_have_one_decision_value(self, ask: Ask) -> None:
        asked = _body(instances=ROWS[:1], outputs=["decision"])
        answer = read(ask("POST", "/v1/models/truth:predict", asked), 200, "Predictions")
        assert isinstance(answer["predictions"][0]["decision"], float)

    def test_clusters_have_numbers_distances_and_no_classes(self, ask: Ask) -> None:
        asked = _body(instances=ROWS, outputs=["label", "distance"])
        answer = read(ask("POST", "/v1/models/groups:predict", asked), 200, "Predictions")
        assert "classes" not in answer
        for row in answer["predictions"]:
            assert row["distance"].index(min(row["distance"])) == row["label"]

    def test_signature_name_is_accepted_for_tensorflow_servings_clients(self, ask: Ask) -> None:
        body = _body(instances=ROWS[:1], signature_name="serving_default")
        assert ask("POST", "/v1/models/iris:predict", body).status == 200

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/models/iris/versions/1:predict",
            "/v1/models/iris/aliases/live:predict",
            "/v1/models/iris/labels/live:predict",
        ],
    )
    def test_a_version_or_an_alias_may_be_named(self, change: Ask, path: str) -> None:
        change("PUT", "/v1/models/iris/aliases/live", b'{"version": 1}')
        assert read(change("POST", path, _body(instances=ROWS[:1])))["model"]["version"] == 1

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("/v1/models/nobody:predict", "model_not_found"),
            ("/v1/models/Not%20A%20Name:predict", "model_not_found"),
            ("/v1/models/iris/versions/2:predict", "version_not_found"),
            ("/v1/models/iris/versions/0:predict", "version_not_found"),
            ("/v1/models/iris/versions/one:predict", "version_not_found"),
            ("/v1/models/iris/versions/99999999999999999999:predict", "version_not_found"),
            ("/v1/models/iris/aliases/nobody:predict", "alias_not_found"),
            ("/v1/models/iris/aliases/__proto__:predict", "alias_not_found"),
        ],
    )
    def test_what_is_not_there_is_404(self, ask: Ask, path: str, code: str) -> None:
        assert read(ask("POST", path, _body(instances=ROWS[:1])), 404)["code"] == code

    @pytest.mark.parametrize(
        ("body", "path", "message"),
        [
            (b"[]", "$", "is a list; an object is expected"),
            (
                b"{}",
                "$",
                "expected exactly one of instances, inputs, dataframe_split, dataframe_records, got none",
            ),
            (b'{"instances": []}', "$.instances", "at least one row"),
            (b'{"instances": {}}', "$.instances", "expected a list"),
            (
                b'{"instances": [[1, 2, 3]]}',
                "$.instances[0]",
                "model 'iris' version 1 expects 4 features, row 0 has 3",
            ),
            (
                b'{"instances": [[1, 2, 3, 4], [1, 2, "3", 4]]}',
                "$.instances[1][2]",
                "expected a number, got '3'",
            ),
            (b'{"instances": [[1, 2, 3, true]]}', "$.instances[0][3]", "expected a number, got true"),
            (b'{"instances": [[1, 2, 3, null]]}', "$.instances[0][3]", "null"),
            (b'{"instances": [[1, 2, 3, 1e999]]}', "$.instances[0][3]", "finite"),
            (b'{"instances": [[1, 2, 3, 1%s]]}' % (b"0" * 400), "$.instances[0][3]", "finite"),
            (b'{"instances": [{"x0": 1}]}', "$.instances[0]", "missing"),
            (b'{"instances": [[1,2,3,4]], "outputs": ["distance"]}', "$.outputs[0]", "no 'distance'"),
            (b'{"instances": [[1,2,3,4]], "outputs": []}', "$.outputs", "at least 1"),
            (b'{"instances": [[1,2,3,4]], "outputs": "label"}', "$.outputs", "a list is expected"),
            (b'{"instances": [[1,2,3,4]], "output": ["label"]}', "$", "has 'output', which is not known"),
        ],
    )
    def test_bad_input_is_422_and_says_where_and_what(
        self, ask: Ask, body: bytes, path: str, message: str
    ) -> None:
        problem = read(ask("POST", "/v1/models/iris:predict", body), 422)
        assert problem["code"] == "invalid_input"
        assert problem["faults"][0]["path"] == path
        assert message in problem["faults"][0]["message"]
        assert problem["error"] == problem["detail"]

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 400),
            (b"{", 400),
            (b'{"instances": [[NaN, 1, 1, 1]]}', 400),
            (b'\xff{"instances": 1}', 400),
            (b"[" * 200_000, 400),
            (b'{"instances": ' + b"[" * 1_000 + b"]" * 1_000 + b"}", 422),
            (b'{"outputs": ' + b"[" * 1_000 + b"]" * 1_000 + b', "instances": 1}', 422),
            (b'{"instances": 1, "instances": 2}', 400),
            (b'{"instances": [[' + b"1," * 3_000_000 + b"1]]}", 413),
        ],
        ids=range(9),
    )
    def test_what_cannot_be_read_is_refused(self, ask: Ask, body: bytes, status: int) -> None:
        read(ask("POST", "/v1/models/iris:predict", body), status)

    def test_a_result_that_overflows_is_the_rows_fault(self, ask: Ask) -> None:
        asked = _body(instances=[ROWS[0], [1e308, -1e308, 1e308, 1e308]], outputs=["distance"])
        problem = read(ask("POST", "/v1/models/groups:predict", asked), 422)
        assert problem["faults"][0]["path"] == "$.instances[1]"


class TestLimits:
    @pytest.fixture
    def bounded(self, trained: Path) -> Callable[..., Ask]:
        def make(**variables: str) -> Ask:
            settings = read_settings({"ML_ROOT": str(trained), **variables})
            return asking(folder_services(settings, key_records=None))

        return make

    def test_a_body_past_the_limit_is_413_with_both_numbers(self, bounded: Callable[..., Ask]) -> None:
        ask = bounded(ML_MAX_BODY_BYTES="2000")
        problem = read(ask("POST", "/v1/models/iris:predict", b" " * 2001), 413)
        assert "2,001" in problem["detail"]
        assert "2,000" in problem["detail"]

    def test_an_answer_past_the_limit_is_413(self, bounded: Callable[..., Ask]) -> None:
        ask = bounded(ML_MAX_ANSWER_BYTES="1024")
        assert (
            read(ask("POST", "/v1/models/iris:predict", _body(instances=ROWS * 10)), 413)["code"]
            == "too_large"
        )

    def test_rows_past_the_limit_are_413(self, bounded: Callable[..., Ask]) -> None:
        problem = read(
            bounded(ML_MAX_ROWS="5")("POST", "/v1/models/iris:predict", _body(instances=ROWS)), 413
        )
        assert "30" in problem["detail"]
        assert "5" in problem["detail"]

    def test_rows_times_outputs_past_the_limit_are_413_before_computing(
        self, bounded: Callable[..., Ask]
    ) -> None:
        ask = bounded(ML_MAX_CELLS="100")
        assert ask("POST", "/v1/models/iris:predict", _body(instances=ROWS)).status == 200
        asked = _body(instances=ROWS, outputs=["label", "probability"])
        assert "120" in read(ask("POST", "/v1/models/iris:predict", asked), 413)["detail"]

    def test_columns_past_the_limit_are_413(self, bounded: Callable[..., Ask]) -> None:
        ask = bounded(ML_MAX_COLUMNS="3")
        assert ask("POST", "/v1/models/wide:train", _body(**REQUESTS["iris"])).status == 413


class TestModels:
    def test_names_are_listed_by_pages(self, ask: Ask) -> None:
        whole = read(ask("GET", "/v1/models"), 200, "Models")
        assert (whole["models"], whole["next_after"]) == (["digits", "groups", "iris", "truth"], None)
        assert [entry["name"] for entry in whole["entries"]] == whole["models"]
        first = read(ask("GET", "/v1/models?limit=3"), 200, "Models")
        assert first["models"] == ["digits", "groups", "iris"]
        rest = read(ask("GET", f"/v1/models?limit=3&after={first['next_after']}"), 200, "Models")
        assert (rest["models"], rest["next_after"]) == (["truth"], None)
        assert [entry["name"] for entry in rest["entries"]] == ["truth"]

    @pytest.mark.parametrize(
        "query",
        [
            "limit=0",
            "limit=1001",
            "limit=ten",
            "limit=-1",
            "limit=1e2",
            "after=",
            "after=a%00",
            "page=2",
            "limit=٣",
        ],
    )
    @pytest.mark.parametrize("path", ["/v1/models", "/v1/jobs"])
    def test_a_query_that_is_wrong_is_422(self, ask: Ask, path: str, query: str) -> None:
        assert read(ask("GET", f"{path}?{query}"), 422)["faults"][0]["path"].startswith("query")

    def test_a_model_shows_versions_aliases_and_what_tensorflow_serving_shows(self, change: Ask) -> None:
        change("PUT", "/v1/models/iris/aliases/production", b'{"version": 1}')
        model = read(change("GET", "/v1/models/iris"), 200, "Model")
        assert model["ready"] is True
        assert [version["version"] for version in model["versions"]] == [1]
        assert model["aliases"]["production"]["version"] == 1
        assert model["model_version_status"][0]["state"] == "AVAILABLE"

    @pytest.mark.parametrize("name", REQUESTS)
    def test_a_version_shows_how_it_came_to_be(self, ask: Ask, name: str) -> None:
        version = read(ask("GET", f"/v1/models/{name}/versions/1"), 200, "Version")
        assert version["algorithm"] == REQUESTS[name]["algorithm"]
        assert version["rows"] + version["test_rows"] == len(ROWS)

    def test_an_unchanged_model_or_version_is_304(self, change: Ask) -> None:
        for path in ("/v1/models/iris", "/v1/models/iris/versions/1"):
            etag = change("GET", path).headers["etag"]
            for condition in (etag, f"W/{etag}", f'"x", {etag}', "*"):
                response = change("GET", path, if_none_match=condition)
                assert (response.status, response.body) == (304, b"")
                assert response.headers["etag"] == etag
            assert change("GET", path, if_none_match='"other"').status == 200
        etag = change("GET", "/v1/models/iris").headers["etag"]
        change("PUT", "/v1/models/iris/aliases/production", b'{"version": 1}')
        assert change("GET", "/v1/models/iris", if_none_match=etag).status == 200

    def test_a_deleted_version_is_gone_and_its_number_is_never_used_again(
        self, change: Ask, services: Services
    ) -> None:
        assert change("DELETE", "/v1/models/groups/versions/1").status == 204
        assert read(change("GET", "/v1/models/groups/versions/1"), 404)["code"] == "version_not_found"
        assert read(change("GET", "/v1/models/groups"), 200, "Model")["ready"] is False
        assert change("POST", "/v1/models/groups:predict", _body(instances=ROWS)).status == 404
        job = _trained(change, services, "groups")
        assert job["version"] == 2

    def test_a_version_that_an_alias_points_at_stays(self, change: Ask) -> None:
        change("PUT", "/v1/models/iris/aliases/live", b'{"version": 1}')
        assert read(change("DELETE", "/v1/models/iris/versions/1"), 409)["code"] == "version_in_use"
        assert read(change("DELETE", "/v1/models/iris"), 409)["code"] == "version_in_use"

    def test_a_deleted_model_is_gone(self, change: Ask) -> None:
        assert change("DELETE", "/v1/models/iris").status == 204
        assert read(change("GET", "/v1/models/iris"), 404)["code"] == "model_not_found"
        assert read(change("DELETE", "/v1/models/iris"), 404)["code"] == "model_not_found"
        assert "iris" not in read(change("GET", "/v1/models"))["models"]


class TestAliases:
    PATH = "/v1/models/iris/aliases/production"

    def test_an_alias_is_put_shown_and_removed(self, change: Ask) -> None:
        put = change("PUT", self.PATH, b'{"version": 1}')
        assert read(put, 200, "Alias")["version"] == 1
        got = change("GET", self.PATH)
        assert read(got, 200, "Alias") == json.loads(put.body)
        assert got.headers["etag"] == put.headers["etag"]
        assert change("GET", self.PATH, if_none_match=put.headers["etag"]).status == 304
        assert change("DELETE", self.PATH).status == 204
        assert read(change("GET", self.PATH), 404)["code"] == "alias_not_found"

    def test_a_lost_race_is_412_and_another_aliass_change_is_none(self, change: Ask) -> None:
        first = change("PUT", self.PATH, b'{"version": 1}').headers["etag"]
        change("PUT", "/v1/models/iris/aliases/other", b'{"version": 1}')
        second = change("PUT", self.PATH, b'{"version": 1}', if_match=first)
        assert second.status == 200
        lost = read(change("PUT", self.PATH, b'{"version": 1}', if_match=first), 412)
        assert lost["code"] == "revision_mismatch"
        assert read(change("DELETE", self.PATH, if_match=first), 412)["code"] == "revision_mismatch"
        either = change("PUT", self.PATH, b'{"version": 1}', if_match=f"{first}, {second.headers['etag']}")
        assert either.status == 200

    def test_if_match_needs_the_alias_to_exist(self, change: Ask) -> None:
        for condition in ("*", '"x"', 'W/"x"', '"x", "y"'):
            assert change("PUT", self.PATH, b'{"version": 1}', if_match=condition).status == 412

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b'{"version": 9}', 404),
            (b'{"version": "1"}', 422),
            (b'{"version": true}', 422),
            (b'{"version": 1.5}', 422),
            (b'{"version": 0}', 422),
            (b'{"version": 1, "weights": {"1": 100}}', 422),
            (b"1", 422),
            (b"", 400),
        ],
    )
    def test_a_body_that_is_wrong(self, change: Ask, body: bytes, status: int) -> None:
        read(change("PUT", self.PATH, body), status)

    def test_a_name_that_cannot_be_is_422_when_put_and_404_when_read(self, change: Ask) -> None:
        path = "/v1/models/iris/aliases/not-a-name."
        assert read(change("PUT", path, b'{"version": 1}'), 422)["faults"][0]["path"] == "path.alias"
        assert read(change("GET", path), 404)["code"] == "alias_not_found"

    def test_production_decides_what_is_predicted_with(self, change: Ask, services: Services) -> None:
        _trained(change, services, "iris")
        asked = _body(instances=ROWS[:1])
        assert read(change("POST", "/v1/models/iris:predict", asked))["model"]["version"] == 2
        change("PUT", self.PATH, b'{"version": 1}')
        fresh = asking(services_over(services.settings.root))
        assert read(fresh("POST", "/v1/models/iris:predict", asked))["model"]["version"] == 1


def _trained(change: Ask, services: Services, name: str) -> dict[str, Any]:
    """Train another version over REST, the trainer's part done here."""
    accepted = read(change("POST", f"/v1/models/{name}:train", _body(**REQUESTS[name])), 202, "Job")
    assert deliver(services, accepted["id"]) is None
    job: dict[str, Any] = read(change("GET", f"/v1/jobs/{accepted['id']}"), 200, "Job")
    assert job["state"] == "succeeded"
    return job


class TestTraining:
    def test_a_request_becomes_a_job_with_an_address(self, change: Ask, services: Services) -> None:
        response = change("POST", "/v1/models/new:train", _body(**REQUESTS["groups"]))
        job = read(response, 202, "Job")
        assert job["state"] == "queued"
        assert response.headers["location"] == f"/v1/jobs/{job['id']}"
        assert job["id"] in services.queue.due()[0]  # type: ignore[attr-defined]

    def test_the_job_ends_with_a_version_and_metrics(self, change: Ask, services: Services) -> None:
        job = _trained(change, services, "truth")
        assert job["version"] == 2
        assert {"log_loss", "accuracy"} <= set(job["metrics"]["training"])

    def test_a_fit_that_is_refused_fails_the_job_with_the_fault(self, change: Ask) -> None:
        body = {**REQUESTS["groups"], "hyperparameters": {"n_clusters": 500}}
        problem = read(change("POST", "/v1/models/new:train", _body(**body)), 422)
        assert "n_clusters" in problem["faults"][0]["path"]

    def test_waiting_ends_with_the_time_when_nobody_trains(self, change: Ask) -> None:
        response = change("POST", "/v1/models/new:train", _body(**REQUESTS["groups"]), prefer="wait=1")
        assert read(response, 202, "Job")["state"] == "queued"
        assert response.headers["preference-applied"] == "wait=1"

    def test_waiting_is_bounded_by_the_setting(self, trained: Path, tmp_path: Path) -> None:
        copy_of(trained, tmp_path / "copy")
        settings = read_settings({"ML_ROOT": str(tmp_path / "copy"), "ML_MAX_WAIT": "0.2"})
        ask = asking(folder_services(settings, key_records=None))
        response = ask("POST", "/v1/models/new:train", _body(**REQUESTS["groups"]), prefer="wait=20")
        assert response.headers["preference-applied"] == "wait=0.2"

    def test_without_a_free_place_nobody_waits(self, trained: Path, tmp_path: Path) -> None:
        copy_of(trained, tmp_path / "copy")
        settings = read_settings({"ML_ROOT": str(tmp_path / "copy"), "ML_MAX_WAITING": "0"})
        ask = asking(folder_services(settings, key_records=None))
        body, key = _body(**REQUESTS["groups"]), "once"
        response = ask("POST", "/v1/models/new:train", body, prefer="wait=20", **{"idempotency-key": key})
        job = read(response, 202, "Job")
        assert "preference-applied" not in response.headers
        assert read(ask("DELETE", f"/v1/jobs/{job['id']}"), 200)["state"] == "cancelled"
        # What is over already needs no place.
        response = ask("POST", "/v1/models/new:train", body, prefer="wait=20", **{"idempotency-key": key})
        assert read(response, 200, "Job")["state"] == "cancelled"
        assert response.headers["preference-applied"] == "wait=20"

    def test_the_same_idempotency_key_gives_the_same_job(self, change: Ask) -> None:
        body = _body(**REQUESTS["groups"])
        first = read(change("POST", "/v1/models/new:train", body, idempotency_key="k1"), 202)
        again = read(change("POST", "/v1/models/new:train", body, idempotency_key="k1"), 202)
        assert again["id"] == first["id"]

    def test_an_idempotency_key_for_another_body_or_model_is_422(self, change: Ask) -> None:
        change("POST", "/v1/models/new:train", _body(**REQUESTS["groups"]), idempotency_key="k1")
        for name, body in (("new", REQUESTS["iris"]), ("other", REQUESTS["groups"])):
            response = change("POST", f"/v1/models/{name}:train", _body(**body), idempotency_key="k1")
            assert read(response, 422)["code"] == "idempotency_mismatch"

    @pytest.mark.parametrize("key", ["a b", "é", "x" * 256, "\udc80"])
    def test_an_idempotency_key_is_printable_and_short(self, change: Ask, key: str) -> None:
        response = change("POST", "/v1/models/new:train", _body(**REQUESTS["groups"]), idempotency_key=key)
        assert read(response, 422)["faults"][0]["path"] == "Idempotency-Key"

    def test_a_name_that_cannot_be_is_422(self, change: Ask) -> None:
        problem = read(change("POST", "/v1/models/My Model:train", _body(**REQUESTS["groups"])), 422)
        assert problem["faults"][0]["path"] == "path.model"

    def test_a_name_that_differs_in_case_alone_is_refused_at_once(
        self, change: Ask, services: Services
    ) -> None:
        before = read(change("GET", "/v1/jobs"))
        problem = read(change("POST", "/v1/models/Iris:train", _body(**REQUESTS["groups"])), 409)
        assert problem["code"] == "name_taken"
        assert problem["detail"] == (
            "a model 'iris' exists; names that differ only in case are refused: use 'iris'"
        )
        invoked = train_directly(services, {"model": "IRIS", **REQUESTS["groups"]})
        assert (invoked["status"], invoked["code"]) == (409, "name_taken")
        assert read(change("GET", "/v1/jobs")) == before, "there is no job"

    def test_data_in_a_bucket_that_is_not_allowed_is_a_clear_422(self, change: Ask) -> None:
        body = _body(algorithm="kmeans", data={"uri": "s3://bucket/file.csv", "format": "csv"})
        problem = read(change("POST", "/v1/models/new:train", body), 422)
        assert problem["faults"][0]["path"] == "$.data.uri"
        assert "expected an address that ML_DATA_BUCKETS allows, got s3://bucket/" in problem["detail"]

    @pytest.mark.parametrize(
        "replaced",
        [
            {"algorithm": "magic"},
            {"algorithm": None},
            {"algorithm": "../svm"},
            {"hyperparameters": {"C": -1}},
            {"hyperparameters": {"depth": 1}},
            {"hyperparameters": []},
            {"instances": []},
            {"instances": [[1, 2], [3]]},
            {"instances": [["1"] * 4] * 30},
            {"instances": None},
            {"targets": ["a"] * 30},
            {"targets": ["a"] * 29},
            {"targets": []},
            {"targets": [1.5] * 30},
            {"targets": ["a", 1] * 15},
            {"targets": None},
            {"test_fraction": 1},
            {"test_fraction": "0.2"},
            {"seed": -1},
            {"feature_names": ["a", "a", "b", "c"]},
            {"feature_names": ["a"]},
            {"colour": "blue"},
        ],
        ids=json.dumps,
    )
    def test_a_request_that_is_wrong_is_422_and_says_where(
        self, change: Ask, replaced: dict[str, Any]
    ) -> None:
        problem = read(change("POST", "/v1/models/new:train", _body(**{**REQUESTS["iris"], **replaced})), 422)
        assert problem["faults"]


class TestJobs:
    def test_jobs_are_listed_newest_first_and_filtered(self, change: Ask) -> None:
        ids = [
            read(change("POST", "/v1/models/new:train", _body(**REQUESTS["groups"])), 202)["id"]
            for _ in range(2)
        ]
        listed = read(change("GET", "/v1/jobs?state=queued&model=new"), 200, "Jobs")["jobs"]
        assert sorted(job["id"] for job in listed) == sorted(ids)
        everything = read(change("GET", "/v1/jobs"), 200, "Jobs")["jobs"]
        assert len(everything) == len(REQUESTS) + 2
        page = read(change("GET", "/v1/jobs?limit=4"), 200, "Jobs")
        rest = read(change("GET", f"/v1/jobs?limit=4&after={page['next_after']}"), 200, "Jobs")
        assert [job["id"] for job in page["jobs"] + rest["jobs"]] == [job["id"] for job in everything]

    def test_a_waiting_job_is_cancelled_at_once(self, change: Ask) -> None:
        job = read(change("POST", "/v1/models/new:train", _body(**REQUESTS["groups"])), 202)
        assert read(change("DELETE", f"/v1/jobs/{job['id']}"), 200, "Job")["state"] == "cancelled"
        assert read(change("DELETE", f"/v1/jobs/{job['id']}"), 200, "Job")["state"] == "cancelled"

    @pytest.mark.parametrize("job", ["0" * 28, "nobody", "0" * 28 + "%0A", "A" * 28])
    def test_an_unknown_job_is_404(self, ask: Ask, job: str) -> None:
        for method in ("GET", "DELETE"):
            assert read(ask(method, f"/v1/jobs/{job}"), 404)["code"] == "job_not_found"


class TestDescriptions:
    def test_each_algorithm_has_a_schema_of_its_hyperparameters(self, ask: Ask) -> None:
        listed = read(ask("GET", "/v1/algorithms"), 200, "Algorithms")["algorithms"]
        assert {"kmeans", "logistic_regression", "svm"} <= {algorithm["name"] for algorithm in listed}
        for algorithm in listed:
            jsonschema.Draft202012Validator.check_schema(algorithm["hyperparameters"])

    def test_the_page_loads_nothing_from_elsewhere(self, ask: Ask) -> None:
        page = ask("GET", "/docs")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert b"http://" not in page.body
        assert b"https://" not in page.body
        assert page.body.count(b"<script>") == page.body.count(b"<script") == 1
        assert page.body.count(b"<style>") == page.body.count(b"<style") == 1


class TestProblems:
    def test_problem_json_for_those_who_accept_it(self, ask: Ask) -> None:
        assert ask("GET", "/x").headers["content-type"] == "application/json"
        accepting = ask("GET", "/x", accept="application/problem+json")
        assert accepting.headers["content-type"] == "application/problem+json"

    def test_the_unforeseen_is_500_without_details_and_logged_with_the_request_id(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def broken() -> Any:
            raise ZeroDivisionError("the secret of the bucket")

        services = Services(
            read_settings({"ML_ROOT": str(tmp_path)}), store=broken, queue=broken, key_records=None
        )
        response = Api(services).handle(Request("GET", "/v1/models", {}, {}, b"", "r77"))
        assert read(response, 500)["code"] == "internal"
        assert b"secret" not in response.body
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [line["event"] for line in lines] == ["unforeseen", "request"]
        assert all(line["request_id"] == "r77" for line in lines)
        assert "secret" not in json.dumps(lines)


class TestLog:
    def test_a_prediction_is_one_line_without_values_or_keys(
        self, trained: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        key = new_key("predict")
        settings = read_settings({"ML_ROOT": str(trained)})
        ask = asking(folder_services(settings, key_records=lambda: [key.record]))
        body = _body(instances=[[123.456, 1, 2, 3]])
        for _ in range(2):
            ask("POST", "/v1/models/iris:predict", body, authorization=f"Bearer {key.key}")
        written = capsys.readouterr().out
        assert "123.456" not in written
        assert key.key not in written
        first, second = (json.loads(line) for line in written.splitlines())
        assert first.items() >= {
            "level": "info", "severity": "INFO", "event": "request", "request_id": "r1",
            "method": "POST", "status": 200,
            "route": "/v1/models/{model}:predict", "model": "iris", "version": 1, "rows": 1, "cold": True,
            "key": key.record["id"],
        }.items()  # fmt: skip
        assert first["latency_ms"] > 0
        assert (first["model_cold"], second["model_cold"], second["cold"]) == (True, False, False)


def test_a_damaged_artifact_is_told_with_its_model_and_version(trained: Path, tmp_path: Path) -> None:
    root = tmp_path / "damaged"
    copy_of(trained, root)
    for file in root.glob("artifacts.d/*.safetensors"):
        file.write_bytes(file.read_bytes()[:-1] + b"\x7f")
    answer = asking(services_over(root))("POST", "/v1/models/iris:predict", b'{"instances": [[1, 2, 3, 4]]}')
    problem = json.loads(answer.body)
    assert (answer.status, problem["code"]) == (500, "artifact_invalid")
    assert problem["detail"] == "the artifact of model 'iris' version 1 is damaged"
