"""What a page shows is compared by members and words, and what is not there is told."""

import json

import pytest

from tests.pages.showing import is_part, lacking, parsed

ANSWER = {
    "id": "fe5d",
    "version": 3,
    "metrics": {"accuracy": 0.91},
    "faults": [{"path": "$.rows", "message": "expected"}],
    "drifted": [],
    "error": None,
    "on": True,
}


@pytest.mark.parametrize(
    "shown",
    [
        '{"id": "x…", …}',
        '{…, "version": 7, "metrics": {…}}',
        '{"metrics": {"accuracy": 0.7…}, "faults": […]}',
        '{"faults": [{"path": "$.x", …}, …]}',
        '"metrics": {"accuracy": …}, "error": {"code": "x"}',
        '{"drifted": ["age"], "on": false}',
    ],
)
def test_what_is_there_is_part_of_it(shown: str) -> None:
    assert is_part(parsed(shown), ANSWER)
    assert lacking(shown, f"a line before\n{json.dumps(ANSWER)}\n") == []


@pytest.mark.parametrize(
    "shown",
    [
        '{"ids": "x"}',
        '{"version": "3"}',
        '{"version": true}',
        '{"on": 1}',
        '{"metrics": {"loss": …}}',
        '{"metrics": ["accuracy"]}',
        '{"faults": [{"paths": "$.x"}]}',
        '{"drifted": [{"column": "age"}]}',
        '["id"]',
    ],
)
def test_what_is_not_there_is_no_part_of_it(shown: str) -> None:
    assert not is_part(parsed(shown), ANSWER)
    assert lacking(shown, json.dumps(ANSWER)) == [shown]


def test_a_text_is_compared_by_its_words() -> None:
    printed = "stack serverless-ml-dev holds 3 models\n"
    assert lacking("stack serverless-ml-7f2… holds 12 models", printed) == []
    assert lacking("stack holds 3 uploads and no models", printed) == ["and", "uploads"]


def test_a_document_that_was_not_printed_is_told() -> None:
    assert lacking('{"id": "x"}', "nothing of it") == ['{"id": "x"}']
    with pytest.raises(ValueError, match="Expecting"):
        lacking('{"id": what}', "{}")
