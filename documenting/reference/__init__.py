"""The pages of docs/reference/, made from what they describe: `python -m documenting reference` writes them.

Each page is a module of this folder with a function `page`, which gives its Markdown. `index.py` is the
folder's first page. A new page is a module, and a name in `PAGES`.
"""

import os
from functools import cache
from importlib import import_module

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))), "docs", "reference")
INDEX = "index"
# In the order of the index.
PAGES = (
    *("api", "schemas", "errors", "messages", "algorithms"),
    *("settings", "parameters", "command_line", "client", "python"),
)


def file_of(name: str) -> str:
    """The file of a page: of `command_line`, `command-line.md`."""
    return "README.md" if name == INDEX else name.replace("_", "-") + ".md"


@cache
def made(name: str) -> str:
    """A page, as the code makes it now."""
    text: str = import_module(f"{__name__}.{name}").page()
    return text


def write(folder: str = FOLDER) -> list[str]:
    """Write all pages; the files that changed."""
    os.makedirs(folder, exist_ok=True)
    texts = {file_of(name): made(name) for name in (INDEX, *PAGES)}
    return [file for file, text in texts.items() if _changed(os.path.join(folder, file), text)]


def _changed(path: str, text: str) -> bool:
    """Write a file; whether it was another one before."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as written:
            if written.read() == text:
                return False
    with open(path, "w", encoding="utf-8", newline="\n") as writing:
        writing.write(text)
    return True
