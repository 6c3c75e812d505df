"""A whole life in a real Chromium: from a file that is dropped on the page to a version rolled back."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from providers.deploying.keys import new_key
from tests.e2e.local_server import ROOT, LocalServer
from tests.oracles.console.chromium import scenario
from tests.oracles.console.on_aws import BUCKET, packaged

KEY = new_key("admin")
# So many times the example's rows: enough that a training takes a moment, and an upload is seen on its way.
TIMES, AGAIN = 8, 10
# What each of its columns is taken for, and the one that is left out all the same.
TAKEN = {
    "customer": "category",
    "age": "whole number",
    "plan": "category",
    "active": "true or false",
    "since": "date",
    "country": "category",
    "spend": "number",
    "churned": "category",
}
LEFT_OUT = "since"
ALGORITHMS = ["Logistic regression", "Support vector machine"]


class Service(NamedTuple):
    """A service that knows `KEY`, and the address of its storage where that is not the service's own."""

    url: str
    storage: str = ""


def on_the_laptop(_: pytest.FixtureRequest, folder: Path) -> Iterator[Service]:
    """The laptop's own server."""
    (folder / "keys.json").write_text(json.dumps([KEY.record]), encoding="utf-8")
    with LocalServer(folder, ML_ALIAS_TTL="0") as server:
        yield Service(server.url)


def on_aws(request: pytest.FixtureRequest, folder: Path) -> Iterator[Service]:
    """The packaged functions of AWS."""
    zips, aws = request.getfixturevalue("aws_packages"), request.getfixturevalue("guarded_aws")
    with packaged(zips, aws, str(folder), [KEY.record]) as url:
        yield Service(url, f"{aws.url}/{BUCKET}/")


@pytest.fixture(params=[on_the_laptop, on_aws], ids=["laptop", "aws"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """Each place in which the whole life goes on."""
    (tmp_path / "service").mkdir()
    yield from request.param(request, tmp_path / "service")


def table(times: int) -> str:
    """The example's rows, so many times, each of a customer of its own."""
    header, *rows = Path(ROOT, "examples", "churn.csv").read_text(encoding="utf-8").splitlines()
    lines = (f"C-{place},{row.partition(',')[2]}" for place, row in enumerate(rows * times))
    return "\n".join([header, *lines, ""])


def test_a_whole_life_from_a_dropped_file_to_a_roll_back(service: Service, tmp_path: Path) -> None:
    first, newer = tmp_path / "first" / "churn.csv", tmp_path / "newer" / "churn.csv"
    for file, times in ((first, TIMES), (newer, AGAIN)):
        file.parent.mkdir()
        file.write_text(table(times), encoding="utf-8")
    lived = scenario(
        "life",
        url=f"{service.url}/",
        storage=service.storage,
        key=KEY.key,
        table=str(first),
        newer=str(newer),
        rows=f"{table(AGAIN).count(chr(10)) - 1:,} rows",
        columns=list(TAKEN),
        overruled=LEFT_OUT,
        algorithms=ALGORITHMS,
        typed=["age", "45"],
    )
    assert lived["found"] == []
    seen: dict[str, Any] = lived["seen"]
    assert seen["proposed"] == "churn"
    assert any(0 < share < 1 for share in seen["shares"]), "an upload is seen on its way"
    assert seen["taken"] == {name: f"{kind} (a guess)" for name, kind in TAKEN.items()}
    uploads = [each for each in seen["sent"] if "/aliases/" not in each]
    assert len(uploads) == 2
    assert all(each.startswith(service.storage or service.url) for each in uploads), "straight to the storage"
    assert (seen["overruled"], seen["target"]) == ("leave out", "churned")
    assert seen["jobs"] == ["succeeded", "succeeded"]
    assert [title.partition(":")[0] for title in seen["charts"]] == [
        "ROC",
        "Precision and recall",
        "Calibration",
    ]
    columns = ["age", "plan", "active", "country", "spend"]
    assert {name.split()[0] for name in seen["importance"]} == set(columns)
    assert seen["learnt"] == ", ".join(columns)
    assert seen["canary"] == ["Version 1 90 %", "Version 2 10 %"]
    assert (seen["promoted"], seen["rolledBack"]) == (["Version 2 100 %"], ["Version 1 100 %"])
    canary = "version 1: 90 %, version 2: 10 %"
    who = KEY.record["id"]
    assert seen["history"] == [
        [who, "rolled back", "version 2", "version 1", ""],
        [who, "promoted", canary, "version 2", ""],
        [who, "set", "version 1", canary, ""],
        [who, "set", "nothing", "version 1", ""],
    ]
    assert seen["fields"] == columns
    (prediction,) = seen["predicted"]["predictions"]
    assert seen["says"] == prediction["label"]
    assert seen["predicted"]["model"]["version"] == 1, "it was rolled back"
    shares = dict(zip(seen["predicted"]["classes"], prediction["probability"], strict=True))
    best = sorted(shares.items(), key=lambda each: -each[1])
    said = [row.startswith(name) for row, (name, _) in zip(seen["sure"][1:], best, strict=True)]
    assert all(said), "the most probable one first"
    assert set(shares) <= set(re.findall(r"\w+", seen["why"])), "why the one, and not the other"
    assert set(columns) <= set(seen["parts"])
    assert seen["bars"] == len(seen["parts"])
    assert seen["curl"] == seen["predicted"], "the line that is shown gives the same answer"
    assert all(each in seen["card"] for each in ("Who is about to leave", "team: sales", "production"))
    assert seen["asked"] == ["2"]
    assert seen["left"] == 0, "the key is forgotten"
