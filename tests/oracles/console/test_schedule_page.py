"""A schedule by the page, in a real Chromium as wide as a telephone: written, mended, paused, removed."""

import json
from pathlib import Path

from tests.e2e.local_server import LocalServer
from tests.oracles.console.chromium import scenario
from tests.oracles.console.test_privacy_pages import people


def test_a_schedule_by_the_page(tmp_path: Path) -> None:
    with LocalServer(tmp_path) as server:
        signed = server.call("POST", "/v1/datasets/people:upload").body
        assert server.call("PUT", signed["url"].removeprefix(server.url), people()).status in (200, 201)
        body = {"algorithm": "logistic_regression", "data": {"uri": "dataset://people", "target": "left"}}
        trained = server.call("POST", "/v1/models/people:train", body, Prefer="wait=20")
        assert trained.body["state"] == "succeeded"
        gone_through = scenario("schedule", url=f"{server.url}/")
        assert server.call("GET", "/v1/models/people/schedule").status == 404
    assert gone_through["found"] == []
    seen = gone_through["seen"]
    assert json.loads(seen["train"])["data"] == {"uri": "dataset://people", "target": "left"}
    assert seen["told"].startswith("every P7D, when its rows drift, on dataset://people")
