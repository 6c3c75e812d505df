"""Makes the console's pictures in docs/pictures/, of a real service with the example's table.

`python -m tests.oracles.console.pictures`, which `make screenshots` does.
"""

import os
import tempfile
from pathlib import Path

from tests.e2e.local_server import ROOT, LocalServer
from tests.oracles.console.chromium import scenario

_FOLDER = os.path.join(ROOT, "docs", "pictures")
_PICTURES = [
    {"name": "models", "place": "#/models"},
    {"name": "model", "place": "#/models/churn/2"},
    {"name": "dataset", "place": "#/datasets/customers"},
    {"name": "try", "place": "#/try/churn", "colorScheme": "dark", "press": "Predict", "shows": "Why"},
    {"name": "narrow", "place": "#/models/churn", "width": 390},
]


def main() -> None:
    """Start a service, train what is to be seen, and take the pictures."""
    with tempfile.TemporaryDirectory() as root, LocalServer(root) as server:
        signed = server.call("POST", "/v1/datasets/customers:upload").body
        table = Path(ROOT, "examples", "churn.csv").read_bytes()
        server.call("PUT", signed["url"].removeprefix(server.url), table)
        server.call("POST", "/v1/datasets/customers:describe", {}, prefer="wait=20")
        data = {"uri": signed["uri"], "format": "csv", "target": "churned"}
        for algorithm in ("svm", "logistic_regression"):
            job = server.train("churn", {"algorithm": algorithm, "data": data})
            if job["state"] != "succeeded":
                raise SystemExit(f"the training failed: {job['error']}")
        found = scenario("pictures", url=f"{server.url}/", folder=_FOLDER, pictures=_PICTURES)
        if found:
            raise SystemExit("\n".join(found))


if __name__ == "__main__":
    main()
