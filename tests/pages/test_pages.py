"""The documentation is followed as a reader does: in a clone of the project, page by page, block by block.

`make demo` comes first, and the service is started as the README says. Each page begins with what is there
then, and installs itself whatever else it needs. Nothing of the environment of the tests is on its path.
"""

import re
from contextlib import ExitStack

import pytest

from tests.pages.clone import Clone
from tests.pages.following import Follower
from tests.pages.marks import TWO
from tests.pages.reading import PAGES, Block, blocks, without_remark
from tests.pages.session import Session

# Commands of a block that are not typed with their page, and who types them: these take minutes.
LEFT = {
    r"make (demo|serve PORT=8080)$": "the clone, before every page",
    r"make (test|long-tests|check)$": ".ci/run",
    r"make (unit|quick)$": "parts of make test, which .ci/run calls",
    r"python -m pytest tests/(azure|google) ": "make test, which .ci/run calls",
    r"git clone <address of the repository>": "the clone",
}
_SERVE = re.compile(r"^((?:\w+=\S+ )*)make serve((?: \w+=\S+)*)$")


def local(page: str) -> list[Block]:
    """The blocks that are followed on this machine: those of other marks are somebody else's.

    What shows an answer belongs to the block before it.
    """
    found, here = [], True
    for block in blocks(page):
        if block.mark or block.commands or block.language == "python":
            here = block.mark in {"", TWO}
        if here:
            found.append(block)
    return found


def left_to(command: str) -> str | None:
    """Who types a command that is not typed with its page."""
    found = [who for form, who in LEFT.items() if re.match(form, without_remark(command))]
    return found[0] if found else None


class Here:
    """A clone whose service is started as a page says, as often as it says so; leaving the `with` ends it."""

    def __init__(self, clone: Clone) -> None:
        self._clone = clone

    def __enter__(self) -> "Here":
        self._running, self._second = ExitStack(), ExitStack()
        self.address = self._running.enter_context(self._clone.serving())
        self.other = ""
        self._session = self._second.enter_context(
            Session(self._clone.folder, self._clone.told(self.address))
        )
        self._follower = Follower(self._session, self.as_here, self.instead)
        return self

    def __exit__(self, *_: object) -> None:
        self._second.close()
        self._running.close()

    def follow(self, block: Block) -> None:
        """Follow one block."""
        if block.mark == TWO and not self.other:
            settings = {"ML_ROOT": str(self._clone.folder / ".serverless-ml-second")}
            self.other = self._second.enter_context(self._clone.serving(settings=settings, port=0))
        self._follower.follow(block)

    def as_here(self, text: str) -> str:
        """A block's text with the addresses of the services that run here."""
        here = at_address(text, self.address)
        for place, address in {"dev": self.address, "prod": self.other}.items():
            here = here.replace(f'"https://{place}.example", key="…"', f'"http://{address}", key="any"')
        return here

    def instead(self, command: str, _: str) -> str | None:
        """Start the service again where a page says so with other settings; type what is left to nobody."""
        if left_to(command):
            return ""
        if found := _SERVE.match(without_remark(command)):
            self._running.close()
            settings = {**self._session.environment(), **dict(each.split("=") for each in found[1].split())}
            host, _, port = self.address.partition(":")
            assert host
            served = self._clone.serving(found[2].split(), settings=settings, port=int(port))
            again = self._running.enter_context(served)
            assert again == self.address, f"the port {port} was taken meanwhile"
            return ""
        return None


@pytest.mark.parametrize("page", [page for page in PAGES if local(page)])
def test_a_page_is_followed_block_by_block(page: str, clone: Clone) -> None:
    clone.fresh()
    with Here(clone) as here:
        for block in local(page):
            here.follow(block)


def at_address(text: str, address: str) -> str:
    """What a page says to type, to that server, and with time enough for a slow machine."""
    waits = text.replace("wait=20", "wait=50")
    return re.sub(r"(localhost|127\.0\.0\.1):8080", address, waits)
