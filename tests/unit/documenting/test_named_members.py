"""Every name in backticks is one that our code, or what it stands on, has."""

import re
from functools import cache

import pytest

from documenting.pages import ROOT
from tests.unit.documenting.reading import PAGES, spans

# `per_class`, `metrics.history`, `Client.train()`.
NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?:\(\))?")
FOLDERS = ("ml_core", "handlers", "providers", "client/src", "console/src", "examples", "benchmarks")
ENDINGS = (".py", ".js", ".ts", ".tsx", ".yml", ".json", ".toml", ".txt")
FILES = ("Makefile", "pyproject.toml", "serverless.yml", "cloud.js", "tests/unit/handlers/openapi-names.txt")
# What others call their things, and what a page has its reader call so.
OTHERS = {
    "scikit-learn": {"KNeighborsClassifier", "PCA", "TargetEncoder"},
    "shap": {"KernelExplainer", "LinearExplainer", "PermutationExplainer", "shap"},
    "pandas and numpy": {"Timestamp", "get_dummies", "timedelta64"},
    "archives": {"Thumbs", "db", "__MACOSX"},
    "a platform": {
        "AWS_DEV_ACCESS_KEY_ID", "AWS_DEV_PROFILE", "AZURE_FEDERATED_TOKEN_FILE", "AzureWebJobsStorage",
        "HTTPS_PROXY", "provisioned",
    },
    "make": {"Makefile"},
    "data sets": {"train_images", "train_labels", "lengths_train", "p7"},
    "generated clients": {"createClient", "sync_detailed", "predict_version"},
    "an example": {"a_b", "pixel0", "pixel1", "predicted_label"},
    "a test": {"test_the_committed_reference_is_what_pytorch_says_today"},
    "an earlier name": {"post_v1_models_model_predict"},
}  # fmt: skip
# These pages name what other products have beside what is here.
ON_OTHERS = "docs/coming-from-"
KNOWN = frozenset().union(*OTHERS.values())
_SERVICE = re.compile(r"[A-Z]+")  # GOOGLE_ENDPOINT_URL_<SERVICE>
_METRIC = re.compile(r"serverless_ml_(\w+)")
_COMMIT = re.compile(r"[0-9a-f]{7}")


@cache
def words_of_the_code() -> frozenset[str]:
    """Every word of the sources: names, and what stands in their strings."""
    sources = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in ENDINGS]
    found: set[str] = set()
    for path in [*sources, *(ROOT / name for name in FILES)]:
        if "node_modules" not in path.parts:
            found |= set(re.findall(r"[A-Za-z_]\w*", path.read_text(encoding="utf-8", errors="ignore")))
    return frozenset(found)


def is_known(word: str, page: str) -> bool:
    """Whether the code has it, in pieces where it makes names of them: metrics, variables of Google's."""
    words = words_of_the_code()
    if word in words or word in KNOWN:
        return True
    if (metric := _METRIC.fullmatch(word)) is not None:
        return metric[1] in words
    if page == "docs/google.md" and _SERVICE.fullmatch(word):
        return word.lower() in words
    # A schema for each algorithm is called so; and figures say at which commit they were measured.
    made = {
        f"Train{name.stem.title().replace('_', '')}"
        for name in (ROOT / "ml_core" / "algorithms").glob("*.py")
    }
    return word in made or (page == "docs/benchmarks.md" and bool(_COMMIT.fullmatch(word)))


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith(ON_OTHERS)])
def test_every_name_in_backticks_is_one_that_the_code_has(page: str) -> None:
    unknown = [
        f"{page}:{span.line}: {span.text}"
        for span in spans(page)
        if NAME.fullmatch(span.text)
        and not all(is_known(word, page) for word in re.findall(r"\w+", span.text))
    ]
    assert unknown == []


def test_what_others_call_so_is_named_somewhere() -> None:
    """What no page says any more is not kept as known."""
    named = {word for page in PAGES for span in spans(page) for word in re.findall(r"\w+", span.text)}
    assert KNOWN - named == set()


def test_a_name_that_the_code_has_not_would_be_seen() -> None:
    assert not is_known("per_klass", "docs/versions.md")
    assert is_known("serverless_ml_jobs", "docs/laptop.md")
    assert not is_known("serverless_ml_jobz", "docs/laptop.md")
