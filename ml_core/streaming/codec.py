"""What a pass has found so far as bytes, for a checkpoint: exact, and without running what bytes might say.

Pickle keeps every bit of arrays and floats. Only the classes of what passes find are taken back: bytes of
anything else are refused, whoever wrote them into the store.
"""

import io
import pickle
from collections import Counter
from importlib import import_module
from typing import Any

from ml_core.errors import ArtifactInvalid

# Modules whose classes that are named tuples are values and nothing else; and other classes of values.
_VALUES = "ml_core.streaming."
_CLASSES = frozenset(
    {
        ("ml_core.inputs.rules", "ValueRule"),
        ("ml_core.inputs.columns", "Feature"),
        ("ml_core.tables.guesses", "PlainNumbers"),
        ("ml_core.tables.guesses", "IsoDates"),
        ("ml_core.tables.guesses", "WrittenValues"),
        ("ml_core.tables.notations", "NumberWords"),
        ("ml_core.tables.notations", "DateWords"),
        ("ml_core.tables.words", "ManyWords"),
        ("ml_core.arithmetic.layout", "Layout"),
        ("ml_core.inputs.texts", "read_number"),
        ("ml_core.inputs.texts", "read_date"),
        ("ml_core.scanning.plan", "Part"),
    }
)
_NUMPY = frozenset(
    {
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
    }
)
_BUILTINS = {"int": int, "float": float, "str": str, "bool": bool, "list": list, "dict": dict, "set": set}
_MORE_BUILTINS = {"frozenset": frozenset, "bytearray": bytearray}


def packed(value: object) -> bytes:
    """The bytes of what passes have found."""
    return pickle.dumps(value, protocol=5)


def unpacked(stored: bytes) -> Any:  # noqa: ANN401 - what `packed` was given
    """What `packed` was given. Raises `ArtifactInvalid` for bytes of anything else."""
    try:
        return _Reader(io.BytesIO(stored)).load()
    except ArtifactInvalid:
        raise
    except Exception as error:  # bytes can be anything
        raise ArtifactInvalid("these bytes are no state of passes over a table") from error


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - a class
        if (module, name) in _CLASSES or (module, name) in _NUMPY:
            return getattr(import_module(module), name)
        if module == "builtins" and name in {**_BUILTINS, **_MORE_BUILTINS}:
            return {**_BUILTINS, **_MORE_BUILTINS}[name]
        if (module, name) == ("collections", "Counter"):
            return Counter
        if module.startswith(_VALUES) and "." not in name:
            found = getattr(import_module(module), name, None)
            if isinstance(found, type) and issubclass(found, tuple) and hasattr(found, "_fields"):
                return found
        raise ArtifactInvalid(f"a state of passes holds no {module}.{name}")
