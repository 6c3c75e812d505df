"""Every prediction is counted once, whichever way it is asked for; and counting never changes an answer."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from handlers.direct import predict_directly
from handlers.rest.api import Api
from handlers.rest.http import Request, Response
from handlers.services import Services
from handlers.settings import read_settings
from ml_core.errors import AccessRefused, Unavailable
from ml_core.model.model import Model
from ml_core.monitoring.counts import VersionCounts
from ml_core.monitoring.parts import PARTS, read_part
from ml_core.ports import every_object
from ml_core.training.notebook import train_model
from tests.contract.faults import RememberingQueue
from tests.counting_store import CountingStore
from tests.unit.handlers.networks import PICTURES, SEQUENCES, TEXTS, networks, register

COLUMNS = ["a", "b", "plan"]
ROWS = [[step / 10, step % 7, ("basic", "plus", None)[step % 3]] for step in range(120)]
NUMBERS = [row[:2] for row in ROWS]
TARGETS = [("low", "middle", "high")[step // 40] for step in range(120)]
ASKED = [[3.5, 2, "basic"], [99, 0.5, "unheard"]]


class Counting:
    """An api over a store in memory with models; `said` are its log's lines."""

    def __init__(self, said: Callable[[], str], store: CountingStore | None = None, **settings: str) -> None:
        self.store = store or CountingStore()
        self.services = Services(
            read_settings({"ML_ALIAS_TTL": "3600", **settings}),
            store=lambda: self.store,
            queue=RememberingQueue,
            key_records=None,
        )
        for name, model in MODELS.items():
            register(self.services, name, model)
        self.api = Api(self.services)
        # It is written before the answer comes, however slow the machine is.
        if self.services.settings.monitoring_days:
            self.services.monitor._run = lambda work: work()
        self.said = said

    def ask(self, path: str, body: Any, kind: str = "application/json", **headers: str) -> Response:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        path, _, query = path.partition("?")
        pairs = dict(pair.split("=", 1) for pair in query.split("&") if pair)
        return self.api.handle(Request("POST", path, pairs, {"content-type": kind, **headers}, data, "r1"))

    def counts(self, model: str) -> VersionCounts:
        """All that was counted of a model, as the next write has it."""
        monitor = self.services.monitor
        monitor._due = float("-inf")
        monitor._stored_at = float("inf")
        with monitor._lock:
            monitor._is_storing = True
        monitor._store()
        total = VersionCounts()
        for info in every_object(self.store, PARTS):
            for counted in (read_part(self.store.get(info.key).data) or {}).values():
                if counted.model == model:
                    total.add(counted.counts)
        return total


def _models() -> dict[str, Model]:
    return {
        "mixed": train_model(pd.DataFrame(ROWS, columns=COLUMNS), TARGETS),
        "regression": train_model(NUMBERS, TARGETS),
        "svm": train_model(NUMBERS, TARGETS, "svm", kernel="rbf"),
        "linear": train_model(NUMBERS, TARGETS, "svm", kernel="linear"),
        "probable": train_model(NUMBERS, TARGETS, "svm", probability=True),
        "groups": train_model(NUMBERS, None, "kmeans", n_clusters=4),
        **networks(),
    }


MODELS = _models()


@pytest.fixture
def counting(capsys: pytest.CaptureFixture[str]) -> Counting:
    return Counting(lambda: capsys.readouterr().out)


PREDICT = "/v1/models/mixed:predict"
LINES = b"a,b,plan\n3.5,2,basic\n99,0.5,unheard\n"
TENSORS = [
    {"name": "a", "shape": [2], "datatype": "FP64", "data": [3.5, 99]},
    {"name": "b", "shape": [2], "datatype": "FP64", "data": [2, 0.5]},
    {"name": "plan", "shape": [2], "datatype": "BYTES", "data": ["basic", "unheard"]},
]
AS_COLUMNS = {"a": [3.5, 99], "b": [2, 0.5], "plan": ["basic", "unheard"]}
FORMS: dict[str, Callable[[Counting], Response]] = {
    "instances": lambda api: api.ask(PREDICT, {"instances": ASKED}),
    "other outputs": lambda api: api.ask(PREDICT, {"instances": ASKED, "outputs": ["decision"]}),
    "by scikit-learn's names": lambda api: api.ask(
        PREDICT, {"instances": ASKED, "outputs": ["predict_proba", "predict", "label"]}
    ),
    "receipts": lambda api: api.ask(PREDICT, {"instances": ASKED, "receipt": True}),
    "a version": lambda api: api.ask("/v1/models/mixed/versions/1:predict", {"instances": ASKED}),
    "inputs": lambda api: api.ask(PREDICT, {"inputs": AS_COLUMNS}),
    "dataframe_split": lambda api: api.ask(PREDICT, {"dataframe_split": {"columns": COLUMNS, "data": ASKED}}),
    "dataframe_records": lambda api: api.ask(
        PREDICT, {"dataframe_records": [dict(zip(COLUMNS, row, strict=True)) for row in ASKED]}
    ),
    "CSV": lambda api: api.ask(PREDICT, LINES, "text/csv"),
    "CSV as an answer": lambda api: api.ask(PREDICT, {"instances": ASKED}, accept="text/csv"),
    "the Open Inference Protocol": lambda api: api.ask("/v2/models/mixed/infer", {"inputs": TENSORS}),
    "its version": lambda api: api.ask("/v2/models/mixed/versions/1/infer", {"inputs": TENSORS}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_counted_once_and_alike(counting: Counting, form: str) -> None:
    assert FORMS[form](counting).status == 200
    found = counting.counts("mixed")
    assert (found.requests, found.refused, found.errors, sum(found.latency)) == (1, 0, 0, 1)
    assert (found.predictions, found.labels) == (2, [1, 1])
    assert (sum(found.probability), 2 / 3 < found.probability_sum <= 2) == (2, True)
    assert found.counted == 2
    a, b, plan = found.columns
    assert (a[-3:], b[-3:], sum(a[:-3]), sum(b[:-3])) == ([0, 0, 1], [0, 0, 0], 2, 2)
    assert (sum(plan), plan[-2:]) == (2, [1, 0])


def test_a_bare_event_is_counted_once(counting: Counting) -> None:
    answer = predict_directly(counting.api, {"model": "mixed", "instances": ASKED}, "r1")
    assert len(answer["predictions"]) == 2
    found = counting.counts("mixed")
    assert (found.requests, found.predictions, found.counted) == (1, 2, 2)


@pytest.mark.parametrize(
    ("model", "instances", "probable"),
    [
        ("regression", NUMBERS[:3], True),
        ("regression", NUMBERS * 20, True),
        ("svm", NUMBERS[:3], False),
        ("linear", NUMBERS * 20, False),
        ("probable", NUMBERS[:3], True),
        ("probable", NUMBERS * 20, True),
        ("groups", NUMBERS[:3], False),
        ("groups", NUMBERS * 20, False),
        ("digits", PICTURES, True),
        ("waves", SEQUENCES, True),
        ("reviews", TEXTS, True),
        ("reviews", TEXTS * 200, True),
    ],
)
def test_every_algorithm_is_counted_as_it_answers(
    counting: Counting, model: str, instances: list[Any], probable: bool
) -> None:
    body = {"instances": instances, "outputs": ["label", *(["probability"] if probable else [])]}
    path = f"/v1/models/{model}:predict"
    told = json.loads(counting.ask(path, body).body)["predictions"]
    labels = [json.dumps(each["label"]) for each in told]
    assert json.loads(counting.ask(path, {"instances": instances}).body)["predictions"] == [
        each["label"] for each in told
    ]
    found, classes = counting.counts(model), MODELS[model].classes
    numbers = range(4) if classes is None else classes
    expected = [2 * labels.count(json.dumps(label)) for label in numbers]
    assert [*found.labels, *[0] * (len(expected) - len(found.labels))] == expected
    assert (found.requests, found.predictions) == (2, 2 * len(instances))
    tops = [max(each["probability"]) for each in told] if probable else []
    assert found.probability_sum == pytest.approx(2 * sum(tops), rel=1e-12)
    bins = [min(int(top * 20), 19) for top in tops]
    assert sum(abs(count - 2 * bins.count(place)) for place, count in enumerate(found.probability)) <= 4
    is_table = MODELS[model].reader is None
    assert found.counted == (2 * len(instances) if is_table else 0)
    assert all(sum(column[:-2]) == found.counted for column in found.columns)


def test_what_is_refused_is_a_request_of_the_version_that_was_found(counting: Counting) -> None:
    assert counting.ask(PREDICT, {"instances": [["x", 1, 2]]}).status == 422
    assert counting.ask("/v1/models/mixed/versions/9:predict", {"instances": ASKED}).status == 404
    assert counting.ask(PREDICT, b"{").status == 400
    assert counting.ask(PREDICT, {"instances": ASKED, "outputs": ["distance"]}).status == 422
    found = counting.counts("mixed")
    assert (found.requests, found.refused, found.predictions, found.counted) == (2, 2, 0, 0)


def test_explanations_descriptions_and_readiness_are_no_predictions(counting: Counting) -> None:
    assert counting.ask("/v1/models/mixed:explain", {"instances": ASKED}).status == 200
    for path in ("/v2/models/mixed", "/v2/models/mixed/ready", "/v1/models/mixed/versions/1/schema"):
        assert counting.api.handle(Request("GET", path, {}, {}, b"", "r1")).status == 200
    assert counting.counts("mixed").requests == 0


def test_nothing_is_counted_where_it_is_switched_off(capsys: pytest.CaptureFixture[str]) -> None:
    off = Counting(lambda: capsys.readouterr().out, ML_MONITORING_DAYS="0")
    off.store.forget()
    assert off.ask(PREDICT, {"instances": ASKED}).status == 200
    assert not [each for each in off.store.requests if "monitoring" in each or "put" in each]
    assert "_monitor" not in vars(off.services)


def test_a_first_prediction_writes_once_and_the_next_ones_nothing(counting: Counting) -> None:
    counting.store.forget()
    for _ in range(10):
        counting.ask(PREDICT, {"instances": ASKED})
    asked = {name: count for name, count in counting.store.requests.items() if "monitoring" in name}
    assert asked == {"put monitoring": 1}


@pytest.mark.parametrize("failure", [Unavailable("no answer"), AccessRefused("refused"), OSError("disk")])
def test_a_store_that_takes_no_counts_changes_no_answer_and_is_told_once(
    capsys: pytest.CaptureFixture[str], failure: Exception
) -> None:
    class Refusing(CountingStore):
        def put_if_absent(self, key: str, data: bytes) -> str:
            if key.startswith("monitoring/"):
                raise failure
            return super().put_if_absent(key, data)

    refused = Counting(lambda: capsys.readouterr().out, Refusing())
    assert [refused.ask(PREDICT, {"instances": ASKED}).status for _ in range(5)] == [200] * 5
    lines = [json.loads(line) for line in refused.said().splitlines()]
    told = [line for line in lines if line["event"] == "counting"]
    assert [(line["level"], "cannot be counted" in line["detail"]) for line in told] == [("warning", True)]


def test_what_goes_wrong_in_counting_changes_no_answer(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting.services.monitor, "_versions", None)
    assert counting.ask(PREDICT, {"instances": ASKED}).status == 200
    assert '"unforeseen"' in counting.said()
