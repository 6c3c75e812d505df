"""Guards, who changed what and who used what, by the page in a real Chromium as wide as a telephone."""

import random
from pathlib import Path

import pytest

from tests.e2e.local_server import LocalServer
from tests.oracles.console.chromium import scenario

TRAIN = {"algorithm": "logistic_regression", "data": {"uri": "dataset://points", "target": "side"}}
HASHED = {
    **TRAIN,
    "data": {"uri": "dataset://points", "target": "side", "features": ["at"]},
    "split": {"by": "hash"},
    "test_fraction": 0.4,
}
PROMOTE = {
    "when": {"metric": "log_loss", "not_worse_by": 0.5},
    "steps": [10, 100],
    "step": "PT1H",
    "least": 300,
}


def points(seed: int) -> bytes:
    """A table of places, and on which side of 0 they are, mostly."""
    of = random.Random(seed)  # noqa: S311
    rows = [
        f"{at!r},{'right' if at + of.gauss(0, 1) > 0 else 'left'}"
        for at in (of.gauss(0, 2) for _ in range(1000))
    ]
    return "\n".join(["at,side", *rows, ""]).encode()


def upload(server: LocalServer, table: bytes) -> None:
    signed = server.call("POST", "/v1/datasets/points:upload").body
    assert server.call("PUT", signed["url"].removeprefix(server.url), table).status in (200, 201)


def test_a_version_that_climbs_is_seen_with_its_reason(tmp_path: Path) -> None:
    with LocalServer(tmp_path) as server:
        upload(server, points(1))
        assert server.train("points", TRAIN)["state"] == "succeeded"
        assert server.call("PUT", "/v1/models/points/aliases/production", {"version": 1}).status == 200
        schedule = {"train": HASHED, "on": ["upload"], "promote": PROMOTE, "rollback": {"errors": 0.02}}
        assert server.call("PUT", "/v1/models/points/schedule", schedule).status == 200
        upload(server, points(2))
        server.sweep()
        (run,) = server.call("GET", "/v1/models/points/schedule").body["runs"]
        assert server.finished(run["job"])["state"] == "succeeded"
        server.sweep()
        guard = server.call("GET", "/v1/models/points/schedule").body["guard"]
        told = server.call("GET", "/v1/models/points/versions/2").body["comparison"]
        gone_through = scenario("guard", url=f"{server.url}/")
    assert guard["at"] == "climbing", guard
    assert gone_through["found"] == []
    seen = gone_through["seen"]
    assert guard["reason"] in seen["guard"]
    assert seen["steps"] == ["10 % – made", "100 %"]
    assert seen["reasons"] == [guard["reason"], ""]
    assert f"on the same {told['rows']} rows" in seen["compared"]
    low, point, high = seen["drawn"]
    assert low < point < high
    assert (point - low) / (high - low) == pytest.approx(
        (told["difference"] - told["low"]) / (told["high"] - told["low"]), abs=1e-3
    )
    assert seen["by"] == ["schedule", "schedule", "no key"]
    assert seen["used"] == "no key"
