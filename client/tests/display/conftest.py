"""What the real service answers, of every kind of algorithm."""

import fcntl
import io
import json
import os
import random
import re
from typing import Any, Literal

import httpx
import pytest
from rich.cells import cell_len
from rich.console import Console
from serverless_ml import display

from client.tests.service import ROOT, Service

CHURN = (ROOT / "examples" / "churn.csv").read_bytes()


class Asked:
    """The service, and what it answered: documents by their kind and whose they are."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.documents: dict[tuple[str, str], Any] = {}

    def get(self, path: str) -> Any:
        answer = self.client.get(path, headers={"Prefer": "wait=20"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, method: str, path: str, body: object = None) -> Any:
        answer = self.client.request(method, path, json=body, headers={"X-Routing-Key": "one"})
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def upload(self, name: str, content: bytes) -> None:
        told = self.send("POST", f"/v1/datasets/{name}:upload")
        assert httpx.put(told["url"], content=content, headers=told["headers"]).status_code < 300
        self.documents["dataset", name] = self.get(f"/v1/datasets/{name}")

    def train(self, model: str, label: str, algorithm: str, data: dict[str, Any], **told: Any) -> None:
        body = {"algorithm": algorithm, "hyperparameters": told, "seed": 1, **data}
        self.wait(model, label, self.send("POST", f"/v1/models/{model}:train", body))

    def wait(self, model: str, label: str, job: dict[str, Any]) -> None:
        while job["state"] in {"queued", "running"}:
            job = self.get(f"/v1/jobs/{job['id']}")
        self.documents["job", label] = job
        if job["version"]:
            path = f"/v1/models/{model}/versions/{job['version']}"
            self.documents["version", label] = self.get(path)
            self.documents["profile", label] = self.get(f"{path}/profile")
            if self.documents["version", label]["algorithm"] not in {"cnn", "rnn"}:
                self.documents["parameters", label] = self.get(f"{path}/parameters")

    def register(self, label: str) -> None:
        """Bring a version that was trained here along as one of another model."""
        there = self.documents["version", label]
        content = httpx.get(
            self.get(f"/v1/models/{there['name']}/versions/{there['version']}/artifact")["url"]
        )
        upload = self.send("POST", "/v1/models/shown-brought:upload")
        httpx.put(upload["url"], content=content.content, headers=upload["headers"]).raise_for_status()
        kept = {name: value for name, value in there.items() if name not in {"curves", "encoding"}}
        origin = {
            "description": "trained in <dev>",
            "library_versions": there["library_versions"],
            "version": kept,
        }
        body = {"uri": upload["uri"], "origin": origin}
        self.wait("shown-brought", "registered", self.send("POST", "/v1/models/shown-brought:register", body))

    def score(self, label: str, path: str, uri: str) -> None:
        job = self.send("POST", f"/v1/models/{path}:score", {"data": {"uri": uri}})
        while job["state"] in {"queued", "running"}:
            job = self.get(f"/v1/jobs/{job['id']}")
        self.documents["job", label] = job
        self.documents["job_files", label] = self.get(f"/v1/jobs/{job['id']}/files")["files"]

    def explain(self, label: str, path: str, instances: list[Any], **told: Any) -> None:
        self.documents["explanations", label] = self.send(
            "POST", f"/v1/models/{path}:explain", {"instances": instances, **told}
        )


def _asked(service: Service) -> dict[tuple[str, str], Any]:
    with httpx.Client(base_url=service.url, timeout=60) as client:
        told = Asked(client)
        _train(told)
        _move(told)
        _use(told)
        return told.documents


def _train(told: Asked) -> None:
    told.upload("shown", CHURN)
    table = {"data": {"uri": "dataset://shown", "target": "churned"}}
    told.train("shown", "two classes", "logistic_regression", table)
    told.train("shown", "kernel", "svm", table, kernel="rbf", probability=True)
    country = {"data": {**table["data"], "target": "country"}}
    told.train("shown-more", "four classes", "logistic_regression", country)
    told.train("shown-groups", "clusters", "kmeans", {"data": {"uri": "dataset://shown"}}, n_clusters=3)
    told.train("shown-bad", "failed", "logistic_regression", {"data": {**table["data"], "target": "nothing"}})
    told.register("two classes")
    told.score("scored", "shown/versions/1", "dataset://shown")
    draw = random.Random(0)  # noqa: S311 - it only has to differ
    pictures = [[[draw.random() + (x < 3) * (k % 2) for x in range(6)] for _ in range(6)] for k in range(60)]
    sides = {"instances": pictures, "targets": ["left" if k % 2 else "right" for k in range(60)]}
    told.train("shown-pictures", "pictures", "cnn", sides, epochs=3, channels=[4], dense=[])
    told.explain("pictures", "shown-pictures", pictures[:2])
    words = [["fine", "good", "kind"], ["bad", "poor", "sad"]]
    texts = [" ".join(draw.choice([*words[k % 2], "a", "the"]) for _ in range(6)) for k in range(60)]
    said = {"instances": texts, "targets": [k % 2 == 0 for k in range(60)]}
    told.train("shown-texts", "texts", "rnn", said, epochs=3, hidden_size=8)
    told.explain("texts", "shown-texts", [texts[0], f"{texts[1]} unheard"])


def _move(told: Asked) -> None:
    alias = "/v1/models/shown/aliases/production"
    told.send("PUT", alias, {"version": 1})
    told.documents["alias", "canary"] = told.send("PUT", alias, {"weights": {"1": 90, "2": 10}})
    told.send("POST", f"{alias}:rollback")
    told.documents["alias", "one version"] = told.send(
        "PUT", "/v1/models/shown/aliases/staging", {"version": 2}
    )
    told.send("PUT", alias, {"weights": {"1": 90, "2": 10}})
    told.documents["history", "production"] = told.get(f"{alias}/history")
    model = told.documents["model", "shown"] = told.get("/v1/models/shown")
    told.documents["aliases", "shown"] = list(model["aliases"].values())
    told.documents["versions", "shown"] = told.get("/v1/models/shown/versions")
    told.documents["caller", "of no key"] = told.get("/v1/whoami")
    told.documents["usage", "of no key"] = told.get("/v1/usage")
    train = {"algorithm": "svm", "data": {"uri": "dataset://shown", "target": "churned"}}
    written = {"train": train, "every": "P1D", "on": ["upload"], "at_most_every": "PT6H", "paused": True}
    schedule = told.documents["schedule", "written"] = told.send("PUT", "/v1/models/shown/schedule", written)
    run = {"trigger": "upload", "slot": "1", "at": "2026-11-27T11:00:00Z", "outcome": "started"}
    refused = {
        **run,
        "job": None,
        "outcome": "refused",
        "reason": "<b>no</b>",
        "ended": None,
        "version": None,
    }
    runs = [{**run, "job": "f" * 28, "reason": None, "ended": "succeeded", "version": 2}, refused]
    guard = {"alias": "production", "old": 1, "new": 2, "at": "climbing", "step": 1, "reason": "better"}
    told.documents["schedule", "guarded"] = {**schedule, "runs": runs, "guard": guard}
    told.send("DELETE", "/v1/models/shown/schedule")
    told.documents["audit", "shown"] = told.get("/v1/audit?model=shown")
    told.documents["about", "shown"] = {
        "description": "<b>Who</b> leaves.\nAnd when.",
        "tags": {"team": "growth"},
        "about_etag": "a1",
    }
    entries = told.get("/v1/models")["entries"]
    told.documents["models", "with what they reached"] = entries
    told.documents["model_entry", "shown"] = next(each for each in entries if each["name"] == "shown")
    told.documents["made_versions", "shown"] = told.get("/v1/datasets/shown/versions")
    told.upload("shown-erased", CHURN)
    erased = told.send("DELETE", "/v1/datasets/shown-erased?with_versions=true")
    told.documents["erasure", "with its versions"] = {**erased, "waiting_for": ["f" * 28], "complete": False}
    for kind in ("jobs", "models", "datasets", "algorithms"):
        told.documents[kind, "all"] = told.get(f"/v1/{kind}")


def _use(told: Asked) -> None:
    lines = [line.split(",") for line in CHURN.decode().splitlines()]
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    more = {"unknown_columns": "ignore"}
    told.explain("table", "shown/versions/1", rows[:3], **more)
    told.explain("kernel", "shown/versions/2", rows[:2], top=2, **more)
    told.explain("clusters", "shown-groups", rows[:2], **more)
    changes = {"top": 2, "counterfactual": {"actionable": ["spend", "plan", "active"]}}
    told.explain("changed", "shown/versions/1", rows[:12], **changes, **more)
    asked = {"instances": [{**row, "age": "71"} for row in rows[:150]], "receipt": True, **more}
    receipts = []
    for _ in range(3):
        receipts += told.send("POST", "/v1/models/shown/versions/1:predict", asked)["receipts"]
    both = zip(receipts, rows, strict=False)
    labels = [{"receipt": receipt, "label": row["churned"]} for receipt, row in both]
    path = "/v1/models/shown"
    told.documents["feedback", "first"] = told.send("POST", f"{path}:feedback", {"receipts": labels})
    told.documents["feedback", "again"] = told.send("POST", f"{path}:feedback", {"receipts": labels[:5]})
    for version in (1, 2):
        told.documents["monitoring", str(version)] = told.get(f"{path}/versions/{version}/monitoring")
    told.documents["alias_monitoring", "production"] = told.get(f"{path}/aliases/production/monitoring")
    told.send("PUT", f"{path}/aliases/production", {"version": 1})
    told.send("DELETE", f"{path}/aliases/staging")
    told.send("DELETE", f"{path}/versions/2")
    told.documents["model", "one deleted"] = told.get(path)


@pytest.fixture(scope="session")
def documents(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Any]:
    """Documents as the service answered them, by kind and by a word for which they are."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if not run:
        return _asked(request.getfixturevalue("service"))
    # Of workers that run at once the first one asks, and the others read what it was told.
    kept = tmp_path_factory.getbasetemp().parent / f"documents-{run}.json"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            found = _asked(request.getfixturevalue("service"))
            kept.write_text(json.dumps([[*key, raw] for key, raw in found.items()]), encoding="utf-8")
    return {(kind, label): raw for kind, label, raw in json.loads(kept.read_text(encoding="utf-8"))}


def on_terminal(kind: str, raw: object, width: int = 100) -> str:
    """What a terminal shows, colours and all."""
    file = io.StringIO()
    colours: Literal["truecolor"] = "truecolor"
    console = Console(file=file, width=width, force_terminal=True, color_system=colours)
    console.print(display.as_rich(kind, raw))
    return file.getvalue()


def without_colours(shown: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", shown)


def widest(shown: str) -> int:
    return max(map(cell_len, without_colours(shown).splitlines()), default=0)
