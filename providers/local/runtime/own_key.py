"""What of the folder that is the object store a path leads to, whatever links and spellings it goes by."""

import os

_FOLDER = ".d"  # how the store's own folders end (`store.py`)
_BESIDE = "~"  # how what it keeps beside its objects begins


def own_key(root: str, path: str) -> str | None:
    """The beginning of a key of the store at `root`, for a path in it.

    Empty where the path is above it or leads to what is unfinished in it; None for another place. Capitals
    do not tell places apart, since there are file systems to which they are nothing.
    """
    store, place = _parts(root), _parts(path)
    if store[: len(place)] == place:
        return ""
    if place[: len(store)] != store:
        return None
    first, *rest = place[len(store) :]
    if first.startswith(_BESIDE):
        return ""
    if not first.endswith(_FOLDER):
        return None  # as the data folder, which is beside the objects where nobody says otherwise
    inner = [each.removesuffix(_FOLDER) for each in (first, *rest[:1])]
    return f"{'/'.join(inner)}/"


def _parts(path: str) -> list[str]:
    return os.path.realpath(path).lower().split(os.sep)
