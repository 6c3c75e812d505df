"""What scoring holds does not grow with the table."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from arro3.core import Array, RecordBatch
from arro3.io import write_parquet

from ml_core import train_model
from ml_core.scoring.batches import BatchStream
from tests.unit.ml_core.scoring.lake import Lake

COLUMNS, ROWS, GROUPS = 12, 1 << 17, 52
LIMIT = 200 << 20  # of what may be allocated, of which the libraries take a part
LARGEST = 600 << 20  # of what is resident, whatever the table is

_SCORE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[2]),) * 2)
from pathlib import Path
from ml_core.model.model import Model
from tests.unit.ml_core.scoring.lake import TRAINED, Lake, open_lake
from ml_core.registry.registry import artifact_key

model = Model.from_bytes(open_lake(sys.argv[1]).store.get(artifact_key(TRAINED)).data)
lake = Lake(Path(sys.argv[1]), model)
request = lake.request("file:t.parquet", keep=("x0",))
rows = lake.score(request)["result"]["rows"]
# Unlike `ru_maxrss`, which begins with what the process had that started this one.
told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(rows, int(told["VmHWM"].split()[0]) << 10)
"""


def _table() -> bytes:
    """Few different values, which take little room in the file and all their room in memory."""
    chance = np.random.default_rng(0)
    columns = [Array.from_numpy(chance.choice([0.5, 1.5, 2.5], ROWS)) for _ in range(COLUMNS)]
    names = [f"x{place}" for place in range(COLUMNS)]

    def batches() -> Iterator[RecordBatch]:
        for _ in range(GROUPS):
            yield RecordBatch.from_arrays(columns, names=names)

    file = io.BytesIO()
    write_parquet(BatchStream(batches()), file, max_row_group_size=ROWS, compression="snappy")
    return file.getvalue()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds what a process allocates")
def test_a_table_of_many_times_the_memory_is_scored_within_a_bound(tmp_path: Path) -> None:
    X = np.random.default_rng(1).normal(size=(100, COLUMNS))
    lake = Lake(tmp_path, train_model(X, X[:, 0] > 0))
    lake.put("t.parquet", _table())
    rows = ROWS * GROUPS
    assert 8 * COLUMNS * rows > 3 * LIMIT
    command = [sys.executable, "-c", _SCORE, str(tmp_path), str(LIMIT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    scored, resident = map(int, done.stdout.split())
    assert scored == rows
    assert resident < LARGEST
