"""The client's wheel: what is in it, that each build is the same, and that it works where nothing else is."""

import email
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from client.tests.service import Service

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "client"
# With it, an interpreter that is missing here is a failure: `.ci/run` sets it.
EVERY_PYTHON = bool(os.environ.get("EVERY_PYTHON"))


def _uv() -> str:
    own = ROOT / ".tools" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    assert found, "expected uv in .tools/bin/: make client-tests brings it"
    return found


def _run(*command: str, cwd: Path = ROOT, fails: bool = False, **variables: str) -> str:
    """What a command says on both streams; one that fails, or does not where it has to, is shown."""
    hidden = ("PYTHON", "VIRTUAL_ENV", "SERVERLESS_ML_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    done = subprocess.run(
        command, cwd=cwd, env={**kept, **variables}, capture_output=True, text=True, check=False
    )
    assert bool(done.returncode) == fails, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def _build(folder: Path, client: Path = CLIENT, *, what: str = "--wheel") -> Path:
    hashes = ("--build-constraints", str(ROOT / "requirements" / "client-build.txt"), "--require-hashes")
    _run(
        _uv(),
        "build",
        "--quiet",
        what,
        "--python",
        sys.executable,
        *hashes,
        "--out-dir",
        str(folder),
        str(client),
    )
    [built] = [path for path in folder.iterdir() if path.suffix in (".whl", ".gz")]
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(tmp_path_factory.mktemp("wheel"))


def _python(version: str, cwd: Path) -> str | None:
    """An interpreter of a release, where this machine has one; pyenv keeps those that it does not show."""
    asked = [[_uv(), "python", "find", "--no-python-downloads", "--no-project", version]]
    if pyenv := shutil.which("pyenv"):
        asked.append([pyenv, "prefix", version])
    for command in asked:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        found = done.stdout.strip()
        path = Path(found) / "bin" / "python" if command[1] == "prefix" else Path(found)
        if done.returncode == 0 and path.is_file():
            return str(path)
    return None


type Installed = Callable[..., Path]


@pytest.fixture(scope="module", params=["3.12", "3.13"])
def environments(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """Makes environments with the wheel and what it requires alone; gives the folder of their programs."""
    folder = tmp_path_factory.mktemp("environments")
    interpreter = _python(request.param, folder) or ""
    if not interpreter:
        told = f"Python {request.param} was not found: uv python install {request.param}, or pyenv install"
        pytest.fail(told) if EVERY_PYTHON else pytest.skip(told)

    def make(requirements: str) -> Path:
        made = folder / requirements
        if not made.exists():
            listed = str(ROOT / "requirements" / f"{requirements}.txt")
            _run(_uv(), "venv", "--quiet", "--python", interpreter, str(made))
            install = (_uv(), "pip", "install", "--quiet", "--no-deps")
            _run(*install, "--require-hashes", "-r", listed, VIRTUAL_ENV=str(made))
            _run(*install, str(wheel), VIRTUAL_ENV=str(made))
            _run(_uv(), "pip", "check", VIRTUAL_ENV=str(made))
        programs = made / "bin"
        assert (
            _run(str(programs / "python"), "-c", "import sys; print(*sys.version_info[:2], sep='.')").strip()
            == request.param
        )
        return programs

    return make


def test_it_is_the_same_bytes_each_time_also_from_an_sdist(wheel: Path, tmp_path: Path) -> None:
    again = _build(tmp_path / "again")
    sdist = _build(tmp_path / "sdist", what="--sdist")
    shutil.unpack_archive(sdist, tmp_path / "unpacked", filter="data")
    [unpacked] = (tmp_path / "unpacked").iterdir()
    assert not (tmp_path / "unpacked" / "ml_core").exists()
    third = _build(tmp_path / "third", unpacked)
    assert again.name == third.name == wheel.name
    assert sha256(again.read_bytes()).digest() == sha256(wheel.read_bytes()).digest()
    assert sha256(third.read_bytes()).digest() == sha256(wheel.read_bytes()).digest()


def test_a_copy_of_the_folder_alone_says_where_it_is_built(tmp_path: Path) -> None:
    alone = tmp_path / "somewhere" / "client"
    shutil.copytree(CLIENT, alone, ignore=shutil.ignore_patterns("_core", "__pycache__", "tests"))
    said = _run(
        _uv(),
        "build",
        "--wheel",
        "--python",
        sys.executable,
        "--out-dir",
        str(tmp_path / "out"),
        str(alone),
        fails=True,
    )
    assert (
        "serverless-ml-client is built in a clone of the project, where ml_core lies beside client/" in said
    )


def test_it_has_one_top_level_name_and_says_what_it_requires(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        [about] = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(opened.read(about))
        [licence] = [name for name in names if name.endswith("/licenses/LICENSE")]
        assert opened.read(licence) == (ROOT / "LICENSE").read_bytes()
        assert not opened.testzip()
    assert len(names) == len(set(names))
    assert {name.split("/")[0] for name in names} == {"serverless_ml", about.split("/")[0]}
    assert "serverless_ml/py.typed" in names
    assert "serverless_ml/_core/model/model.py" in names
    assert [
        name
        for name in names
        if not name.endswith((".py", "/py.typed", "/style.css")) and ".dist-info/" not in name
    ] == []
    assert metadata["Requires-Python"] == ">=3.12"
    assert metadata["License-Expression"] == "MIT"
    required: dict[str, set[str]] = {}
    for each in metadata.get_all("Requires-Dist", []):
        extra = re.search(r"extra == ['\"](\w+)['\"]", each)
        required.setdefault(extra[1] if extra else "", set()).add(re.split(r"[<>=]", each)[0])
    assert required == {
        "": {"httpx", "narwhals", "platformdirs", "rich", "tomli-w", "typer"},
        "models": {"numpy"},
        "onnx": {"numpy", "onnxmltools", "onnxruntime", "protobuf", "skl2onnx"},
    }
    assert metadata.get_all("Provides-Extra") == ["models", "onnx"]


def test_it_stays_small(wheel: Path) -> None:
    """An archive of text; a megabyte would mean that something else got in."""
    assert 300_000 < wheel.stat().st_size < 800_000


# Refuses what the service consists of, and whatever is not declared, also where it lies in a folder nearby.
EVERY_MODULE = """
import importlib, pkgutil, sys
sys.path = [path for path in sys.path if path]
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"ml_core", "handlers", "providers", "boto3", "google", "azure", "obstore"}:
            raise AssertionError(f"{name} was imported")
sys.meta_path.insert(0, Refused())
import serverless_ml
first = "serverless_ml._core"
TRAINED_WITH = f"{first}.preprocessing.fitting"
found = [each.name for each in pkgutil.walk_packages(serverless_ml.__path__, "serverless_ml.")
         if CORE or not each.name.startswith(first)]
for name in found:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        # what only training takes is carried beside what predicts, and never imported by it
        if error.name not in {"scipy", "sklearn"} or name != TRAINED_WITH:
            raise
print(len(found))
"""


def test_every_module_of_the_client_imports_with_nothing_but_what_it_requires(
    environments: Installed,
) -> None:
    programs = environments("client")
    listed = _run(_uv(), "pip", "list", "--format=freeze", VIRTUAL_ENV=str(programs.parent))
    assert "numpy" not in listed
    assert "pandas" not in listed
    assert int(_run(str(programs / "python"), "-c", f"CORE = False{EVERY_MODULE}")) > 5


def test_every_module_that_is_carried_imports_with_numpy_alone(environments: Installed) -> None:
    programs = environments("client-models")
    assert int(_run(str(programs / "python"), "-c", f"CORE = True{EVERY_MODULE}")) > 120


ASK = """
import sys
from serverless_ml import Client, NotInstalled
url, with_numpy, name = sys.argv[1], sys.argv[2] == "1", sys.argv[3]
rows = [[120, 0.9], [130, 0.8], [125, 0.95], [118, 0.7], [170, 0.2], [160, 0.1], [155, 0.3], [175, 0.15]]
with Client(url) as ml:
    version = ml.train(name, rows, targets=["apple"] * 4 + ["quince"] * 4, test_fraction=0.25)
    print(version)
    answers = list(ml.predict(name, rows))
    assert answers == ["apple"] * 4 + ["quince"] * 4, answers
    if with_numpy:
        model = ml.load(name)
        assert model.predict(rows).tolist() == answers
        assert abs(model.predict_proba(rows).sum() - len(rows)) < 1e-9
        again = ml.register(f"{name}-again", model, X=rows, y=answers)
        assert again.sha256 == version.sha256
        assert again.registered["origin"]["version"]["test_rows"] == 8
    else:
        for do in (lambda: ml.load(name), lambda: ml.register(name, object())):
            try:
                do()
            except NotInstalled as error:
                print(error)
            else:
                raise AssertionError("it needs numpy, which is not here")
"""


@pytest.mark.parametrize("requirements", ["client", "client-models"])
def test_it_trains_and_predicts_with_nothing_else_and_loads_with_its_extra(
    environments: Installed, requirements: str, service: Service, tmp_path: Path
) -> None:
    programs = environments(requirements)
    said = _run(str(programs / "serverless-ml"), "--version", cwd=tmp_path)
    assert re.search(r"\b\d+\.\d+\.\d+\b", said)
    extra = requirements != "client"
    name = f"{requirements}-{programs.parent.parent.name}"
    said = _run(str(programs / "python"), "-c", ASK, service.url, str(int(extra)), name, cwd=tmp_path)
    if not extra:
        assert said.count("numpy, which is not installed: install the client with its extra `models`") == 2
    table = tmp_path / "fruit.csv"
    table.write_text("grams,redness,kind\n" + "120,0.9,apple\n170,0.2,quince\n" * 10)
    command = (str(programs / "serverless-ml"), "--url", service.url)
    _run(*command, "train", str(table), "--target", "kind", "--model", f"{name}-table", cwd=tmp_path)
    (tmp_path / "new.csv").write_text("grams,redness\n121,0.8\n171,0.1\n")
    _run(
        *command,
        "predict",
        f"{name}-table",
        str(tmp_path / "new.csv"),
        "-o",
        str(tmp_path / "scored.csv"),
        cwd=tmp_path,
    )
    assert re.findall("apple|quince", (tmp_path / "scored.csv").read_text()) == ["apple", "quince"]
