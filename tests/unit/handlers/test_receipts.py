"""Receipts of predictions, and what `:feedback` counts of them."""

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from handlers.direct import predict_directly
from handlers.rest.answers import ANSWERS
from handlers.rest.api import Api
from handlers.rest.http import Response
from handlers.services import Services
from handlers.single.model import OneModel, api_of
from ml_core.digests import sha256
from ml_core.errors import DocumentDamaged, ObjectExists, ObjectNotFound
from ml_core.monitoring.counts import probability_bin
from ml_core.monitoring.feedback import FeedbackCounts, feedback_of
from ml_core.monitoring.observation import Observation
from ml_core.monitoring.receipts import LENGTH, Receipts, VersionReceipts, read_receipt
from providers.local.runtime.store import FolderStore
from tests.unit.handlers.conftest import ROWS, Ask, asking, copy_of, services_over

TRUE = [("low", "middle", "high")[row // 10] for row in range(30)]
DAY = 86_400.0
NOW = 20_000 * DAY + 3600


@pytest.fixture
def services(trained: Path, tmp_path: Path) -> Services:
    """Services over a copy of the trained models."""
    return services_over(copy_of(trained, tmp_path / "root"))


@pytest.fixture
def ask(services: Services) -> Ask:
    return asking(services)


@pytest.fixture
def at(services: Services) -> Callable[[float], None]:
    """Sets the clock by which receipts are made and checked."""
    now = [NOW]
    services._receipts = Receipts(services.store, lambda: now[0])

    def set_to(seconds: float) -> None:
        now[0] = seconds

    return set_to


def read(response: Response, schema: str) -> Any:
    value = json.loads(response.body)
    assert response.status == 200, value
    jsonschema.validate(value, ANSWERS[schema])
    return value


def predict(ask: Ask, model: str = "iris", **body: Any) -> Any:
    body = {"instances": ROWS, "receipt": True, **body}
    return read(ask("POST", f"/v1/models/{model}:predict", json.dumps(body).encode()), "Predictions")


def tell(ask: Ask, told: list[tuple[str, Any]], model: str = "iris") -> Response:
    entries = [{"receipt": receipt, "label": label} for receipt, label in told]
    return ask("POST", f"/v1/models/{model}:feedback", json.dumps({"receipts": entries}).encode())


def counted(response: Response) -> tuple[int, int]:
    value = read(response, "Feedback")
    return value["counted"], value["repeated"]


def faults(response: Response, status: int = 422) -> list[tuple[str, str]]:
    problem = json.loads(response.body)
    jsonschema.validate(problem, ANSWERS["Problem"])
    assert (response.status, problem["code"]) == (status, "invalid_input"), problem
    return [(fault["path"], fault["message"]) for fault in problem["faults"]]


def model_of(services: Services) -> dict[str, bytes]:
    """What the job that trained iris has written, by the endings of its files."""
    job = services.registry.model("iris").pick(1).job
    return {
        ending: services.store.get(f"artifacts/{job}.{ending}").data for ending in ("safetensors", "json")
    }


def register_again(services: Services, trained: dict[str, bytes]) -> None:
    """Have another job register the same."""
    job, artifact = "f" * 28, trained["safetensors"]
    for ending, data in trained.items():
        services.store.put_if_absent(f"artifacts/{job}.{ending}", data)
    services.registry.register(
        "iris", job, sha256=sha256(artifact), size=len(artifact), algorithm="logistic_regression"
    )
    services._models = None  # as an instance that has not known the model


def counts(services: Services, model: str = "iris", version: int = 1) -> FeedbackCounts:
    job = services.registry.model(model).pick(version).job
    return feedback_of(services.store, job, "0000-00-00", "9999-99-99")


def test_what_was_predicted_is_compared_with_the_truth(ask: Ask, services: Services) -> None:
    answer = predict(ask, outputs=["probability", "label"])
    assert len(set(answer["receipts"])) == 30
    assert {len(receipt) for receipt in answer["receipts"]} == {LENGTH}
    assert counted(tell(ask, [*zip(answer["receipts"], TRUE, strict=True)])) == (30, 0)
    found = counts(services)
    predicted = [row["label"] for row in answer["predictions"]]
    classes = answer["classes"]
    pairs = Counter(zip(predicted, TRUE, strict=True))
    assert found.confusion == {(classes.index(p), classes.index(t)): n for (p, t), n in pairs.items()}
    assert (found.labelled, found.correct) == (30, sum(n for (p, t), n in pairs.items() if p == t))
    shown = read(ask("GET", "/v1/models/iris/versions/1/monitoring"), "Monitoring")["feedback"]
    assert shown["labelled"] == 30
    assert shown["accuracy"]["value"] == pytest.approx(found.correct / 30, abs=1e-4)
    assert {(each["predicted"], each["true"]): each["count"] for each in shown["confusion"]} == pairs
    bins = Counter(min(int(max(row["probability"]) * 20), 19) for row in answer["predictions"])
    assert [n for n, _ in found.calibration] == [bins[place] for place in range(20)] + [0]


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("iris", []),
        ("iris", ["predict"]),
        ("iris", ["decision_function", "predict_proba"]),
        ("truth", ["probability"]),
        ("digits", ["label", "decision"]),
        ("digits", []),
    ],
    ids=str,
)
def test_an_answer_is_the_same_beside_its_receipts(ask: Ask, model: str, asked: list[str]) -> None:
    body = {"outputs": asked} if asked else {}
    answer = predict(ask, model, **body)
    assert len(answer.pop("receipts")) == len(ROWS)
    assert answer == predict(ask, model, **body, receipt=False)
    by_column = {
        "inputs": {f"x{place}": [*column] for place, column in enumerate(zip(*ROWS, strict=True))},
    }
    if model == "iris":
        answers = [
            read(
                ask("POST", "/v1/models/iris:predict", json.dumps({**by_column, **body, **more}).encode()),
                "Predictions",
            )
            for more in ({}, {"receipt": True})
        ]
        assert len(answers[1].pop("receipts")) == len(ROWS)
        assert answers[0] == answers[1]


def test_a_model_without_probabilities_gives_receipts_without_a_bin(ask: Ask, services: Services) -> None:
    answer = predict(ask, "digits")
    assert counted(tell(ask, [(receipt, 0) for receipt in answer["receipts"]], "digits")) == (30, 0)
    found = counts(services, "digits")
    assert found.calibration == [[0, 0]] * 20 + [[30, answer["predictions"].count(0)]]


def test_every_form_of_rows_has_receipts(ask: Ask) -> None:
    names = ["x0", "x1", "x2", "x3"]
    records = [dict(zip(names, row, strict=True)) for row in ROWS[:3]]
    for body in (
        {"dataframe_split": {"columns": names, "data": ROWS[:3]}},
        {"dataframe_records": records},
        {"inputs": ROWS[:3]},
        {"instances": records},
    ):
        sent = json.dumps({**body, "receipt": True}).encode()
        answer = read(ask("POST", "/v1/models/iris:predict", sent), "Predictions")
        assert counted(tell(ask, [(receipt, "low") for receipt in answer["receipts"]])) == (3, 0)
    lines = "\n".join(",".join(map(str, row)) for row in ROWS[:3]).encode()
    named = {"content_type": "text/csv", "accept": "application/json"}
    answer = read(ask("POST", "/v1/models/iris:predict?receipt=true", lines, **named), "Predictions")
    assert counted(tell(ask, [(receipt, "low") for receipt in answer["receipts"]])) == (3, 0)
    answer = read(ask("POST", "/v1/models/iris:predict", lines, **named), "Predictions")
    assert "receipts" not in answer


def test_tensors_have_receipts_in_the_answers_parameters(ask: Ask) -> None:
    tensor = {"name": "x", "datatype": "FP64", "shape": [3, 4], "data": ROWS[:3]}
    body: dict[str, Any] = {"inputs": [tensor], "parameters": {"receipt": True}}
    answer = read(ask("POST", "/v2/models/iris/infer", json.dumps(body).encode()), "Inference")
    assert [output["name"] for output in answer["outputs"]] == ["predict"]
    receipts = answer["parameters"].pop("receipts")
    assert counted(tell(ask, [(receipt, "low") for receipt in receipts])) == (3, 0)
    body["parameters"]["receipt"] = False
    plain = read(ask("POST", "/v2/models/iris/infer", json.dumps(body).encode()), "Inference")
    assert plain == answer
    body["parameters"]["receipt"] = "yes"
    refused = ask("POST", "/v2/models/iris/infer", json.dumps(body).encode())
    assert faults(refused, 400)[0][0] == "$.parameters.receipt"


def test_bare_events_have_receipts_and_take_the_truth(services: Services) -> None:
    api = Api(services)
    answer = predict_directly(api, {"model": "iris", "instances": ROWS, "receipt": True}, "r1")
    told = [{"receipt": receipt, "label": "low"} for receipt in answer["receipts"]]
    event = {"model": "iris", "verb": "feedback", "receipts": told}
    assert predict_directly(api, event, "r2") == {"counted": 30, "repeated": 0}


def test_where_there_is_no_truth_no_registry_or_no_json_there_are_none(
    ask: Ask, services: Services, tmp_path: Path
) -> None:
    body = {"instances": ROWS, "receipt": True}
    sent = json.dumps(body).encode()
    ((where, why),) = faults(ask("POST", "/v1/models/groups:predict", sent))
    assert (where, why[:34]) == ("$.receipt", "receipts are given for classes: no")
    ((where, why),) = faults(ask("POST", "/v1/models/iris:predict", sent, accept="text/csv"))
    assert (where, why[:26]) == ("$.receipt", "receipts are given in JSON")
    lines = {"content_type": "text/csv", "accept": "text/csv"}
    ((where, _),) = faults(ask("POST", "/v1/models/iris:predict?receipt=true", b"1,2,3,4", **lines))
    assert where == "query.receipt"
    assert faults(ask("POST", "/v1/models/iris:predict?receipt=true", sent))[0][0] == "query.receipt"
    path = tmp_path / "model.safetensors"
    path.write_bytes(model_of(services)["safetensors"])
    problem = predict_directly(api_of(OneModel("own", str(path))), {"model": "own", **body}, "r1")
    assert (problem["status"], problem["faults"][0]["path"]) == (422, "$.receipt")
    assert "registry" in problem["detail"]
    told = {"verb": "feedback", "receipts": [{"receipt": "A" * LENGTH, "label": "low"}]}
    problem = predict_directly(api_of(OneModel("own", str(path))), {"model": "own", **told}, "r2")
    assert problem["status"] == 404
    with pytest.raises(ObjectNotFound):
        services.store.get("monitoring/receipt-key")


def test_where_nothing_is_counted_there_are_none_and_none_are_taken(ask: Ask, services: Services) -> None:
    (receipt,) = predict(ask, instances=ROWS[:1])["receipts"]
    off = asking(services_over(services.settings.root, ML_MONITORING_DAYS="0"))
    sent = json.dumps({"instances": ROWS, "receipt": True}).encode()
    ((where, why),) = faults(off("POST", "/v1/models/iris:predict", sent))
    assert (where, why) == ("$.receipt", "nothing is counted: the setting ML_MONITORING_DAYS is 0")
    problem = json.loads(tell(off, [(receipt, "low")]).body)
    assert (problem["status"], problem["code"]) == (409, "not_monitored")


def test_a_receipt_is_not_valid_for_longer_than_predictions_are_counted(
    ask: Ask, services: Services, at: Callable[[float], None]
) -> None:
    (receipt,) = predict(ask, instances=ROWS[:1])["receipts"]
    short = services_over(services.settings.root, ML_MONITORING_DAYS="1")
    short._receipts = services._receipts
    at(NOW + DAY + 60)
    ((_, why),) = faults(tell(asking(short), [(receipt, "low")]))
    assert why.startswith("is of a prediction that was made longer ago than 1 day:")
    assert counted(tell(ask, [(receipt, "low")])) == (1, 0)


def test_a_row_whose_probability_is_not_known_has_a_receipt_without_a_bin(
    ask: Ask, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of some block of rows the probabilities may overflow where what was asked for does not."""
    see = Observation.see

    def see_less(self: Observation, values: Any) -> None:
        see(self, values)
        del self.tops[1:]

    monkeypatch.setattr(Observation, "see", see_less)
    receipts = predict(ask, instances=ROWS[:3], outputs=["decision"])["receipts"]
    assert counted(tell(ask, [(receipt, "low") for receipt in receipts])) == (3, 0)
    assert counts(services).calibration[20] == [3, 3]


def test_a_receipt_counts_once_for_ever(ask: Ask, services: Services) -> None:
    first, second = predict(ask, instances=ROWS[:2])["receipts"]
    assert counted(tell(ask, [(first, "low"), (first, "low")])) == (1, 1)
    assert counted(tell(ask, [(first, "high"), (second, None)])) == (1, 1)
    assert counted(tell(ask, [(first, None), (second, "low")])) == (0, 2)
    found = counts(services)
    assert (found.labelled, found.correct) == (2, 1)
    assert sorted(true is None for _, true in found.confusion) == [False, True]


def test_all_faults_are_told_and_nothing_is_counted(ask: Ask, services: Services) -> None:
    good, other, third = predict(ask, instances=ROWS[:3])["receipts"]
    forged = f"{good[:39]}{'A' if good[39] != 'A' else 'B'}"
    another_class = f"{good[:6]}{'A' if good[6] != 'A' else 'B'}{good[7:]}"
    foreign = predict(ask, "truth", instances=ROWS[:1])["receipts"][0]
    told = [
        (good, "low"),
        (forged, "low"),
        (another_class, "low"),
        (foreign, "low"),
        ("A" * LENGTH, "low"),
        (other, "lowest"),
        (other, True),
        (third, "low"),
        (third, "high"),
        (third, "low"),
    ]
    found = faults(tell(ask, told))
    assert [path for path, _ in found] == [
        *(f"$.receipts[{place}].receipt" for place in (1, 2, 3, 4)),
        *(f"$.receipts[{place}].label" for place in (5, 6, 8)),
    ]
    assert found[0][1] == "is no receipt that this deployment gave for model 'iris'"
    assert found[4][1] == (
        "is 'lowest'; expected one of the classes of version 1 ('high', 'low', 'middle'), "
        "or null for none of them"
    )
    assert found[6][1] == "is another than that of the same receipt in $.receipts[7]"
    assert counts(services).labelled == 0
    assert counted(tell(ask, [told[0]])) == (1, 0)


@pytest.mark.parametrize(
    ("model", "label", "fits"),
    [
        ("truth", 1, False),
        ("truth", True, True),
        ("digits", 1, True),
        ("digits", 1.0, True),
        ("digits", True, False),
        ("digits", "1", False),
    ],
)
def test_a_label_is_of_the_kind_of_the_classes(ask: Ask, model: str, label: Any, fits: bool) -> None:
    (receipt,) = predict(ask, model, instances=ROWS[:1])["receipts"]
    told = tell(ask, [(receipt, label)], model)
    if fits:
        assert counted(told) == (1, 0)
    else:
        assert faults(told)[0][0] == "$.receipts[0].label"


@pytest.mark.parametrize(
    ("entries", "where"),
    [
        ([], "$.receipts"),
        ([{"receipt": "A" * 40}], "$.receipts[0]"),
        ([{"receipt": "A" * 39, "label": "low"}], "$.receipts[0].receipt"),
        ([{"receipt": "A" * 41, "label": "low"}], "$.receipts[0].receipt"),
        ([{"receipt": "+" * 40, "label": "low"}], "$.receipts[0].receipt"),
        ([{"receipt": "é" * 40, "label": "low"}], "$.receipts[0].receipt"),
        ([{"receipt": 7, "label": "low"}], "$.receipts[0].receipt"),
        ([{"receipt": "A" * 40, "label": 1.5}], "$.receipts[0].label"),
        ([{"receipt": "A" * 40, "label": ["low"]}], "$.receipts[0].label"),
        ([{"receipt": "A" * 40, "label": "low", "by": "me"}], "$.receipts[0]"),
        ([{"receipt": "A" * 40, "label": "low"}] * 1001, "$.receipts"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_body_that_is_wrong_is_told_where(ask: Ask, entries: list[Any], where: str) -> None:
    sent = json.dumps({"receipts": entries}).encode()
    assert faults(ask("POST", "/v1/models/iris:feedback", sent))[0][0] == where


def test_a_receipt_is_valid_for_thirty_days(
    ask: Ask, at: Callable[[float], None], services: Services
) -> None:
    first, second, third = predict(ask, instances=ROWS[:3])["receipts"]
    at(NOW - 300)  # another instance's clock
    assert counted(tell(ask, [(first, "low")])) == (1, 0)
    at(NOW + 30 * DAY)
    assert counted(tell(ask, [(first, "low"), (second, "low")])) == (1, 1)
    at(NOW + 30 * DAY + 60)
    ((where, why),) = faults(tell(ask, [(third, "low")]))
    assert where == "$.receipts[0].receipt"
    assert why == "is of a prediction that was made longer ago than 30 days: no receipt is valid longer"
    assert list(counts(services).hours) == ["2024-10-04T01"], "the day of the prediction"


def test_receipts_of_many_days_are_counted_each_under_its_own(
    ask: Ask, at: Callable[[float], None], services: Services
) -> None:
    receipts = []
    for day in range(31):
        at(NOW + day * DAY)
        receipts += predict(ask, instances=ROWS[:2])["receipts"]
    told = [(receipt, "low") for receipt in receipts]
    assert counted(tell(ask, told)) == (62, 0)
    assert counted(tell(ask, told)) == (0, 62)
    assert [n for n, _ in counts(services).hours.values()] == [2] * 31


def test_versions_and_models_take_their_own_receipts_alone(ask: Ask, services: Services) -> None:
    (first,) = predict(ask, instances=ROWS[:1])["receipts"]
    register_again(services, model_of(services))
    (second,) = predict(ask, instances=ROWS[:1])["receipts"]
    assert counted(tell(ask, [(first, "low"), (second, "low")])) == (2, 0)
    assert (counts(services, version=1).labelled, counts(services, version=2).labelled) == (1, 1)
    (third,) = predict(ask, instances=ROWS[:1])["receipts"]
    assert ask("DELETE", "/v1/models/iris/versions/2").status == 204
    ((_, why),) = faults(tell(ask, [(third, "low")]))
    assert why == "is of version 2 of model 'iris', which was deleted"
    assert ask("POST", "/v1/models/iris/versions/2:restore").status == 200
    assert counted(tell(ask, [(third, "low"), (second, "low")])) == (1, 1)


@pytest.mark.parametrize("purge", ["", "?purge=true"])
def test_a_model_that_is_trained_anew_takes_no_receipts_of_the_old_one(
    ask: Ask, services: Services, purge: str
) -> None:
    (old,) = predict(ask, instances=ROWS[:1])["receipts"]
    trained = model_of(services)
    assert ask("DELETE", f"/v1/models/iris{purge}").status == 204
    assert json.loads(tell(ask, [(old, "low")]).body)["code"] == "model_not_found"
    register_again(services, trained)
    ((where, _),) = faults(tell(ask, [(old, "low")]))
    assert where == "$.receipts[0].receipt"
    (new,) = predict(ask, instances=ROWS[:1])["receipts"]
    assert counted(tell(ask, [(new, "low")])) == (1, 0)


def test_another_deployments_receipt_is_none(ask: Ask, services: Services) -> None:
    (receipt,) = predict(ask, instances=ROWS[:1])["receipts"]
    services.store.delete("monitoring/receipt-key")
    services._receipts = None
    ((where, _),) = faults(tell(ask, [(receipt, "low")]))
    assert where == "$.receipts[0].receipt"


class Overtaken(FolderStore):
    """Finds the key missing, and then there: another instance was first."""

    def put_if_absent(self, key: str, data: bytes) -> str:
        super().put_if_absent(key, data[::-1])
        raise ObjectExists(key)


def test_instances_that_make_the_key_at_once_have_the_same(tmp_path: Path) -> None:
    first = Receipts(Overtaken(str(tmp_path)), lambda: NOW).of("m", "j").make(1, 5, [(0, 3)])
    receipt = read_receipt(first[0])
    assert receipt
    assert Receipts(FolderStore(str(tmp_path))).of("m", "j").made(receipt)
    assert not Receipts(FolderStore(str(tmp_path))).of("m", "k").made(receipt)
    assert not Receipts(FolderStore(str(tmp_path))).of("n", "j").made(receipt)


def test_a_damaged_key_is_told(tmp_path: Path) -> None:
    store = FolderStore(str(tmp_path))
    store.put_if_absent("monitoring/receipt-key", b"short")
    with pytest.raises(DocumentDamaged, match="expected 32 bytes, got 5"):
        Receipts(store).of("m", "j")


def test_a_receipt_says_what_it_was_made_of(tmp_path: Path) -> None:
    of_version = Receipts(FolderStore(str(tmp_path))).of("m", "j")
    extremes = [(0, None), (999, 19), (65_535, 0)]
    for version, minute in ((1, 0), (999_999_999, 2**32 - 1)):
        for text, (number, place) in zip(of_version.make(version, minute, extremes), extremes, strict=True):
            receipt = read_receipt(text)
            assert receipt
            assert receipt[:4] == (version, number, place, minute)
            assert of_version.made(receipt)


def test_no_bit_of_a_receipt_can_be_changed(tmp_path: Path) -> None:
    of_version: VersionReceipts = Receipts(FolderStore(str(tmp_path))).of("m", "j")
    (text,) = of_version.make(3, 29_000_000, [(1, 7)])
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=é "
    for place in range(LENGTH):
        for other in set(alphabet) - {text[place]}:
            receipt = read_receipt(text[:place] + other + text[place + 1 :])
            assert receipt is None or not of_version.made(receipt)


def test_bins_are_equal_parts() -> None:
    assert [probability_bin(each) for each in (0, 0.049, 0.05, 0.5, 0.999, 1)] == [0, 0, 1, 10, 19, 19]
    assert [probability_bin(each) for each in (math.nan, 1.1, -0.1)] == [None] * 3
