"""What scikit-learn and shap say: Shapley values of models that are fitted here, as anybody would fit them.

    .tools/shap/bin/python tests/oracles/make_shapley_values.py CASES.npz SHAPLEY_VALUES.npz

It imports nothing of this project. CASES.npz has for each case `name/X` and `/y` to fit to, `/rows` to
explain, `/pairs` of the class numbers whose margin is explained, `/background`, and in `cases`, as JSON, what
is fitted and which of shap's explainers is asked. Written are `name/values` and `/base`, and `/seconds`, the
CPU time of explaining.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import shap
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

MODELS = {"logistic_regression": LogisticRegression, "svm": SVC, "kmeans": KMeans}


def fitted(case: dict[str, Any], X: Any, y: Any) -> Any:
    """A pipeline of what the case names; rows are scaled where it says so."""
    chosen = dict(case["hyperparameters"])
    scaled = chosen.pop("scale")
    if case["algorithm"] == "svm":
        chosen["decision_function_shape"] = "ovo"
    if case["algorithm"] == "kmeans":
        chosen["random_state"] = 0
    steps = [StandardScaler()] if scaled else []
    return make_pipeline(*steps, MODELS[case["algorithm"]](**chosen)).fit(X, y)


class Margin:
    """How far rows are on the side of one class against another."""

    def __init__(self, pipeline: Any, own: int, other: int) -> None:
        self.pipeline = pipeline
        self.own, self.other = own, other

    def __call__(self, rows: Any) -> Any:
        """A number for each row."""
        own, other = self.own, self.other
        if isinstance(self.pipeline[-1], KMeans):
            squares = self.pipeline.transform(rows) ** 2
            return squares[:, other] - squares[:, own]
        found = self.pipeline.decision_function(rows)
        if found.ndim == 1:  # of two classes, positive for the second
            return found if own else -found
        if isinstance(self.pipeline[-1], LogisticRegression):
            return found[:, own] - found[:, other]
        classes = len(self.pipeline[-1].classes_)
        pairs = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
        place = pairs.index((min(own, other), max(own, other)))
        return found[:, place] if own < other else -found[:, place]

    def linear(self) -> tuple[Any, float]:
        """The weights of scaled columns and the intercept, of a logistic regression."""
        weights, intercepts = self.pipeline[-1].coef_, self.pipeline[-1].intercept_
        if len(weights) == 1:
            sign = 1 if self.own else -1
            return sign * weights[0], float(sign * intercepts[0])
        return weights[self.own] - weights[self.other], float(intercepts[self.own] - intercepts[self.other])


def explained(explainer: str, margin: Margin, row: Any, background: Any) -> tuple[Any, float]:
    """The Shapley values of one row, and their base."""
    if explainer == "linear":
        scaled = margin.pipeline[:-1].transform(background)
        asked = shap.LinearExplainer(
            margin.linear(), shap.maskers.Independent(scaled, max_samples=len(scaled))
        )
        return asked.shap_values(margin.pipeline[:-1].transform(row[None]))[0], float(asked.expected_value)
    if explainer.startswith("kernel"):
        asked = shap.KernelExplainer(margin, background)
        # By itself it tells ten columns at most.
        columns = {} if explainer == "kernel, as it comes" else {"l1_reg": False}
        found = asked.shap_values(row[None], nsamples="auto", silent=True, **columns)
        return found[0], float(asked.expected_value)
    masker = shap.maskers.Independent(background, max_samples=len(background))
    found = shap.explainers.Exact(margin, masker)(row[None], max_evals=2 ** len(row), silent=True)
    return found.values[0], float(found.base_values[0])


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cases")
    parser.add_argument("values")
    asked = parser.parse_args()
    np.random.seed(0)  # shap draws from it
    with np.load(asked.cases) as opened:
        given = {name: opened[name] for name in opened.files}
    written: dict[str, Any] = {}
    for name, case in json.loads(str(given["cases"])).items():
        pipeline = fitted(case, given[f"{name}/X"], given[f"{name}/y"])
        began = time.process_time()
        found = [
            explained(case["explainer"], Margin(pipeline, *pair), row, given[f"{name}/background"])
            for row, pair in zip(given[f"{name}/rows"], given[f"{name}/pairs"].tolist(), strict=True)
        ]
        written[f"{name}/seconds"] = time.process_time() - began
        written[f"{name}/values"] = np.array([values for values, _ in found])
        written[f"{name}/base"] = np.array([base for _, base in found])
        print(name, f"{written[f'{name}/seconds']:.2f} s", flush=True)
    np.savez_compressed(asked.values, **written)


if __name__ == "__main__":
    main()
