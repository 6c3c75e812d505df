"""`python -m providers keys`, on the laptop's folder."""

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from handlers.auth import is_record
from ml_core.errors import InvalidInput, TooLarge
from providers.deploying.key_listing import listing, told
from providers.deploying.keys import LONGEST_RECORD, KeyLimits, _expiry, new_key


def _providers(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "providers", *arguments],
        env={**os.environ, "ML_ROOT": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_new_key_is_shown_once_and_only_its_digest_is_kept(tmp_path: Path) -> None:
    made = _providers(tmp_path, "keys", "new", "--cloud", "local", "--role", "train")
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    assert re.fullmatch(r"sml_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", key)
    file = tmp_path / "keys.json"
    text = file.read_text()
    assert key not in text
    (record,) = json.loads(text)
    assert record["sha256"] == hashlib.sha256(key.encode()).hexdigest()
    assert record["role"] == "train"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_keys_are_listed_and_revoked_by_their_id(tmp_path: Path) -> None:
    for role in ("predict", "admin"):
        _providers(tmp_path, "keys", "new", "--cloud", "local", "--role", role)
    listed = _providers(tmp_path, "keys", "list", "--cloud", "local").stdout.split("\n")
    first, second = listed[0].split()[0], listed[1].split()[0]
    assert "predict" in listed[0]
    assert "admin" in listed[1]
    assert _providers(tmp_path, "keys", "revoke", "--cloud", "local", first).returncode == 0
    assert [record["id"] for record in json.loads((tmp_path / "keys.json").read_text())] == [second]


def test_a_reader_of_the_list_may_have_enough_of_it(tmp_path: Path) -> None:
    _providers(tmp_path, "keys", "new", "--cloud", "local", "--role", "train")
    with subprocess.Popen(
        [sys.executable, "-m", "providers", "keys", "list", "--cloud", "local"],
        env={**os.environ, "ML_ROOT": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as listing_keys:
        assert listing_keys.stdout is not None
        assert listing_keys.stderr is not None
        listing_keys.stdout.close()  # before it has written anything
        said = listing_keys.stderr.read()
    assert listing_keys.returncode == 141  # as of a program that SIGPIPE ends
    assert "Traceback" not in said, said


def test_the_list_says_that_the_laptop_is_open_until_a_key_was_made(tmp_path: Path) -> None:
    said = _providers(tmp_path, "keys", "list", "--cloud", "local").stderr
    assert "until the first is made, `make serve` asks its own machine for none" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("keys", "revoke", "--cloud", "local", "nobody"), "nobody"),
        (("keys", "list", "--cloud", "moon"), "moon"),
    ],
)
def test_a_failure_is_one_line_and_exit_code_one(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = _providers(tmp_path, *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [(), ("keys",), ("keys", "new"), ("keys", "list"), ("keys", "revoke")])
def test_help_is_everywhere(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = _providers(tmp_path, *arguments, "--help")
    assert done.returncode == 0
    assert "usage: python -m providers" in done.stdout


def test_where_a_key_went_is_said_beside_it(tmp_path: Path) -> None:
    made = _providers(tmp_path, "keys", "new", "--cloud", "local", "--role", "train")
    assert made.stdout.count("\n") == 1
    assert f"file {tmp_path}/keys.json" in made.stderr


@pytest.mark.parametrize(
    ("cloud", "option"),
    [("local", "--region"), ("azure", "--profile"), ("google", "--subscription"), ("aws", "--project")],
)
def test_an_option_that_the_cloud_does_not_have_is_refused(tmp_path: Path, cloud: str, option: str) -> None:
    """Nobody is to believe that a key went where an option said, which nothing read."""
    done = _providers(tmp_path, "keys", "list", "--cloud", cloud, option, "somewhere")
    assert (done.returncode, done.stderr) == (
        1,
        f"serverless-ml: {option} is not an option of --cloud {cloud}\n",
    )


def test_roles_limits_and_an_end_are_in_the_record_and_said(tmp_path: Path) -> None:
    limits = (
        "--models",
        "churn, fraud-*",
        "--models",
        "churn",
        "--datasets",
        "sales-*",
        "--expires",
        "2999-12-31",
    )
    made = _providers(
        tmp_path, "keys", "new", "--cloud", "local", "--role", "predict", "--role", "train", *limits
    )
    assert made.returncode == 1
    assert "expected a time to come, within 36,500 days, got '2999-12-31'" in made.stderr
    limits = (*limits[:-2], "--days", "90")
    roles = ("--role", "predict", "--role", "feedback", "--role", "predict")
    made = _providers(tmp_path, "keys", "new", "--cloud", "local", *roles, *limits)
    assert made.returncode == 0, made.stderr
    (record,) = json.loads((tmp_path / "keys.json").read_text())
    assert is_record(record)
    assert record["roles"] == ["predict", "feedback"]
    assert (record["models"], record["datasets"]) == (["churn", "fraud-*"], ["sales-*"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record["expires"])
    assert (
        "(roles predict, feedback; only models churn, fraud-*; only datasets sales-*; until 20" in made.stderr
    )
    listed = _providers(tmp_path, "keys", "list", "--cloud", "local").stdout
    assert listed == "\t".join(
        (
            record["id"],
            "predict,feedback",
            "churn,fraud-*",
            "sales-*",
            record["expires"],
            f"{record['created']}\n",
        )
    )


NOW = 1795680000.0  # 2026-11-26T08:00:00Z


@pytest.mark.parametrize(
    ("until", "days", "expires"),
    [
        (None, None, None),
        (None, 1, "2026-11-27T08:00:00Z"),
        (None, 36_500, "2126-11-02T08:00:00Z"),
        ("2026-12-31", None, "2026-12-31T23:59:59Z"),
        ("2026-11-26", None, "2026-11-26T23:59:59Z"),
        ("2026-12-31T18:00Z", None, "2026-12-31T18:00:00Z"),
        ("2026-12-31T18:00:00+01:00", None, "2026-12-31T17:00:00Z"),
    ],
)
def test_an_end_is_a_day_a_time_or_so_many_days(
    until: str | None, days: int | None, expires: str | None
) -> None:
    assert _expiry(until, days, NOW) == expires
    assert expires is None or is_record(new_key("predict", limits=KeyLimits(expires=expires)).record)


@pytest.mark.parametrize(
    ("until", "days", "message"),
    [
        ("2026-11-25", None, "a time to come, .* it is 2026-11-26T08:00:00Z"),
        ("2026-11-26T08:00Z", None, "a time to come"),
        ("2226-11-26", None, "within 36,500 days"),
        ("9999-12-31T23:59:59-23:00", None, "within 36,500 days"),
        ("2026-12-31T18:00", None, "with its zone"),
        ("2026-02-30", None, "a day such as 2026-12-31"),
        ("soon", None, "--expires: expected a day such as .*, got 'soon'"),
        ("", None, "a day such as"),
        (None, 0, "--days: expected 1 to 36,500 days, got 0"),
        (None, -1, "got -1"),
        (None, 36_501, "got 36501"),
    ],
)
def test_an_end_that_is_none_or_is_over_is_refused(until: str | None, days: int | None, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        _expiry(until, days, NOW)


def test_a_record_that_no_store_would_take_is_refused() -> None:
    """Parameter Store's standard parameters hold 4 KB; a key is one on every cloud."""
    patterns = [f"{number:03d}-{'x' * 50}" for number in range(70)]
    largest = new_key("predict", limits=KeyLimits(models=patterns[:68])).record
    assert LONGEST_RECORD - 100 < len(json.dumps(largest, separators=(",", ":"))) <= LONGEST_RECORD
    with pytest.raises(TooLarge, match="at most 4,096 can be stored: name fewer patterns"):
        new_key("predict", limits=KeyLimits(models=patterns))


RECORDS: list[dict[str, object]] = [
    {"id": "40e70d33", "role": "admin", "sha256": "0" * 64, "created": "2025-11-26T07:46:51Z"},
    {
        "id": "7ea38ac0",
        "roles": ["predict", "feedback"],
        "models": ["churn", "fraud-*"],
        "expires": "2026-02-24T07:46:51Z",
        "created": "2026-11-26T07:46:51Z",
    },
    {"id": "69c2e867", "roles": "?", "datasets": 1},
    {"id": "31cf7d03", "role": "predict"},
    {},
]


class TestListing:
    now = "2026-11-26T08:00:00Z"

    def test_for_a_program_it_is_a_line_with_tabs(self) -> None:
        assert listing(RECORDS, self.now, None) == [
            "40e70d33\tadmin\t*\t*\tnever\t2025-11-26T07:46:51Z",
            (
                "7ea38ac0\tpredict,feedback\tchurn,fraud-*\t*\t2026-02-24T07:46:51Z expired\t"
                "2026-11-26T07:46:51Z"
            ),
            "69c2e867\t?\t*\t?\tnever\t",
            "31cf7d03\tpredict (earlier)\t*\t*\tnever\t",
            "?\t?\t*\t*\tnever\t",
        ]

    def test_for_a_person_it_is_a_table_that_marks_what_expired(self) -> None:
        assert listing(RECORDS[:2], self.now, 80) == [
            "id        roles             models         expires             created",
            "40e70d33  admin             *              never               2025-11-26",
            "7ea38ac0  predict,feedback  churn,fraud-*  2026-02-24 expired  2026-11-26",
        ]
        assert listing(RECORDS[:2], self.now, 68)[2:] == [
            "7ea38ac0  predict,      churn,        2026-02-24 expired  2026-11-26",
            "          feedback      fraud-*",
        ]
        assert listing([], self.now, 80) == []

    @pytest.mark.parametrize("width", [1, 20, 40, 60, 79, 80, 132, 1000])
    def test_no_line_is_longer_than_the_terminal_and_nothing_is_left_out(self, width: int) -> None:
        long = {**RECORDS[1], "models": ["x" * 63, *(f"model-{number}-*" for number in range(30))]}
        lines = listing([*RECORDS, long], self.now, width)
        assert max(map(len, lines)) <= max(width, 30)
        whole = "".join("".join(lines).split())
        for each in (
            "40e70d33",
            "predict",
            "feedback",
            "expired",
            "model-29-*" if width > 60 else "40e70d33",
        ):
            assert each in whole or width < 30

    def test_what_a_key_may_do_in_few_words(self) -> None:
        assert told(RECORDS[0]) == "role admin"


WITHOUT_CLOUDS = """
import sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"boto3", "botocore", "google", "azure", "msal", "msrest", "requests"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Nothing())
"""


@pytest.mark.parametrize("cloud", ["aws", "google", "azure"])
@pytest.mark.parametrize("action", [("new", "--role", "admin"), ("list",), ("revoke", "0123abcd")])
def test_without_a_clouds_libraries_one_line_says_what_to_run(
    tmp_path: Path, cloud: str, action: tuple[str, ...]
) -> None:
    """As in the environment that `make demo` and `make serve` make."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_CLOUDS)
    done = subprocess.run(
        [sys.executable, "-m", "providers", "keys", *action, "--stage", "dev", "--cloud", cloud],
        env={
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "GOOGLE_CLOUD_PROJECT": "demo-1",
            "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000000",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "run `make setup`" in done.stderr
