"""What the comment before a block of the documentation may say. Nothing else may stand there.

    <!-- run by tests/….py -->                     that test runs it, or holds it to the code
    <!-- theirs: MLflow 3 -->                      another project's program, or what is written for one
    <!-- on AWS -->                                typed on that cloud's emulator; so are the other two
    <!-- on any cloud -->                          typed on all three
    <!-- on two services -->                       executed where two services answer on this machine
    <!-- in the answer of GET /v1/jobs/{job} -->   JSON that is part of it, as OpenAPI has it
    <!-- in the body of PUT /v1/… -->              JSON that is part of what a request sends

`at a.b` after a route names the member that is shown: `at decisions` is an element of that list.
"""

import re
from typing import NamedTuple

from documenting.pages import ROOT
from tests.pages.reading import Block

AWS, GOOGLE, AZURE = "AWS", "Google Cloud", "Azure"
CLOUDS = (AWS, GOOGLE, AZURE)
ANY, TWO = "on any cloud", "on two services"
# Each kind, and how a mark of it begins.
KINDS = {
    "run by": "run by tests/",
    "theirs": "theirs: ",
    "on a cloud": "on ",
    "on two services": "on two services",
    "answer": "in the answer of ",
    "body": "in the body of ",
}
_ROUTE = r"(?P<method>[A-Z]+) (?P<path>/\S+)(?: at (?P<member>\S+))?"
_FORMS = {
    "run by": r"run by (?P<test>(?:client/)?tests/\S+\.py)",
    "theirs": r"theirs: (?P<whose>\S.*)",
    "on a cloud": rf"on (?P<cloud>any cloud|{'|'.join(CLOUDS)})",
    "on two services": "on two services",
    "answer": f"in the answer of {_ROUTE}",
    "body": f"in the body of {_ROUTE}",
}


class Mark(NamedTuple):
    """A mark of a kind that there is, and what it names."""

    kind: str
    named: dict[str, str]


def mark_of(block: Block) -> Mark | None:
    """A block's mark; None for a block without one. Raises `AssertionError` for an unknown one."""
    if not block.mark:
        return None
    for kind, form in _FORMS.items():
        if found := re.fullmatch(form, block.mark):
            return Mark(kind, {name: value for name, value in found.groupdict().items() if value})
    raise AssertionError(f"{block}: expected a mark that tests/pages/marks.py names, got '{block.mark}'")


def clouds_of(block: Block) -> tuple[str, ...]:
    """On which clouds a block is typed."""
    found = mark_of(block)
    if found is None or found.kind != "on a cloud":
        return ()
    return CLOUDS if found.named["cloud"] == "any cloud" else (found.named["cloud"],)


def begins_as_a_mark(comment: str) -> bool:
    """Whether a comment was meant for a block."""
    return comment.startswith(("run by", "theirs", "on ", "in the "))


def faults(block: Block) -> list[str]:
    """What is wrong with a block's mark."""
    try:
        found = mark_of(block)
    except AssertionError as error:
        return [str(error)]
    if found and "test" in found.named and not (ROOT / found.named["test"]).is_file():
        return [f"{block}: there is no {found.named['test']}"]
    return []
