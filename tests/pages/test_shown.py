"""Answers of which a page shows the numbers are those numbers."""

import json
import re
from typing import Any

import pytest

from documenting.pages import ROOT
from tests.pages.clone import Clone
from tests.pages.reading import PYTHON, blocks
from tests.pages.session import Session
from tests.pages.test_pages import at_address

PAGE = "docs/explain.md"


def test_explanations_are_those_that_the_page_shows(clone: Clone) -> None:
    shown = re.findall(
        r"^```json\n(.*?)^```", (ROOT / PAGE).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    clone.fresh()
    with clone.serving() as address, Session(clone.folder, clone.told(address)) as session:
        outputs = [
            session.run(at_address(command.text, address))
            for block in blocks(PAGE)
            if block.language != PYTHON
            for command in block.commands
            if "install" not in command.text
        ]
    answers = [json.loads(output) for output in outputs if "margin" in output]
    assert len(shown) == 3
    assert [json.loads(each) for each in shown] == [_shortened(answers[place]) for place in (0, 1, 3)]


def _shortened(value: Any) -> Any:
    """An answer as the page shows it: numbers with four digits after the point, errors as they were there."""
    if isinstance(value, dict):
        return {
            name: pytest.approx(0, abs=1e-12) if name == "additivity_error" else _shortened(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    return pytest.approx(value, abs=1e-4) if isinstance(value, float) else value
