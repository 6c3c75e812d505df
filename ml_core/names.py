"""What models and aliases may be called."""

from ml_core.errors import InvalidInput

LONGEST_NAME = 63
RULE = "1 to 63 of a-z, 0-9 and '-', beginning with a letter or digit"
_ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def is_name(text: str) -> bool:
    """Whether `text` is `[a-z0-9][a-z0-9-]{0,62}`."""
    return 0 < len(text) <= LONGEST_NAME and text[0] != "-" and _ALPHABET.issuperset(text)


def check_name(text: str, path: str) -> None:
    """Raise `InvalidInput` at `path` unless `text` may be a name."""
    if not is_name(text):
        raise InvalidInput.at(path, f"a name is {RULE}; got {text[: LONGEST_NAME + 1]!r}")
