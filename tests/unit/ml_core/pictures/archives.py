"""Zip files of pictures for tests."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def picture(seed: int = 0, size: tuple[int, int] = (6, 5), mode: str = "RGB", format: str = "PNG") -> bytes:  # noqa: A002
    """The bytes of a picture of random pixels; `size` is height × width."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 4), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, format)
    return file.getvalue()


def zip_file(path: Path, entries: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> str:
    """A zip file of entries by name."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return str(path)


def npz_file(path: Path, **arrays: NDArray[Any]) -> str:
    """An NPZ file of arrays by name."""
    with open(path, "wb") as file:  # numpy would add an ending to a name
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return str(path)


def folders(names: Mapping[str, int], **options: Any) -> dict[str, bytes]:
    """So many pictures in each folder, by their paths."""
    return {
        f"{folder}/{number}.png": picture(seed * 100 + number, **options)
        for seed, (folder, count) in enumerate(names.items())
        for number in range(count)
    }
