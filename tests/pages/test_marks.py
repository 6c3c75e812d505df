"""No block of the documentation is looked at by nothing, and no comment before one says what nobody knows."""

import re
from pathlib import Path

import pytest

from documenting.pages import ROOT
from tests.pages.escaping import faults
from tests.pages.marks import KINDS, begins_as_a_mark
from tests.pages.reading import PAGES, blocks, blocks_of, comments
from tests.pages.test_pages import LEFT, left_to


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_typed_executed_compared_or_says_which_test_runs_it(page: str) -> None:
    assert list(faults(list(blocks(page)))) == []


@pytest.mark.parametrize("page", PAGES)
def test_what_looks_like_a_mark_stands_before_a_block(page: str) -> None:
    meant = [each for each in comments(page) if begins_as_a_mark(each)]
    assert meant == [block.mark for block in blocks(page) if block.mark], (
        "a mark stands right before its block"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```\nwhat nobody compares\n```", "no block before it prints"),
        ('```json\n{"x": 1}\n```', "no block before it prints"),
        ("<!-- theirs: AWS -->\n```console\n$ aws\n```\n\n```text\nx\n```", "no block before it prints"),
        ("    indented", "only indented"),
        ("```ts\nlet x\n```", "nothing looks at a block of ts"),
        ("```yaml\nx: 1\n```", "nothing looks at a block of yaml"),
        ("<!-- theirs: AWS -->\n```json\n{\n```", "expected json"),
        ("<!-- theirs: x -->\n```yaml\nx: [\n```", "expected yaml"),
        ("<!-- on a cloud: any -->\n```console\n$ ls\n```", "expected a mark"),
        ("<!-- on IBM -->\n```console\n$ ls\n```", "expected a mark"),
        ("<!-- theirs: -->\n```console\n$ ls\n```", "expected a mark"),
        ("<!-- run by tests/test_nothing.py -->\n```ts\nx\n```", "there is no tests/test_nothing.py"),
        ("<!-- run by README.md -->\n```ts\nx\n```", "expected a mark"),
        ("<!-- on AWS -->\n```json\n{}\n```", "expected commands or Python"),
        ("```console\nls\n```", "expected each command"),
        ("- one\n\n    ```console\n    $ ls\n      $ ls\n    ```", "expected each command"),
        ("```console\n```", "got nothing"),
        ("```text\ntests/   here\nnowhere/   not here\n```", "there is no nowhere"),
        ('<!-- in the answer of GET /v1/usage -->\n```json\n{"totals": {}}\n```', "totals"),
        ('<!-- in the answer of GET /v1/usages -->\n```json\n{"total": {}}\n```', "no GET /v1/usages"),
        ('<!-- in the answer of GET /v1/usage at totals -->\n```json\n{"rows": 1}\n```', "has no totals"),
        ('<!-- in the answer of GET /v1/usage at total -->\n```json\n{"row": 1}\n```', "row"),
        ('<!-- in the answer of GET /v1/usage at days -->\n```json\n{"rows": "1"}\n```', "integer"),
        ('<!-- in the body of POST /v1/models/{model}:predict -->\n```json\n{"rows": []}\n```', "rows"),
    ],
)
def test_a_block_that_escapes_is_told(text: str, told: str) -> None:
    (fault,) = faults(list(blocks_of(text, "page.md")))
    assert told in fault


@pytest.mark.parametrize(
    "text",
    [
        '```console\n$ curl\n```\n\nIt says:\n\n```json\n{"x": 1}\n```',
        "<!-- theirs: MLflow 3 -->\n```python\nimport mlflow\n```",
        "<!-- theirs: a workflow of GitHub's -->\n```yaml\non: push\n```",
        '<!-- in the answer of GET /v1/usage at days -->\n```json\n{"rows": 1, "bytes": 2}\n```',
        '<!-- in the answer of GET /v1/jobs/{job} -->\n```json\n{"metrics": {"history": [{}, …]}}\n```',
        "```text\ntests/   what holds it\n  unit/  some\n```",
    ],
)
def test_what_is_looked_at_is_no_fault(text: str) -> None:
    assert list(faults(list(blocks_of(text, "page.md")))) == []


def test_a_block_in_a_list_is_a_block() -> None:
    (found,) = blocks_of("1. First:\n\n    <!-- on AWS -->\n    ```console\n    $ ls\n    ```\n", "page.md")
    assert (found.mark, found.line, [each.text for each in found.commands]) == ("on AWS", 5, ["ls"])


def test_contributors_are_told_of_every_kind_of_mark() -> None:
    told = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [kind for kind, example in KINDS.items() if f"`<!-- {example}" not in told] == []


def test_what_is_left_to_ci_is_what_ci_calls() -> None:
    script, called = (ROOT / ".ci" / "run").read_text(encoding="utf-8"), 0
    for form, who in LEFT.items():
        for target in re.findall(r"[a-z-]+", form.partition("make (")[2]) if who == ".ci/run" else ():
            called += 1
            assert re.search(rf"^(make|tested) {target}\b", script, re.MULTILINE), target
    assert called == 3


def test_a_file_of_tests_that_a_page_names_is_there() -> None:
    """Also where the command is not typed with its page."""
    named = {
        name
        for page in PAGES
        for block in blocks(page)
        for command in block.commands
        if left_to(command.text)
        for name in re.findall(r"\btests/\S+", command.text)
    }
    assert named
    assert [name for name in named if not Path(ROOT, name).exists()] == []
