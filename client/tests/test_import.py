"""What importing the client costs."""

import subprocess
import sys
from pathlib import Path

import pytest
import serverless_ml

HEAVY = (
    "httpx",
    "narwhals",
    "rich",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "typer",
    "asyncio",
    "ssl",
    "email",
)


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    path = str(Path(serverless_ml.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys\nsys.path.insert(0, {path!r})\n{script}"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())


def test_importing_it_imports_nothing_heavy() -> None:
    assert loaded_after("import serverless_ml").isdisjoint(HEAVY)
    assert loaded_after("from serverless_ml import NotFound, Fault, errors").isdisjoint(HEAVY)


def test_a_client_imports_what_asks_alone() -> None:
    loaded = loaded_after("from serverless_ml import Client\nClient('http://localhost:1')")
    assert loaded.isdisjoint({"narwhals", "rich", "numpy", "pandas", "polars", "pyarrow", "typer"})


def test_every_public_name_is_there() -> None:
    for name in serverless_ml.__all__:
        assert getattr(serverless_ml, name) is not None
    assert set(serverless_ml.__all__) <= set(dir(serverless_ml))
    with pytest.raises(AttributeError, match="no attribute 'Clint'"):
        _ = serverless_ml.Clint
