"""The documentation is followed as a reader does: in a clone of the project, page by page, block by block.

`make demo` comes first, and the service is started as the README says. Each page begins with what is there
then, and installs itself whatever else it needs. Nothing of the environment of the tests is on its path.
"""

import re

import pytest

from tests.pages.clone import Clone
from tests.pages.reading import ON_A_CLOUD, PAGES, PYTHON, ROOT, RUN_BY, THEIRS, Block, blocks, members
from tests.pages.session import Session

# These take minutes and are run by `.ci/run` itself; or wait for a person.
LEFT = re.compile(
    r"(\w+=\S+ )*make (demo|serve|test|long-tests|check|unit|quick|oracles|bench|pages|client-tests)\b"
    r"|python -m pytest\b|git clone\b"
)
REMARK = re.compile(rf"{RUN_BY}(?P<test>tests/\S+\.py)|{ON_A_CLOUD}.+|{THEIRS}(?P<whose>[A-Z].+?) \d[\d.]*")


@pytest.mark.parametrize("page", [page for page in PAGES if list(blocks(page))])
def test_a_page_is_followed_block_by_block(page: str, clone: Clone) -> None:
    clone.fresh()
    with clone.serving(_options(page)) as address, Session(clone.folder, clone.told(address)) as session:
        for block in blocks(page):
            if block.remark:
                continue
            if block.language == PYTHON:
                session.execute(at_address(block.text, address), str(block))
            else:
                _follow(block, session, address)


def _options(page: str) -> list[str]:
    """How a page has the service started, where it is not as the README has it."""
    commands = [command.text for block in blocks(page) for command in block.commands]
    return [option for text in commands for option in re.findall(r"^make serve .*\b(ONNX=yes)", text)]


def _follow(block: Block, session: Session, address: str) -> None:
    for command in block.commands:
        if LEFT.match(command.text):
            continue
        shows_a_problem = '"code"' in command.shown or '"faults": [{' in command.shown
        output = session.run(at_address(command.text, address), may_fail=shows_a_problem)
        missing = members(command.shown) - members(output)
        assert not missing, f"{block}\n$ {command.text}\n{output}\nlacks what is shown: {sorted(missing)}"


def at_address(text: str, address: str) -> str:
    """What a page says to type, to that server, and with time enough for a slow machine."""
    waits = text.replace("wait=20", "wait=50")
    return re.sub(r"(localhost|127\.0\.0\.1):8080", address, waits)


@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_run_with_its_page_says_which_test_runs_it_or_which_cloud_it_takes(page: str) -> None:
    for block in blocks(page):
        if not block.remark:
            continue
        found = REMARK.fullmatch(block.remark)
        assert found, f"{block}: {block.remark}"
        assert found["test"] is None or (ROOT / found["test"]).is_file(), block
        if found["whose"]:
            first = block.text.splitlines()[0].removeprefix("$ ")
            assert re.match(rf"# {found['whose']}\b", first), (
                f"{block}: the first line does not say whose it is"
            )


def test_every_command_of_a_page_is_one_that_the_session_sees() -> None:
    """A prompt that is indented, or a line that goes on otherwise, would not be typed."""
    for page in PAGES:
        for block in blocks(page):
            if block.language != PYTHON:
                assert len(block.commands) == len(re.findall(r"^\s*\$ ", block.text, re.MULTILINE)), block
                assert block.text.startswith("$ "), block
