"""What a file is, told from its bytes; its name says nothing."""

from ml_core.errors import InvalidInput, MalformedInput
from ml_core.tables.readers import READERS, TableReader
from ml_core.tables.signatures import why_unknown


def format_of(head: bytes, *, declared: str | None = None, where: str = "$.data.format") -> str:
    """The format of a file that begins with `head`.

    Raises `MalformedInput` for what no reader of ours takes, `InvalidInput` where it is not the declared one.
    """
    return reader_of(head, declared=declared, where=where).name


def reader_of(head: bytes, *, declared: str | None = None, where: str = "$.data.format") -> TableReader:
    """The reader of a file that begins with `head`. Raises what `format_of` raises."""
    if not head.strip():
        raise MalformedInput("the file is empty")
    found = next((reader for reader in READERS if reader.matches(head)), None)
    if found is None:
        raise MalformedInput(why_unknown(head))
    if declared is not None and declared != found.name:
        raise InvalidInput.at(where, f"the file is no {declared}: by its content it is {found.name}")
    return found
