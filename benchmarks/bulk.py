"""Many rows as JSON, as an array of NumPy's and as a binary tensor: CPU time of a request, in turn."""

import io
import json
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from statistics import median
from typing import Any

from rich.table import Table

from benchmarks.recording import Recording

ROWS = (1, 100, 10_000)
FEATURES, TURNS = 30, 24
NPY = "application/x-npy"


def compare(console: Recording, folder: str) -> None:
    """Print how long a request of each kind takes: logistic regression, 30 features of four decimals."""
    import numpy as np

    from handlers.local.services import folder_services
    from handlers.rest.api import Api
    from handlers.settings import read_settings

    settings = read_settings(
        {"ML_ROOT": folder, "ML_MONITORING_DAYS": "0", "ML_MAX_BODY_BYTES": str(1 << 25)}
    )
    api = Api(folder_services(settings, key_records=None))
    random = np.random.default_rng(0)
    table = Table(title="Rows in bulk, logistic regression, CPU µs of a request, p50", title_justify="left")
    table.add_column("body")
    for rows in ROWS:
        table.add_column(f"{rows:,} rows", justify="right")
    table.add_column(f"JSON ÷ it, {max(ROWS):,} rows", justify="right")
    found: dict[str, dict[int, float]] = {}
    for rows in ROWS:
        with console.status(f"timing {rows:,} rows in each form"):
            asked = requests(np.round(random.normal(size=(rows, FEATURES)) * 10, 4))
            for form, taken in _timed(api.handle, asked).items():
                found.setdefault(form, {})[rows] = taken
    for form, by_rows in found.items():
        ratio = found["JSON"][max(ROWS)] / by_rows[max(ROWS)]
        table.add_row(form, *(f"{by_rows[rows]:,.0f}" for rows in ROWS), f"{ratio:.1f} ×")
    console.figures["microseconds"] = found
    console.print(table)


def requests(array: Any) -> dict[str, Any]:
    """The same rows in every form."""
    import numpy as np

    from handlers.rest.http import Request

    def npy(values: Any) -> bytes:
        file = io.BytesIO()
        np.save(file, values)
        return file.getvalue()

    def predict(body: bytes, **headers: str) -> Request:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Request("POST", "/v1/models/logistic-regression:predict", {}, named, body, "r")

    raw = array.tobytes()
    tensor = {"name": "x", "datatype": "FP64", "shape": list(array.shape)}
    header = json.dumps(
        {
            "inputs": [{**tensor, "parameters": {"binary_data_size": len(raw)}}],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    length = {"inference-header-content-length": str(len(header))}
    return {
        "JSON": predict(json.dumps({"instances": array.tolist()}).encode(), content_type="application/json"),
        "NPY": predict(npy(array), content_type=NPY),
        "NPY, answered with NPY": predict(npy(array), content_type=NPY, accept=NPY),
        "NPY of float32": predict(npy(array.astype(np.float32)), content_type=NPY),
        "NPY, column by column": predict(npy(np.asfortranarray(array)), content_type=NPY),
        "binary tensors both ways": Request(
            "POST", "/v2/models/logistic-regression/infer", {}, length, header + raw, "r"
        ),
    }


def _timed(handle: Callable[[Any], Any], asked: dict[str, Any]) -> dict[str, float]:
    taken: dict[str, list[int]] = {form: [] for form in asked}
    with redirect_stdout(io.StringIO()):  # as in `timing.py`
        for _ in range(TURNS):
            for form, request in asked.items():
                began = time.process_time_ns()
                answer = handle(request)
                taken[form].append(time.process_time_ns() - began)
                if answer.status != 200:
                    raise RuntimeError(answer.body.decode()[:1000])
    return {form: median(each[TURNS // 4 :]) / 1000 for form, each in taken.items()}
