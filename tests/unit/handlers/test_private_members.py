"""Whatever is told of a private version is the same for any rows, once its releases are the same.

All answers, documents and log lines are looked at, whatever members they have: one that depends on the rows
differs here. What differs by chance, times and ids, is named in this file.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from handlers.jobs import trainer_context, work_off
from handlers.rest.routes import ROUTES
from handlers.services import Services
from ml_core.datasets.sources import upload_key
from ml_core.ports import every_object
from tests.unit.handlers.conftest import asking, services_over

_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "same_releases.py")
_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{28}(?![0-9a-f])")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
# When and for how long, who asked or wrote, the address of this answer's file, and tags made of all that.
_CHANCE = re.compile(
    r'"(latency_ms|sent|trained|request_id|writers|etag|url|about_etag)": ?'
    r'("[^"]*"|[0-9.]+|\[[^]]*\])'
)
# Of an attempt, in the account of a dataset's budget.
_TOKEN = re.compile(r"(?<=<time>\",\")[0-9a-z.-]+(?=\"\])")
# The rows themselves, which are kept until the job is over or somebody deletes them; and what an instance has
# counted in an hour, which `GET /v1/usage` tells.
_ROWS_THEMSELVES = re.compile(r"^(datasets/|jobs/[^/]+/input|inputs/|uploads/|monitoring/parts/)")
# What a dataset is like: a budget has it refused.
_OF_THE_ROWS = {"/v1/datasets", "/v1/datasets/{dataset}"}
_UPLOAD = "0" * 28
PRIVACY = {
    "epsilon": 1,
    "delta": 1e-6,
    "bounds": {"age": [0, 100], "spend": [0, 1000]},
    "categories": {"plan": ["basic", "team"]},
    "classes": ["no", "yes"],
}
BODIES: dict[str, dict[str, Any]] = {
    "classes": {
        "algorithm": "logistic_regression",
        "data": {"uri": "dataset://people", "target": "churned"},
        "privacy": PRIVACY,
    },
    "clusters": {
        "algorithm": "kmeans",
        "hyperparameters": {"n_clusters": 3},
        "data": {"uri": "dataset://people"},
        "privacy": {name: value for name, value in PRIVACY.items() if name != "classes"},
    },
    "nothing held out": {
        "algorithm": "logistic_regression",
        "data": {"uri": "dataset://people", "target": "churned"},
        "test_fraction": 0,
        "privacy": PRIVACY,
    },
}
_HEADER = "age,spend,plan,churned\n"
TABLES = {
    "many rows": _HEADER
    + "".join(
        f"{20 + row % 60},{row % 900},{('basic', 'team')[row % 2]},{('no', 'yes')[row % 4 > 0]}\n"
        for row in range(3000)
    ),
    "one row": _HEADER + "30,10,basic,no\n",
    "one class": _HEADER + "30,10,basic,no\n" * 700,
    "cells that nobody can read": _HEADER
    + "\n".join(
        [
            'thirty,1e400,"ba""sic",maybe',
            ",,,",
            "1e308,-1e308,,yes",
            "nan,inf,TEAM,no",
            "5",
            "5,5,\xff\xfe,no",
        ]
        * 40
    )
    + "\n",
}


def everything_told(
    root: Path, table: str | list[list[Any]], body: dict[str, Any], kind: str, capfd: Any
) -> dict[str, str]:
    """What is answered, stored and logged of a private training on a table, without what is chance."""
    services = services_over(root)
    ask = asking(services)
    if isinstance(table, str):
        services.store.write_stream(upload_key("people", _UPLOAD), [table.encode("latin-1")])
    capfd.readouterr()
    answer = ask("POST", "/v1/models/m:train", json.dumps(body).encode())
    assert answer.status == 202, answer.body
    job = json.loads(answer.body)["id"]
    told = {"the job as it began": answer.body.decode()}
    context = trainer_context(services)._replace(fit_command=(sys.executable, _PROGRAM, kind))
    work_off(services, job, failures=0, make_context=lambda: context)
    told["log"] = "".join(capfd.readouterr())
    for path in sorted({route.path for route in ROUTES if route.method == "GET"} - _OF_THE_ROWS):
        filled = _filled(path, job)
        if filled is not None:
            answered = ask("GET", filled)
            told[f"GET {path}"] = f"{answered.status} {answered.body.decode(errors='replace')}"
    told |= _stored(services)
    return {name: _unchanging(text, job) for name, text in told.items()}


def _filled(path: str, job: str) -> str | None:
    """The path of this model, version and job; None for pages that speak of none."""
    if not path.startswith(("/v1/", "/v2/")):
        return None
    places = {"model": "m", "version": "1", "job": job, "alias": "production", "dataset": "people"}
    return re.sub(r"\{(\w+)\}", lambda found: quote(places.get(found[1], "x")), path)


def _stored(services: Services) -> dict[str, str]:
    return {
        f"stored {_ID.sub('<id>', info.key)}": services.store.get(info.key).data.decode("latin-1")
        for info in every_object(services.store, "")
        if not _ROWS_THEMSELVES.match(info.key)
    }


def _unchanging(text: str, job: str) -> str:
    text = _CHANCE.sub(r'"\1": "<chance>"', text.replace(job, "<job>"))
    return _TOKEN.sub("<token>", _ID.sub("<id>", _TIME.sub("<time>", text)))


def _differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


@pytest.mark.parametrize("name", BODIES)
def test_nothing_that_is_told_depends_on_the_rows(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    found = {
        table: everything_told(tmp_path / table, text, BODIES[name], "private", capfd)
        for table, text in TABLES.items()
    }
    first = found["many rows"]
    assert '"succeeded"' in first["GET /v1/jobs/{job}"], first["GET /v1/jobs/{job}"]
    assert first["GET /v1/models/{model}/versions/{version}"].startswith("200 ")
    assert any(key.startswith("stored artifacts/") or "artifact" in key for key in first)
    for table, other in found.items():
        assert _differences(first, other) == [], table


def test_nothing_that_is_told_depends_on_the_rows_of_a_request(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def body(rows: list[list[Any]], targets: list[str]) -> dict[str, Any]:
        names = ["age", "spend", "plan"]
        data = {"feature_names": names, "instances": rows, "targets": targets}
        return {"algorithm": "logistic_regression", "privacy": PRIVACY, **data}

    few = body([[30, 10, "basic"]], ["no"])
    many = body(
        [[row % 90, row % 700, ("team", None, "else")[row % 3]] for row in range(900)], ["yes", "no"] * 450
    )
    one, other = (
        everything_told(tmp_path / name, [], each, "private", capfd)
        for name, each in (("1", few), ("2", many))
    )
    assert _differences(one, other) == []


def test_a_member_that_depends_on_them_is_found(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one, other = (
        everything_told(tmp_path / name, TABLES[name], BODIES["classes"], "leaking", capfd)
        for name in ("many rows", "one row")
    )
    assert "GET /v1/models/{model}/versions/{version}" in _differences(one, other)


def test_two_tables_that_cannot_be_read_fail_alike(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    broken = {
        "a quote that is never closed": _HEADER + '30,10,"basic,no\n' * 9,
        "another, later": _HEADER + "30,10,basic,no\n" * 900 + '30,10,"basic,no\n',
    }
    told = [
        everything_told(tmp_path / name, text, BODIES["classes"], "private", capfd)
        for name, text in broken.items()
    ]
    assert '"failed"' in told[0]["GET /v1/jobs/{job}"]
    for name, other in zip(broken, told, strict=True):
        assert _differences(told[0], other) == [], name
