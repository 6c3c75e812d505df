"""Why a customer is predicted to leave, and which column is no longer what it was in training."""

import csv
from typing import Any

from examples.demo import display
from examples.demo.rollout import MODEL, PRODUCTION, TABLE
from examples.demo.service import Service
from examples.demo.steps import asked, checked

LEAVING = {
    "age": 24, "plan": "basic", "active": False, "since": "2026-09-05", "country": "ES", "spend": 7.99,
}  # fmt: skip
ROWS = 600
DRIFTED, STEADY = "spend", "age"
DEARER = 3  # times what customers spent when the model was trained


def tell_of_trust(service: Service) -> None:
    """Explain one prediction, then predict for customers who spend more, and see which column drifted."""
    display.heading(
        "Why, and is it still so?", "a prediction explained exactly; drift without a stored value"
    )
    body = {"instances": [LEAVING], "counterfactual": {"actionable": ["spend", "active", "plan"]}}
    explained = asked(service, "POST", f"{PRODUCTION}:explain", body).body["explanations"][0]
    display.explanation(explained, LEAVING)
    # The older version has seen one customer two hundred times.
    version = max(each["version"] for each in checked(service.call("GET", MODEL)).body["versions"])
    display.note(f"  {ROWS} customers are predicted, who spend {DEARER} times as much as those of training")
    predicted = asked(service, "POST", f"{MODEL}/versions/{version}:predict", {"instances": customers()})
    display.note(f"  {len(predicted.body['predictions'])} predictions were counted, and no value was kept")
    report = asked(service, "GET", f"{MODEL}/versions/{version}/monitoring").body
    for column in (DRIFTED, STEADY):
        display.drift(column, report["features"][column])


def customers() -> list[dict[str, Any]]:
    """Customers of the table, over and over, who spend more."""
    with open(TABLE, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        del row["customer"], row["churned"]
        row["spend"] = str(DEARER * float(row["spend"])) if row["spend"] else ""
    return [dict(rows[number % len(rows)]) for number in range(ROWS)]
