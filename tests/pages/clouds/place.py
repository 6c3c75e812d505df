"""A cloud on this machine, as pages about deployments need it."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Protocol

STAGE = "dev"
HEADER = "api-key=of-the-collector"


class Place(Protocol):
    """An emulator; leaving the `with` ends it and all functions that it started."""

    @property
    def name(self) -> str:
        """As marks have it."""

    @property
    def env(self) -> dict[str, str]:
        """The variables by which commands act there, as a reader has them after the cloud's own page."""

    def made(self, name: str) -> str:
        """What stands for the placeholder of that name; `KeyError` where the cloud has none."""

    def __enter__(self) -> "Place": ...

    def __exit__(self, *error: object) -> None: ...

    def answering(self) -> str:
        """Have what was deployed last answer, with the keys that there are; its address."""

    def work(self) -> None:
        """Do what is queued, where the platform does not do it by itself."""


class Deployed:
    """HTTP to what is deployed, with a key."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and body of a request."""
        request = urllib.request.Request(
            self._url + path, None if body is None else json.dumps(body).encode(), method=method
        )
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", f"Bearer {self._key}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                content = answer.read()
                return answer.status, json.loads(content) if content else None
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.loads(refusal.read())

    def wait_until_open(self, seconds: float = 60.0) -> None:
        """A key is known everywhere within some seconds."""
        deadline = time.monotonic() + seconds
        while (told := self.call("GET", "/v1/whoami"))[0] != 200:
            assert time.monotonic() < deadline, told
            time.sleep(0.3)

    def train(self, place: Place, model: str) -> None:
        """Train a small model, as a reader has by then."""
        body = {
            "algorithm": "logistic_regression",
            "feature_names": ["grams", "hue"],
            "instances": [[120, 0.1], [130, 0.2], [170, 0.6], [160, 0.7]],
            "targets": ["apple", "apple", "quince", "quince"],
            "test_fraction": 0,
        }
        status, job = self.call("POST", f"/v1/models/{model}:train", body)
        assert status == 202, job
        place.work()
        deadline = time.monotonic() + 120
        while job["state"] not in {"succeeded", "failed"}:
            assert time.monotonic() < deadline, job
            time.sleep(0.5)
            _, job = self.call("GET", f"/v1/jobs/{job['id']}")
        assert job["state"] == "succeeded", job


def home(folder: Path, files: dict[str, str]) -> None:
    """Files in a reader's home."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
