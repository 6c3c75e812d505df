"""Clients that generators write from `/openapi.json`: they compile, and they train, predict and infer.

Each is asked the same by a program in `programs/`, which is written as its user would, and says what it saw.
The shorter ones of docs/generated-clients.md are compiled and run with it.
"""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from client.tests.service import ROOT, Service

HERE = Path(__file__).parent
PYTHON = ROOT / ".tools" / "generators" / "bin"
NPM = ROOT / ".tools" / "generators-npm" / "node_modules"
CLIENT = "ml_service"

# What mypy has against code that openapi-python-client writes, whatever the description says: a variable that
# is the class's own name and a member's, casts that change nothing, a list of lists of two kinds, and how its
# `Client` ends a `with`.
THE_GENERATORS_OWN = re.compile(
    r"ml_service/(models/\w+|client)\.py:\d+: error: "
    r'(Incompatible types in assignment \(expression has type "(T|Self)"'
    r'|Incompatible return value type \(got .+, expected "(T|Self)"\)'
    r"|Redundant cast"
    r'|Argument 1 to "append" of "list" has incompatible type .+; expected "Never"'
    r'|Argument 1 to "__a?exit__" of )'
)
READ = [
    *("Alias", "Alias", "History", "AliasMonitoring", "Model", "Versions", "LinearParameters", "Profile"),
    *("Monitoring", "File", "Schema", "Metadata", "ModelReady", "Explanations", "Upload", "Datasets", "Jobs"),
    *("Algorithms", "Server"),
]


def tool(folder: Path, name: str) -> str:
    """A program that generates or compiles; a test that needs it fails where it is not there."""
    found = folder / name
    if not found.exists():
        pytest.fail(f"{found.relative_to(ROOT)} is not there: make client-tests installs it")
    return str(found)


def run(*command: str, cwd: Path, leaves_out: str = "", **variables: str) -> str:
    """What a program said, which ends well and warns of nothing but bodies that it leaves out."""
    path = os.pathsep.join([str(PYTHON), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PATH": path, "NO_COLOR": "1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    if leaves_out:
        unread = re.findall(r"^Unsupported content type (\S+)$", done.stdout, re.MULTILINE)
        assert {*unread} == {leaves_out}, done.stdout
        assert len(re.findall(r"^WARNING ", done.stdout, re.MULTILINE)) == len(unread), done.stdout
    else:
        assert not re.search(r"warn|skipping|unsupported", done.stdout, re.IGNORECASE), done.stdout
    return done.stdout


@pytest.fixture
def project(service: Service, tmp_path: Path) -> Path:
    """A folder with the service's description, as it is served, and the programs."""
    with urllib.request.urlopen(f"{service.url}/openapi.json", timeout=60) as answer:
        (tmp_path / "openapi.json").write_bytes(answer.read())
    return tmp_path


def on_the_page(generator: str, service: Service) -> str:
    """The program of a generator on its page, which asks that service."""
    page = (ROOT / "docs" / "generated-clients.md").read_text(encoding="utf-8")
    section = page.partition(f": {generator}\n")[2].partition("\n## ")[0]
    (program,) = re.findall(r"^```(?:python|ts)\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    return str(program).replace("http://localhost:8080", service.url).replace('"fruit"', '"on-the-page"')


def check(said: str, model: str) -> dict[str, Any]:
    """Hold what a program saw against what is so; what else it saw."""
    told: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    assert told.pop("labels") == ["apple", "apple", "quince"]
    assert told.pop("label") == "quince"
    probabilities = told.pop("probability")
    assert sum(probabilities) == pytest.approx(1)
    assert probabilities[1] > 0.5
    assert told.pop("algorithm") == "logistic_regression"
    assert model in told.pop("models")
    assert told.pop("inferred") == ["apple", "quince"]
    assert told.pop("training") == ["$.hyperparameters.n_clusters"]
    assert told.pop("code") == "invalid_input"
    ((path, message),) = told.pop("faults")
    assert path == "$.instances[0]"
    assert "expects 2 features" in message
    return told


def test_openapi_python_client(service: Service, project: Path) -> None:
    shutil.copy(HERE / "programs" / "python_client.py", project)
    run(
        *(tool(PYTHON, "openapi-python-client"), "generate", "--path", "openapi.json", "--meta", "none"),
        *("--config", str(HERE / "openapi-python-client.yml"), "--output-path", CLIENT),
        cwd=project,
        leaves_out="application/x-npy",
    )
    told = check(
        run(tool(PYTHON, "python"), "python_client.py", cwd=project, URL=service.url), "generated-python"
    )
    assert told == {"from a table": ["apple", "apple"], "read": READ}
    (project / "on_the_page.py").write_text(on_the_page("openapi-python-client", service))
    said = run(tool(PYTHON, "python"), "on_the_page.py", cwd=project)
    assert said.splitlines()[-1] == "['apple', 'quince']"

    checked = subprocess.run(
        [tool(PYTHON, "mypy"), "--strict", "--config-file=", "--no-color-output", "."],
        cwd=project,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=600,
    ).stdout
    errors = [line for line in checked.splitlines() if ": error: " in line]
    assert checked.splitlines()[-1].startswith("Found "), checked
    assert [line for line in errors if not THE_GENERATORS_OWN.match(line)] == []


def test_openapi_typescript_and_openapi_fetch(service: Service, project: Path) -> None:
    prepare(project, "openapi_fetch.ts", on_the_page("openapi-typescript and openapi-fetch", service))
    run(tool(NPM / ".bin", "openapi-typescript"), "openapi.json", "-o", f"{CLIENT}.d.ts", cwd=project)
    told = check(compiled(project, "openapi_fetch", service), "generated-fetch")
    assert told == {"from a table": ["apple", "apple"]}


def test_hey_api(service: Service, project: Path) -> None:
    prepare(project, "hey_api.ts", on_the_page("hey-api", service))
    run(
        *(tool(NPM / ".bin", "openapi-ts"), "-i", "openapi.json", "-o", CLIENT),
        *("-c", "@hey-api/client-fetch", "--no-log-file"),
        cwd=project,
    )
    assert check(compiled(project, "hey_api", service), "generated-hey") == {}


def prepare(project: Path, program: str, page: str) -> None:
    """Make the folder a project of TypeScript, with both programs."""
    (project / "on_the_page.ts").write_text(page)
    shutil.copy(HERE / "programs" / program, project)
    shutil.copy(HERE / "programs" / "tsconfig.json", project)
    (project / "node_modules").symlink_to(NPM)


def compiled(project: Path, program: str, service: Service) -> str:
    """What a program says once it is compiled, with the client that it uses, under `strict`."""
    run(tool(NPM / ".bin", "tsc"), "-p", ".", cwd=project)
    assert re.findall(r"\w+", run("node", "built/on_the_page.js", cwd=project)) == ["apple", "quince"]
    return run("node", f"built/{program}.js", cwd=project, URL=service.url)
