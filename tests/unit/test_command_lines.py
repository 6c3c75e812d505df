"""Every command says what it is for when asked, before it does anything, and what is missing in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from handlers.version import NAME, VERSION

ROOT = Path(__file__).parents[2]
COMMANDS = [
    "handlers.local",
    "handlers.rest.openapi",
    "handlers.rest.rights",
    "handlers.settings",
    "ml_core.export",
    "providers",
    "providers keys",
    "providers keys new",
    "providers keys list",
    "providers keys revoke",
    "providers deploy",
    "providers remove",
    "providers info",
    "providers logs",
    "providers invoke",
    "providers advise",
    "documenting",
    "documenting reference",
    "examples.demo",
    "examples.demo.scale",
    "benchmarks",
    "benchmarks.false_alarms",
    "benchmarks.large_tables",
    "benchmarks.networks",
    "benchmarks.privacy",
    "benchmarks.scale_model",
    "benchmarks.streamed_training",
    "benchmarks.tables",
    "benchmarks.whole_tables",
]
# As before anything was installed: `python3` of the machine.
NOTHING_INSTALLED = """
import sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"waitress", "rich", "sklearn", "numpy", "scipy", "obstore", "boto3"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Nothing())
"""


def _run(
    folder: Path, command: str, *arguments: str, installed: bool = True
) -> "subprocess.CompletedProcess[str]":
    hidden = folder / "hidden"
    hidden.mkdir(exist_ok=True)
    if not installed:
        (hidden / "sitecustomize.py").write_text(NOTHING_INSTALLED)
    return subprocess.run(
        [sys.executable, "-m", *command.split(), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{hidden}:{ROOT}", "ML_ROOT": str(folder / "models")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_the_command_is_for_and_does_nothing(tmp_path: Path, command: str) -> None:
    done = _run(tmp_path, command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -m {command} ")
    assert [path.name for path in tmp_path.iterdir()] == ["hidden"]


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_that_there_is_not_is_refused_before_anything_is_done(tmp_path: Path, command: str) -> None:
    done = _run(tmp_path, command, "--no-such-option")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: ")
    assert [path.name for path in tmp_path.iterdir()] == ["hidden"]


@pytest.mark.parametrize("command", ["handlers.local", "providers", "examples.demo"])
@pytest.mark.parametrize("installed", [True, False])
def test_the_version_is_told_whatever_is_installed(tmp_path: Path, command: str, installed: bool) -> None:
    done = _run(tmp_path, command, "--version", installed=installed)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{NAME} {VERSION}\n", "")


@pytest.mark.parametrize(
    ("command", "told"), [("handlers.local --port 0", "make serve"), ("examples.demo", "make demo")]
)
def test_without_what_it_needs_a_command_says_what_to_run(tmp_path: Path, command: str, told: str) -> None:
    done = _run(tmp_path, command, installed=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert f"is not installed: run `{told}`" in done.stderr


def test_there_is_no_other_command_for_people() -> None:
    """What can be run and is not listed above is run by programs alone."""
    runnable = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
        for folder in ("handlers", "providers", "ml_core", "documenting", "examples", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    }
    assert runnable - {command.split()[0] for command in COMMANDS} == {
        "benchmarks.comparison_diffprivlib",
        "benchmarks.comparison_fastapi",
        "benchmarks.comparison_minimal",
        "benchmarks.comparison_networks",
        "benchmarks.comparison_pandas",
        "benchmarks.comparison_scoring",
        "benchmarks.comparison_streaming",
        "benchmarks.comparison_torch",
        "benchmarks.counting",
        "benchmarks.explanations",
        "benchmarks.growth_of_jobs",
        "benchmarks.product",
        "benchmarks.surfaces",
        "ml_core.datasets.describe_process",
        "ml_core.jobs.fit_process",
        "ml_core.running.child",
        "ml_core.sandbox.zygote",
        "providers.advising.measuring",
        "providers.aws.deploying.packaging",
        "providers.aws.deploying.preflight",
        "providers.aws.deploying.removal",
        "providers.mappers.lithops_runner",
    }
