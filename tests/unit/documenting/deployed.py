"""The parameters of a deployment on each cloud, as its configuration has them."""

import re
from functools import cache

import yaml

from documenting.pages import ROOT
from tests.unit.documenting.reading import text

CLOUDS = ("aws", "google", "azure")
_READ = re.compile(r"\$\{[^}]*?\bparam:([\w.-]+)")
# `providers/parameters.js` knows them in the same way; cloud.js reads this one by itself.
OF_EVERY_CLOUD = {"cloud"}


@cache
def defaults(cloud: str) -> dict[str, str]:
    """Each declared parameter of a cloud and its default, as text."""
    read = yaml.safe_load(text(f"providers/{cloud}/config.yml"))
    return {name: str(value) for name, value in read["params"]["default"].items()}


@cache
def parameters(cloud: str) -> frozenset[str]:
    """Every name that `--param` takes on a cloud."""
    texts = text("serverless.yml"), text(f"providers/{cloud}/config.yml")
    read = {name for each in texts for name in _READ.findall(each)}
    return frozenset({*defaults(cloud), *read, *OF_EVERY_CLOUD})


def clouds_of(page: str) -> tuple[str, ...]:
    """The clouds that a page is about: its own, or all."""
    own = [cloud for cloud in CLOUDS if page == f"docs/{cloud}.md"]
    assert (ROOT / page).is_file()
    return tuple(own) or CLOUDS
