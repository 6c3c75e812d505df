"""obstore's extension without its package: the same objects, and none of the package's imports."""

import json
import subprocess
import sys
from typing import Any

import pytest

PROGRAM = """
import json, sys
sys.path += {paths}
{first}
from providers.obstore_functions import AzureStore, GCSStore, S3Store, obstore as ours
typed = "typing" in sys.modules
import obstore
from obstore import exceptions, store
print(json.dumps({{
    "typed": typed,
    "the same functions": all(
        getattr(ours, name) is getattr(obstore, name) for name in obstore._obstore.__all__
    ),
    "the same errors": ours.exceptions is exceptions,
    "the same stores": all(
        issubclass(getattr(store, kind.__name__), kind) for kind in (AzureStore, GCSStore, S3Store)
    ),
    "one extension": obstore._obstore is ours,
}}))
"""


def told(first: str) -> dict[str, Any]:
    """What a fresh process says that runs this before it imports ours."""
    paths = [path for path in sys.path if path]
    program = PROGRAM.format(paths=paths, first=first)
    # -S: what site-packages load by themselves (*.pth) is not obstore's.
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("first", "typed"),
    [
        ("", False),
        ("import obstore.store", True),
        # where no finder of paths has it, the package says where it is
        (
            "import importlib.machinery as each; each.PathFinder = type('', (), {'find_spec': dict().get})",
            True,
        ),
    ],
    ids=["ours first", "the package first", "found nowhere"],
)
def test_it_is_what_the_package_has(first: str, typed: bool) -> None:
    found = told(first)
    assert found.pop("typed") is typed
    assert found == dict.fromkeys(found, True)
    assert len(found) == 4


def test_our_stores_import_no_typing() -> None:
    imports = "from providers.aws.runtime import keys, store"
    program = f"import sys; sys.path += {sys.path}; {imports}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "obstore._obstore" in loaded
    assert loaded & {"obstore", "typing", "re", "json", "collections.abc", "functools", "contextlib"} == set()
