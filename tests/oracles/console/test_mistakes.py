"""What goes wrong with a first model, in a real Chromium: each page says what to do, and leads there."""

import io
import zipfile
from pathlib import Path

from tests.e2e.local_server import LocalServer
from tests.oracles.console.chromium import scenario

COLUMNS = [f"column {place}" for place in range(100)]
WORDS = ["good", "bad", "new", "old", "quick", "slow", "warm", "cold"]


def workbook() -> bytes:
    """What tells that a file is an Excel workbook."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr("xl/workbook.xml", "<workbook/>")
    return data.getvalue()


def texts() -> str:
    """A table of which a model of rows can read nothing: each row has a text of its own."""
    rows = (
        f"row {place} is {WORDS[place % 8]} and {WORDS[place * 3 % 7]},{place % 2}" for place in range(60)
    )
    return "\n".join(["text,stars", *rows, ""])


def test_whoever_errs_is_told_what_to_do_and_led_there(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "opinions.xlsx").write_bytes(workbook())
    (tmp_path / "opinions.csv").write_text(texts(), encoding="utf-8")
    with LocalServer(tmp_path / "root") as server:
        rows = [[(x * (place + 1)) % 11 for place in range(100)] for x in range(40)]
        body = {
            "algorithm": "logistic_regression",
            "instances": rows,
            "targets": ["yes" if row[7] > 5 else "no" for row in rows],
            "feature_names": COLUMNS,
        }
        job = server.call("POST", "/v1/models/wide:train", body, prefer="wait=20").body
        while job["state"] in ("queued", "running"):
            job = server.call("GET", f"/v1/jobs/{job['id']}").body
        assert job["state"] == "succeeded", job
        gone_through = scenario(
            "mistakes",
            url=f"{server.url}/",
            workbook=str(tmp_path / "opinions.xlsx"),
            texts=str(tmp_path / "opinions.csv"),
            wide="wide",
            column=COLUMNS[93],
        )
    assert gone_through["found"] == []
    seen = gone_through["seen"]
    assert seen["led"] == ["Datasets", "opinions.xlsx"], "a file that is dropped on another page is taken"
    assert seen["unreadable"] == "The file is an Excel workbook: save the sheet as CSV."
    assert seen["likely"] == "Recurrent network (RNN)", "of texts alone, what reads them is proposed"
    assert "No column is left to train on" in seen["failed"]
    assert seen["again"] == ["Logistic regression", "opinions", "0.25"], "what was chosen comes back"
    assert seen["reloaded"] == seen["again"], "also after the page was loaded anew"
    assert seen["fields"] == 24, "of a hundred columns some have a field"
    assert seen["wrong"] == [1, "Expected a number, got 'much'."], (
        "what is wrong is shown whatever is looked for"
    )
    assert seen["stale"] == [0]
