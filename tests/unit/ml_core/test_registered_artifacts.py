"""An artifact that was made elsewhere is taken as it is or refused with the place of each fault."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.errors import InvalidInput, TooLarge
from ml_core.model.artifact import PROFILE
from ml_core.model.model import Model
from ml_core.registering import uploads
from ml_core.registering.checking import check_artifact
from ml_core.registering.request import (
    MOST_DEPTH,
    MOST_ORIGIN_BYTES,
    RegistrationRequest,
    check_registration,
    registration_of,
)
from ml_core.safetensors import Tensor, read, write
from ml_core.training.reference import TableReference
from ml_core.training.request import TrainingRequest

KEPT = sorted((Path(__file__).parent / "artifacts").glob("*.json"))
URI = f"artifact://churn/{'0' * 28}"


def kept(name: str) -> bytes:
    return bytes.fromhex(
        json.loads((Path(__file__).parent / "artifacts" / f"{name}.json").read_text())["artifact"]
    )


LOGISTIC = kept("3-logistic_regression")


def changed(base: bytes = LOGISTIC, /, **members: Any) -> bytes:
    """The artifact with other members in its description; … takes one away. Its checksum is right."""
    description, tensors = read(base)
    told = {**description, **members}
    return write({name: value for name, value in told.items() if value is not ...}, tensors)


def with_profile(change: Callable[[dict[str, Any]], object], base: bytes = LOGISTIC) -> bytes:
    description, tensors = read(base)
    profile = json.loads(bytes(tensors[PROFILE].packed))
    change(profile)
    told = json.dumps(profile).encode()
    return write(description, {**tensors, PROFILE: Tensor((len(told),), told, "U8")})


def faults_of(data: bytes) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        check_artifact(data)
    return {fault.path: fault.message for fault in refused.value.faults}


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_what_any_release_wrote_is_taken(file: Path) -> None:
    data = bytes.fromhex(json.loads(file.read_text())["artifact"])
    manifest, model = check_artifact(data), Model.from_bytes(data)
    assert manifest["algorithm"] == model.algorithm
    assert (manifest["metrics"], manifest["rows"], manifest["library_versions"]) == ({}, None, None)
    json.dumps(manifest, allow_nan=False)


class Evil:
    """Writes a file when it is read."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.path, "w")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_named_and_not_read(protocol: int, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    for value in (Evil(str(marker)), {"a": Evil(str(marker))}, [Evil(str(marker))]):
        (message,) = faults_of(pickle.dumps(value, protocol)).values()
        assert "got a pickle: the service never reads one; convert the fitted model" in message
        assert not marker.exists()


def _npz() -> bytes:
    made = io.BytesIO()
    np.savez(made, a=np.arange(3))
    return made.getvalue()


def _zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("model.pt", b"x")
    return made.getvalue()


def _joblib(compress: Any) -> bytes:
    import joblib
    from sklearn.linear_model import LogisticRegression

    made = io.BytesIO()
    joblib.dump(LogisticRegression().fit([[0], [1]], [0, 1]), made, compress=compress)
    return made.getvalue()


@pytest.mark.parametrize(
    ("data", "called"),
    [
        (_zip, "a zip archive"),
        (_npz, "a zip archive"),
        (lambda: Model.from_bytes(LOGISTIC).to_onnx(), "an ONNX file"),
        (lambda: _joblib(0), "a joblib file, which is a pickle"),
        *(
            (lambda by=by: _joblib((by, 3)), f"a file packed by {by}")
            for by in ("zlib", "gzip", "bz2", "xz", "lzma")
        ),
        (lambda: b"<!doctype html><html></html>", "a page of HTML"),
        (lambda: b"\n <?xml version='1.0'?>", "a page of HTML"),
        (lambda: b'{"a": 1}', "JSON"),
        (lambda: b"", "an empty file"),
        (lambda: b"PAR1" * 4, "a Parquet file"),
        (lambda: b"\x89HDF\r\n\x1a\n" + b"\0" * 20, "an HDF5 file"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_files_of_other_makers_are_called_by_their_names(data: Callable[[], bytes], called: str) -> None:
    (message,) = faults_of(data()).values()
    called = called.replace("bz2", "bzip2")
    assert message.startswith(f"expected a model's artifact, got {called}")
    assert any(way in message for way in ("convert", "PUT", ":import"))


def test_a_safetensors_file_of_another_maker_is_no_artifact() -> None:
    from safetensors.numpy import save

    assert "a safetensors file without" in faults_of(save({"a": np.zeros(3)}))["artifact"]


DESCRIPTIONS: dict[str, tuple[dict[str, Any], str, str]] = {
    "no algorithm": ({"algorithm": ...}, "artifact", "lacks 'algorithm'"),
    "an algorithm of another place": ({"algorithm": "os.system"}, "artifact.algorithm", "has (cnn, kmeans"),
    "an algorithm that is a list": ({"algorithm": ["svm"]}, "artifact.algorithm", "got a list of 1"),
    "a member that nobody reads": ({"import": "os"}, "artifact.import", "nothing is known of it"),
    "no features": ({"features": []}, "artifact.features", "at least one name"),
    "features that are text": ({"features": "abcd"}, "artifact.features", "expected a list"),
    "a name twice": ({"features": ["a", "b", "c", "a"]}, "artifact.features[3]", "is at 0 already"),
    "an empty name": ({"features": ["a", "", "c", "d"]}, "artifact.features[1]", "not empty"),
    "a name that is a number": ({"features": ["a", "b", "c", 4]}, "artifact.features[3]", "a string"),
    "a name too long": ({"features": ["a" * 201, "b", "c", "d"]}, "artifact.features[0]", "at most 200"),
    "half a pair": ({"features": ["a", "\ud83c", "c", "d"]}, "artifact.features[1]", "surrogate"),
    "too many names": ({"features": [f"f{i}" for i in range(10_001)]}, "artifact.features", "at most 10000"),
    "no classes": ({"classes": None}, "artifact.classes", "2 to 1000 different labels"),
    "one class": ({"classes": ["a"]}, "artifact.classes", "2 to 1000 different labels"),
    "too many classes": ({"classes": list(range(1001))}, "artifact.classes", "2 to 1000"),
    "labels of two kinds": ({"classes": ["a", 1]}, "artifact.classes[1]", "all of one kind"),
    "true among numbers": ({"classes": [0, True]}, "artifact.classes[1]", "all of one kind"),
    "labels that are fractions": ({"classes": [0.5, 1.5]}, "artifact.classes[0]", "all of one kind"),
    "labels in another order": ({"classes": ["yes", "no"]}, "artifact.classes[1]", "ascending"),
    "a label twice": ({"classes": ["no", "no"]}, "artifact.classes[1]", "each once"),
    "a label past 64 bits": ({"classes": [0, 2**63]}, "artifact.classes[1]", "64 bits"),
    "a label too long": ({"classes": ["a" * 201, "b"]}, "artifact.classes[0]", "at most 200"),
    "too few features for the tensors": ({"encoding": ...}, "artifact", "do not fit the tensors"),
    "too many classes for the tensors": ({"classes": ["a", "b", "c"]}, "artifact", "classes do not fit"),
    "hyperparameters that are a list": ({"hyperparameters": []}, "artifact.hyperparameters", "an object"),
    "a hyperparameter of another kind": (
        {"hyperparameters": {"C": "much"}},
        "artifact.hyperparameters.C",
        "expected a number",
    ),
    "a flag that is a number": (
        {"hyperparameters": {"scale": 3}},
        "artifact.hyperparameters.scale",
        "true or",
    ),
    "a hyperparameter that is NaN": (
        {"hyperparameters": {"C": float("nan")}},
        "artifact",
        "not",
    ),
    "a hyperparameter too long": (
        {"hyperparameters": {"a": "b" * 2000}},
        "artifact.hyperparameters.a",
        "at most",
    ),
    "a hyperparameter too deep": (
        {"hyperparameters": {"a": [[[[[[1]]]]]]}},
        "artifact.hyperparameters.a",
        "4 levels",
    ),
    "too many hyperparameters": (
        {"hyperparameters": {f"a{i}": 1 for i in range(101)}},
        "artifact.hyperparameters",
        "at most 100",
    ),
}


@pytest.mark.parametrize("what", DESCRIPTIONS)
def test_a_description_is_refused_with_the_place(what: str) -> None:
    members, path, words = DESCRIPTIONS[what]
    if what == "a hyperparameter that is NaN":
        text = json.dumps({**read(LOGISTIC)[0], **members})
        data = _rewritten(text)
        path, words = "artifact.hyperparameters.C", "finite"
    else:
        data = changed(**members)
    told = faults_of(data)
    assert path in told, told
    assert words in told[path]


def _rewritten(text: str) -> bytes:
    """An artifact whose description is this text, which no writer of ours would write."""
    from ml_core import safetensors

    _, tensors = read(LOGISTIC)
    parts = bytearray(write({"x": 1}, tensors))
    length = int.from_bytes(parts[:8], "little")
    header = json.loads(parts[8 : 8 + length])
    header["__metadata__"] = {
        safetensors.METADATA_KEY: text,
        "sha256": safetensors._checksum(text, tensors),
    }
    told = json.dumps(header).encode()
    return len(told).to_bytes(8, "little") + told + bytes(parts[8 + length :])


@pytest.mark.parametrize(
    "hyperparameters",
    [
        {},
        {"C": 1e15, "max_iter": 10**9, "tol": 5},
        {"solver": "newton-cg", "dual": True, "penalty": None, "random_state": 7},
        {"class_weight": {"no": 0.0, "yes": 1e9}},
        {"C": 3},
    ],
)
def test_hyperparameters_are_facts_past_our_bounds_too(hyperparameters: dict[str, Any]) -> None:
    assert check_artifact(changed(hyperparameters=hyperparameters))["hyperparameters"] == hyperparameters


def test_all_faults_of_a_description_are_told_together() -> None:
    told = faults_of(changed(hyperparameters={"C": []}, features=["a", 1, "", "a"], classes=["b", "a"]))
    assert set(told) == {
        "artifact.hyperparameters.C",
        *(f"artifact.features[{place}]" for place in (1, 2, 3)),
        "artifact.classes[1]",
    }


def test_what_the_encoding_says_and_nobody_reads_is_refused() -> None:
    encoding = json.loads(json.dumps(read(LOGISTIC)[0]["encoding"]))
    encoding[0]["code"] = "os.system"
    assert "read by nobody" in faults_of(changed(encoding=encoding))["artifact.encoding"]
    encoding = json.loads(json.dumps(read(LOGISTIC)[0]["encoding"]))
    encoding[1]["words"] = ["a", "a", "b"]
    assert "each word once" in faults_of(changed(encoding=encoding))["artifact.encoding[1].words"]


def _numbers_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the counts of a profile stand."""
    if isinstance(value, dict):
        return [found for name, inside in value.items() for found in _numbers_of(inside, (*path, name))]
    if isinstance(value, list):
        return [found for place, inside in enumerate(value) for found in _numbers_of(inside, (*path, place))]
    counted = {"rows", "missing", "counts", "labels", "probability", "other"} & set(path)
    return [path] if type(value) is int and counted else []


@pytest.mark.parametrize("name", ["3-logistic_regression", "3-kmeans", "3-svm", "3-cnn"])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_count_of_a_profile_can_be_another(name: str, data: st.DataObject) -> None:
    base = kept(name)
    profile = json.loads(bytes(read(base)[1][PROFILE].packed))
    path = data.draw(st.sampled_from(_numbers_of(profile)))
    by = data.draw(st.sampled_from([-1, 1, 5, 1000, 10**30]))

    def change(told: Any) -> None:
        for step in path[:-1]:
            told = told[step]
        told[path[-1]] += by

    if path[0] == "rows" and not profile["columns"]:
        return  # of pictures nothing else says how many there were
    told = faults_of(with_profile(change, base))
    assert all(each.startswith("artifact.profile") for each in told), told


def test_a_model_that_overflows_wherever_it_is_asked_is_refused() -> None:
    description, tensors = read(LOGISTIC)
    huge = {
        name: Tensor.of([1e308] * tensor.size, *tensor.shape) if name == "weights" else tensor
        for name, tensor in tensors.items()
    }
    described = {**description, "parameters": {**description["parameters"], "intercepts": [1e308]}}  # type: ignore[dict-item]
    told = faults_of(write(described, huge))
    assert "cannot predict an instance of its own" in told["artifact"]


def test_a_file_that_is_larger_than_what_is_served_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_BYTES", len(LOGISTIC) - 1)
    with pytest.raises(TooLarge, match="are served"):
        check_artifact(LOGISTIC)


class TestRequest:
    def test_a_stored_request_is_the_request(self) -> None:
        request = RegistrationRequest(URI, "0" * 64, {"version": {"größe": [None, 1.5]}}, "r7")
        assert registration_of(request.to_bytes()) == request

    def test_no_request_to_train_is_one(self) -> None:
        """Jobs that an earlier release submitted are read as what they are."""
        table = TrainingRequest("svm", {}, TableReference("dataset://churn", target="y"), 0.2, 0)
        assert registration_of(table.to_bytes()) is None
        assert registration_of(write({"algorithm": "svm"}, {"instances": Tensor.of([1.0], 1, 1)})) is None

    @pytest.mark.parametrize(
        ("origin", "path"),
        [
            ({"version": {"a": "b" * MOST_ORIGIN_BYTES}}, "$.origin"),
            ({"version": {"a": json.loads("[" * MOST_DEPTH + "]" * MOST_DEPTH)}}, "$.origin"),
            ({"version": {"a": "\ud800"}}, "$.origin"),
            ({"version": {"a": float("inf")}}, "$.origin"),
            ({"library_versions": {"a": None}}, "$.origin.library_versions.a"),
            ({"library_versions": dict.fromkeys(map(str, range(101)), "1")}, "$.origin.library_versions"),
        ],
    )
    def test_claims_have_bounds(self, origin: dict[str, Any], path: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            check_registration({"uri": URI, "origin": origin}, "churn")
        assert [fault.path for fault in refused.value.faults] == [path]

    def test_claims_within_them_are_kept_as_they_came(self) -> None:
        deep = json.loads("[" * (MOST_DEPTH - 3) + "]" * (MOST_DEPTH - 3))
        origin = {"description": "é" * 2000, "version": {"a": deep}, "library_versions": {"a": ""}}
        assert check_registration({"uri": URI, "origin": origin}, "churn").origin == origin


def test_what_a_file_without_a_profile_takes_away_is_a_warning() -> None:
    assert check_artifact(LOGISTIC)["warnings"] == []
    (warning,) = check_artifact(kept("2-logistic_regression"))["warnings"]
    assert "no profile of the rows" in warning
