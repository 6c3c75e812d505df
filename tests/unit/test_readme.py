"""What the README and the other pages promise, held to what is."""

import ast
import os
import re

from handlers.rest.rights import reference as reference_of_rights
from handlers.settings import reference

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _text(file: str) -> str:
    with open(os.path.join(ROOT, file), encoding="utf-8") as opened:
        return opened.read()


def test_the_table_of_settings_is_the_one_that_the_settings_print() -> None:
    assert reference().strip() in _text("README.md")


def test_the_table_of_rights_is_the_one_that_the_routes_print() -> None:
    """`python -m handlers.rest.rights` prints it."""
    assert reference_of_rights() in _text("docs/keys.md")


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", _text("Makefile"), re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"`make ([a-z-]+)|\$ make ([a-z-]+)", _text(page)))
        assert {one or other for one, other in named} <= targets


def test_every_relative_link_leads_to_a_file() -> None:
    pages = [
        f"{folder}{name}"
        for folder in ("", "docs/", "docs/decisions/")
        for name in os.listdir(os.path.join(ROOT, folder))
        if name.endswith(".md")
    ]
    assert len(pages) > 30
    for document in pages:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", _text(document)):
            assert os.path.exists(os.path.join(ROOT, os.path.dirname(document), link)), f"{document}: {link}"


def test_the_python_examples_can_be_read() -> None:
    for example in re.findall(r"```python\n(.*?)```", _text("README.md"), re.DOTALL):
        ast.parse(example)


def test_what_installs_into_the_environment_is_what_make_brings() -> None:
    text = _text("README.md")
    (brought,) = re.findall(r"^UV := (\S+)$", _text("Makefile"), re.MULTILINE)
    assert re.findall(r"`(\S+) pip install ", text) == [brought]
    assert not re.search(r"(?:\$ |`)(?:python3? -m )?pip ", text), "the environment has no pip"
