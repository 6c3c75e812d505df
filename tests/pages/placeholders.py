"""What a page has in the place of an address, a project or a secret, and what stands for it on an emulator.

Nothing else is changed in what is typed, and what is typed has no placeholder left.
"""

import re
from collections.abc import Callable

from tests.pages.reading import without_remark

# What a reader has to put in; each with the name of what an emulator has for it.
PLACEHOLDERS = {
    "https://….execute-api.….amazonaws.com": "url",
    "<project id>": "project",
    "<subscription id>": "subscription",
    "api-key=…": "header",
}
_LEFT = re.compile(r"…|<[a-z][^<>]*>")


def filled(text: str, made: Callable[[str], str]) -> str:
    """A block's text with what the emulator made.

    Args:
        text: commands, or a program.
        made: what stands for a placeholder, by its name in `PLACEHOLDERS`.

    Raises:
        AssertionError: for a placeholder that nobody knows.
    """
    for placeholder, name in PLACEHOLDERS.items():
        if placeholder in text:
            text = text.replace(placeholder, made(name))
    found = _LEFT.search(without_remark(text))
    assert not found, (
        f"expected a placeholder of {sorted(PLACEHOLDERS)}, got '{found and found[0]}' in: {text}"
    )
    return text
