"""What a key is limited to: models and datasets, by patterns of their names.

A name in the path is looked at before the endpoint is called, and so before anything is looked up: of what a
key is not for, nothing tells whether it exists. Endpoints ask here about names that they find elsewhere.
"""

from __future__ import annotations

from ml_core.errors import Forbidden, shown
from ml_core.name_patterns import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handlers.auth import Caller

MODEL, DATASET = "model", "dataset"
# Of a long list a message shows the first.
_SHOWN = 5


def among(caller: Caller, kind: str) -> Callable[[str], bool] | None:
    """Says of a name whether the caller's key is for it, in whatever spelling; None where it is for all.

    Args:
        caller: who asks.
        kind: `MODEL` or `DATASET`.
    """
    patterns = caller.models if kind == MODEL else caller.datasets
    return None if patterns is None else lambda name: any(matches(pattern, name) for pattern in patterns)


def check(caller: Caller, named: Mapping[str, str]) -> None:
    """Raise `Forbidden` where the key is not for a model or dataset that is named, whether it exists or not.

    Args:
        caller: who asks.
        named: names by their kind; what is neither a model nor a dataset is not looked at.
    """
    for kind in (MODEL, DATASET):
        allows = among(caller, kind)
        if kind in named and allows is not None and not allows(named[kind]):
            raise Forbidden(f"expected {_told(caller, kind)}, got {shown(named[kind])}")


def check_data(caller: Caller, uri: object) -> None:
    """Raise `Forbidden` where the key is not for the data of an address, `InvalidInput` where it is none.

    A key for some datasets is for those alone, and for no other bucket or folder.
    """
    if caller.datasets is None:
        return
    from handlers.addresses import SCHEMES
    from ml_core.datasets.sources import DATASET as UPLOADED
    from ml_core.datasets.sources import location_of

    location = location_of(uri, SCHEMES)
    if location.scheme != UPLOADED:
        raise Forbidden(f"expected the address of {_told(caller, DATASET)}, got {shown(str(location))}")
    check(caller, {DATASET: location.place})


def check_output(caller: Caller, uri: str) -> None:
    """Raise `Forbidden` where the key may not have an address written to: one for some datasets alone."""
    if caller.datasets is not None:
        raise Forbidden(
            f"expected no place to write to, since this key is for some datasets alone, got {shown(uri)}: "
            "leave it out, and the files are written to the deployment's own store"
        )


def _told(caller: Caller, kind: str) -> str:
    patterns = (caller.models if kind == MODEL else caller.datasets) or []
    first = [*map(repr, patterns[:_SHOWN]), *(["…"] if len(patterns) > _SHOWN else [])]
    return f"a {kind} that this key is for ({', '.join(first) or 'none'})"
