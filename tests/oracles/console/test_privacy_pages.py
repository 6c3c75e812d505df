"""Privacy by the page, in a real Chromium as wide as a telephone: a training, a budget, an erasure."""

from pathlib import Path

from tests.e2e.local_server import LocalServer
from tests.oracles.console.chromium import scenario

ROWS = 400


def people() -> bytes:
    """A table of some people."""
    rows = (
        f"{18 + place % 70},{('basic', 'plus', 'team')[place % 3]},{('no', 'yes')[place % 70 > 40]}"
        for place in range(ROWS)
    )
    return "\n".join(["age,plan,left", *rows, ""]).encode()


def test_a_private_training_a_budget_and_an_erasure_by_the_page(tmp_path: Path) -> None:
    with LocalServer(tmp_path) as server:
        signed = server.call("POST", "/v1/datasets/people:upload").body
        assert server.call("PUT", signed["url"].removeprefix(server.url), people()).status in (200, 201)
        gone_through = scenario("privacy", url=f"{server.url}/")
    assert gone_through["found"] == []
    seen = gone_through["seen"]
    assert seen["nothing_said"] == ["", ""], "nothing is filled in from the rows"
    assert 0.2 < float(seen["spent"]) < 0.4, (
        "a quarter of the rho of epsilon 2 is that of 1, or somewhat more"
    )
    assert seen["algorithms"] == 0, "what a form would need is not described any more"
    assert seen["made"] == "people version 1"
    assert "Stays: deletion cannot remove it" in seen["parts"]
