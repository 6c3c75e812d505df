"""What every command has in common: help, exit codes, what is said where, and quick beginnings."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from serverless_ml import profiles
from serverless_ml.command_line.app import app
from serverless_ml.command_line.exits import Exit, ending_of
from serverless_ml.command_line.frame import COMMANDS
from serverless_ml.errors import (
    BadConnection,
    Conflict,
    Fault,
    InvalidInput,
    JobFailed,
    NotAllowed,
    NotConnected,
    NotFound,
    TooMany,
    Unavailable,
)
from serverless_ml.profiles import ProfileError
from serverless_ml.version import VERSION

from client.tests.command_line.conftest import Guarded
from client.tests.command_line.running import COMMAND, on_terminal, run, variables
from client.tests.service import ROOT, Service

PAGE = ROOT / "docs" / "command-line.md"
CHURN = ROOT / "examples" / "churn.csv"


def test_every_kind_of_end_has_a_number_of_its_own() -> None:
    ends = {
        InvalidInput("x", status=422): 1,
        Conflict("x", status=409): 1,
        NotFound("x", status=404): 3,
        NotAllowed("x", status=403): 4,
        JobFailed("x", job="1"): 5,
        NotConnected("x"): 6,
        TooMany("x", status=429): 7,
        Unavailable("x", status=503): 7,
        ProfileError("x"): 8,
        FileNotFoundError(2, "No such file or directory", "x"): 8,
        BadConnection("x"): 2,
        KeyboardInterrupt(): 130,
    }
    for error, code in ends.items():
        ending = ending_of(error)
        assert ending is not None
        assert ending.code == code, error
    assert ending_of(ZeroDivisionError()) is None


def test_faults_are_told_with_their_places_and_options() -> None:
    faults = [Fault("$.data.target", "expected a column"), Fault("$.hyperparameters.C", "expected a number")]
    ending = ending_of(InvalidInput("2 faults", status=422, faults=faults))
    assert ending is not None
    assert ending.lines[1:] == [
        "  $.data.target (--target): expected a column",
        "  $.hyperparameters.C (--param): expected a number",
    ]


def test_the_page_names_every_command_and_every_number() -> None:
    page = PAGE.read_text()
    for command in COMMANDS:
        assert f"serverless-ml {command.name}" in page, command.name
    numbers = set(map(int, re.findall(r"^\| (\d+) \|", page, re.MULTILINE)))
    assert numbers == {int(each) for each in Exit}


def test_every_command_has_a_help_with_examples() -> None:
    from typer.testing import CliRunner

    for for_terminal in (False, True):
        for command in COMMANDS:
            shown = CliRunner().invoke(app(for_terminal=for_terminal), [command.name, "--help"])
            assert shown.exit_code == 0, shown.output
            assert f"$ serverless-ml {command.name}" in shown.output, command.name
            assert "--json" in shown.output
            assert "--profile" in shown.output


def test_the_version_and_help_import_nothing_that_is_heavy() -> None:
    for arguments, heavy in (
        (["--version"], ("typer", "httpx", "rich", "pydantic")),
        (["predict", "--help"], ("httpx", "rich", "pydantic", "narwhals", "numpy")),
        (["profiles"], ("httpx", "rich", "pydantic", "narwhals", "numpy")),
    ):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", *COMMAND[1:], *arguments],
            capture_output=True,
            text=True,
            env=variables(),
            check=True,
        )
        imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
        assert imported.isdisjoint(heavy), arguments
    assert run("--version") == (0, f"serverless-ml {VERSION}\n", "")


def test_a_typing_error_is_told_with_the_right_word() -> None:
    ran = run("modles")
    assert (ran.code, ran.out) == (2, "")
    assert "Did you mean 'models'" in ran.err
    ran = run("models", "--jsno")
    assert (ran.code, ran.out) == (2, "")
    assert "--json" in ran.err
    ran = run()
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage: serverless-ml ")
    ran = run("versions")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "serverless-ml: missing argument 'MODEL'\nsee: serverless-ml versions --help\n"


def test_what_is_not_there_is_3_and_nothing_is_on_stdout(service: Service) -> None:
    ran = run("versions", "nobody", url=service.url)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("serverless-ml: ")
    assert "Traceback" not in ran.err
    assert run("job", "nothing", "--json", url=service.url).code == 3


def test_a_refusal_says_where_its_code_is_explained(service: Service) -> None:
    ran = run("predict", "nothing", "-", url=service.url, stdin=b"a\n1\n")
    *_, last = ran.err.splitlines()
    assert (
        last == f"what model_not_found means, and what to do: {service.url.rstrip('/')}/docs#model_not_found"
    )
    nobody = run("models", url="http://127.0.0.1:9")
    assert "/docs#" not in nobody.err


def test_a_wrong_key_or_right_is_4(guarded: Guarded) -> None:
    for key in ("wrong", guarded.predict):
        ran = run("jobs", environment={"SERVERLESS_ML_URL": guarded.url, "SERVERLESS_ML_KEY": key})
        assert (ran.code, ran.out) == (4, "")
        assert key not in ran.err


def test_nobody_there_is_6() -> None:
    ran = run("models", url="http://127.0.0.1:9")
    assert (ran.code, ran.out) == (6, "")
    assert "127.0.0.1:9 does not answer" in ran.err
    assert "Traceback" in run("models", "--debug", url="http://127.0.0.1:9").err


def test_a_file_that_cannot_be_read_is_8(service: Service, tmp_path: Path) -> None:
    ran = run("train", tmp_path / "gone.csv", "--target", "x", url=service.url)
    assert (ran.code, ran.out) == (8, "")
    assert "gone.csv: No such file or directory" in ran.err
    ran = run("train", tmp_path, "--target", "x", "--model", "x", url=service.url)
    assert ran.code == 8
    assert "zip" in ran.err


def test_whoever_stops_reading_is_told_nothing(service: Service, churn: str, tmp_path: Path) -> None:
    long = tmp_path / "long.csv"
    lines = CHURN.read_text().splitlines(keepends=True)
    long.write_text("".join([lines[0], *lines[1:] * 100]))
    read, write = os.pipe()
    process = subprocess.Popen(
        [*COMMAND, "predict", churn, str(long), "-q"],
        stdout=write,
        stderr=subprocess.PIPE,
        env=variables(service.url),
    )
    os.close(write)
    assert os.read(read, 10) == b"customer,a"
    os.close(read)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (141, b"")


def test_a_closed_stdout_is_told_before_anything_is_done(service: Service) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "models"],
        stderr=subprocess.PIPE,
        env=variables(service.url),
        check=False,
    )
    assert done.returncode == 8
    assert b"standard output is closed" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_told(service: Service) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "algorithms"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=variables(service.url),
            check=False,
        )
    assert done.returncode == 8
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_one_model_through_its_life(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "life (1).csv"
    file.write_bytes(CHURN.read_bytes())
    ran = run("train", file, "--target", "churned", "--json", url=service.url)
    assert ran.code == 0, ran.err
    version = ran.json
    assert (version["name"], version["version"]) == ("life-1", 1)
    assert "160 rows, 8 columns" in ran.err
    assert re.search(r"customer +category .*left out: holds another word in each row", ran.err)
    assert "warning: column 'customer' is left out" in ran.err
    ran = run(
        *("train", "dataset://life-1", "--target", "churned", "--param", "C=0.1", "--seed", "7", "--json"),
        url=service.url,
    )
    assert ran.code == 0, ran.err
    assert (ran.json["name"], ran.json["seed"], ran.json["hyperparameters"]["C"]) == ("life-1", 7, 0.1)
    ran = run("versions", "life-1", url=service.url)
    assert [cells[0] for cells in ran.cells] == ["2", "1"]
    assert all(len(cells) == 10 for cells in ran.cells)
    said = ("--description", "Who leaves", "--tag", "team=growth", "--tag", "trial=yes")
    assert run("about", "life-1", *said, url=service.url).cells == [
        ["description", "Who leaves"],
        ["tag.team", "growth"],
        ["tag.trial", "yes"],
    ]
    assert run("about", "life-1", "--untag", "trial", "--json", url=service.url).json["tags"] == {
        "team": "growth"
    }
    assert run("about", "life-1@2", url=service.url).cells == [["description", ""]]
    assert run("about", "life-1", "--tag", "team", url=service.url).code != 0
    assert run("promote", "life-1", "1", url=service.url).cells[1] == ["version", "1"]
    assert run("canary", "life-1", "1=90", "2=10", "--json", url=service.url).json["weights"] == {
        "1": 90,
        "2": 10,
    }
    assert run("rollback", "life-1", url=service.url).cells[2] == ["weights", "1=100"]
    assert run("history", "life-1", url=service.url).cells[0][3] == "rollback"
    assert run("aliases", "life-1", url=service.url).cells[0][:2] == ["production", "1"]
    assert "life-1" in run("models", url=service.url).out.splitlines()
    assert run("delete", "life-1@2", url=service.url).code == 2, "nobody is there to be asked"
    assert run("delete", "life-1@2", "--yes", url=service.url).code == 0
    assert run("version", "life-1@2", url=service.url).code == 3
    assert run("restore", "life-1@2", url=service.url).code == 0
    document = run("jobs", "--model", "life-1", "--json", url=service.url).json
    assert [each["version"] for each in document] == [2, 1]


def test_a_dataset_is_erased_with_what_was_made_from_it(service: Service, tmp_path: Path) -> None:
    table = tmp_path / "erased.csv"
    table.write_text("a,b\n" + "1,x\n2,y\n" * 20)
    assert run("upload", str(table), url=service.url).code == 0
    assert run("train", "dataset://erased", "--model", "erased", "--target", "b", url=service.url).code == 0
    made = run("made-from", "erased", url=service.url)
    assert made.cells[0][:3] == ["erased", "1", "logistic_regression"]
    assert run("erase", "erased", url=service.url).code == 2, "nobody is there to be asked"
    ran = run("erase", "erased", "--yes", url=service.url)
    assert ran.code == 0, ran.err
    assert ["gone", "versions", "1"] in [cells[:3] for cells in ran.cells]
    assert run("version", "erased@1", url=service.url).code == 3
    report = run("erase", "erased", "--yes", "--json", url=service.url).json
    assert (report["complete"], len(report["versions"])) == (True, 1)


def test_a_datasets_budget_is_set_shown_and_removed(service: Service, tmp_path: Path) -> None:
    table = tmp_path / "budgeted.csv"
    table.write_text("a,b\n" + "1,x\n2,y\n" * 20)
    assert run("budget", "budgeted", url=service.url).cells[1] == ["epsilon", ""]
    assert run("budget", "budgeted", "--epsilon", "4", url=service.url).code == 2
    ran = run("budget", "budgeted", "--epsilon", "4", "--delta", "1e-6", url=service.url)
    assert ran.code == 0, ran.err
    assert ran.cells == [
        ["dataset", "budgeted"],
        ["epsilon", "4.0"],
        ["delta", "1e-06"],
        ["spent", "0.0"],
        ["left", "4.0"],
        ["trainings", "0"],
    ]
    ran = run("upload", str(table), url=service.url)
    assert ran.code == 0, ran.err
    assert ran.cells[2] == ["bytes", ""], "its size is not told"
    ran = run("train", "dataset://budgeted", "--model", "budgeted", "--target", "b", url=service.url)
    assert (ran.code, "privacy budget" in ran.err) == (1, True)
    assert run("budget", "budgeted", "--remove", url=service.url).code == 0
    assert run("describe", "budgeted", url=service.url).code == 0


def test_a_schedule_is_written_shown_sent_back_and_removed(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "schedule.json"
    assert run("schedule", "scheduled", url=service.url).code == 3
    for wrong in ("{", "[]", '{"every": "P1D"}'):
        file.write_text(wrong)
        ran = run("schedule", "scheduled", "--set", file, url=service.url)
        assert (ran.code, "expected" in ran.err) == (2, True), ran.err
    train = {"algorithm": "kmeans", "data": {"uri": "dataset://scheduled"}}
    file.write_text(json.dumps({"train": train, "on": ["upload"]}))
    ran = run("schedule", "scheduled", "--set", file, "--json", url=service.url)
    assert (ran.code, ran.json["on"], ran.json["most_a_day"]) == (0, ["upload"], 4), ran.err
    file.write_text(json.dumps({**ran.json, "most_a_day": 2}))
    again = run("schedule", "scheduled", "--set", file, "--json", url=service.url)
    assert (again.code, again.json["most_a_day"]) == (0, 2), again.err
    stale = run("schedule", "scheduled", "--set", file, url=service.url)
    assert stale.code == 1, "its etag is that of before"
    ran = on_terminal("schedule", "scheduled", url=service.url)
    assert (ran.code, "on each upload" in ran.out, "2 a day" in ran.out) == (0, True, True), ran.out
    assert run("schedule", "scheduled", "--set", file, "--remove", url=service.url).code == 2
    assert run("schedule", "scheduled", "--remove", url=service.url).cells == [["removed", "scheduled"]]
    assert run("schedule", "scheduled", url=service.url).code == 3


def test_an_admin_sees_who_changed_what_and_who_used_what(guarded: Guarded) -> None:
    admin = {"SERVERLESS_ML_URL": guarded.url, "SERVERLESS_ML_KEY": guarded.admin}
    assert run("upload", "-", "--name", "audited", stdin=b"a\n1\n", environment=admin).code == 0
    (line, *_) = run("audit", "--limit", "1", environment=admin).cells
    key = run("whoami", "--json", environment=admin).json["key"]
    assert (line[1], line[3], line[7]) == (key, "/v1/datasets/{dataset}:upload", "audited")
    assert key in [cells[1] for cells in run("usage", "--of", key, environment=admin).cells]
    assert run("usage", "--of", "nobody", environment=admin).cells == []
    predicts = {**admin, "SERVERLESS_ML_KEY": guarded.predict}
    assert {run(name, environment=predicts).code for name in ("audit", "usage")} == {4}


def test_an_artifact_leaves_and_comes_back(service: Service, churn: str, tmp_path: Path) -> None:
    ran = run("download", f"{churn}@1", url=service.url, folder=tmp_path)
    assert ran.code == 0, ran.err
    artifact = tmp_path / "churn-1.safetensors"
    assert ran.cells[1:] == [["output", artifact.name], ["size", str(artifact.stat().st_size)]]
    assert run("download", f"{churn}@1", url=service.url, folder=tmp_path).code == 2, "the file is there"
    ran = run("onnx", churn, "-o", "churn.onnx", "--json", url=service.url, folder=tmp_path)
    assert ran.json["size"] == (tmp_path / "churn.onnx").stat().st_size
    ran = run("register", "came-back", artifact, "--json", url=service.url)
    assert ran.code == 0, ran.err
    assert (ran.json["name"], ran.json["version"]) == ("came-back", 1)
    assert ran.json["sha256"] == run("version", f"{churn}@1", "--json", url=service.url).json["sha256"]
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(artifact.read_bytes()[:-10])
    ran = run("register", "came-back", broken, url=service.url)
    assert (ran.code, ran.out) == (5, "")
    assert "artifact" in ran.err


def test_a_version_is_copied_to_another_service(service: Service, churn: str, guarded: Guarded) -> None:
    profiles.write(profiles.Profile("there", guarded.url, guarded.admin), choose=False)
    ran = run(
        "copy", f"{churn}@1", "--to", "there", "--as", "copied", "--alias", "production", url=service.url
    )
    assert ran.code == 0, ran.err
    assert ran.cells[:2] == [["model", "copied"], ["version", "1"]]
    assert run("aliases", "copied", "--profile", "there").cells[0][:2] == ["production", "1"]
    assert run("copy", churn, "--to", "nowhere", url=service.url).code == 2


def test_what_is_said_of_the_columns_is_how_they_are_read(service: Service) -> None:
    said = ("--type", "active=category", "--missing", "basic", "--missing", "n/a", "--exclude", "spend,since")
    ran = run(
        *("train", "-", "--model", "said", "--target", "churned", *said, "--split", "group:country"),
        *("--test-fraction", "0.3", "--json"),
        url=service.url,
        stdin=CHURN.read_bytes(),
    )
    assert ran.code == 0, ran.err
    assert ran.json["features"] == ["age", "plan", "active"]
    assert ran.json["split"] == {"by": "group", "column": "country"}
    assert re.search(r"active +category", ran.err)
    described = run("describe", "said", *said, "--json", url=service.url).json["description"]["columns"]
    plan = next(each for each in described if each["name"] == "plan")
    assert {each["value"] for each in plan["values"]} == {"pro", "team"}
    schema = run("schema", "said", url=service.url).json
    assert schema["anyOf"][0]["properties"]["active"]["examples"] == ["false", "true"]


def test_what_cannot_be_trained_on_is_told_with_what_to_say(service: Service, tmp_path: Path) -> None:
    ran = run("train", CHURN, "--target", "churnd", "--model", "wrong", url=service.url)
    assert (ran.code, ran.out) == (1, "")
    assert "did you mean 'churned'?" in ran.err
    ran = run(
        "train", CHURN, "--target", "churned", "--type", "plan=number", "--model", "wrong", url=service.url
    )
    assert (ran.code, ran.out) == (1, "")
    assert "$.types.plan (--type): expected a number" in ran.err
    one = tmp_path / "one.csv"
    one.write_text("a,b\n1,x\n2,x\n3,x\n")
    ran = run("train", one, "--target", "b", "--model", "wrong", "-q", url=service.url)
    assert (ran.code, ran.out) == (5, ""), "the job failed"
    assert "Traceback" not in ran.err
    job = run("jobs", "--model", "wrong", "--json", url=service.url).json[0]
    ran = run("job", job["id"], "--wait", url=service.url)
    assert ran.code == 5
    assert run("job", job["id"], url=service.url).cells[2] == ["state", "failed"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "-", "--target", "x"),
        ("train", "x.csv", "--split", "time"),
        ("train", "x.csv", "--param", "C"),
        ("train", "x.csv", "--on-interrupt", "go"),
        ("canary", "x", "1:90"),
        ("promote", "x", "1", "--from", "staging"),
        ("predict", "x", "x.csv", "--only", "--keep", "a"),
        ("predict", "@2", "x.csv"),
    ],
)
def test_a_command_that_cannot_be_meant_is_2(arguments: tuple[str, ...]) -> None:
    ran = run(*arguments, url="http://127.0.0.1:9")
    assert (ran.code, ran.out) == (2, ""), ran.err
    assert "Traceback" not in ran.err


def test_json_is_one_document(service: Service, churn: str) -> None:
    for arguments in (
        ("models",),
        ("versions", churn),
        ("version", churn),
        ("schema", churn),
        ("algorithms",),
        ("datasets",),
        ("describe", "churn"),
        ("monitoring", churn),
        ("profiles",),
    ):
        ran = run(*arguments, "--json", url=service.url)
        assert ran.code == 0, ran.err
        json.loads(ran.out)
        assert ran.out.count("\n") == 1
