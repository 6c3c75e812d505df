"""Progress is drawn for a person who waits, on stderr or in a cell, and breaks no work."""

import contextlib
import os
import pty
import subprocess
import sys
from typing import Any

import pytest
from serverless_ml import progress

# What a person waits for; `AFTER` is how long it takes until a bar appears.
WORK = """
import sys
from serverless_ml import progress
progress.AFTER = {after}
with progress.bar("Uploading [red]churn", 8_000_000, unit="bytes", on={on}) as bar:
    bar.update(2_000_000, "to [b]the store")
    {more}
    bar.update(8_000_000)
print("done")
"""


def source(on: object = None, after: float = 0.0, more: str = "pass") -> list[str]:
    return [sys.executable, "-c", WORK.format(after=after, on=on, more=more)]


def run(**said: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(source(**said), text=True, check=False, capture_output=True)


def on_a_terminal(**said: Any) -> tuple[str, str]:
    """What the work writes on stdout, and what a terminal as its stderr sees."""
    ours, theirs = pty.openpty()
    variables = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(source(**said), stdout=subprocess.PIPE, stderr=theirs, env=variables) as work:
        os.close(theirs)
        seen = b""
        # Linux answers an error, macOS nothing, when the other end is closed.
        with contextlib.suppress(OSError):
            while part := os.read(ours, 65536):
                seen += part
        os.close(ours)
        assert work.stdout is not None
        return work.stdout.read().decode(), seen.decode()


def test_a_terminal_sees_a_bar_on_stderr() -> None:
    stdout, seen = on_a_terminal()
    assert stdout == "done\n"
    assert "Uploading [red]churn" in seen
    assert "2.0 MB of 8.0 MB" in seen
    assert "to [b]the store" in seen
    assert "\x1b[2K" in seen  # and it is taken away at the end


def test_what_is_over_soon_is_not_drawn() -> None:
    assert on_a_terminal(after=60) == ("done\n", "")
    assert on_a_terminal(on=False) == ("done\n", "")


def test_a_bar_appears_by_itself() -> None:
    # Nothing tells how far it is after the first moment: the bar is waited for, not the clock.
    waits = "[None for _ in iter(lambda: bar._surface._progress is None, False)]"
    _, seen = on_a_terminal(after=0.2, more=waits)
    assert "Uploading [red]churn" in seen


def test_nothing_is_written_where_there_is_no_terminal() -> None:
    told = run()
    assert (told.stdout, told.stderr) == ("done\n", "")
    told = run(on=True)
    assert told.stderr.startswith("Uploading [red]churn, 2.0 MB of 8.0 MB, to [b]the store\n")


def test_without_stderr_the_work_goes_on() -> None:
    told = run(on=True, more="sys.stderr.close()")
    assert told.stdout == "done\n"
    told_nothing = (
        "import sys; sys.stderr = None; from serverless_ml import progress; print(progress.wanted())"
    )
    found = subprocess.run([sys.executable, "-c", told_nothing], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


class Cell:
    """What IPython's `display` does: shows, and gives a handle that shows anew."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def __call__(self, data: dict[str, str], *, raw: bool, display_id: bool) -> "Cell":
        assert raw
        assert display_id
        assert not self.shown, "shown twice in place of anew"
        self.shown.append(data)
        return self

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(data)


def test_a_cell_is_drawn_anew_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "AFTER", 0.0)
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    cell = Cell()
    monkeypatch.setattr(progress, "_notebook", lambda: cell)
    assert progress.wanted()
    history = [{"done": 3, "of": 12, "loss": 0.25, "validation_loss": 0.5}]
    with progress.bar("Training <churn>") as bar:
        bar.job({"state": "queued"})
        bar.job({"state": "running", "phase": "fitting", "percentage": None, "metrics": {"history": history}})
    assert [data["text/plain"] for data in cell.shown] == [
        "Training <churn>, queued",
        "Training <churn>, 25 %, fitting, epoch 3 of 12, loss 0.25, validation loss 0.5",
        "Training <churn>: took < 1 s",
    ]
    assert 'value="0.2500"' in cell.shown[1]["text/html"]
    assert not any("<churn>" in data["text/html"] for data in cell.shown)


def test_drawing_that_fails_breaks_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "AFTER", 0.0)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no cell")

    monkeypatch.setattr(progress, "_notebook", lambda: broken)
    with progress.bar("Training") as bar:
        bar.update(1, total=2)
        bar.update(2)
    # And what the work itself raises is its own.
    with pytest.raises(ZeroDivisionError), progress.bar("Training"):
        _ = 1 / 0
