"""The page on adding an algorithm: its example is dropped in as one file, trained and asked."""

import glob
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ml_core.algorithms
from ml_core import predict, train_model

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
with open(os.path.join(ROOT, "docs", "add-an-algorithm.md"), encoding="utf-8") as page:
    PAGE = page.read()


@pytest.fixture
def _dropped_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (name,) = re.findall(r"Save this as `ml_core/algorithms/(\w+\.py)`", PAGE)
    (tmp_path / name).write_text(example, encoding="utf-8")
    monkeypatch.setattr(ml_core.algorithms, "__path__", [*ml_core.algorithms.__path__, str(tmp_path)])


@pytest.mark.usefixtures("_dropped_in")
def test_the_example_learns_what_the_page_asks_it() -> None:
    (sent,) = re.findall(r":train [^{]*'(\{.*?\})'", PAGE, re.DOTALL)
    body = json.loads(sent)
    model = train_model(body["instances"], body["targets"], body["algorithm"])
    (asked,) = re.findall(r":predict -d '(\{.*?\})'", PAGE, re.DOTALL)
    question = json.loads(asked)
    assert predict(model, question["instances"]) == ["near"]
    assert predict(model, question["instances"], "farness")[0] > 0
    assert model.to_bytes() == type(model).from_bytes(model.to_bytes()).to_bytes()


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`((?:ml_core|tests|requirements)/[^`\s]*)`", PAGE))
    assert len(named) > 8
    missing = [path for path in named if not glob.glob(os.path.join(ROOT, path))]
    assert missing == ["ml_core/algorithms/nearest_mean.py"]


def test_what_the_example_imports_to_predict_is_light() -> None:
    """The contract itself brings neither numpy nor scikit-learn."""
    program = "import sys; import ml_core.algorithms.base; print(sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"'numpy'", "'sklearn'"} & set(re.findall(r"'\w+'", done.stdout))
