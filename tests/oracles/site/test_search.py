"""The documentation's site, opened as files in Chromium: its search answers, and asks no other server."""

import re
from pathlib import Path
from typing import Any

import pytest

from documenting.site import build
from tests.oracles.console.chromium import scenario

# What a person pastes or types, and one of the pages that the first five answers have to lead to.
QUESTIONS = {
    "expected the name of the column to predict, got null": r"docs/(troubleshooting|reference/messages)",
    "address already in use": r"docs/troubleshooting\.html",
    "budget_spent": r"docs/reference/errors\.html#budget_spent",
    "ML_MAX_ROWS": r"docs/reference/settings\.html",
    "corsOrigins": r"docs/reference/parameters\.html",
    "n_clusters": r"docs/reference/algorithms\.html",
    "canary": r"docs/(glossary|versions)\.html",
    "serverless-ml score": r"docs/(scoring|command-line|reference/command-line)\.html",
    "mlflow": r"docs/coming-from-mlflow\.html",
}
# The search is drawn below a shadow root, without names of its own.
RESULTS = '[role="option"][href]'


@pytest.fixture(scope="module")
def searched() -> Any:
    first = build()
    return scenario(
        "../site/search",
        url=first.as_uri(),
        page=(first.parent / "docs" / "first-model.html").as_uri(),
        questions=list(QUESTIONS),
        results=RESULTS,
    )


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_first_answers_lead_to_the_page(question: str, searched: Any) -> None:
    places = [place.partition("build/site/")[2] for place in searched["answers"][question]]
    assert any(re.match(QUESTIONS[question], re.sub(r"\?h=[^#]*", "", place)) for place in places), places


def test_no_other_server_is_asked_and_nothing_fails(searched: Any) -> None:
    assert searched["found"] == []


def test_what_is_copied_of_a_block_is_what_is_typed(searched: Any) -> None:
    assert searched["copied"] == "make serve"


def test_the_site_is_made_of_every_page() -> None:
    site = build().parent
    assert Path(site / "docs" / "reference" / "api.html").is_file()
    assert len(list(site.rglob("*.html"))) > 120
