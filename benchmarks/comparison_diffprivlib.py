"""diffprivlib's logistic regression and k-means on the rows of `benchmarks/privacy.py`.

`PYTHON -m benchmarks.comparison_diffprivlib FILE LONGEST CLUSTERS RUNS EPSILON…` prints as JSON the median,
at each ε, of the share answered right, or with clusters of the mean squared distance. It runs in an
environment of its own: diffprivlib does not import with today's scikit-learn. It imports nothing of ours.
"""

import json
import sys
from statistics import median
from typing import Any

import numpy as np


def once(data: Any, longest: float, clusters: int, epsilon: float, seed: int) -> float:
    """Train once."""
    from diffprivlib.models import KMeans, LogisticRegression

    rows = data["rows"]
    if clusters:
        model = KMeans(clusters, epsilon=epsilon, bounds=(-1, 1), random_state=seed).fit(data["X"])
        centres = model.cluster_centers_
        squares = (rows**2).sum(axis=1)[:, None] - 2 * rows @ centres.T + (centres**2).sum(axis=1)
        return float(squares.min(axis=1).mean())
    fitted = LogisticRegression(epsilon=epsilon, data_norm=longest, max_iter=1_000, random_state=seed)
    return float((fitted.fit(data["X"], data["y"]).predict(rows) == data["labels"]).mean())


def main(path: str, longest: str, clusters: str, runs: str, *epsilons: str) -> None:
    """Print the medians."""
    data = np.load(path)
    said = float(longest), int(clusters)
    print(
        json.dumps(
            [median(once(data, *said, float(each), seed) for seed in range(int(runs))) for each in epsilons]
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
