"""The dashboard is off without a word; on, it shows what Google documents, and goes with the stage."""

import json
from typing import Any

import pytest

from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Service
from tests.google import limits
from tests.google.conftest import Bench, make_service


def dashboards(bench: Bench) -> list[dict[str, Any]]:
    return [each for name, each in bench.google.cloud.resources.items() if "/dashboards/" in name]


def test_off_nothing_is_made_and_nothing_is_asked(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    bench.remove(service, yes=True)
    assert not [each.path for each in bench.google.cloud.requests if "dashboards" in each.path]


def test_on_it_is_made_once_and_removed_with_the_stage(bench: Bench) -> None:
    shown = make_service(dashboard="yes")
    assert "create the dashboard" in bench.deploy(shown)
    (found,) = dashboards(bench)
    assert found["displayName"] == "serverless-ml-dev in europe-west1"
    assert found["labels"] == {"service": "serverless-ml", "stage": "dev", "region": "europe-west1"}
    assert "nothing to change" in bench.deploy(shown)
    assert "delete the dashboard" in bench.remove(shown, yes=True)
    assert bench.google.cloud.resources == {}


def test_it_goes_when_it_is_no_longer_wanted(bench: Bench, service: Service) -> None:
    bench.deploy(make_service(dashboard="yes"))
    assert "delete the dashboard" in bench.deploy(service)
    assert dashboards(bench) == []
    assert "nothing to change" in bench.deploy(service)


def test_what_was_changed_deleted_or_copied_by_hand_is_put_right(bench: Bench) -> None:
    shown = make_service(dashboard="yes")
    bench.deploy(shown)
    (found,) = dashboards(bench)
    found["mosaicLayout"]["tiles"][0]["widget"]["title"] = "mine"
    assert "update the dashboard: mosaicLayout.tiles[0].widget.title" in bench.deploy(shown)
    assert "nothing to change" in bench.deploy(shown)
    del bench.google.cloud.resources[found["name"]]
    assert "create the dashboard" in bench.deploy(shown)
    copy = {**dashboards(bench)[0], "name": "projects/demo-1/dashboards/99"}
    bench.google.cloud.resources[copy["name"]] = copy
    assert "delete the dashboard" in bench.deploy(shown)
    assert len(dashboards(bench)) == 1


def test_another_regions_stages_or_persons_dashboards_are_left_alone(bench: Bench) -> None:
    name = "projects/demo-1/dashboards/98"
    theirs = {"name": name, "displayName": "theirs", "labels": {"stage": "dev"}}
    bench.google.cloud.resources[name] = theirs
    others = [
        make_service(region="us-central1", dashboard="yes"),
        make_service(stage="prod", dashboard="yes"),
    ]
    for other in others:
        bench.deploy(other)
    before = dashboards(bench)
    bench.deploy(make_service(dashboard="yes"))
    bench.remove(make_service(dashboard="yes"), yes=True)
    assert dashboards(bench) == before
    for other in others:
        assert "nothing to change" in bench.deploy(other)


def test_one_that_outlived_the_functions_is_removed_too(bench: Bench) -> None:
    shown = make_service(dashboard="yes")
    bench.deploy(shown)
    bench.google.cloud.functions.clear()
    bench.remove(shown, yes=True)
    assert bench.google.cloud.resources == {}


def test_whoever_may_not_look_at_one_that_is_there_is_told(bench: Bench) -> None:
    bench.deploy(make_service(dashboard="yes"))
    bench.google.cloud.fail("GET", r"/dashboards$", 403, "Permission monitoring.dashboards.list denied")
    with pytest.raises(DeploymentFailed, match=r"dashboards cannot be looked at: .*denied"):
        bench.remove(make_service(), yes=True)


def test_it_shows_nine_pictures_of_what_is_documented(bench: Bench) -> None:
    bench.deploy(make_service(dashboard="yes"))
    (found,) = dashboards(bench)
    tiles = found["mosaicLayout"]["tiles"]
    assert len({tile["widget"]["title"] for tile in tiles}) == len(tiles) == 9
    assert limits.dashboard(found) is None
    text = json.dumps(found)
    for name in ("api", "train", "sweep"):
        assert f"serverless-ml-dev-{name}" in text
    for metric in (
        "request_count",
        "request_latencies",
        "instance_count",
        "queue/depth",
        "task_attempt_delays",
    ):
        assert metric in text


@pytest.mark.parametrize(
    ("of", "becomes"),
    [
        ("run.googleapis.com/request_count", "run.googleapis.com/requests"),
        ("resource.labels.queue_id", "resource.labels.queue"),
        ("metric.labels.response_code", "metric.labels.status"),
        ("REDUCE_PERCENTILE_99", "REDUCE_P99"),
        ("ALIGN_DELTA", "ALIGN_PERCENTILE"),
        ("xyChart", "chart"),
        ('"width": 4', '"width": 5'),
    ],
)
def test_the_stand_in_takes_no_other(bench: Bench, of: str, becomes: str) -> None:
    bench.deploy(make_service(dashboard="yes"))
    (found,) = dashboards(bench)
    changed = json.dumps(found).replace(of, becomes)
    assert changed != json.dumps(found)
    assert limits.dashboard(json.loads(changed)) is not None


def test_what_is_no_yes_is_refused() -> None:
    from providers.google.deploying.settings import settings_of

    with pytest.raises(DeploymentFailed, match="dashboard: expected yes, or nothing, got 'on'"):
        settings_of(make_service(dashboard="on"))
