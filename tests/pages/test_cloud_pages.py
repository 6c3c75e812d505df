"""Pages about deployments are followed on every cloud's emulator, in each page's order.

Each cloud has one service, which all pages act on: it is deployed once. Pages that remove it come last.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.pages.clouds.on_aws import OnAws
from tests.pages.clouds.on_azure import OnAzure
from tests.pages.clouds.on_google import OnGoogle
from tests.pages.clouds.place import Place
from tests.pages.clouds.reader import CloudReader
from tests.pages.marks import AWS, AZURE, CLOUDS, GOOGLE, clouds_of
from tests.pages.placeholders import PLACEHOLDERS, filled
from tests.pages.reading import PAGES, PYTHON, Block, blocks

PLACES: dict[str, Callable[[Path], Place]] = {AWS: OnAws, GOOGLE: OnGoogle, AZURE: OnAzure}


def on_a_cloud(page: str, cloud: str) -> list[Block]:
    """The blocks of a page that are typed on that cloud, and those that show what these print."""
    found, here = [], False
    for block in blocks(page):
        if block.mark or block.commands or block.language == PYTHON:
            here = cloud in clouds_of(block)
        if here:
            found.append(block)
    return found


def _removes(page: str) -> bool:
    return any("serverless remove " in block.text for block in blocks(page) if clouds_of(block))


ALL = [
    (cloud, page)
    for cloud in CLOUDS
    for page in sorted(PAGES, key=lambda page: (_removes(page), PAGES.index(page)))
    if on_a_cloud(page, cloud)
]


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, CloudReader]]:
    """A reader for each cloud, whose emulator is started when its first page comes."""
    with ExitStack() as running:

        class Readers(dict[str, CloudReader]):
            def __missing__(self, cloud: str) -> CloudReader:
                folder = tmp_path_factory.mktemp("cloud")
                self[cloud] = CloudReader(running.enter_context(PLACES[cloud](folder)), folder)
                return self[cloud]

        yield Readers()


@pytest.mark.parametrize(("cloud", "page"), ALL)
def test_what_a_page_says_to_type_works_on_a_cloud(
    cloud: str, page: str, readers: dict[str, CloudReader]
) -> None:
    readers[cloud].follow(on_a_cloud(page, cloud))


def test_every_cloud_has_a_page_of_its_own() -> None:
    for cloud, page in (AWS, "docs/aws.md"), (GOOGLE, "docs/google.md"), (AZURE, "docs/azure.md"):
        assert (cloud, page) in ALL


def test_every_placeholder_is_on_a_page() -> None:
    """What no page says any more goes out of the list."""
    texts = [block.text for page in PAGES for block in blocks(page)]
    assert [each for each in PLACEHOLDERS if not any(each in text for text in texts)] == []


@pytest.mark.parametrize("left", ["curl https://….example/v1", "deploy --project <your project>"])
def test_a_placeholder_that_nobody_knows_is_refused(left: str) -> None:
    with pytest.raises(AssertionError, match="expected a placeholder of"):
        filled(left, str)
    assert filled(f"ls  # {left}", str) == f"ls  # {left}"
