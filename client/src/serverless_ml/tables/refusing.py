"""How what cannot be sent is refused: before anything is sent, with its place and with what to do."""

from typing import NoReturn

from serverless_ml.errors import Fault, InvalidInput

WHERE = "X"


def refuse(message: str, path: str = WHERE) -> NoReturn:
    """Raise `InvalidInput` with one fault."""
    raise InvalidInput(f"{path}: {message}", code="not_taken", faults=[Fault(path, message)])


def column_path(name: str, row: int | None = None) -> str:
    """The place of a column, or of its cell in a row, counted from 0."""
    path = f"{WHERE}.{name}" if name.isidentifier() else f"{WHERE}[{name!r}]"
    return path if row is None else f"{path}[{row}]"
