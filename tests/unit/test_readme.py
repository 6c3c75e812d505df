"""What the README and the other pages promise, held to what is."""

import os
import re

from handlers.rest.rights import reference as reference_of_rights

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _text(file: str) -> str:
    with open(os.path.join(ROOT, file), encoding="utf-8") as opened:
        return opened.read()


def test_the_table_of_rights_is_the_one_that_the_routes_print() -> None:
    """`python -m handlers.rest.rights` prints it."""
    assert reference_of_rights() in _text("docs/keys.md")


def test_the_readme_is_one_screen() -> None:
    """What it is, two commands, a first model, where to go on: the rest has pages of its own."""
    assert len(_text("README.md").splitlines()) <= 60


def test_what_installs_into_the_environment_is_what_make_brings() -> None:
    (brought,) = re.findall(r"^UV := (\S+)$", _text("Makefile"), re.MULTILINE)
    for page in ("README.md", "docs/first-model.md", "docs/python.md"):
        text = _text(page)
        assert set(re.findall(r"(?:`|\$ )(\S+) pip install ", text)) <= {brought}, page
        assert not re.search(r"(?:\$ |`)(?:python3? -m )?pip ", text), "the environment has no pip"
