"""What a deployment to AWS uploads: within Lambda's limits, compiled, reproducible, nothing unneeded."""

import ast
import hashlib
import io
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from PIL import Image

from providers.aws.deploying import packaging
from providers.deploying import graphs
from providers.deploying import packages as building
from tests.framework import Packages, Project

ZIPS = ["code", "predict_layer", "training_layer"]
# Flags of a .pyc file whose source is never looked at: hash-based, unchecked (PEP 552).
UNCHECKED = 0b01


def names(zip_path: str) -> list[str]:
    with zipfile.ZipFile(zip_path) as archive:
        return archive.namelist()


def unpacked_size(zip_path: str) -> int:
    with zipfile.ZipFile(zip_path) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def digest(path: str) -> str:
    with open(path, "rb") as source:
        return hashlib.sha256(source.read()).hexdigest()


@pytest.mark.parametrize("layer", ["predict_layer", "training_layer"])
def test_a_function_with_its_layer_is_within_lambdas_limit_unpacked(
    aws_packages: Packages, layer: str
) -> None:
    unpacked = unpacked_size(aws_packages.code) + unpacked_size(getattr(aws_packages, layer))
    assert unpacked <= packaging.MOST_UNPACKED_BYTES == 262_144_000


def test_what_predicts_could_be_sent_without_a_bucket(aws_packages: Packages) -> None:
    for path in (aws_packages.code, aws_packages.predict_layer):
        assert os.path.getsize(path) <= packaging.MOST_DIRECT_ZIP_BYTES == 52_428_800


def test_what_predicts_is_at_most_19_mb(aws_packages: Packages) -> None:
    """A cold start may fetch it first; a person with a slow line uploads it."""
    assert sum(map(os.path.getsize, (aws_packages.code, aws_packages.predict_layer))) <= 19_000_000


def test_the_code_is_a_few_megabytes(aws_packages: Packages) -> None:
    """A cold start brings it to the function, and unpacks it; the console shows no more than 3 MB."""
    assert os.path.getsize(aws_packages.code) < 3_000_000


@pytest.mark.parametrize("name", ["code", "training_layer"])
def test_every_module_is_compiled_and_its_source_never_checked(aws_packages: Packages, name: str) -> None:
    with zipfile.ZipFile(getattr(aws_packages, name)) as archive:
        held = set(archive.namelist())
        modules = [each for each in held if each.endswith(".py")]
        assert modules
        for module in modules:
            folder, _, file = module.rpartition("/")
            cached = f"{folder}/__pycache__/{file[:-3]}.cpython-313.pyc".lstrip("/")
            assert cached in held, f"{module} is not compiled"
            assert struct.unpack("<I", archive.read(cached)[4:8]) == (UNCHECKED,)


def test_of_the_libraries_that_predict_the_compiled_modules_suffice(aws_packages: Packages) -> None:
    with zipfile.ZipFile(aws_packages.predict_layer) as archive:
        modules = {each for each in archive.namelist() if each.endswith((".py", ".pyc"))}
        assert {"python/numpy/__init__.pyc", "python/obstore/__init__.pyc"} <= modules
        assert [each for each in modules if each.endswith(".py") or "__pycache__" in each] == []
        assert {struct.unpack("<I", archive.read(each)[4:8]) for each in modules} == {(UNCHECKED,)}
        assert b"Compute the arithmetic mean" not in archive.read("python/numpy/_core/fromnumeric.pyc")


def test_our_compiled_code_has_no_docstrings(aws_packages: Packages) -> None:
    """No function reads one, and each cold start would bring and load them."""
    with zipfile.ZipFile(aws_packages.code) as archive:
        for module in ("handlers/clouds/aws.py", "ml_core/ports.py"):
            with open(os.path.join(building.ROOT, module), encoding="utf-8") as written:
                source = ast.get_docstring(ast.parse(written.read()), clean=False)
            assert source
            assert source.encode() not in archive.read(module)
            folder, _, file = module.rpartition("/")
            compiled = archive.read(f"{folder}/__pycache__/{file[:-3]}.cpython-313.pyc")
            assert source.encode() not in compiled


def test_of_our_sources_each_line_of_code_is_where_it_was(aws_packages: Packages) -> None:
    """A traceback shows lines by their numbers."""
    with zipfile.ZipFile(aws_packages.code) as archive:
        for module in (each for each in archive.namelist() if each.endswith(".py")):
            with open(os.path.join(building.ROOT, module), encoding="utf-8") as written:
                before = written.read()
            after = archive.read(module).decode()
            assert after.count("\n") == before.count("\n"), module
            changed = [
                (old, new)
                for old, new in zip(before.split("\n"), after.split("\n"), strict=True)
                if old != new and new.strip() not in {"", "..."}
            ]
            assert changed == [], module


def test_compiled_code_names_the_place_where_it_runs_not_where_it_was_built(aws_packages: Packages) -> None:
    for path in aws_packages.all:
        with zipfile.ZipFile(path) as archive:
            compiled = [archive.read(each) for each in archive.namelist() if each.endswith(".pyc")]
        assert compiled
        assert not any(building.ROOT.encode() in each or b"/tmp/" in each[:400] for each in compiled)


def test_the_code_is_the_service_and_nothing_else(aws_packages: Packages) -> None:
    held = names(aws_packages.code)
    assert {name.partition("/")[0] for name in held} == {"handlers", "ml_core", "providers"}
    assert {name.split("/")[1] for name in held if name.startswith("providers/") and name.count("/") > 1} == {
        "aws",
        "mappers",
        "__pycache__",
    }
    assert "handlers/clouds/aws.py" in held
    assert {os.path.splitext(name)[1] for name in held} == {".py", ".pyc", ".html", ".json", ".pem", ".sh"}
    elsewhere = {
        "handlers/local",
        "handlers/single",
        "providers/deploying",
        "providers/aws/deploying",
        "providers/aws/config.yml",
    }
    assert [name for name in held if name.startswith(tuple(elsewhere))] == []
    adapters = {name for name in held if name.startswith("handlers/clouds/") and name.endswith(".py")}
    assert adapters == {
        f"handlers/clouds/{name}.py" for name in ("__init__", "aws", "aws_runtime", "bootstrap")
    }


def test_what_lambda_starts_in_place_of_its_runtime_may_be_executed(aws_packages: Packages) -> None:
    with zipfile.ZipFile(aws_packages.code) as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    scripts = {name for name, mode in modes.items() if mode == 0o100755}
    assert scripts == {"handlers/clouds/aws_runtime.sh"}
    assert {modes[name] for name in modes.keys() - scripts} == {0o100644}


@pytest.mark.parametrize("name", ["predict_layer", "training_layer"])
def test_a_layer_has_no_tests_headers_or_stubs_and_is_below_python(aws_packages: Packages, name: str) -> None:
    held = names(getattr(aws_packages, name))
    assert all(each.startswith("python/") for each in held)
    unneeded = [
        each for each in held if "/tests/" in each or each.endswith((".h", ".pyi", ".pyx", ".pxd", ".c"))
    ]
    assert unneeded == []
    assert [each for each in held if each.rpartition("/")[2].startswith("LICENSE")], "licences travel along"


def test_each_layer_is_its_lock_whole(aws_packages: Packages) -> None:
    predicting, training = building.locked(packaging.PREDICT_LOCK), building.locked(packaging.TRAINING_LOCK)
    assert distributions(aws_packages.predict_layer) == pinned(predicting)
    assert distributions(aws_packages.training_layer) == pinned({**predicting, **training})


def test_the_trainer_decodes_jpeg_with_what_its_layer_has_left_of_pillow(
    aws_packages: Packages, tmp_path: Path
) -> None:
    pillow = ("python/PIL/", "python/pillow.libs/")
    with zipfile.ZipFile(aws_packages.training_layer) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename.startswith(pillow)]
        assert sum(entry.file_size for entry in entries) <= 11_000_000
        archive.extractall(tmp_path, entries)
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]; import PIL; assert PIL.__file__.startswith(sys.argv[1]);"
        "from ml_core.picture_files import jpeg; print(jpeg.decode(sys.stdin.buffer.read(), (8, 8)).shape)"
    )
    exif = Image.Exif()
    exif[0x0112] = 6
    for mode, channels in (("L", 1), ("RGB", 3), ("CMYK", 3)):
        photograph = io.BytesIO()
        Image.new(mode, (64, 32)).save(photograph, "JPEG", progressive=True, exif=exif)
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "python"), building.ROOT],
            input=photograph.getvalue(),
            capture_output=True,
            check=True,
        )
        assert done.stdout.decode().strip() == f"(32, 16, {channels})"


@pytest.mark.parametrize("group", ["", "google-api", "azure-api"])
def test_pillow_is_in_no_package_that_answers(group: str) -> None:
    folder = os.path.join(building.ROOT, "requirements")
    answers = os.path.join(folder, f"{group}.txt") if group else packaging.PREDICT_LOCK
    assert "pillow" not in building.locked(answers)
    assert "pillow" in building.locked(
        os.path.join(folder, f"{group.replace('api', 'train') or 'train'}.txt")
    )


def test_both_locks_pin_what_they_share_alike() -> None:
    predicting, training = building.locked(packaging.PREDICT_LOCK), building.locked(packaging.TRAINING_LOCK)
    shared = predicting.keys() & training.keys()
    assert shared
    assert {name: predicting[name] for name in shared} == {name: training[name] for name in shared}


def distributions(zip_path: str) -> set[str]:
    return {
        name.split("/")[1].split("-")[0].replace("_", "-").lower()
        for name in names(zip_path)
        if ".dist-info/METADATA" in name
    }


def pinned(locked: dict[str, str]) -> set[str]:
    """What a lock installs here: the condition of a pin may be of another Python."""
    asked = {name: Requirement(pin.splitlines()[0].rstrip("\\ ")) for name, pin in locked.items()}
    return {name for name, each in asked.items() if each.marker is None or each.marker.evaluate()}


def test_packaging_again_elsewhere_gives_the_same_bytes(
    aws_packages: Packages, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = Project(str(tmp_path_factory.mktemp("another place")), {"PYTHONHASHSEED": "7"})
    shutil.copytree(elsewhere.path("ml_core"), elsewhere.path("warm"))  # other times, other inodes
    shutil.rmtree(elsewhere.path("ml_core"))
    os.rename(elsewhere.path("warm"), elsewhere.path("ml_core"))
    elsewhere.serverless("package", "--stage", "dev", TZ="Asia/Tokyo")
    again = Packages(elsewhere.path(".serverless"))
    assert [digest(path) for path in again.all] == [digest(path) for path in aws_packages.all]


def test_building_a_layer_again_without_its_cache_gives_the_same_bytes(
    aws_packages: Packages, tmp_path: str
) -> None:
    """From the package index with uv, where the framework's plugin had installed with pip."""
    program = (
        "import sys; from providers.aws.deploying import packaging; packaging.BUILT = sys.argv[1];"
        "print(packaging.predict_layer()); print(packaging.training_layer())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=building.ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    predict, training = done.stdout.split()
    assert digest(predict) == digest(aws_packages.predict_layer)
    assert digest(training) == digest(aws_packages.training_layer)


def test_packaging_does_not_ask_for_an_account(aws_packages: Packages) -> None:
    """The fixture packaged without any credentials."""
    assert all(os.path.exists(path) for path in aws_packages.all)


@pytest.fixture(scope="module")
def graph_function() -> str:
    """The zip of the function that runs imported models."""
    return packaging.graph_function()


def test_what_runs_graphs_is_at_most_25_mb_and_75_unpacked(graph_function: str) -> None:
    """It is sent without a bucket between, and a cold start fetches and unpacks it."""
    assert os.path.getsize(graph_function) <= 25_000_000 <= packaging.MOST_DIRECT_ZIP_BYTES
    assert unpacked_size(graph_function) <= 75_000_000 <= packaging.MOST_UNPACKED_BYTES


def test_what_runs_graphs_is_what_its_handler_reaches_numpy_and_onnxruntime(graph_function: str) -> None:
    held = names(graph_function)
    ours = {name for name in held if name.endswith(".py")}
    assert ours == set(graphs.sources(building.ROOT, "aws"))
    libraries = {name.partition("/")[0] for name in held} - {"handlers", "ml_core"}
    assert {each for each in libraries if not each.endswith((".dist-info", ".libs"))} == {
        "numpy",
        "onnxruntime",
    }
    unneeded = (
        *("onnxruntime/tools/", "onnxruntime/transformers/", "onnxruntime/quantization/", "numpy/random/"),
        *("onnxruntime/capi/libonnxruntime.so", "providers/"),
    )
    assert [name for name in held if name.startswith(unneeded)] == []
    assert [name for name in held if "LICENSE" in name and name.startswith("onnxruntime")]


def test_in_what_runs_graphs_every_module_is_compiled_for_where_it_runs(graph_function: str) -> None:
    with zipfile.ZipFile(graph_function) as archive:
        held = set(archive.namelist())
        for module in (each for each in held if each.endswith(".py")):
            folder, _, file = module.rpartition("/")
            cached = f"{folder}/__pycache__/{file[:-3]}.cpython-313.pyc"
            assert struct.unpack("<I", archive.read(cached)[4:8]) == (UNCHECKED,)
        compiled = [archive.read(each) for each in held if each.endswith(".pyc")]
    assert not any(building.ROOT.encode() in each or b"/tmp/" in each[:400] for each in compiled)


def test_what_runs_graphs_is_built_the_same_again(
    graph_function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setattr(packaging, "BUILT", str(tmp_path))
    assert digest(packaging.graph_function()) == digest(graph_function)


def test_it_is_built_for_either_architecture() -> None:
    with zipfile.ZipFile(packaging.graph_function(architecture="arm64")) as archive:
        libraries = [each for each in archive.namelist() if ".so" in each]
    assert [each for each in libraries if "onnxruntime_pybind11_state" in each and "aarch64" in each]
    assert not [each for each in libraries if "x86_64" in each]
