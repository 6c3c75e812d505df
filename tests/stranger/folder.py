"""Where the stranger's files are."""

import os
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "algorithms")
FIT = (sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "fit.py"))
# Words, a truth value and gaps: nothing that the other algorithms' tests of outputs use.
ROWS = [
    [place % 7, ["red", "blue", None][place % 3], place % 2 == 0, None if place % 5 == 0 else place / 3]
    for place in range(60)
]
TARGETS = ["near" if place % 3 == 0 else "far" for place in range(60)]
BODY = {"algorithm": "stranger", "instances": ROWS, "targets": TARGETS}
