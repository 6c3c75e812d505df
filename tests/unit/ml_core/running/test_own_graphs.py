"""A laptop's service runs graphs in children of its own process."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_core.conflicts import NotDeployed
from ml_core.errors import Unavailable
from ml_core.graphs.artifact import GraphArtifact
from ml_core.graphs.call import DAMAGED, FAILED, GraphFailure
from ml_core.registry.registry import artifact_key
from ml_core.running import own_graphs
from ml_core.running.children import GraphChildren
from ml_core.running.graph_process import Allowance
from ml_core.running.own_graphs import OwnGraphs
from ml_core.sandbox.child_process import PACKAGES
from providers.local.runtime.store import FolderStore
from tests.unit.ml_core.running.graphs import artifact_of, numbers, plus, values


@pytest.fixture
def graphs(tmp_path: Path) -> Iterator[OwnGraphs]:
    children = GraphChildren(Allowance(256 << 20), 1 << 30)
    yield OwnGraphs(FolderStore(str(tmp_path)), children)
    children.close()


def kept(graphs: OwnGraphs, job: str, data: bytes) -> None:
    graphs._store.put_if_absent(artifact_key(job), data)


def test_an_artifact_of_the_store_is_run(graphs: OwnGraphs) -> None:
    data, sha256 = artifact_of(plus(1))
    kept(graphs, "01", data)
    one = GraphArtifact("01", sha256, len(data))
    assert values(graphs.run(one, numbers(1, 2), ())["y"]).tolist() == [2, 3]
    graphs._store.delete(artifact_key("01"))
    assert values(graphs.run(one, numbers(3), ["y"])["y"]).tolist() == [4]  # its child has it
    with pytest.raises(GraphFailure) as caught:
        graphs.run(one, numbers(3), ["z"])
    assert caught.value.reason == FAILED


def test_another_artifact_than_the_versions_is_not_run(graphs: OwnGraphs) -> None:
    data, sha256 = artifact_of(plus(1))
    kept(graphs, "01", data)
    for one in (
        GraphArtifact("01", "ab" * 32, len(data)),
        GraphArtifact("01", sha256[::-1], len(data)),
        GraphArtifact("01", sha256, len(data) - 1),
    ):
        with pytest.raises(GraphFailure) as caught:
            graphs.run(one, numbers(1), ())
        assert caught.value.reason == DAMAGED


def test_an_artifact_that_is_gone_is_told(graphs: OwnGraphs) -> None:
    with pytest.raises(GraphFailure, match="gone") as caught:
        graphs.run(GraphArtifact("01", "ab" * 32, 5), numbers(1), ())
    assert caught.value.reason == DAMAGED


def test_without_the_runtime_it_says_what_to_install(
    graphs: OwnGraphs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_graphs, "find_spec", lambda name: None if name == "onnxruntime" else object())
    with pytest.raises(
        NotDeployed, match="onnxruntime, not installed here: start the service with `make serve"
    ):
        own_graphs.own_graphs(graphs._store, seconds=1)


def test_so_many_requests_wait_and_no_more(graphs: OwnGraphs) -> None:
    """Whoever comes then is told at once; and when one of them is through, the next is taken."""
    data, sha256 = artifact_of(plus(1))
    kept(graphs, "01", data)
    one = GraphArtifact("01", sha256, len(data))
    held = [graphs._places.acquire(blocking=False) for _ in range(own_graphs.MOST_AT_ONCE)]
    assert all(held)
    with pytest.raises(Unavailable, match="16 requests"):
        graphs.run(one, numbers(1), ())
    graphs._places.release()
    for _ in range(3):
        assert values(graphs.run(one, numbers(1), ())["y"]).tolist() == [2]


SERVER = """
import sys
from ml_core.graphs.artifact import GraphArtifact
from ml_core.running.children import GraphChildren
from ml_core.running.graph_process import Allowance
from ml_core.running.own_graphs import OwnGraphs
from providers.local.runtime.store import FolderStore
from ml_core.graphs.call import GraphTensor
children = GraphChildren(Allowance(1 << 28), 1 << 30)
graphs = OwnGraphs(FolderStore(sys.argv[1]), children)
one = GraphArtifact("01", sys.argv[2], int(sys.argv[3]))
print(graphs.run(one, {"x": GraphTensor("FP32", (1,), bytes(4))}, ())["y"].shape)
print(sorted({"numpy", "onnxruntime"} & sys.modules.keys()))
"""


def test_the_server_imports_neither_numpy_nor_the_runtime(tmp_path: Path, graphs: OwnGraphs) -> None:
    data, sha256 = artifact_of(plus(1))
    kept(graphs, "01", data)
    ran = subprocess.run(
        [sys.executable, "-c", SERVER, str(tmp_path), sha256, str(len(data))],
        env={"PYTHONPATH": PACKAGES},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines() == ["(1,)", "[]"]
