"""Makes `_sync` of `_async`: the same source with the words of coroutines taken out.

`python client/generate_sync.py` writes it; a test holds the two equal. The replacement is made token by
token, so that layout and comments stay as they are. In text, only names such as `AsyncClient` are replaced.
"""

import io
import itertools
import re
import sys
import tokenize
from pathlib import Path

PACKAGE = Path(__file__).parent / "src" / "serverless_ml"
# Written twice, by hand: what it wraps differs.
BY_HAND = frozenset(("runtime.py",))
NAMES = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "aclose": "close",
    "aread": "read",
    "aiter_bytes": "iter_bytes",
    "_async": "_sync",
}
# `async def`, `async with`, `async for`, `await …`: the word and the space after it.
WORDS = frozenset(("async", "await"))
_PREFIX = re.compile(r"\bAsync(?=[A-Z])")
_HEAD = "# Made of `_async/{name}` by `client/generate_sync.py`: change that one.\n"


def sync_source(name: str, source: str) -> str:
    """The synchronous form of a module."""
    lines = source.splitlines(keepends=True)
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    for token, following in reversed(list(itertools.pairwise(tokens))):
        row, begin = token.start
        if token.type not in (tokenize.NAME, tokenize.STRING, tokenize.COMMENT):
            continue
        if token.type == tokenize.NAME and token.string in WORDS:
            if following.start[0] != row:
                raise ValueError(f"{name}:{row}: expected `{token.string}` and what follows on one line")
            lines[row - 1] = lines[row - 1][:begin] + lines[row - 1][following.start[1] :]
        elif token.start[0] == token.end[0]:
            lines[row - 1] = lines[row - 1][:begin] + _said(token) + lines[row - 1][token.end[1] :]
        else:
            for number in range(row - 1, token.end[0]):
                lines[number] = _PREFIX.sub("", lines[number])
    return _HEAD.format(name=name) + "".join(lines)


def _said(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.NAME:
        return NAMES.get(token.string, _PREFIX.sub("", token.string))
    if token.type in (tokenize.STRING, tokenize.COMMENT):
        return _PREFIX.sub("", token.string)
    return token.string


def modules() -> dict[str, str]:
    """What `_sync` has to hold, by the files' names."""
    found = sorted((PACKAGE / "_async").glob("*.py"))
    return {
        path.name: sync_source(path.name, path.read_text("utf-8"))
        for path in found
        if path.name not in BY_HAND
    }


def main() -> int:
    """Write `_sync`; what is there and has no counterpart is removed."""
    folder = PACKAGE / "_sync"
    folder.mkdir(exist_ok=True)
    made = modules()
    for path in folder.glob("*.py"):
        if path.name not in made and path.name not in BY_HAND:
            path.unlink()
    for name, source in made.items():
        (folder / name).write_text(source, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
