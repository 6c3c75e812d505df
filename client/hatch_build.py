"""hatchling's hook: a wheel carries ml_core's predict part.

An sdist carries it too: where that is unpacked, there is no ml_core beside it.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))

import carry_core

NEEDED = (3, 12)
IN_THE_WHEEL = "serverless_ml/_core"


class CarryCore(BuildHookInterface):  # type: ignore[type-arg]
    """Adds `serverless_ml/_core`, made anew for each build, so that none is stale."""

    PLUGIN_NAME = "custom"
    _made: Path | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make what is carried. Raises `CannotCarry`."""
        if sys.version_info < NEEDED:  # pip asks for it only when everything is built
            needed, got = (".".join(map(str, each)) for each in (NEEDED, sys.version_info[:2]))
            raise carry_core.CannotCarry(f"serverless-ml-client needs Python {needed} or newer, got {got}")
        if not (carry_core.TREE / carry_core.PACKAGE).is_dir():
            self._from_an_sdist(build_data)
        elif version == "editable":
            carry_core.write(carry_core.IN_THE_SOURCE)
        else:
            self._made = Path(tempfile.mkdtemp(prefix="serverless-ml-client-"))
            carry_core.write(self._made / "_core")
            beneath = "" if self.target_name == "wheel" else "src/"
            build_data["force_include"][str(self._made / "_core")] = beneath + IN_THE_WHEEL

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove what was made."""
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)

    def _from_an_sdist(self, build_data: dict[str, Any]) -> None:
        if not carry_core.IN_THE_SOURCE.is_dir():
            raise carry_core.CannotCarry(
                "serverless-ml-client is built in a clone of the project, where ml_core lies beside client/: "
                "git clone the project and run `pip install ./client` there"
            )
        build_data["force_include"][str(carry_core.IN_THE_SOURCE)] = IN_THE_WHEEL
