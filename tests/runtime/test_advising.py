"""`python -m providers advise` from end to end: packages are built, and measured in their own process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from handlers.jobs import train_now
from handlers.local.services import folder_services
from handlers.settings import read_settings
from providers.advising.packaged import CLOUDS, scratch, unpack
from providers.advising.profile import COUNTS, measure, request_of
from tests.framework import ROOT
from tests.pages.reading import blocks
from tests.pages.showing import lacking
from tests.unit.providers.test_what_packages_hold import paths_of

MIXED = [[None if row % 9 == 0 else row, ("basic", "plus", None)[row % 3]] for row in range(60)]
TARGETS = [("low", "middle", "high")[row % 3] for row in range(60)]
TRAINED = {"model": "mixed", "algorithm": "logistic_regression", "instances": MIXED, "targets": TARGETS}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder as `make serve` keeps it, with a model."""
    folder = str(tmp_path_factory.mktemp("store"))
    services = folder_services(read_settings({"ML_ROOT": folder}), key_records=None)
    assert train_now(services, TRAINED).state == "succeeded"
    return folder


def held(root: str) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path(root).rglob("*") if path.is_file()}


def advise(root: str, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "providers", "advise", *arguments],
        cwd=ROOT,
        env={**os.environ, "ML_ROOT": root, **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_package_that_is_measured_is_the_one_that_is_deployed(cloud: str) -> None:
    with scratch() as folder:
        package = unpack(cloud, folder)
        code = package.paths[0]
        there = {
            os.path.relpath(path, code)
            for path in map(str, Path(code).rglob("*.py"))
            if ".python_packages" not in path
        }
        made = {"main.py", "function_app.py"}
        assert there - made == {path for path in paths_of(cloud) if path.endswith(".py")}
        assert package.zipped < package.unpacked
        assert bool(package.installed) == (cloud == "google")
        assert not os.path.exists(os.path.join(ROOT, ".serverless", f"advice-{os.path.basename(folder)}"))
    assert not os.path.exists(folder)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_package_is_measured_by_rows_and_nothing_is_written(root: str, cloud: str) -> None:
    before = held(root)
    profile = measure(root, request_of(root, "mixed", None), (cloud,))[cloud]
    assert held(root) == before
    assert tuple(profile.rows) == COUNTS
    one, most = profile.rows[1], profile.rows[1000]
    assert 0 < one.seconds < most.seconds
    assert one.request_bytes < most.request_bytes
    assert one.answer_bytes < most.answer_bytes
    assert one.memory <= most.memory == profile.memory
    assert profile.load_memory <= one.memory
    assert (profile.first_reads, profile.first_writes, profile.refused) == (2, 1, "")
    assert profile.package.own_libraries


def test_all_clouds_are_answered_with_progress_and_a_picture(root: str, tmp_path: Path) -> None:
    picture = tmp_path / "costs.svg"
    told = advise(root, "--model", "mixed", "--traffic", "2/s office", "--picture", str(picture))
    assert told.returncode == 0, told.stderr
    for name in ("AWS Lambda", "Google Cloud Run functions", "Azure Functions, Flex Consumption"):
        assert name in told.stdout
        assert name in picture.read_text()
    (shown,) = (block for block in blocks("docs/advice.md") if "Security and use" in block.text)
    # The machine and the model that the page's answer was made with are others.
    assert set(lacking(shown.text, told.stdout)) <= {"Intel", "Xeon", "Processor", "churn"}
    for line in ("google: building the package", "azure: measuring mixed", "aws: simulating", "drawing"):
        assert line in told.stderr
    assert "Traceback" not in told.stderr


def test_reports_of_a_function_stand_beside_the_forecast(root: str) -> None:
    log = (
        "REPORT RequestId: 1-2-3\tDuration: 3.41 ms\tBilled Duration: 4 ms\tMemory Size: 1024 MB\t"
        "Max Memory Used: 84 MB\n"
    )
    told = subprocess.run(
        [sys.executable, "-m", "providers", "advise", "--model", "mixed", "--check", "-", "--root", root],
        cwd=ROOT,
        input=log * 3,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert "forecast" in told.stdout
    assert "3.41" in told.stdout
    assert "1,024 MB" in told.stdout
    assert "never tried on a real account" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("--model", "nope", "--traffic", "1/s"), 1, "there is no model 'nope'"),
        (("--model", "../mixed", "--traffic", "1/s"), 1, "--model: expected a model"),
        (
            ("--model", "mixed", "--traffic", "1/s", "--root", "/nowhere"),
            1,
            "where `make serve` keeps models",
        ),
        (("--model", "mixed", "--traffic", "often"), 1, "--traffic: expected '2/s'"),
        (("--model", "mixed"), 1, "--traffic: expected '2/s'"),
        (("--traffic", "1/s"), 2, "--model"),
        (("--model", "mixed", "--traffic", "1/s", "--rows", "0"), 2, "expected 1 or more"),
        (("--model", "mixed", "--traffic", "1/s", "--machine", "-3"), 2, "expected a price above 0"),
        (("--model", "mixed", "--traffic", "1/s", "--cloud", "moon"), 2, "invalid choice"),
        (
            ("--model", "mixed", "--traffic", "1/s", "--body", "/nowhere"),
            1,
            "--body /nowhere: expected a file",
        ),
        (("--model", "mixed", "--check", "/nowhere"), 1, "/nowhere cannot be read: No such file"),
        (
            ("--model", "mixed", "--traffic", "1/s", "--picture", "/nowhere/a.svg"),
            1,
            "--picture: expected a file in a folder that is there, got /nowhere/a.svg",
        ),
        (("--model", "mixed", "--traffic", "@/nowhere"), 1, "one a line, got No such file"),
        (("--model", "mixed", "--check", "README.md"), 1, "--check: expected lines"),
    ],
)
def test_what_cannot_be_answered_is_one_line(
    root: str, arguments: tuple[str, ...], status: int, told: str
) -> None:
    done = advise(root, *arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert status == 2 or done.stderr.count("\n") == 1, done.stderr


def test_a_package_that_cannot_be_built_is_said(root: str, tmp_path: Path) -> None:
    done = advise(
        root,
        *("--model", "mixed", "--traffic", "1/s", "--cloud", "google"),
        UV_DEFAULT_INDEX="http://127.0.0.1:9/",
        UV_CACHE_DIR=str(tmp_path),
        UV_HTTP_RETRIES="0",
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "the package for google cannot be built" in done.stderr
    assert "`--cloud` names the clouds to look at" in done.stderr
    assert "Traceback" not in done.stderr
