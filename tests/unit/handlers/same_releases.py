"""A fitting process in whose releases nothing is left of the rows: they are all read, and then exchanged.

    python same_releases.py KIND FOLDER [MODULE PATH...]

KIND is `private`, or `leaking`, which tells how many rows there were, as a careless member would.
"""

import secrets
import sys
from collections.abc import Iterator
from typing import Any

ROWS = 400


def _nothing(_: int, count: int, *__: Any) -> list[int]:
    """No noise: what is released is the same each time."""
    return [0] * count


def main(kind: str, folder: str, module_paths: list[str]) -> None:
    """Exchange what is read, and fit."""
    sys.path[:] = module_paths
    import numpy as np

    import ml_core.privacy.discrete_gaussian as noise
    from ml_core.jobs import fit_process
    from ml_core.training import private_rows

    noise.discrete_gaussian = _nothing  # type: ignore[assignment]
    secrets.randbits = lambda _: 7  # type: ignore[assignment]
    read = private_rows.PrivateRows._read
    seen: dict[str, int] = {}

    def exchanged(self: private_rows.PrivateRows) -> Iterator[Any]:
        seen["rows"] = sum(len(block.rows) for block in read(self))
        draw = np.random.default_rng(5)
        X = draw.integers(-1024, 1025, (ROWS, self.width))
        X[:, 0] = 1024
        whole = X / np.maximum(1.0, np.linalg.norm(X, axis=1, keepdims=True) / self.longest)
        kept = np.trunc(whole).astype(np.int16)
        yield private_rows._Held(kept, (X[:, -1] > 0).astype(np.int64), np.arange(ROWS) % 5 == 0)

    private_rows.PrivateRows._read = exchanged  # type: ignore[method-assign]
    if kind == "leaking":
        written = fit_process._write_results

        def telling(folder: str, artifact: bytes, manifest: dict[str, Any]) -> None:
            written(folder, artifact, {**manifest, "drawn_rows": {"curves": seen["rows"]}})

        fit_process._write_results = telling
    fit_process.main(folder, module_paths)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
