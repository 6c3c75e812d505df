"""The format in which a fitted model is kept: a description and tensors as bytes, and back.

The bytes are a safetensors file (`safetensors.py`): the description as JSON in its metadata, a checksum of
all content, and the numbers. They depend on the model alone: no date, no release of a library. Nothing in
them can name code to run: an algorithm's name is looked up among the files of `algorithms/`.
"""

from __future__ import annotations

from ml_core import safetensors
from ml_core.errors import ArtifactInvalid, shown

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# The format's version. To bump it: raise the number; in `read`, turn the description and tensors of each
# older version into the present ones before anything else sees them; keep an artifact of the old version in
# tests/unit/ml_core/artifacts/, whose test loads every file there and compares its predictions.
#
# 1: float64 tensors of one or two axes, at most 64 of them. 2: those of `safetensors.SIZES`, of more axes and
# more of them. What an algorithm of format 1 says is the same in format 2, so nothing has to be turned.
# 3: a profile (`profiles/profile.py`) beside the model. Without one an artifact is still of format 2.
FORMAT = 3
_WITHOUT_PROFILE = 2
_READ = (1, 2, 3)
PROFILE = "profile"


def write(description: Mapping[str, Any], tensors: Mapping[str, safetensors.Tensor]) -> bytes:
    """The artifact of a model's description and tensors."""
    written = FORMAT if PROFILE in tensors else _WITHOUT_PROFILE
    return safetensors.write({"format": written, **description}, tensors)


def read(data: bytes) -> tuple[dict[str, Any], dict[str, safetensors.Tensor]]:
    """The description and the tensors of an artifact. Raises `ArtifactInvalid` for bytes that are none."""
    content, tensors = safetensors.read(data)
    description: dict[str, Any] = dict(content)
    written = description.pop("format", None)
    if type(written) is not int or written not in _READ:
        expected = ", ".join(map(str, _READ))
        raise ArtifactInvalid(f"expected an artifact of format {expected}, got format {shown(written)}")
    return description, tensors
