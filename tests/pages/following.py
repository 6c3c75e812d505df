"""Following a page: what it says to type is typed, and what it shows is compared with what came."""

import re
from collections.abc import Callable

from tests.pages.reading import PYTHON, SHELL, Block
from tests.pages.session import Session
from tests.pages.showing import is_text, lacking

# Commands of ours that print for people at a terminal, and for programs elsewhere.
_PRINTS_FOR_PEOPLE = re.compile(r"python -m providers |serverless-ml ")


def answers(shown: str) -> list[str]:
    """What a page shows as typed where it was asked."""
    return re.findall(r"\[y/N\] (\w)", shown)


class Follower:
    """A reader of one page, in a session.

    `as_here` puts what is on this machine where the page has something else, or a placeholder. `instead`
    types a command in another way where it has to, and says what was printed; None leaves it to the shell.
    """

    def __init__(
        self,
        session: Session,
        as_here: Callable[[str], str],
        instead: Callable[[str, str], str | None] = lambda _command, _shown: None,
    ) -> None:
        self._session = session
        self._as_here = as_here
        self._instead = instead
        self._printed: list[str] = []
        self._last = ""

    def follow(self, block: Block) -> None:
        """Type, execute or compare one block. Raises `AssertionError` where it is not as the page says."""
        if block.language == PYTHON:
            self._came(self._session.execute(self._as_here(block.text), str(block)))
        elif block.language == SHELL:
            printed = [self._type(block, command.text, command.shown) for command in block.commands]
            self._came("\n".join(printed))
        else:
            self._compare(block)

    def _came(self, printed: str) -> None:
        self._printed.append(printed)
        self._last = printed

    def _type(self, block: Block, command: str, shown: str) -> str:
        typed = self._as_here(command)
        printed = self._instead(typed, shown)
        if printed is None and _PRINTS_FOR_PEOPLE.match(typed) and is_text(shown):
            printed = self._session.at_a_terminal(typed, answers(shown))
        if printed is None:
            shows_a_problem = '"code"' in shown or '"faults": [{' in shown
            printed = self._session.run(typed, may_fail=shows_a_problem)
        missing = lacking(shown, printed) if shown.strip() else []
        assert not missing, f"{block}\n$ {command}\n{printed}\nlacks what is shown: {missing}"
        return printed

    def _compare(self, block: Block) -> None:
        """A document may be of any command before; a text is of the block before."""
        is_json = block.language == "json" or block.text.lstrip().startswith("{")
        sources = list(reversed(self._printed)) if is_json else [self._last]
        faults = [lacking(block.text, printed) for printed in sources]
        assert [] in faults, (
            f"{block} shows what was not printed: {min(faults, key=len, default='all of it')}"
        )
