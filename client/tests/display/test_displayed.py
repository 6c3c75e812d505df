"""Records show themselves, and what draws is imported when something is drawn."""

import io
import subprocess
import sys
from typing import Any

from rich.console import Console
from serverless_ml import answers

from client.tests.display.page import Page

type Documents = dict[tuple[str, str], Any]


def test_a_record_is_html_rich_and_a_line(documents: Documents) -> None:
    version = answers.Version.from_json(documents["version", "two classes"])
    html = version._repr_html_()
    assert html is not None
    assert "accuracy" in Page(html).words
    assert repr(version).startswith("<Version shown@1, logistic regression, accuracy ")
    assert str(version) == repr(version)
    console = Console(file=io.StringIO(), record=True, width=100)
    console.print(version)
    assert "Confusion, held out" in console.export_text()


def test_lists_and_what_is_in_them_show_themselves(documents: Documents) -> None:
    versions = answers.Versions.from_json(documents["versions", "shown"]["versions"])
    assert "★" in (versions._repr_html_() or "")
    assert repr(versions) == "<Versions 2 versions>"
    assert repr(versions[0]).startswith("<ListedVersion version@2, svm")
    jobs = answers.Jobs.from_json(documents["jobs", "all"]["jobs"])
    assert Page(jobs._repr_html_() or "").row(jobs[0].id)[2] == jobs[0].state
    history = answers.History.from_json(documents["history", "production"]["changes"])
    assert repr(history[-1]) == "<Change 1, set: nothing → version 1>"


def test_importing_answers_imports_nothing_that_draws() -> None:
    told = """
import sys
import serverless_ml.answers, serverless_ml.display, serverless_ml.progress
print([name for name in ("rich", "html", "serverless_ml.display.html") if name in sys.modules])
serverless_ml.display.as_html("version", {})
print("rich" in sys.modules)
"""
    answer = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert answer.stdout.split("\n")[:2] == ["[]", "False"]
