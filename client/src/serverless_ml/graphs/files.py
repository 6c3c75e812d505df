"""What a file is by its name and first bytes, and what a pickle holds: to read one is to run its code."""

from pathlib import Path
from typing import Any

from serverless_ml.errors import InvalidInput, NotInstalled

ONNX, PICKLE = "a graph of ONNX", "a pickle"
_PICKLES = (".pkl", ".pickle", ".joblib")
# A pickle's first byte since its protocol 2; and that of onnx.proto's first field.
_FIRST_OF_PICKLE, _FIRST_OF_ONNX = b"\x80", b"\x08"
_MOST_TEXT = 300


def kind_of(path: Path, *, name: str) -> str:
    """`ONNX` or `PICKLE`. What is called `.onnx` is never taken for a pickle.

    Raises `InvalidInput` for another file, and `OSError`.
    """
    suffix = Path(name).suffix.lower()
    with path.open("rb") as file:
        head = file.read(1)
    if suffix == ".onnx" or (suffix not in _PICKLES and head == _FIRST_OF_ONNX):
        return ONNX
    if suffix in _PICKLES or head == _FIRST_OF_PICKLE:
        return PICKLE
    raise InvalidInput(
        f"expected a file of ONNX (.onnx), or a fitted object that pickle or joblib wrote (.pkl, .joblib), "
        f"got {name}. Networks of PyTorch are exported with torch.onnx.export"
    )


def unpickled(path: Path, *, name: str) -> Any:
    """What a file of pickle or joblib holds. This runs what the file says.

    Raises `NotInstalled` where the file needs a library that is not here, and `InvalidInput`.
    """
    try:
        return _loaded(path)
    except ModuleNotFoundError as error:
        raise NotInstalled(
            f"{name} takes the package {error.name}, which is not installed here: give the command in the "
            "environment in which the model was fitted"
        ) from None
    except Exception as error:  # noqa: BLE001 - a file's own code raises what it likes
        said = " ".join(str(error).split())[:_MOST_TEXT]
        raise InvalidInput(
            f"{name} cannot be loaded: {type(error).__name__}: {said}. It loads with those versions of its "
            "libraries that wrote it"
        ) from None


def _loaded(path: Path) -> Any:
    try:
        import joblib  # reads what pickle wrote, too
    except ImportError:
        import pickle

        with path.open("rb") as file:
            return pickle.load(file)  # noqa: S301 - a person said that it may
    return joblib.load(path)
