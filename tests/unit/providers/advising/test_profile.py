"""What is measured of a model, by the project's own code; tests/runtime measures packages."""

import json
from pathlib import Path

import pytest

from handlers.jobs import train_now
from handlers.local.services import folder_services
from handlers.services import Services
from handlers.settings import read_settings
from providers.advising import profile as profiles
from providers.advising.impossible import AdviceImpossible
from providers.advising.packaged import CloudPackage
from providers.advising.profile import COUNTS, measure, request_of
from providers.deploying.packages import ROOT
from tests.unit.handlers.networks import PICTURES, networks, register

MIXED = [[None if row % 9 == 0 else row, ("basic", "plus", None)[row % 3]] for row in range(60)]
TARGETS = [("low", "middle", "high")[row % 3] for row in range(60)]
TRAINED = {"model": "mixed", "algorithm": "logistic_regression", "instances": MIXED, "targets": TARGETS}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = str(tmp_path_factory.mktemp("store"))
    services = open_folder(folder)
    for request in (TRAINED, TRAINED, {**TRAINED, "model": "gone"}):
        assert train_now(services, request).state == "succeeded"
    register(services, "digits", networks()["digits"])
    return folder


@pytest.fixture(autouse=True)
def _unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is this project, and its libraries are this environment's."""
    monkeypatch.setattr(profiles, "unpack", lambda cloud, _: CloudPackage(cloud, [ROOT], 1, 2, 0, False))


def open_folder(folder: str) -> Services:
    return folder_services(read_settings({"ML_ROOT": folder}), key_records=None)


def held(root: str) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path(root).rglob("*") if path.is_file()}


@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_a_model_is_measured_by_rows_and_nothing_is_written(root: str, cloud: str) -> None:
    before, told = held(root), list[str]()
    profile = measure(root, request_of(root, "mixed", None), (cloud,), told.append)[cloud]
    assert held(root) == before
    assert [line.partition(":")[0] for line in told] == [cloud, cloud]
    assert tuple(profile.rows) == COUNTS
    one, most = profile.rows[1], profile.rows[1000]
    assert 0 < one.seconds < most.seconds
    assert one.request_bytes < most.request_bytes
    assert one.answer_bytes < most.answer_bytes
    assert profile.load_memory <= one.memory <= most.memory == profile.memory
    # The model's document, and its artifact; one object with the counts, which is not written.
    assert (profile.first_reads, profile.first_writes, profile.refused) == (2, 1, "")
    assert profile.first > one.seconds
    assert 100 < profile.log_bytes < 1000


def test_a_request_is_made_up_of_the_columns(root: str) -> None:
    request = request_of(root, "mixed", None)
    assert (request.model, request.algorithm, request.rest) == ("mixed", "logistic_regression", {})
    ((number, word),) = request.instances
    assert isinstance(number, float)
    assert word == "basic"


def test_the_version_is_the_one_that_predictions_come_from(root: str) -> None:
    assert request_of(root, "mixed", None).version == 2
    open_folder(root).aliases.set("mixed", "production", 1)
    assert request_of(root, "mixed", None).version == 1


def test_a_network_takes_a_body(root: str, tmp_path: Path) -> None:
    with pytest.raises(AdviceImpossible, match="'digits' takes no plain rows; --body FILE"):
        request_of(root, "digits", None)
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"instances": PICTURES[:1], "outputs": ["label"]}))
    request = request_of(root, "digits", str(body))
    assert request.rest == {"outputs": ["label"]}
    assert measure(root, request, ("aws",))["aws"].rows[1].seconds > 0


@pytest.mark.parametrize("said", ["{", "[]", "{}", '{"instances": []}', '{"instances": 3}'])
def test_a_body_that_is_none_is_refused(root: str, tmp_path: Path, said: str) -> None:
    body = tmp_path / "body.json"
    body.write_text(said)
    with pytest.raises(AdviceImpossible, match=r"--body .* expected a file with a request of :predict"):
        request_of(root, "mixed", str(body))


def test_a_request_that_gets_no_prediction_is_told(root: str, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"instances": [[1]]}))
    with pytest.raises(AdviceImpossible, match=r"aws: the request .* 'mixed' got 422.*--body FILE"):
        measure(root, request_of(root, "mixed", str(body)), ("aws",))


def test_a_model_without_a_version_is_told_as_one_that_is_not_there(root: str) -> None:
    services = open_folder(root)
    services.deletion.delete_version("gone", 1)
    with pytest.raises(AdviceImpossible, match=r"--model: expected a model in .* got 'gone'"):
        request_of(root, "gone", None)


def test_a_process_that_fails_is_one_sentence(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = CloudPackage("aws", ["/nowhere"], 1, 1, 0, True)
    monkeypatch.setattr(profiles, "unpack", lambda *_: nowhere)
    with pytest.raises(AdviceImpossible, match="aws: the process that measures failed: ModuleNotFoundError"):
        measure(root, request_of(root, "mixed", None), ("aws",))
