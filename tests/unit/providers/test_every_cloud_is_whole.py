"""A cloud is a folder of providers/ with a config.yml; what else it has to offer is the same for all."""

import glob
import importlib
import os
import re

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
CLOUDS = sorted(
    entry.name
    for entry in os.scandir(os.path.join(ROOT, "providers"))
    if os.path.exists(os.path.join(entry.path, "config.yml"))
)

OFFERS = {
    "handlers.clouds.{}": ["api", "train", "sweep"],
    "providers.{}.runtime.wiring": [
        "store",
        "queue",
        "signer",
        "data_bucket",
        "own_key",
        "key_records",
        "graphs",
    ],
    "providers.{}.deploying.key_store": ["key_store"],
    "providers.{}.deploying.functions": ["deploy", "invoke"],
    "tests.contract.backends.{}": ["started", "empty", "dead", "open_store"],
}


def test_there_are_clouds() -> None:
    assert {"aws", "azure", "google"} <= set(CLOUDS)


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("module", OFFERS)
def test_a_cloud_offers_what_every_cloud_does(cloud: str, module: str) -> None:
    found = importlib.import_module(module.format(cloud))
    assert [name for name in OFFERS[module] if not callable(getattr(found, name, None))] == []


@pytest.mark.parametrize("cloud", CLOUDS)
def test_what_is_told_of_the_stores_of_a_cloud_is_no_secret(cloud: str) -> None:
    told = importlib.import_module(f"providers.{cloud}.runtime.wiring").STORE_VARIABLES
    assert "ML_BUCKET" in told or "ML_CONTAINER" in told
    assert not [name for name in told if re.search("KEY|SECRET|TOKEN|CREDENTIALS|^ML_STORAGE$", name)]


@pytest.mark.parametrize("cloud", [*CLOUDS, "local"])
@pytest.mark.parametrize(
    "name", ["runtime/store.py", "runtime/queue.py", "runtime/keys.py", "deploying/key_store.py"]
)
def test_a_clouds_folder_has_the_names_that_every_one_has(cloud: str, name: str) -> None:
    """Who knows one cloud's folder finds the same thing in another's."""
    assert os.path.exists(os.path.join(ROOT, "providers", cloud, *name.split("/")))


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize(
    "name",
    [
        *("config.yml", "runtime/wiring.py", "runtime/graphs.py"),
        *("deploying/functions.py", "deploying/packaging.py"),
    ],
)
def test_a_cloud_that_can_be_deployed_to_has_these_too(cloud: str, name: str) -> None:
    assert os.path.exists(os.path.join(ROOT, "providers", cloud, *name.split("/")))


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_cloud_has_a_page(cloud: str) -> None:
    assert os.path.exists(os.path.join(ROOT, "docs", f"{cloud}.md"))


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize(
    "parameter",
    ["dataBuckets", "outputBuckets", "corsOrigins", "customDomains", "basePath", "documentation"],
)
def test_a_parameter_of_every_cloud_is_one_of_this_and_on_its_page(cloud: str, parameter: str) -> None:
    for file in (("providers", cloud, "config.yml"), ("docs", f"{cloud}.md")):
        with open(os.path.join(ROOT, *file), encoding="utf-8") as text:
            assert re.search(rf"\b{parameter}\b", text.read()), file


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_framework_knows_the_cloud_or_our_plugin_teaches_it(cloud: str) -> None:
    """With a schema for the plugin comes a deployer, which `python -m providers` drives."""
    if cloud == "aws":
        return
    assert os.path.exists(os.path.join(ROOT, "providers", cloud, "schema.json"))
    assert callable(importlib.import_module(f"providers.{cloud}.deploying.deployer").deployer)


@pytest.mark.parametrize("cloud", ["google", "azure"])
def test_what_the_page_on_adding_a_cloud_names_is_really_there(cloud: str) -> None:
    """For the two clouds that were added: `<cloud>` is the cloud, others in brackets are any name."""
    with open(os.path.join(ROOT, "docs", "add-a-cloud.md"), encoding="utf-8") as page:
        named = re.findall(r"`((?:\w+/)+[^`\s]*)`", page.read())
    paths = [re.sub("<.*?>|…", "*", path.replace("<cloud>", cloud)) for path in named]
    assert len(paths) > 20
    assert [path for path in paths if not glob.glob(os.path.join(ROOT, path))] == []
