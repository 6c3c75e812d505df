"""Messages that fail: they come again, and in the end their job says that they are dead letters."""

import json
from pathlib import Path

import pytest

from handlers.jobs import MOST_FAILURES, job_of, receive, trainer_context, work_off
from handlers.local.services import folder_services
from handlers.services import Services
from handlers.settings import read_settings
from ml_core.errors import MalformedInput, NotConfigured
from providers.local.runtime.queue import FolderQueue


@pytest.fixture
def broken(tmp_path: Path) -> Services:
    """A trainer that was deployed with a setting that it cannot read: every delivery fails."""
    settings = read_settings({"ML_ROOT": str(tmp_path), "ML_DATA_BUCKETS": "http://lake"})
    return folder_services(settings, key_records=None)


def dead_letters(root: Path) -> list[str]:
    return [letter.read_text() for letter in Path(FolderQueue(str(root)).dead_letters).iterdir()]


@pytest.mark.parametrize(
    "message",
    ["", "not json", "[]", "{}", '{"job": 7}', '{"job": ""}', '{"job": "../models/iris"}', "[" * 100_000],
)
def test_a_message_that_names_no_job_is_a_dead_letter_at_once(
    tmp_path: Path, broken: Services, message: str
) -> None:
    with pytest.raises(MalformedInput):
        job_of(message)
    assert receive(broken, message, failures=0) is None
    assert dead_letters(tmp_path) == [message]


def test_a_message_that_fails_again_and_again_is_a_dead_letter_and_its_job_says_so(
    tmp_path: Path, broken: Services
) -> None:
    job = broken.jobs.submit("iris", b"{}", {})
    message = json.dumps({"job": job.id})
    for failures in range(MOST_FAILURES):
        with pytest.raises(NotConfigured, match="allow-list"):
            receive(broken, message, failures=failures)
    assert broken.jobs.get(job.id).state == "queued"
    assert receive(broken, message, failures=MOST_FAILURES) is None
    assert dead_letters(tmp_path) == [message]
    ended = broken.jobs.get(job.id)
    assert ended.error is not None
    assert (ended.state, ended.error["code"]) == ("failed", "dead_lettered")
    assert f"{MOST_FAILURES + 1} deliveries failed" in ended.error["message"]
    assert "send the request again" in ended.error["message"]


def test_a_dead_letter_whose_job_never_was_is_kept_all_the_same(tmp_path: Path, broken: Services) -> None:
    assert (
        work_off(broken, "f" * 28, failures=MOST_FAILURES, make_context=lambda: trainer_context(broken))
        is None
    )
    assert dead_letters(tmp_path) == [json.dumps({"job": "f" * 28})]
