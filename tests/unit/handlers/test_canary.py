"""A new version behind a part of the traffic, promoted or rolled back, over HTTP."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from handlers.direct import predict_directly
from handlers.jobs import train_now
from handlers.local.services import folder_services
from handlers.rest.api import Api
from handlers.services import Services
from handlers.settings import read_settings
from ml_core.registry.registry import manifest_key
from providers.deploying.keys import new_key
from tests.unit.handlers.conftest import REQUESTS, ROWS, Ask, asking, copy_of, services_over
from tests.unit.handlers.test_api import read

PATH = "/v1/models/iris/aliases/production"
ASKED = json.dumps({"instances": ROWS[:1]}).encode()
INFERRED: dict[str, Any] = {
    "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": ROWS[0]}],
    "outputs": [{"name": "predict"}],
}


@pytest.fixture(scope="module")
def twice(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained models, iris in three more versions: the same features, of others, and with a gap."""
    root = tmp_path_factory.mktemp("canary") / "root"
    copy_of(trained, root)
    services = services_over(root)
    train_now(services, {"model": "iris", **REQUESTS["iris"], "seed": 1})
    train_now(services, {"model": "iris", **REQUESTS["truth"]})
    rows = [[None, *row[1:]] if place == 0 else row for place, row in enumerate(ROWS)]
    train_now(services, {"model": "iris", **REQUESTS["iris"], "instances": rows})
    return root


@pytest.fixture
def services(twice: Path, tmp_path: Path) -> Services:
    """Services over a copy, which look at aliases every time."""
    shutil.copytree(twice, tmp_path / "copy")
    settings = read_settings({"ML_ROOT": str(tmp_path / "copy"), "ML_ALIAS_TTL": "0"})
    return folder_services(settings, key_records=None)


@pytest.fixture
def ask(services: Services) -> Ask:
    """Sends a request."""
    return asking(services)


def _put(ask: Ask, body: Any, status: int = 200, **headers: str) -> Any:
    answer = ask("PUT", PATH, json.dumps(body).encode(), **headers)
    return read(answer, status, "Alias" if status == 200 else "")


def _post(ask: Ask, verb: str, body: Any = None, status: int = 200, **headers: str) -> Any:
    answer = ask("POST", f"{PATH}:{verb}", b"" if body is None else json.dumps(body).encode(), **headers)
    return read(answer, status, "Alias" if status == 200 else "")


def _predicted(ask: Ask, path: str = "/v1/models/iris:predict", **headers: str) -> int:
    version: int = read(ask("POST", path, ASKED, **headers), 200, "Predictions")["model"]["version"]
    return version


class TestWeights:
    def test_the_traffic_is_shared_by_key_and_the_answer_says_by_whom(self, services: Services) -> None:
        ask = asking(services)
        alias = _put(ask, {"weights": {"1": 90, "2": 10}})
        assert (alias["version"], alias["weights"]) == (1, {"1": 90, "2": 10})
        by_key = {str(key): _predicted(ask, x_routing_key=str(key)) for key in range(200)}
        shares = Counter(by_key.values())
        assert set(shares) == {1, 2}
        assert 8 <= shares[2] <= 36, "about one in ten"
        fresh = asking(services_over(services.settings.root))
        for key, version in list(by_key.items())[:40]:
            assert _predicted(fresh, x_routing_key=key) == version, "another instance decides alike"
        _put(ask, {"weights": {"1": 50, "2": 50}})
        assert {_predicted(ask, x_routing_key=key) for key, version in by_key.items() if version == 2} == {2}

    @pytest.mark.parametrize("path", ["aliases/production", "labels/production"])
    def test_an_alias_in_the_path_shares_it_alike(self, ask: Ask, path: str) -> None:
        _put(ask, {"weights": {"1": 50, "2": 50}})
        for key in map(str, range(20)):
            named = _predicted(ask, f"/v1/models/iris/{path}:predict", x_routing_key=key)
            assert named == _predicted(ask, x_routing_key=key)

    def test_a_version_in_the_path_is_that_version(self, ask: Ask) -> None:
        _put(ask, {"weights": {"1": 50, "2": 50}})
        for version in (1, 2):
            path = f"/v1/models/iris/versions/{version}:predict"
            assert {_predicted(ask, path, x_routing_key=str(key)) for key in range(9)} == {version}

    def test_without_a_key_the_request_decides(self, services: Services) -> None:
        _put(asking(services), {"weights": {"1": 50, "2": 50}})
        api = Api(services)
        found = {
            predict_directly(api, {"model": "iris", "instances": ROWS[:1]}, str(number))["model"]["version"]
            for number in range(20)
        }
        assert found == {1, 2}

    def test_a_bare_event_may_name_a_key(self, services: Services) -> None:
        ask, api = asking(services), Api(services)
        _put(ask, {"weights": {"1": 50, "2": 50}})
        for key in map(str, range(10)):
            event = {"model": "iris", "instances": ROWS[:1], "routing_key": key}
            told = predict_directly(api, event, "r")
            assert told["model"]["version"] == _predicted(ask, x_routing_key=key)

    def test_the_open_inference_protocol_takes_the_key_or_the_requests_own_id(self, ask: Ask) -> None:
        _put(ask, {"weights": {"1": 50, "2": 50}})

        def inferred(body: dict[str, Any], **headers: str) -> int:
            answer = ask("POST", "/v2/models/iris/infer", json.dumps(body).encode(), **headers)
            return int(read(answer, 200, "Inference")["model_version"])

        for key in map(str, range(20)):
            expected = _predicted(ask, x_routing_key=key)
            assert inferred(INFERRED, x_routing_key=key) == expected
            assert inferred({**INFERRED, "id": key}) == expected
            assert inferred({**INFERRED, "id": "other"}, x_routing_key=key) == expected, "the key comes first"

    def test_what_a_model_is_is_told_of_the_version_with_the_greatest_weight(self, ask: Ask) -> None:
        for weights, heaviest in (({"1": 10, "2": 90}, 2), ({"1": 50, "2": 50}, 1)):
            assert _put(ask, {"weights": weights})["version"] == heaviest
            for path in ("/v1/models/iris", PATH):
                schema = read(ask("GET", f"{path}/schema"))
                assert schema["title"].endswith(f"version {heaviest}")
                assert schema["x-version"] == heaviest
            assert ask("GET", "/v2/models/iris").status == 200

    def test_ready_is_a_model_whose_every_version_can_answer(self, services: Services) -> None:
        ask = asking(services)
        _put(ask, {"weights": {"1": 99, "2": 1}})
        assert ask("GET", "/v2/models/iris/ready").status == 200
        job = services.registry.model("iris").pick(2).job
        services.store.delete(f"artifacts/{job}.safetensors")
        assert asking(services_over(services.settings.root))("GET", "/v2/models/iris/ready").status == 500

    def test_the_line_in_the_log_says_which_version_answered_for_which_alias_and_no_key(
        self, ask: Ask, capsys: pytest.CaptureFixture[str]
    ) -> None:
        _put(ask, {"weights": {"1": 50, "2": 50}})
        capsys.readouterr()
        version = _predicted(ask, x_routing_key="somebody@example.org")
        written = capsys.readouterr().out
        line = json.loads(written)
        assert (line["version"], line["alias"]) == (version, "production")
        assert "somebody" not in written

    @pytest.mark.parametrize("key", ["a" * 256, "grün", "a\x00b", "a\nb"])
    def test_a_key_that_would_not_reach_every_cloud_alike_is_refused(self, ask: Ask, key: str) -> None:
        answer = ask("POST", "/v1/models/iris:predict", ASKED, x_routing_key=key)
        assert read(answer, 422)["faults"][0]["path"] == "X-Routing-Key"

    def test_a_weighted_version_is_not_deleted(self, ask: Ask) -> None:
        _put(ask, {"weights": {"1": 99, "2": 1}})
        for version in (1, 2):
            refused = read(ask("DELETE", f"/v1/models/iris/versions/{version}"), 409)
            assert "'production' (versions 1, 2)" in refused["detail"]
        assert ask("DELETE", "/v1/models/iris/versions/3").status == 204

    @pytest.mark.parametrize(
        ("body", "at"),
        [
            ({}, "$"),
            ({"version": 1, "weights": {"1": 1}}, "$"),
            ({"weights": None}, "$.weights"),
            ({"weights": [90, 10]}, "$.weights"),
            ({"weights": {}}, "$.weights"),
            ({"weights": {"1": 0, "2": 0}}, "$.weights"),
            ({"weights": {str(version): 1 for version in range(1, 12)}}, "$.weights"),
            ({"weights": {"1": 90, "two": 10}}, "$.weights.two"),
            ({"weights": {"01": 90}}, '$.weights["01"]'),
            ({"weights": {"0": 90}}, '$.weights["0"]'),
            ({"weights": {"²": 90}}, '$.weights["²"]'),
            ({"weights": {"1": -1}}, '$.weights["1"]'),
            ({"weights": {"1": 10_001}}, '$.weights["1"]'),
            ({"weights": {"1": 0.5}}, '$.weights["1"]'),
            ({"weights": {"1": True}}, '$.weights["1"]'),
            ({"weights": {"1": "90"}}, '$.weights["1"]'),
        ],
    )
    def test_weights_that_are_none_are_said_with_their_place(self, ask: Ask, body: Any, at: str) -> None:
        assert _put(ask, body, 422)["faults"][0]["path"] == at

    def test_a_weight_of_0_leaves_a_version_out(self, ask: Ask) -> None:
        alias = _put(ask, {"weights": {"1": 0, "2": 100}})
        assert (alias["version"], alias["weights"]) == (2, None)

    def test_each_version_has_to_be_there(self, ask: Ask) -> None:
        assert _put(ask, {"weights": {"1": 90, "9": 10}}, 404)["code"] == "version_not_found"

    def test_versions_that_take_other_rows_do_not_share_an_alias(self, ask: Ask) -> None:
        fault = _put(ask, {"weights": {"1": 90, "3": 10}}, 422)["faults"][0]
        assert fault["path"] == '$.weights["3"]'
        assert "feature 0 is 'a' (number)" in fault["message"]
        assert _put(ask, {"version": 3})["version"] == 3, "alone it may be"

    def test_versions_of_which_only_one_takes_missing_values_are_warned_of(self, ask: Ask) -> None:
        told = _put(ask, {"weights": {"1": 90, "4": 10}})["warnings"]
        assert told == ["missing values are taken by version 4, and refused by version 1"]
        assert "warnings" not in _put(ask, {"weights": {"1": 90, "2": 10}})

    @pytest.mark.parametrize("key", ["1", "2", "3", "4", "5", "6"])
    def test_such_versions_answer_one_tensor_alike(self, ask: Ask, key: str) -> None:
        _put(ask, {"weights": {"1": 50, "4": 50}})
        answer = ask("POST", "/v2/models/iris/infer", json.dumps(INFERRED).encode(), x_routing_key=key)
        assert answer.status == 200


class TestPromoting:
    def test_canary_then_promote_then_roll_back(self, ask: Ask) -> None:
        _put(ask, {"version": 1})
        _put(ask, {"weights": {"1": 90, "2": 10}})
        promoted = _post(ask, "promote")
        assert (promoted["version"], promoted["weights"]) == (2, None)
        assert {_predicted(ask, x_routing_key=str(key)) for key in range(20)} == {2}
        assert _post(ask, "rollback")["version"] == 1
        assert _predicted(ask) == 1

    def test_a_canary_is_rolled_back_as_a_whole(self, ask: Ask) -> None:
        _put(ask, {"version": 1})
        for share in (10, 50):
            _put(ask, {"weights": {"1": 100 - share, "2": share}})
        back = _post(ask, "rollback")
        assert (back["version"], back["weights"]) == (1, None)

    def test_a_version_or_another_alias_may_be_named(self, ask: Ask) -> None:
        assert _post(ask, "promote", {"version": 1})["version"] == 1
        ask("PUT", "/v1/models/iris/aliases/staging", b'{"version": 2}')
        assert _post(ask, "promote", {"alias": "staging"})["version"] == 2

    def test_an_etag_guards_both(self, ask: Ask) -> None:
        old = _put(ask, {"version": 1})["etag"]
        now = _put(ask, {"weights": {"1": 90, "2": 10}})["etag"]
        for verb in ("promote", "rollback"):
            lost = _post(ask, verb, None, 412, if_match=f'"{old}"')
            assert lost["code"] == "revision_mismatch"
        assert _post(ask, "promote", None, if_match=f'"{old}", "{now}"')["version"] == 2

    @pytest.mark.parametrize(
        ("verb", "body", "status", "code"),
        [
            ("promote", {"version": 1, "alias": "staging"}, 422, "invalid_input"),
            ("promote", {"version": "1"}, 422, "invalid_input"),
            ("promote", {"alias": "staging."}, 422, "invalid_input"),
            ("promote", {"weights": {"1": 1}}, 422, "invalid_input"),
            ("promote", [], 422, "invalid_input"),
            ("promote", {"version": 9}, 404, "version_not_found"),
            ("promote", {"alias": "nobody"}, 404, "alias_not_found"),
            ("promote", None, 409, "nothing_to_promote"),
            ("promote", {"alias": "split"}, 409, "nothing_to_promote"),
            ("rollback", {"to": 0}, 422, "invalid_input"),
            ("rollback", {"to": 7}, 422, "invalid_input"),
            ("rollback", {"version": 1}, 422, "invalid_input"),
            ("rollback", None, 409, "nothing_to_roll_back"),
        ],
    )
    def test_what_cannot_be_is_said(self, ask: Ask, verb: str, body: Any, status: int, code: str) -> None:
        _put(ask, {"version": 1})
        split = b'{"weights": {"1": 1, "2": 1}}'
        assert ask("PUT", "/v1/models/iris/aliases/split", split).status == 200
        assert _post(ask, verb, body, status)["code"] == code

    def test_who_did_what_is_in_the_history(self, services: Services) -> None:
        made = new_key("admin")
        records = [made.record]
        keyed = asking(folder_services(services.settings, key_records=lambda: records))

        def ask(method: str, path: str, body: bytes = b"") -> Any:
            return keyed(method, path, body, authorization=f"Bearer {made.key}")

        ask("PUT", PATH, b'{"version": 1}')
        ask("PUT", PATH, b'{"weights": {"1": 90, "2": 10}}')
        ask("POST", f"{PATH}:promote")
        ask("POST", f"{PATH}:rollback")
        ask("DELETE", PATH)
        page = read(ask("GET", f"{PATH}/history"), 200, "History")
        assert {change["by"] for change in page["changes"]} == {made.record["id"]}
        told = [(change["kind"], change["from"], change["to"]) for change in reversed(page["changes"])]
        split = {"weights": {"1": 90, "2": 10}}
        assert told == [
            ("set", None, {"version": 1}),
            ("set", {"version": 1}, split),
            ("promote", split, {"version": 2}),
            ("rollback", {"version": 2}, {"version": 1}),
            ("delete", {"version": 1}, None),
        ]
        first = read(ask("GET", f"{PATH}/history?limit=2"), 200, "History")
        assert [change["number"] for change in first["changes"]] == [5, 4]
        rest = read(ask("GET", f"{PATH}/history?limit=9&before={first['next_before']}"), 200, "History")
        assert [change["number"] for change in rest["changes"]] == [3, 2, 1]
        assert rest["next_before"] is None

    def test_nobody_is_named_where_no_key_is_asked_for(self, ask: Ask) -> None:
        _put(ask, {"version": 1})
        changes = read(ask("GET", f"{PATH}/history"), 200, "History")["changes"]
        assert [change["by"] for change in changes] == [None]

    def test_an_alias_that_never_was_has_no_history(self, ask: Ask) -> None:
        assert read(ask("GET", f"{PATH}/history"), 404)["code"] == "alias_not_found"
        assert _post(ask, "rollback", None, 404)["code"] == "alias_not_found"


class TestConditions:
    def test_if_none_match_makes_an_alias_once(self, ask: Ask) -> None:
        etag = _put(ask, {"version": 1}, if_none_match="*")["etag"]
        lost = _put(ask, {"version": 2}, 412, if_none_match="*")
        assert lost["code"] == "revision_mismatch"
        _put(ask, {"version": 2}, 412, if_none_match=f'W/"{etag}"')
        assert _put(ask, {"version": 2}, if_none_match='"another"')["version"] == 2

    def test_if_match_compares_strongly_and_takes_lists(self, ask: Ask) -> None:
        etag = _put(ask, {"version": 1})["etag"]
        for lost in (f'W/"{etag}"', '"*"', '"a,b"', ",", f'"{etag}x"', f'"x{etag}"'):
            _put(ask, {"version": 1}, 412, if_match=lost)
        etag = _put(ask, {"version": 1}, if_match=f'"a,b" ,, "{etag}"')["etag"]
        assert _put(ask, {"version": 1}, if_match="*")["etag"] != etag


class TestComparing:
    def test_versions_are_listed_with_what_they_reached_and_came_from(self, ask: Ask) -> None:
        _put(ask, {"weights": {"1": 90, "2": 10}})
        page = read(ask("GET", "/v1/models/iris/versions"), 200, "Versions")
        assert [version["version"] for version in page["versions"]] == [4, 3, 2, 1]
        assert [version["aliases"] for version in page["versions"]] == [
            [],
            [],
            ["production"],
            ["production"],
        ]
        for version in page["versions"]:
            assert 0 <= version["metrics"]["test"]["accuracy"] <= 1
        seeds = [version["lineage"]["seed"] for version in page["versions"]]
        assert seeds == [0, 0, 1, 0]

    def test_the_list_is_paged(self, ask: Ask) -> None:
        first = read(ask("GET", "/v1/models/iris/versions?limit=2"), 200, "Versions")
        assert ([each["version"] for each in first["versions"]], first["next_before"]) == ([4, 3], 3)
        rest = read(ask("GET", "/v1/models/iris/versions?before=3"), 200, "Versions")
        assert ([each["version"] for each in rest["versions"]], rest["next_before"]) == ([2, 1], None)


class TestDeleting:
    VERSION = "/v1/models/iris/versions/2"

    def test_a_deleted_version_is_listed_and_can_be_restored(self, ask: Ask) -> None:
        before = read(ask("GET", self.VERSION), 200, "Version")
        assert ask("DELETE", self.VERSION).status == 204
        model = read(ask("GET", "/v1/models/iris"), 200, "Model")
        assert [entry["version"] for entry in model["deleted"]] == [2]
        assert model["deleted"][0]["restorable_until"] > model["deleted"][0]["deleted"]
        assert read(ask("POST", f"{self.VERSION}:restore"), 200, "Version") == before
        assert ask("POST", f"{self.VERSION}:predict", ASKED).status == 200

    def test_a_purged_one_is_gone(self, ask: Ask) -> None:
        assert ask("DELETE", f"{self.VERSION}?purge=true").status == 204
        assert read(ask("POST", f"{self.VERSION}:restore"), 409)["code"] == "version_gone"
        assert ask("DELETE", f"{self.VERSION}?purge=yes").status == 422
        assert ask("DELETE", self.VERSION).status == 404

    def test_a_roll_back_to_a_deleted_version_is_refused_until_it_is_restored(self, ask: Ask) -> None:
        _put(ask, {"version": 2})
        _put(ask, {"version": 1})
        ask("DELETE", self.VERSION)
        refused = _post(ask, "rollback", None, 409)
        assert refused["code"] == "version_gone"
        assert "version 2" in refused["detail"]
        assert read(ask("GET", PATH))["version"] == 1, "nothing changed"
        ask("POST", f"{self.VERSION}:restore")
        assert _post(ask, "rollback")["version"] == 2


def test_a_version_that_does_not_say_how_was_held_out_at_random(ask: Ask, services: Services) -> None:
    """As manifests of earlier releases are."""
    key = manifest_key(services.registry.model("iris").pick(2).job)
    stored = services.registry.store.get(key)
    manifest = json.loads(stored.data)
    del manifest["split"]
    services.registry.store.put_if_unchanged(key, json.dumps(manifest).encode(), stored.revision)
    version = read(ask("GET", "/v1/models/iris/versions/2"), 200, "Version")
    assert "split" not in version
    assert version["lineage"]["split"] == {"by": "random"}
    page = read(ask("GET", "/v1/models/iris/versions"), 200, "Versions")
    assert {each["lineage"]["split"]["by"] for each in page["versions"]} == {"random"}


def test_a_version_says_what_it_came_from(ask: Ask, services: Services) -> None:
    lineage = read(ask("GET", "/v1/models/iris/versions/2"), 200, "Version")["lineage"]
    assert lineage["job"] == services.registry.model("iris").pick(2).job
    assert (lineage["seed"], lineage["test_fraction"], lineage["split"]) == (1, 0.2, {"by": "random"})
    assert lineage["library_versions"]["scikit-learn"]
    data = lineage["data"]
    assert data["uri"] is None
    assert len(data["sha256"]) == 64
    others = [
        read(ask("GET", f"/v1/models/{other}/versions/1"), 200, "Version")["lineage"]["data"]["sha256"]
        for other in ("iris", "truth")
    ]
    assert [sha256 == data["sha256"] for sha256 in others] == [True, False], "it is of the rows alone"
