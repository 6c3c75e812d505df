"""What models, datasets and aliases may be called.

Two names that differ only in case are one name to a person, and one folder on many machines: of the two, the
one that came first is the thing's name, and the other is refused (`taken`). What is kept by name is kept by
its lower case, so that both lead to one place, where the first spelling is written down.
"""

from ml_core.errors import InvalidInput, NameTaken

LONGEST_NAME = 63
PATTERN = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9_-])?$"
RULE = "1 to 63 of A-Z, a-z, 0-9, '.', '_' and '-', beginning with a letter or digit and not ending in '.'"
VERSION_PATTERN = "^[1-9][0-9]{0,8}$"
IMPORTED = "onnx"
"""The algorithm of a version that is an imported model: no file of `algorithms/` has that name."""
_SIGNS = frozenset("._-")
_ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") | _SIGNS


def is_name(text: str) -> bool:
    """Whether `text` matches `PATTERN`."""
    return (
        0 < len(text) <= LONGEST_NAME
        and text[0] not in _SIGNS
        and text[-1] != "."
        and _ALPHABET.issuperset(text)
    )


def is_version(text: str) -> bool:
    """Whether `text` matches `VERSION_PATTERN`."""
    return text.isascii() and text.isdecimal() and text[0] != "0" and len(text) <= 9


def check_name(text: str, path: str) -> None:
    """Raise `InvalidInput` at `path` unless `text` may be a name."""
    if not is_name(text):
        raise InvalidInput.at(path, f"expected {RULE}, got {text[: LONGEST_NAME + 1]!r}")


def taken(what: str, present: str) -> NameTaken:
    """The error for a name that is there in another spelling; `what` is "a model", for one."""
    return NameTaken(
        f"{what} '{present}' exists; names that differ only in case are refused: use '{present}'"
    )


def beginnings(name: str) -> list[str]:
    """The names that `name` begins with and that '-' or '.' follows in it.

    Keys go on after a name with '/' or '.json', and '-' and '.' sort before that: of these names alone the
    keys may come after the key of `name`, though they sort before it.
    """
    return [name[:at] for at in range(1, len(name)) if name[at] in "-." and is_name(name[:at])]
