"""Blocks that show what no command of their page prints, each held to the code: files, notices, messages."""

import json
import re
import zipfile
from pathlib import Path

import pytest

from documenting.pages import ROOT
from handlers.jobs import train_now
from handlers.local.services import folder_services
from handlers.services import Services
from handlers.settings import read_settings
from ml_core.jobs.jobs import Job
from ml_core.notices.events import job_ended
from ml_core.notices.outbox import send_due
from providers.deploying.bucket_rights import DELETES, WRITES
from tests.pages.reading import PAGES, Block, blocks
from tests.pages.showing import is_part, parsed
from tests.unit.ml_core.pictures.archives import picture

MARK = "run by tests/pages/test_shown_texts.py"


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """A laptop's services, on a folder of their own."""
    (tmp_path / "data").mkdir()
    return folder_services(read_settings({"ML_ROOT": str(tmp_path)}), key_records=None)


def shown(page: str, beginning: str) -> Block:
    """The one block of a page with this mark that begins so."""
    (found,) = (
        block for block in blocks(page) if block.mark == MARK and block.text.strip().startswith(beginning)
    )
    return found


def test_every_block_that_says_so_is_looked_at_here() -> None:
    named = {str(block) for page in PAGES for block in blocks(page) if block.mark == MARK}
    looked_at = {
        str(shown(page, beginning))
        for page, beginning in re.findall(
            r'shown\("(.+?)", ["\'](.+?)["\']\)', Path(__file__).read_text("utf-8")
        )
    }
    assert looked_at == named


def test_the_diagram_names_files_that_are_there() -> None:
    text = shown("docs/architecture.md", "the platform's event").text
    places = re.findall(r"\b(\S+/\S*)", text)
    assert len(places) == 5
    for place in places:
        for cloud in ("aws", "google", "azure"):
            assert (ROOT / place.replace("<cloud>", cloud)).exists(), place


def test_the_folders_of_the_bucket_are_those_that_functions_write_and_delete_in() -> None:
    text = shown("docs/architecture.md", "models/<model").text
    places = [each for line in text.splitlines() for each in re.split(r"\s{2,}", line)[0].split(", ")]
    named = {each.split("/")[0] for each in places}
    written = {
        each.split("/")[0] for rights in (WRITES, DELETES) for all_ in rights.values() for each in all_
    }
    assert named == written


class Listener:
    """Somebody who is told, and keeps what came."""

    name = "listener"

    def __init__(self) -> None:
        self.came: list[bytes] = []

    def send(self, notice_id: str, body: bytes) -> None:
        assert notice_id
        self.came.append(body)


def trained(services: Services, **body: object) -> Job:
    """A training that has succeeded."""
    job = train_now(services, {"model": "shown", **body})
    assert job.state == "succeeded", job.error
    return job


def test_a_notice_has_the_members_that_the_page_shows(services: Services) -> None:
    rows, targets = [[1], [2], [8], [9]], ["near", "near", "far", "far"]
    job = trained(services, algorithm="logistic_regression", instances=rows, targets=targets, test_fraction=0)
    job_ended(services.store, job)
    listener = Listener()
    send_due(services.store, [listener], lambda: True)
    (came,) = (json.loads(each) for each in listener.came)
    wanted = parsed(shown("docs/notifications.md", "{").text)
    assert is_part(wanted, came)
    assert (set(wanted), set(wanted["data"]), wanted["type"]) == (set(came), set(came["data"]), came["type"])


def test_a_model_no_better_than_one_answer_is_warned_of_in_these_words(services: Services) -> None:
    wanted = shown("docs/versions.md", "accuracy").text
    rows, targets = [[place % 7] for place in range(200)], ["yes", *["no"] * 9] * 20
    job = trained(services, algorithm="logistic_regression", instances=rows, targets=targets)
    assert [re.sub(r"0\.\d+", "N", each) for each in job.warnings] == [re.sub(r"0\.\d+", "N", wanted.strip())]


def test_a_zip_of_the_folders_that_are_shown_is_trained_on(services: Services, tmp_path: Path) -> None:
    name, *places = shown("docs/networks.md", "flowers.zip").text.replace("…", "").split()
    with zipfile.ZipFile(tmp_path / "data" / name, "w") as archive:
        for number, place in enumerate(places):
            archive.writestr(place, picture(number, format=place.rpartition(".")[2].replace("jpg", "jpeg")))
    job = trained(
        services,
        algorithm="cnn",
        hyperparameters={"epochs": 1, "validation_fraction": 0},
        data={"uri": f"file:{name}"},
    )
    assert job.metrics is not None
    assert job.metrics["test"]["confusion_matrix"], "what is below test/ is held out"


def test_rows_with_lists_are_trained_on_as_sequences(services: Services, tmp_path: Path) -> None:
    text = shown("docs/networks.md", '{"pulse"').text
    first, second = (set(json.loads(line)) for line in text.splitlines())
    assert first == second
    (tmp_path / "data" / "lists.jsonl").write_text(text * 3, encoding="utf-8")
    job = trained(
        services,
        algorithm="rnn",
        hyperparameters={"epochs": 1, "hidden_size": 4, "validation_fraction": 0},
        test_fraction=0,
        data={"uri": "file:lists.jsonl", "target": "ill"},
    )
    assert any(all(channel in warning for channel in first - {"ill"}) for warning in job.warnings)
