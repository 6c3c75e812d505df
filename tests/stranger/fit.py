"""The fitting process, in a package in which the stranger's file lies beside the others."""

import os
import sys

folder, *module_paths = sys.argv[1:]
sys.path[:] = module_paths

import ml_core.algorithms  # noqa: E402 - from the paths that were handed over
from ml_core.jobs.fit_process import main  # noqa: E402

ml_core.algorithms.__path__.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "algorithms"))
main(folder, module_paths)
