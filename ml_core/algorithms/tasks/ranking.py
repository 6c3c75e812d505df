"""Rows in the order of their scores: what a class is told apart by, at every threshold there is."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Ranking:
    """How many rows are rightly and wrongly taken for a class, at each threshold from the highest down.

    Args:
        scores: of each row, higher for the class.
        positive: which rows are of the class; some are, and some are not.

    `thresholds` are the different scores, descending; a row is taken for the class from its own score down.
    `hits` and `false_alarms` count the rows taken so far that are of the class, and that are not. Rows of
    equal score are taken together.
    """

    def __init__(self, scores: "NDArray[np.float64]", positive: "NDArray[np.bool_]") -> None:
        order = np.argsort(scores)[::-1]
        ranked = scores[order]
        last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))  # of each group of equal scores
        self.thresholds = ranked[last]
        self.hits = np.cumsum(positive[order])[last]
        self.false_alarms = last + 1 - self.hits

    def roc_auc(self) -> float:
        """How often a row of the class has a higher score than one that is not; a tie is half of it."""
        twice = np.diff(self.false_alarms, prepend=0) * (self.hits + np.append(0, self.hits[:-1]))
        return float(twice.sum() / (2 * self.hits[-1] * self.false_alarms[-1]))

    def average_precision(self) -> float:
        """The mean of the precision at each threshold, weighted by the recall that it adds."""
        precision = self.hits / (self.hits + self.false_alarms)
        return float((np.diff(self.hits, prepend=0) * precision).sum() / self.hits[-1])
