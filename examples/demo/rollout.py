"""A table as it came out of a database, and a second version that gets a part of the traffic."""

import os
import time
from collections import Counter
from typing import Any

from examples.demo import display
from examples.demo.service import Service
from examples.demo.steps import asked, checked, trained

TABLE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "churn.csv")
# Names that docs/walk.md does not use: both may be done in one folder.
NAME = "demo-churn"
MODEL = f"/v1/models/{NAME}"
DATASET = f"/v1/datasets/{NAME}"
PRODUCTION = f"{MODEL}/aliases/production"
CUSTOMER = {
    "age": None, "plan": "pro", "active": True, "since": "2026-10-01", "country": "PL", "spend": 31.5,
}  # fmt: skip
CUSTOMERS = 200
EVERYWHERE = 2.0  # seconds: how long an instance may trust what it knows of an alias (ML_ALIAS_TTL)


def tell_of_a_table(service: Service) -> None:
    """Upload a table, train two versions on it, share the traffic, promote, roll back."""
    display.heading("A table, and a canary", "words, gaps and dates; 90 % of the traffic and 10 %")
    upload(service)
    stable = version_of(service, {})
    asked(service, "POST", f"{MODEL}:predict", {"instances": [CUSTOMER], "outputs": ["label", "probability"]})
    asked(service, "PUT", PRODUCTION, {"version": stable})
    canary = version_of(service, {"C": 0.1})
    asked(service, "PUT", PRODUCTION, {"weights": {str(stable): 90, str(canary): 10}})
    with display.console.status("every instance knows within two seconds"):
        time.sleep(EVERYWHERE)
    display.answering(share_of_traffic(service), CUSTOMERS)
    display.note(f"  about 90 % and 10 %: each key is drawn by itself, and {CUSTOMERS} keys are few")
    asked(service, "POST", f"{PRODUCTION}:promote")
    asked(service, "POST", f"{PRODUCTION}:rollback")
    history = checked(service.call("GET", f"{PRODUCTION}/history")).body["changes"]
    display.changes([(change["time"], change["kind"], change["from"], change["to"]) for change in history])


def upload(service: Service) -> None:
    """Send the file to a signed address, and show what is in it."""
    signed = asked(service, "POST", f"{DATASET}:upload").body
    display.request("PUT", "the signed address")
    display.note(f"  {os.path.getsize(TABLE):,} bytes of examples/churn.csv")
    sent = checked(service.send(signed["url"], TABLE, signed["headers"]))
    display.answer(sent.status, sent.seconds)
    display.request("GET", DATASET)
    found = checked(service.call("GET", DATASET, headers={"Prefer": "wait=20"}))
    display.answer(found.status, found.seconds)
    display.columns(found.body["description"]["columns"])


def version_of(service: Service, hyperparameters: dict[str, Any]) -> int:
    """The version that training on the table made."""
    job = trained(
        service,
        NAME,
        {
            "algorithm": "logistic_regression",
            "hyperparameters": hyperparameters,
            "data": {"uri": f"dataset://{NAME}", "target": "churned"},
        },
    )
    version: int = job.body["version"]
    return version


def share_of_traffic(service: Service) -> Counter[int]:
    """How many customers each version answers."""
    body = {"instances": [CUSTOMER]}
    display.request("POST", f"{MODEL}:predict   X-Routing-Key: customer-0 … customer-{CUSTOMERS - 1}")
    return Counter(
        checked(service.call("POST", f"{MODEL}:predict", body, {"X-Routing-Key": f"customer-{number}"})).body[
            "model"
        ]["version"]
        for number in range(CUSTOMERS)
    )
