"""Scenarios in a real Chromium, which playwright-core drives from Node."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

from tests.e2e.local_server import ROOT

TOOLS = os.path.join(ROOT, ".tools", "browser")
_HERE = os.path.dirname(os.path.abspath(__file__))
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str:
    """The path of the browser: what CHROMIUM names, or the first of its usual names."""
    named = os.environ.get("CHROMIUM")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, _NAMES)), None)
    assert found, (
        "Chromium was not found: install it (Debian: apt install chromium), or set CHROMIUM to its path"
    )
    return found


def scenario(name: str, do: Callable[[str], object] = str, **given: Any) -> Any:
    """What `NAME.mjs` found.

    Args:
        name: the file beside this one.
        do: is called with what the scenario asks for in between.
        given: what the scenario is given.
    """
    tools = os.environ.get("BROWSER_TOOLS", TOOLS)
    assert os.path.isdir(os.path.join(tools, "node_modules")), "run `make .tools/browser/ready` first"
    with subprocess.Popen(
        ["node", os.path.join(_HERE, "run.mjs"), name],
        env={**os.environ, "BROWSER_TOOLS": tools, "CHROMIUM": chromium()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdin
        assert running.stdout
        print(json.dumps(given), file=running.stdin, flush=True)
        for line in running.stdout:
            said = json.loads(line)
            if "result" in said:
                return said["result"]
            do(said["told"])
            print("{}", file=running.stdin, flush=True)
    raise AssertionError(f"the scenario {name} ended with {running.returncode}")
