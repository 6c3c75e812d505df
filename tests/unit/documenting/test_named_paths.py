"""Every path in backticks is a file of the project, or a key of its store, or known to be somebody else's."""

import glob
import re
from functools import cache

import pytest

from documenting.pages import ROOT
from tests.unit.documenting.reading import PAGES, spans

PAGES_ON_THE_CODE = [*PAGES, "docs/decisions/0026-layout.md"]
PATH = re.compile(r"(?:[^\W\d][\w.<>…-]*/|[.<…~][\w.<>…-]*/)(?:[\w.<>…~-]+/)*[\w.<>*…{}~-]*")
_BEGINNING = re.compile(r"""["'](?:([a-z-]+)/|(~[a-z-]+)["'])""")
# What make and the service write, and folders of a reader.
WRITTEN = (
    ".serverless-ml",
    ".venv",
    ".tools",
    "build",
    "dist",
    "scores",
    "train",
    "test",
    "ill",
    "flowers",
    "lake",
)
# Beginnings of others' names: media types, roles and resources of clouds, and what pandas takes for missing.
OTHERS = {
    "application", "multipart", "text", "image", "roles", "projects", "constraints", "run.googleapis.com",
    "Microsoft.App", "Microsoft.Network", "N", "~", "…",
}  # fmt: skip


@cache
def keys_of_the_store() -> frozenset[str]:
    """What stands before a slash in strings of the code, as in `"jobs/"` and `f"models/{…}"`."""
    modules = [
        path
        for folder in ("ml_core", "handlers", "providers", "client/src")
        for path in (ROOT / folder).rglob("*.py")
    ]
    found = [pair for path in modules for pair in _BEGINNING.findall(path.read_text(encoding="utf-8"))]
    return frozenset(key or folder for key, folder in found)


# What a page has its reader write, or an application of its own has in a folder of settings.
OF_A_READER = {"ml_core/algorithms/nearest_mean.py", "serverless-ml/profiles.toml"}


def is_a_path(text: str) -> bool:
    """Whether the project has it; what stands in angle brackets is any name."""
    return bool(glob.glob(str(ROOT / re.sub("<.*?>|…", "*", text))))


def fault(path: str) -> str:
    """What is wrong with a path, or nothing."""
    first = path.partition("/")[0]
    if first in OTHERS or first in WRITTEN or path in OF_A_READER:
        return ""
    if (ROOT / first).exists():
        return "" if is_a_path(path) else f"there is no {path}"
    return "" if first in keys_of_the_store() else f"nothing begins with {first}/"


@pytest.mark.parametrize("page", PAGES_ON_THE_CODE)
def test_every_path_that_a_page_names_exists(page: str) -> None:
    named = {(span.text, span.line) for span in spans(page) if PATH.fullmatch(span.text)}
    assert [f"{page}:{line}: {fault(path)}" for path, line in sorted(named) if fault(path)] == []


def test_paths_that_are_not_there_would_be_seen() -> None:
    assert not fault("handlers/rest/")
    assert not fault("providers/<cloud>/config.yml")
    assert fault("handlers/rest/nowhere.py")
    assert fault("handler/rest/")
    assert PATH.fullmatch("providers/<cloud>/deploying/…")
