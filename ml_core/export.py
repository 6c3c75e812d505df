"""A downloaded artifact as an ONNX file: the same that the service answers, and of any size.

python -m ml_core.export fruit-3.safetensors fruit-3.onnx --name fruit --version 3
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ml_core.errors import ServerlessMLError
from ml_core.graphs.artifact import graph_in
from ml_core.graphs.signature import ALGORITHM
from ml_core.model.artifact import read
from ml_core.model.model import Model

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Write the file; what is wrong with the artifact is one line."""
    parser = argparse.ArgumentParser(
        prog="python -m ml_core.export", description="Turn a downloaded artifact into an ONNX file."
    )
    parser.add_argument("artifact", help="the file that …/versions/{v}/artifact has the address of")
    parser.add_argument("file", help="where to write the ONNX file")
    parser.add_argument("--name", default="", help="the model's name, which is told in the file")
    parser.add_argument("--version", default=0, type=int, help="its version, which is told too")
    asked = parser.parse_args(arguments)
    try:
        with open(asked.artifact, "rb") as artifact:
            data = artifact.read()
        if read(data)[0].get("algorithm") == ALGORITHM:
            written = bytes(graph_in(data))
        else:
            written = Model.from_bytes(data).to_onnx(name=asked.name, version=asked.version)
        with open(asked.file, "wb") as file:
            file.write(written)
    except (OSError, ServerlessMLError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{asked.file}: {len(written):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
