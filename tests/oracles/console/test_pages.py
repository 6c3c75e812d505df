"""The console in a real Chromium over a real service: every page, hostile names, keys, two tabs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from providers.deploying.keys import KeyLimits, NewKey, new_key
from tests.e2e.local_server import ROOT, LocalServer
from tests.oracles.console.chromium import scenario

LONG = "x" * 63
HOSTILE = [
    '<img src=x onerror="hostile=1">',
    "</script><script>hostile=1</script>",
    "\"'`><svg onload=hostile=1>",
    "javascript:hostile=1",
    "\u202eevila\u202c \u05e9\u05dc\u05d5\u05dd",
    "{{constructor.constructor('hostile=1')()}}",
    "W" * 200,
    " ",
]
CALLER = new_key("admin")
LIMITED = new_key("predict", limits=KeyLimits(models=["iris"]))
SHORT = new_key("admin", limits=KeyLimits(expires="2999-01-01T00:00:00Z"))
NEXT = new_key("admin")
RAN_OUT = "2026-01-01T00:00:00Z"


class Console(NamedTuple):
    """A service with models and datasets whose every free word is hostile."""

    server: LocalServer
    keys: Path
    job: str
    failed: str


def write_keys(path: Path, *keys: NewKey) -> None:
    path.write_text(json.dumps([each.record for each in keys]), encoding="utf-8")


def ran_out(key: NewKey) -> NewKey:
    """The key, as it is once its time is over."""
    return key._replace(record={**key.record, "expires": RAN_OUT})


def upload(server: LocalServer, name: str, data: bytes, **headers: str) -> str:
    """A dataset of the file, described; its address."""
    signed = server.call("POST", f"/v1/datasets/{name}:upload", **headers).body
    assert server.call("PUT", signed["url"].removeprefix(server.url), data).status == 200
    server.call("POST", f"/v1/datasets/{name}:describe", {}, **headers)
    return str(signed["uri"])


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    root = tmp_path_factory.mktemp("console")
    keys = root / "keys.json"
    write_keys(keys, CALLER, LIMITED)
    mine = {"authorization": f"Bearer {CALLER.key}"}
    with LocalServer(root, ML_KEY_TTL="0") as server:

        def train(model: str, body: Any) -> Any:
            job = server.call("POST", f"/v1/models/{model}:train", body, prefer="wait=20", **mine).body
            while job["state"] in ("queued", "running"):
                job = server.call("GET", f"/v1/jobs/{job['id']}", **mine).body
            return job

        rows = [[x + y / 10, x * y, (x * 7 + y) % 5] for x in range(12) for y in range(10)]
        names = HOSTILE[:3]
        job: Any = None
        for seed in (0, 1):
            job = train(
                LONG,
                {
                    "algorithm": "logistic_regression",
                    "instances": rows,
                    "targets": [HOSTILE[x % 4] for x in range(12) for _ in range(10)],
                    "feature_names": names,
                    "seed": seed,
                },
            )
            assert job["state"] == "succeeded", job
        train("iris", {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "instances": rows})
        header = ",".join('"' + each.replace('"', '""') + '"' for each in HOSTILE[:4])
        lines = [
            f'{x},"{HOSTILE[x % 3].replace(chr(34), chr(34) * 2)}",{x * x},{"yes" if x % 2 else "no"}'
            for x in range(60)
        ]
        uri = upload(server, "Hostile.table", "\n".join([header, *lines]).encode(), **mine)
        data = {"uri": uri, "format": "csv", "target": HOSTILE[3]}
        assert train("from-table", {"algorithm": "logistic_regression", "data": data})["state"] == "succeeded"
        failed = train(
            "from-table", {"algorithm": "logistic_regression", "data": {**data, "target": HOSTILE[5]}}
        )
        private = upload(server, LONG, "\n".join([header, *lines]).encode(), **mine)
        budget = {"budget": {"epsilon": 4, "delta": 1e-6}}
        assert server.call("PUT", f"/v1/datasets/{LONG}/budget", budget, **mine).status == 200
        said = {
            "epsilon": 1,
            "delta": 1e-6,
            "bounds": {HOSTILE[0]: [0, 60], HOSTILE[2]: [0, 3600]},
            "categories": {HOSTILE[1]: HOSTILE[:3]},
            "classes": ["no", "yes"],
        }
        private_data = {**data, "uri": private}
        paid = train(LONG, {"algorithm": "logistic_regression", "data": private_data, "privacy": said})
        assert paid["state"] == "succeeded", paid
        gone = train(LONG, {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "instances": rows})
        number = gone["version"]
        assert server.call("DELETE", f"/v1/models/{LONG}/versions/{number}", **mine).status in (200, 204)
        churn = Path(ROOT, "examples", "churn.csv").read_bytes()
        upload(server, "churn", churn, **mine)
        for row in rows[:30]:
            server.call("POST", f"/v1/models/{LONG}:predict", {"instances": [row]}, **mine)
        yield Console(server, keys, job["id"], failed.get("id", ""))


def test_every_page_is_clean_under_hostile_names_in_both_themes_and_at_three_widths(console: Console) -> None:
    """No violation of the policy, no error, none of axe's, nothing wider than the window, no other host."""
    pages = [
        *["#/models", f"#/models/{LONG}", f"#/models/{LONG}/1", "#/models/from-table", "#/models/iris"],
        *["#/jobs", f"#/jobs/{console.job}", *([f"#/jobs/{console.failed}"] if console.failed else [])],
        *["#/datasets", "#/datasets/Hostile.table", f"#/datasets/{LONG}", "#/datasets/churn"],
        *[f"#/try/{LONG}", "#/try/from-table", "#/try", f"#/monitoring/{LONG}", "#/monitoring/iris"],
        *["#/audit", "#/audit?model=iris", "#/usage"],
        *["#/train", "#/nowhere", "#/%3Cimg%20src=x%20onerror=hostile=1%3E"],
    ]
    looked = scenario("look", url=f"{console.server.url}/", key=CALLER.key, pages=pages)
    assert looked["found"] == []
    print(looked["titles"])


def test_every_page_is_walked_by_the_keyboard_alone(console: Console) -> None:
    """Each stop is in view and has a ring around it, and the focus is never lost."""
    pages = [
        *["#/models", f"#/models/{LONG}", f"#/models/{LONG}/1", "#/jobs", f"#/jobs/{console.job}"],
        *["#/datasets", "#/datasets/churn", "#/try", "#/try/from-table", f"#/monitoring/{LONG}"],
        *["#/audit", "#/usage"],
    ]
    done = scenario(
        "keyboard", url=f"{console.server.url}/", key=CALLER.key, pages=pages, model="#/models/iris"
    )
    assert done["found"] == []
    walked = done["walked"]
    for page in pages:
        assert walked[page], page
        assert len(set(walked[page])) > len(walked[page]) / 10, "in a circle"
    assert walked["skipped"] == "main"
    assert (walked["asked"], walked["left"]) == (True, "button Delete this model")
    assert (walked["described"], walked["back"]) == ("textarea Description", "button Describe it")


def test_a_key_is_asked_for_kept_in_its_tab_and_ends(console: Console) -> None:
    known = {
        "take the first key back": [LIMITED, SHORT, NEXT],
        "let the second key run out": [LIMITED, ran_out(SHORT), NEXT],
        "let the third key run out": [LIMITED, ran_out(NEXT)],
        "let the third key in again": [LIMITED, NEXT],
    }
    done = scenario(
        "keys",
        lambda told: write_keys(console.keys, *known[told]),
        url=f"{console.server.url}/",
        key=CALLER.key,
        limited=LIMITED.key,
        short=SHORT.key,
        next=NEXT.key,
        model="from-table",
    )
    write_keys(console.keys, CALLER, LIMITED)
    assert done["found"] == []
    seen = done["seen"]
    assert (seen["first"], seen["refused"]) == ("A key is needed", 401)
    assert seen["entered"] == seen["reloaded"] == "Models"
    assert seen["other"], "another tab's key goes on"
    kept, elsewhere, cookies, address = seen["stored"]
    assert kept == [CALLER.key]
    assert (elsewhere, cookies) == ([], "")
    assert CALLER.key not in address
    assert seen["second"] == "A key is needed", "another tab has none"
    for_all, for_few = seen["offered"]
    assert {"Jobs", "Datasets"} <= set(for_all)
    assert not {"Jobs", "Datasets"} & set(for_few), "what its role may not do is not offered"
    assert "the key is not known" in seen["ended"].lower(), "the page asks for another, and says why"
    assert seen["after"] == ["Jobs", "#/jobs"], "and goes on where it was"
    assert seen["ends"] == SHORT.record["expires"], "and says until when"
    assert f"expired on {RAN_OUT}" in seen["ranOut"]
    assert seen["missed"] == 401
    assert seen["saved"] == ["Written before the key ran out", True], "what was to be done is done after all"
    assert seen["kept"] == "42"
    assert seen["typed"] == ["42", True]


def test_a_client_is_answered_as_ever_beside_it(console: Console) -> None:
    answer = console.server.call("GET", "/", accept="*/*")
    assert (answer.status, answer.body) == (200, {"status": "alive"})
