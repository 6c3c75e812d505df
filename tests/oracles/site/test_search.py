"""The documentation opened as files in Chromium: what is searched is found, and no other server is asked."""

import re
from typing import Any

import pytest

from documenting.site import build
from tests.oracles.console.chromium import scenario

# What a person types, and what one of the first five answers leads to.
QUESTIONS = {
    "address already in use": r"docs/troubleshooting\.html",
    "budget_spent": r"docs/reference/errors\.html#budget_spent",
    "ML_MAX_ROWS": r"docs/reference/settings\.html",
    "corsOrigins": r"docs/reference/parameters\.html",
    "n_clusters": r"docs/reference/algorithms\.html",
    "canary": r"docs/glossary\.html#canary",
    "serverless-ml score": r"docs/(scoring|command-line|reference/command-line)\.html",
    "mlflow": r"docs/coming-from-mlflow\.html",
}
# What a person pastes, with names and numbers that no page has.
MESSAGES = {
    "$.data.target (--target): expected the name of the column to predict, got null": (
        r"docs/reference/errors\.html#invalid_input"
    ),
    '{"code": "model_not_found", "detail": "there is no model \'churnn\'"}': (
        r"docs/troubleshooting\.html#there-is-no-model"
    ),
    "OSError: [Errno 98] Address already in use": r"docs/troubleshooting\.html#serverless-ml-cannot-listen",
}


@pytest.fixture(scope="module")
def seen() -> Any:
    first = build()
    return scenario(
        "../site/search",
        url=first.as_uri(),
        site=f"{first.parent.as_uri()}/",
        questions=QUESTIONS,
        messages=MESSAGES,
    )


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_first_answers_of_the_search_lead_to_the_page(question: str, seen: Any) -> None:
    places = seen["searched"][question]
    assert any(re.match(QUESTIONS[question], place) for place in places), places


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("where", ["noted", "pasted"])
def test_a_message_leads_to_what_to_do(message: str, where: str, seen: Any) -> None:
    """In a note below the search, and on the page of troubleshooting."""
    first = seen[where][message][:1]
    assert first
    assert re.match(MESSAGES[message], first[0]), seen[where][message]


def test_no_other_server_is_asked_and_nothing_fails(seen: Any) -> None:
    assert seen["found"] == []


def test_what_is_copied_of_a_block_is_what_is_typed(seen: Any) -> None:
    assert seen["copied"] == "make serve"
